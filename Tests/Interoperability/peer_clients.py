"""The official test cases as a client of grpcio makes them, blocking (`SyncClient`) and with asyncio (`AsyncClient`).

Each method is a test case by its official name and fails by an exception.
"""

import asyncio
import concurrent.futures
import threading

import grpc
import pytest

import peer_stubs  # noqa: F401  (makes grpc.testing importable)
from grpc.testing import empty_pb2, messages_pb2, test_pb2_grpc

REQUEST_SIZES = [27182, 8, 1828, 45904]
RESPONSE_SIZES = [31415, 9, 2653, 58979]
METADATA = (("x-grpc-test-echo-initial", "test_initial_metadata_value"),
            ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab"))
SPECIAL = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
TIMEOUT = 60


def payload(size):
    return messages_pb2.Payload(body=bytes(size))


def large():
    return messages_pb2.SimpleRequest(response_size=314159, payload=payload(271828))


def ask(response_size, request_size):
    return messages_pb2.StreamingOutputCallRequest(
        response_parameters=[messages_pb2.ResponseParameters(size=response_size)], payload=payload(request_size))


def with_status(kind, message):
    return kind(response_status=messages_pb2.EchoStatus(code=2, message=message))


def expecting_compression(request, value):
    request.expect_compressed.value = value
    return request


def compressed_stream_request():
    return expecting_compression(messages_pb2.StreamingInputCallRequest(payload=payload(27182)), True)


def compressed_responses():
    request = messages_pb2.StreamingOutputCallRequest()
    for size, is_compressed in [(31415, True), (92653, False)]:
        request.response_parameters.add(size=size).compressed.value = is_compressed
    return request


def expect_payload(response, size):
    assert response.payload.body == bytes(size)


def expect_echo(initial, trailing):
    assert METADATA[0] in [tuple(entry) for entry in initial]
    assert METADATA[1] in [tuple(entry) for entry in trailing]


class SyncClient:
    """Test cases over a blocking channel; `connect` makes another one, as a context."""

    def __init__(self, channel, connect=None):
        self.connect = connect
        self.stub = test_pb2_grpc.TestServiceStub(channel)
        self.unimplemented = test_pb2_grpc.UnimplementedServiceStub(channel)

    def empty_unary(self):
        assert self.stub.EmptyCall(empty_pb2.Empty(), timeout=TIMEOUT) == empty_pb2.Empty()

    def large_unary(self):
        expect_payload(self.stub.UnaryCall(large(), timeout=TIMEOUT), 314159)

    def client_streaming(self):
        requests = (messages_pb2.StreamingInputCallRequest(payload=payload(size)) for size in REQUEST_SIZES)
        assert self.stub.StreamingInputCall(requests, timeout=TIMEOUT).aggregated_payload_size == 74922

    def server_streaming(self):
        request = messages_pb2.StreamingOutputCallRequest(
            response_parameters=[messages_pb2.ResponseParameters(size=size) for size in RESPONSE_SIZES])
        responses = list(self.stub.StreamingOutputCall(request, timeout=TIMEOUT))
        assert [len(response.payload.body) for response in responses] == RESPONSE_SIZES

    def ping_pong(self):
        received = []

        def requests():
            for index, sizes in enumerate(zip(RESPONSE_SIZES, REQUEST_SIZES)):
                assert len(received) == index, "a request was taken before the response to the last one"
                yield ask(*sizes)
                turn.acquire(timeout=TIMEOUT)

        turn = threading.Semaphore(0)
        for response in self.stub.FullDuplexCall(requests(), timeout=TIMEOUT):
            received.append(len(response.payload.body))
            turn.release()
        assert received == RESPONSE_SIZES

    def empty_stream(self):
        assert list(self.stub.FullDuplexCall(iter(()), timeout=TIMEOUT)) == []

    def custom_metadata(self):
        response, call = self.stub.UnaryCall.with_call(large(), metadata=METADATA, timeout=TIMEOUT)
        expect_payload(response, 314159)
        expect_echo(call.initial_metadata(), call.trailing_metadata())
        call = self.stub.FullDuplexCall(iter([ask(314159, 271828)]), metadata=METADATA, timeout=TIMEOUT)
        for response in call:
            expect_payload(response, 314159)
        expect_echo(call.initial_metadata(), call.trailing_metadata())

    def expect_error(self, code, body, message=None):
        with pytest.raises(grpc.RpcError) as error:
            body()
        assert error.value.code() == code, error.value
        assert message is None or error.value.details() == message

    def status_code_and_message(self):
        message = "test status message"
        unary = with_status(messages_pb2.SimpleRequest, message)
        self.expect_error(grpc.StatusCode.UNKNOWN, lambda: self.stub.UnaryCall(unary, timeout=TIMEOUT), message)
        stream = with_status(messages_pb2.StreamingOutputCallRequest, message)
        self.expect_error(grpc.StatusCode.UNKNOWN,
                          lambda: list(self.stub.FullDuplexCall(iter([stream]), timeout=TIMEOUT)), message)

    def special_status_message(self):
        request = with_status(messages_pb2.SimpleRequest, SPECIAL)
        self.expect_error(grpc.StatusCode.UNKNOWN, lambda: self.stub.UnaryCall(request, timeout=TIMEOUT), SPECIAL)

    def unimplemented_method(self):
        self.expect_error(grpc.StatusCode.UNIMPLEMENTED,
                          lambda: self.stub.UnimplementedCall(empty_pb2.Empty(), timeout=TIMEOUT))

    def unimplemented_service(self):
        self.expect_error(grpc.StatusCode.UNIMPLEMENTED,
                          lambda: self.unimplemented.UnimplementedCall(empty_pb2.Empty(), timeout=TIMEOUT))

    def cancel_after_begin(self):
        end = threading.Event()
        call = self.stub.StreamingInputCall.future(iter(end.wait, True), timeout=TIMEOUT)
        call.cancel()
        end.set()
        assert call.cancelled() and call.code() == grpc.StatusCode.CANCELLED

    def cancel_after_first_response(self):
        end = threading.Event()

        def requests():
            yield ask(31415, 27182)
            end.wait(TIMEOUT)

        call = self.stub.FullDuplexCall(requests(), timeout=TIMEOUT)
        expect_payload(next(call), 31415)
        call.cancel()
        self.expect_error(grpc.StatusCode.CANCELLED, lambda: next(call))
        end.set()

    def timeout_on_sleeping_server(self):
        end = threading.Event()

        def requests():
            yield messages_pb2.StreamingOutputCallRequest(payload=payload(27182))
            end.wait(TIMEOUT)

        self.expect_error(grpc.StatusCode.DEADLINE_EXCEEDED,
                          lambda: list(self.stub.FullDuplexCall(requests(), timeout=0.001)))
        end.set()

    def rpc_soak(self):
        for _ in range(20):
            self.large_unary()

    def channel_soak(self):
        for _ in range(10):
            with self.connect() as channel:
                SyncClient(channel).large_unary()

    def concurrent_large_unary(self):
        with concurrent.futures.ThreadPoolExecutor(50) as threads:
            for call in [threads.submit(self.large_unary) for _ in range(50)]:
                call.result()

    def client_compressed_unary(self):
        request = expecting_compression(large(), True)
        self.expect_error(grpc.StatusCode.INVALID_ARGUMENT, lambda: self.stub.UnaryCall(request, timeout=TIMEOUT))
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            expect_payload(self.stub.UnaryCall(request, compression=compression, timeout=TIMEOUT), 314159)
        expect_payload(self.stub.UnaryCall(expecting_compression(large(), False), timeout=TIMEOUT), 314159)

    def client_compressed_streaming(self):
        def send(**options):
            requests = iter([compressed_stream_request(), compressed_stream_request()])
            return self.stub.StreamingInputCall(requests, timeout=TIMEOUT, **options).aggregated_payload_size
        self.expect_error(grpc.StatusCode.INVALID_ARGUMENT, send)
        assert send(compression=grpc.Compression.Gzip) == 2 * 27182

    def server_compressed_unary(self):
        for is_compressed in (True, False):
            request = large()
            request.response_compressed.value = is_compressed
            expect_payload(self.stub.UnaryCall(request, timeout=TIMEOUT), 314159)

    def server_compressed_streaming(self):
        responses = list(self.stub.StreamingOutputCall(compressed_responses(), timeout=TIMEOUT))
        assert [response.payload.body for response in responses] == [bytes(31415), bytes(92653)]


class AsyncClient:
    """Test cases over a channel of asyncio; `connect` makes another one, as a context."""

    def __init__(self, channel, connect=None):
        self.connect = connect
        self.stub = test_pb2_grpc.TestServiceStub(channel)
        self.unimplemented = test_pb2_grpc.UnimplementedServiceStub(channel)

    async def empty_unary(self):
        assert await self.stub.EmptyCall(empty_pb2.Empty(), timeout=TIMEOUT) == empty_pb2.Empty()

    async def large_unary(self):
        expect_payload(await self.stub.UnaryCall(large(), timeout=TIMEOUT), 314159)

    async def client_streaming(self):
        call = self.stub.StreamingInputCall(timeout=TIMEOUT)
        for size in REQUEST_SIZES:
            await call.write(messages_pb2.StreamingInputCallRequest(payload=payload(size)))
        await call.done_writing()
        assert (await call).aggregated_payload_size == 74922

    async def server_streaming(self):
        request = messages_pb2.StreamingOutputCallRequest(
            response_parameters=[messages_pb2.ResponseParameters(size=size) for size in RESPONSE_SIZES])
        call = self.stub.StreamingOutputCall(request, timeout=TIMEOUT)
        assert [len(response.payload.body) async for response in call] == RESPONSE_SIZES

    async def ping_pong(self):
        call = self.stub.FullDuplexCall(timeout=TIMEOUT)
        for response_size, request_size in zip(RESPONSE_SIZES, REQUEST_SIZES):
            await call.write(ask(response_size, request_size))
            expect_payload(await call.read(), response_size)
        await call.done_writing()
        assert await call.read() == grpc.aio.EOF

    async def empty_stream(self):
        call = self.stub.FullDuplexCall(timeout=TIMEOUT)
        await call.done_writing()
        assert await call.read() == grpc.aio.EOF
        assert await call.code() == grpc.StatusCode.OK

    async def custom_metadata(self):
        call = self.stub.UnaryCall(large(), metadata=METADATA, timeout=TIMEOUT)
        expect_payload(await call, 314159)
        expect_echo(await call.initial_metadata(), await call.trailing_metadata())
        call = self.stub.FullDuplexCall(metadata=METADATA, timeout=TIMEOUT)
        await call.write(ask(314159, 271828))
        await call.done_writing()
        expect_payload(await call.read(), 314159)
        assert await call.read() == grpc.aio.EOF
        expect_echo(await call.initial_metadata(), await call.trailing_metadata())

    async def expect_status(self, call, code, message=None):
        assert await call.code() == code
        assert message is None or await call.details() == message

    async def status_code_and_message(self):
        message = "test status message"
        unary = with_status(messages_pb2.SimpleRequest, message)
        await self.expect_status(self.stub.UnaryCall(unary, timeout=TIMEOUT), grpc.StatusCode.UNKNOWN, message)
        call = self.stub.FullDuplexCall(timeout=TIMEOUT)
        await call.write(with_status(messages_pb2.StreamingOutputCallRequest, message))
        await call.done_writing()
        await self.expect_status(call, grpc.StatusCode.UNKNOWN, message)

    async def special_status_message(self):
        request = with_status(messages_pb2.SimpleRequest, SPECIAL)
        await self.expect_status(self.stub.UnaryCall(request, timeout=TIMEOUT), grpc.StatusCode.UNKNOWN, SPECIAL)

    async def unimplemented_method(self):
        call = self.stub.UnimplementedCall(empty_pb2.Empty(), timeout=TIMEOUT)
        await self.expect_status(call, grpc.StatusCode.UNIMPLEMENTED)

    async def unimplemented_service(self):
        call = self.unimplemented.UnimplementedCall(empty_pb2.Empty(), timeout=TIMEOUT)
        await self.expect_status(call, grpc.StatusCode.UNIMPLEMENTED)

    async def cancel_after_begin(self):
        call = self.stub.StreamingInputCall(timeout=TIMEOUT)
        call.cancel()
        await self.expect_status(call, grpc.StatusCode.CANCELLED)

    async def cancel_after_first_response(self):
        call = self.stub.FullDuplexCall(timeout=TIMEOUT)
        await call.write(ask(31415, 27182))
        expect_payload(await call.read(), 31415)
        call.cancel()
        await self.expect_status(call, grpc.StatusCode.CANCELLED)

    async def timeout_on_sleeping_server(self):
        call = self.stub.FullDuplexCall(timeout=0.001)
        await self.expect_status(call, grpc.StatusCode.DEADLINE_EXCEEDED)

    async def rpc_soak(self):
        for _ in range(20):
            await self.large_unary()

    async def channel_soak(self):
        for _ in range(10):
            async with self.connect() as channel:
                await AsyncClient(channel).large_unary()

    async def concurrent_large_unary(self):
        await asyncio.gather(*[self.large_unary() for _ in range(50)])

    async def client_compressed_unary(self):
        request = expecting_compression(large(), True)
        await self.expect_status(self.stub.UnaryCall(request, timeout=TIMEOUT), grpc.StatusCode.INVALID_ARGUMENT)
        for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
            expect_payload(await self.stub.UnaryCall(request, compression=compression, timeout=TIMEOUT), 314159)
        expect_payload(await self.stub.UnaryCall(expecting_compression(large(), False), timeout=TIMEOUT), 314159)

    async def client_compressed_streaming(self):
        # Written one by one: grpcio calls it an internal error when an iterator has more than the server wants.
        probe = self.stub.StreamingInputCall(timeout=TIMEOUT)
        await probe.write(compressed_stream_request())
        await self.expect_status(probe, grpc.StatusCode.INVALID_ARGUMENT)
        requests = iter([compressed_stream_request(), compressed_stream_request()])
        call = self.stub.StreamingInputCall(requests, timeout=TIMEOUT, compression=grpc.Compression.Gzip)
        assert (await call).aggregated_payload_size == 2 * 27182

    async def server_compressed_unary(self):
        for is_compressed in (True, False):
            request = large()
            request.response_compressed.value = is_compressed
            expect_payload(await self.stub.UnaryCall(request, timeout=TIMEOUT), 314159)

    async def server_compressed_streaming(self):
        call = self.stub.StreamingOutputCall(compressed_responses(), timeout=TIMEOUT)
        assert [response.payload.body async for response in call] == [bytes(31415), bytes(92653)]
