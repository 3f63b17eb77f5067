"""A server of grpcio with moods: it fails its first calls, and its health comes and goes.

It runs in the process of the test, so that the test can look at what it saw.
"""

import collections
import concurrent.futures
import threading
import time

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from grpc.testing import test_pb2_grpc
from peer_server import SyncService

Attempt = collections.namedtuple("Attempt", "time peer previous_attempts was_healthy")

SERVING = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
NOT_SERVING = health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.NOT_SERVING)


class MoodyService(SyncService):
    """The service of the interoperability tests, whose first `failures` calls end with `code`."""

    def __init__(self, failures, code, trailers, sends_headers):
        self.failures = failures
        self.code = code
        self.trailers = trailers
        self.sends_headers = sends_headers
        self.lock = threading.Lock()
        self.attempts = []
        self.is_healthy = True
        # Called with the number of each call before it is answered.
        self.on_call = lambda number: None

    def begin(self, context):
        metadata = dict(context.invocation_metadata())
        with self.lock:
            self.attempts.append(Attempt(
                time.monotonic(), context.peer(), metadata.get("grpc-previous-rpc-attempts"), self.is_healthy))
            number = len(self.attempts)
        self.on_call(number)
        if number > self.failures:
            return super().begin(context)
        if self.sends_headers:
            context.send_initial_metadata(())
        context.set_trailing_metadata(self.trailers)
        context.abort(self.code, "not in the mood")


class ScriptedHealth(health_pb2_grpc.HealthServicer):
    """Answers each Watch with what `script(number)` yields, and then says no more."""

    def __init__(self, script):
        self.script = script
        self.watched = []

    def Watch(self, request, context):
        self.watched.append(request.service)
        over = threading.Event()
        if not context.add_callback(over.set):
            return
        for response in self.script(len(self.watched)):
            if isinstance(response, grpc.StatusCode):
                context.abort(response, "no health today")
            yield response
        over.wait()


class MethodLog(grpc.ServerInterceptor):
    """Writes down the paths of all calls, those of unknown methods too."""

    def __init__(self):
        self.methods = []

    def intercept_service(self, continuation, details):
        self.methods.append(details.method)
        return continuation(details)


class MoodyServer:
    """Listens on a free port of the loopback interface, in a `with` block."""

    def __init__(self, failures=0, code=grpc.StatusCode.UNAVAILABLE, trailers=(), sends_headers=False,
                 health=None, options=()):
        self.service = MoodyService(failures, code, trailers, sends_headers)
        self.health = health and ScriptedHealth(health)
        self.log = MethodLog()
        self.server = grpc.server(
            concurrent.futures.ThreadPoolExecutor(16), interceptors=[self.log], options=list(options))
        test_pb2_grpc.add_TestServiceServicer_to_server(self.service, self.server)
        if self.health:
            health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")

    @property
    def attempts(self):
        return self.service.attempts

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop(0).wait()
