"""A shard of grpcio, with a certificate, that says of itself what it is told to and answers as badly as it is told to.

It runs in the process of the test, so that the test can look at what it was asked, and when.
"""

import collections
import concurrent.futures
import threading
import time

import grpc

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.shard.v1 import shard_pb2, shard_pb2_grpc
from apus.text.v1 import text_pb2_grpc

Asked = collections.namedtuple("Asked", "time number")
"""A call that has come: when, by the monotonic clock, and how many had come before it."""

REPORT_SECONDS = 0.25


def answers(asked, context):
    """What a good shard does with every call."""


def loses(share_lost, of):
    """A shard that ends so many of every so many calls with UNAVAILABLE, those first."""
    def answer(asked, context):
        if asked.number % of < share_lost:
            context.abort(grpc.StatusCode.UNAVAILABLE, "lost by the shard")
    return answer


def ends_with(code):
    """A shard that ends every call with a code."""
    return lambda asked, context: context.abort(code, "ended by the shard")


def hangs(asked, context):
    """A shard that says nothing until nobody waits for it any more."""
    over = threading.Event()
    if context.add_callback(over.set):
        over.wait()


class FaultyShard(shard_pb2_grpc.ShardServicer, graph_pb2_grpc.GraphServicer, text_pb2_grpc.TextServicer):
    """Serves `karate` and `storyteller`, as far as anybody hears; `answer` decides what becomes of a call."""

    def __init__(self, folder, port=0, wait_microseconds=0, service_microseconds=1000, host="127.0.0.1"):
        self.answer, self.texts = answers, lambda request, context: iter(())
        self.wait_microseconds, self.service_microseconds = wait_microseconds, service_microseconds
        self.asked, self.running, self.lock = [], 0, threading.Lock()
        self.reported_at = None
        self.over = threading.Event()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(64))
        for module, add in ((shard_pb2_grpc, "Shard"), (graph_pb2_grpc, "Graph"), (text_pb2_grpc, "Text")):
            getattr(module, f"add_{add}Servicer_to_server")(self, self.server)
        pair = ((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())
        self.port = self.server.add_secure_port(f"{host}:{port}", grpc.ssl_server_credentials(
            [pair], (folder / "ca.pem").read_bytes(), require_client_auth=True))
        self.address = f"{host}:{self.port}"
        self.server.start()

    def close(self):
        self.over.set()
        self.server.stop(0).wait()

    def ask(self, context):
        with self.lock:
            asked = Asked(time.monotonic(), len(self.asked))
            self.asked.append(asked)
            self.running += 1
        try:
            self.answer(asked, context)
        finally:
            with self.lock:
                self.running -= 1

    def count(self, begin=0.0, end=float("inf")):
        """How many calls have come between two times."""
        with self.lock:
            return sum(begin <= each.time < end for each in self.asked)

    def Watch(self, request, context):
        over = threading.Event()
        if not context.add_callback(over.set):
            return
        while not over.is_set() and not self.over.is_set():
            with self.lock:
                wait = self.wait_microseconds + self.running * self.service_microseconds
            self.reported_at = self.reported_at or time.monotonic()
            yield shard_pb2.ShardState(models=[
                shard_pb2.ShardModel(name=name, version="1", modality=modality,
                                     service_microseconds=self.service_microseconds, expected_wait_microseconds=wait)
                for name, modality in (("karate", "graph"), ("storyteller", "text"))])
            over.wait(REPORT_SECONDS)

    def Predict(self, request, context):
        self.ask(context)
        return graph_pb2.PredictResponse()

    def Generate(self, request, context):
        self.ask(context)
        yield from self.texts(request, context)
