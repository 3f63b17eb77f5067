"""Deadline and cancellation on their way through a handler of ours: grpcio calls our relay, which calls grpcio."""

import concurrent.futures
import subprocess
import threading
import types

import grpc
import h2.events
import pytest

import interop_peers as peers
from grpc.testing import empty_pb2, messages_pb2, test_pb2_grpc
from http2_peer import Peer, framed
from peer_server import SyncService


class Origin(SyncService):
    """The server behind the relay: says what it knows of each call, and answers when it is told to."""

    def __init__(self):
        self.remaining = []
        self.did_start = threading.Event()
        self.is_over = threading.Event()
        self.may_answer = threading.Event()

    def begin(self, context):
        self.remaining.append(context.time_remaining())
        if not context.add_callback(self.end):
            self.end()
        self.did_start.set()
        self.may_answer.wait()

    def end(self):
        self.is_over.set()
        self.may_answer.set()


@pytest.fixture
def chain(interop_certificates):
    """The origin, and a stub and the port of the relay in front of it."""
    origin = Origin()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    test_pb2_grpc.add_TestServiceServicer_to_server(origin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    relay = peers.our_server(interop_certificates, False, f"--relay_to=127.0.0.1:{port}")
    with grpc.insecure_channel(relay.target) as channel:
        yield types.SimpleNamespace(origin=origin, stub=test_pb2_grpc.TestServiceStub(channel), port=relay.port)
    origin.may_answer.set()
    assert relay.stop() == 0
    server.stop(0).wait()


def test_B113_the_origin_has_no_more_time_than_the_caller_gave(chain):
    chain.origin.may_answer.set()
    # grpcio as the caller would round up to tenths of a second, so the header is written here.
    caller = Peer(("127.0.0.1", chain.port))
    caller.request([(":method", "POST"), (":scheme", "http"), (":path", "/grpc.testing.TestService/EmptyCall"),
                    (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc"),
                    ("grpc-timeout", "30S")], framed(b""), ends=True)
    caller.read_until(h2.events.StreamEnded)
    chain.stub.EmptyCall(empty_pb2.Empty())
    limited, unlimited = chain.origin.remaining
    assert 0 < limited <= 30.001, "grpcio's deadlines are whole milliseconds"
    assert unlimited is None or unlimited > 1e6


def test_B113_a_deadline_that_passes_ends_the_call_to_the_origin(chain):
    with pytest.raises(grpc.RpcError) as failure:
        chain.stub.EmptyCall(empty_pb2.Empty(), timeout=0.5)
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert chain.origin.is_over.wait(peers.TIMEOUT)


def test_B113_a_cancelled_call_cancels_the_call_to_the_origin(chain):
    call = chain.stub.UnaryCall.future(messages_pb2.SimpleRequest())
    assert chain.origin.did_start.wait(peers.TIMEOUT)
    assert not chain.origin.is_over.is_set()
    call.cancel()
    assert chain.origin.is_over.wait(peers.TIMEOUT)


def test_B113_a_cancelled_stream_cancels_the_stream_to_the_origin(chain):
    call = chain.stub.FullDuplexCall(iter([messages_pb2.StreamingOutputCallRequest()]))
    assert chain.origin.did_start.wait(peers.TIMEOUT)
    call.cancel()
    assert chain.origin.is_over.wait(peers.TIMEOUT)


def test_B113_a_caller_that_is_gone_ends_the_call_to_the_origin(chain, interop_certificates):
    caller = subprocess.Popen(
        [peers.INTEROP, "client", *peers.client_flags(chain.port, False, "empty_unary")], stderr=subprocess.DEVNULL)
    try:
        assert chain.origin.did_start.wait(peers.TIMEOUT)
        assert not chain.origin.is_over.is_set()
    finally:
        caller.kill()
        caller.wait()
    assert chain.origin.is_over.wait(peers.TIMEOUT)
