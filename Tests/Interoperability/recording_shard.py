"""A shard of grpcio, with a certificate, that takes down what it is asked and answers as it is told to, byte for byte.

No message is decoded here, so nothing that grpcio or protobuf know better can be lost or made good on the way.
"""

import collections
import concurrent.futures
import functools
import threading

import grpc

from apus.shard.v1 import shard_pb2

Asked = collections.namedtuple("Asked", "method metadata messages")
"""A call that has come: its path, its metadata as pairs, and its messages as bytes."""

REPORT_SECONDS = 0.25


class RecordingShard(grpc.GenericRpcHandler):
    """Serves `models`, pairs of a name and a modality, as far as anybody hears; answers every call with `answers`."""

    def __init__(self, folder, models, port=0):
        self.models, self.answers, self.asked = models, [b""], []
        self.over = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(16), handlers=[self])
        pair = ((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())
        self.port = self.server.add_secure_port(f"127.0.0.1:{port}", grpc.ssl_server_credentials(
            [pair], (folder / "ca.pem").read_bytes(), require_client_auth=True))
        self.server.start()

    def close(self):
        self.over.set()
        self.server.stop(0).wait()

    def service(self, handler_call_details):
        """Without functions that encode and decode, messages are bytes; on the wire one message is a stream, too."""
        if handler_call_details.method == "/apus.shard.v1.Shard/Watch":
            return grpc.unary_stream_rpc_method_handler(self.watch)
        return grpc.stream_stream_rpc_method_handler(functools.partial(self.take, handler_call_details.method))

    def watch(self, request, context):
        models = [shard_pb2.ShardModel(name=name, version="1", modality=modality, service_microseconds=1000)
                  for name, modality in self.models]
        while context.is_active() and not self.over.is_set():
            yield shard_pb2.ShardState(models=models).SerializeToString()
            self.over.wait(REPORT_SECONDS)

    def take(self, method, requests, context):
        self.asked.append(Asked(method, list(context.invocation_metadata()), list(requests)))
        yield from self.answers
