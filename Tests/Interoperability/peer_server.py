"""grpc.testing.TestService as grpcio serves it: `peer_server.py sync|asyncio true|false`, the latter being TLS."""

import asyncio
import concurrent.futures
import os
import pathlib
import signal
import sys
import time

import grpc

import peer_stubs  # noqa: F401  (makes grpc.testing importable)
from grpc.testing import empty_pb2, messages_pb2, test_pb2_grpc

INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"
CODES = {code.value[0]: code for code in grpc.StatusCode}


def echoes(context):
    """The initial and the trailing metadata that the request asks for."""
    request = context.invocation_metadata() or ()
    return ([(key, value) for key, value in request if key == INITIAL],
            [(key, value) for key, value in request if key == TRAILING])


def payload(size):
    return messages_pb2.Payload(body=bytes(size))


class SyncService(test_pb2_grpc.TestServiceServicer):
    """Handlers on threads."""

    def begin(self, context):
        initial, trailing = echoes(context)
        if initial:
            context.send_initial_metadata(initial)
        context.set_trailing_metadata(trailing)

    def check(self, request, context):
        if request.HasField("response_status") and request.response_status.code:
            context.abort(CODES[request.response_status.code], request.response_status.message)

    def EmptyCall(self, request, context):
        self.begin(context)
        return empty_pb2.Empty()

    def UnaryCall(self, request, context):
        self.begin(context)
        self.check(request, context)
        if request.response_compressed.value:
            context.set_compression(grpc.Compression.Gzip)
        return messages_pb2.SimpleResponse(payload=payload(request.response_size))

    def StreamingOutputCall(self, request, context):
        self.begin(context)
        if any(response.compressed.value for response in request.response_parameters):
            context.set_compression(grpc.Compression.Gzip)
        yield from self.answers(request, context)

    def answers(self, request, context):
        self.check(request, context)
        for response in request.response_parameters:
            time.sleep(response.interval_us / 1e6)
            if response.HasField("compressed") and not response.compressed.value:
                context.disable_next_message_compression()
            yield messages_pb2.StreamingOutputCallResponse(payload=payload(response.size))

    def StreamingInputCall(self, requests, context):
        self.begin(context)
        return messages_pb2.StreamingInputCallResponse(
            aggregated_payload_size=sum(len(request.payload.body) for request in requests))

    def FullDuplexCall(self, requests, context):
        self.begin(context)
        for request in requests:
            yield from self.answers(request, context)

    def HalfDuplexCall(self, requests, context):
        self.begin(context)
        for request in list(requests):
            yield from self.answers(request, context)


class AsyncService(test_pb2_grpc.TestServiceServicer):
    """Handlers as coroutines."""

    async def begin(self, context):
        initial, trailing = echoes(context)
        if initial:
            await context.send_initial_metadata(initial)
        context.set_trailing_metadata(trailing)

    async def check(self, request, context):
        if request.HasField("response_status") and request.response_status.code:
            await context.abort(CODES[request.response_status.code], request.response_status.message)

    async def compress(self, context):
        context.set_compression(grpc.Compression.Gzip)
        # Without this it is forgotten: only headers that are sent on purpose carry it.
        await context.send_initial_metadata(())

    async def EmptyCall(self, request, context):
        await self.begin(context)
        return empty_pb2.Empty()

    async def UnaryCall(self, request, context):
        await self.begin(context)
        await self.check(request, context)
        if request.response_compressed.value:
            await self.compress(context)
        return messages_pb2.SimpleResponse(payload=payload(request.response_size))

    async def StreamingOutputCall(self, request, context):
        await self.begin(context)
        if any(response.compressed.value for response in request.response_parameters):
            await self.compress(context)
        await self.answer(request, context)

    async def answer(self, request, context):
        await self.check(request, context)
        for response in request.response_parameters:
            await asyncio.sleep(response.interval_us / 1e6)
            if response.HasField("compressed") and not response.compressed.value:
                context.disable_next_message_compression()
            await context.write(messages_pb2.StreamingOutputCallResponse(payload=payload(response.size)))

    async def StreamingInputCall(self, requests, context):
        await self.begin(context)
        size = 0
        async for request in requests:
            size += len(request.payload.body)
        return messages_pb2.StreamingInputCallResponse(aggregated_payload_size=size)

    async def FullDuplexCall(self, requests, context):
        await self.begin(context)
        async for request in requests:
            await self.answer(request, context)

    async def HalfDuplexCall(self, requests, context):
        await self.begin(context)
        waiting = [request async for request in requests]
        for request in waiting:
            await self.answer(request, context)


def listen(server, secure):
    if not secure:
        return server.add_insecure_port("127.0.0.1:0")
    folder = pathlib.Path(os.environ["APUS_INTEROP_CERTIFICATES"])
    pair = ((folder / "server.key").read_bytes(), (folder / "server.pem").read_bytes())
    return server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))


def serve_sync(secure):
    signals = {signal.SIGTERM, signal.SIGINT}
    # Blocked before any thread starts, so that every thread leaves them to this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(32))
    test_pb2_grpc.add_TestServiceServicer_to_server(SyncService(), server)
    port = listen(server, secure)
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    signal.sigwait(signals)
    server.stop(0).wait()


async def serve_async(secure):
    server = grpc.aio.server()
    test_pb2_grpc.add_TestServiceServicer_to_server(AsyncService(), server)
    port = listen(server, secure)
    await server.start()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    print(f"listening on 127.0.0.1:{port}", flush=True)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    kind, secure = sys.argv[1], sys.argv[2] == "true"
    if kind == "sync":
        serve_sync(secure)
    else:
        asyncio.run(serve_async(secure))
