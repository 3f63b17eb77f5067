"""How long connections live: ages, signs of life, clients that stop, and a process without descriptors."""

import collections
import concurrent.futures
import os
import pathlib
import resource
import socket
import time

import grpc
import h2.events
import h2.settings
import pytest
from tritonclient.grpc import service_pb2

from conftest import Server, credentials, write_configuration
from http2_peer import Peer, framed
from tls_peers import wait_for

INFER = "/inference.GRPCInferenceService/ModelInfer"
REQUEST_HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", INFER), (":authority", "localhost"),
                   ("te", "trailers"), ("content-type", "application/grpc")]


def infer_body(byte_count=8):
    request = service_pb2.ModelInferRequest(model_name="identity")
    request.inputs.add(name="x", datatype="UINT8", shape=[byte_count])
    request.raw_input_contents.append(bytes(byte_count))
    return request.SerializeToString()


def address(server):
    return "127.0.0.1", int(server.target.rsplit(":", 1)[1])


@pytest.fixture
def serve(tmp_path, certificates):
    """Starts servers with settings of a test's own; each must end in good order."""
    servers = []

    def start(is_plaintext=True, **extra):
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        extra = {"plaintext": "true", **extra} if is_plaintext else extra
        servers.append(Server(write_configuration(folder, certificates, **extra), folder))
        return servers[-1]
    yield start
    for server in servers:
        assert server.process.poll() is None, server.errors()
        assert server.terminate() == 0, server.errors()


def ended(server):
    """How connections ended, by the reasons in the log."""
    return collections.Counter(word[len("reason="):] for word in server.errors().split() if word.startswith("reason="))


def test_S140_S141_no_call_fails_while_connections_come_of_age(serve, certificates):
    server = serve(is_plaintext=False, connections="{max_age: 1s}", log_level="debug")
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        call = channel.unary_unary(INFER)
        end = time.monotonic() + 5

        def caller(_):
            count = 0
            while time.monotonic() < end:
                call(infer_body(), timeout=20)
                count += 1
            return count
        with concurrent.futures.ThreadPoolExecutor(4) as callers:
            counts = list(callers.map(caller, range(4)))
    assert min(counts) > 0
    wait_for(lambda: ended(server)["finished"] >= 3, "three connections that came of age")


def test_S140_an_idle_connection_is_drained(serve):
    server = serve(connections="{max_idle: 1s}")
    peer = Peer(address(server))
    goaway = peer.read_until(h2.events.ConnectionTerminated)
    assert goaway.error_code == 0 and goaway.last_stream_id == 2**31 - 1
    # The PING between the two is answered, and the final GOAWAY follows.
    peer.flush()
    peer.read_to_the_end()
    assert [event.additional_data for event in peer.of(h2.events.ConnectionTerminated)] == [None, b"max_idle"]


def test_S134_a_client_that_answers_no_ping_is_closed(serve):
    server = serve(connections="{keepalive_time: 1s, keepalive_timeout: 1s}", log_level="debug")
    peer = Peer(address(server))
    peer.read_until(h2.events.PingReceived)
    began = time.monotonic()
    peer.read_to_the_end()
    assert time.monotonic() - began < 20
    wait_for(lambda: ended(server)["keepalive_timeout"] == 1, "keepalive_timeout in the log")


def test_S134_a_client_that_answers_pings_stays(serve):
    # Five answers take longer than the server would wait for the first of them.
    server = serve(connections="{keepalive_time: 1s, keepalive_timeout: 3s}")
    peer = Peer(address(server))
    while len(peer.of(h2.events.PingReceived)) < 5:
        peer.read()
        assert not peer.is_closed
        peer.flush()


def test_S133_too_many_pings_end_in_goaway_before_the_close(serve):
    server = serve(log_level="info")
    peer = Peer(address(server))
    for _ in range(4):
        peer.connection.ping(b"are you?")
        peer.flush()
    peer.read_to_the_end()
    goaway, = peer.of(h2.events.ConnectionTerminated)
    assert (goaway.error_code, goaway.additional_data) == (11, b"too_many_pings")
    wait_for(lambda: ended(server)["too_many_pings"] == 1, "too_many_pings in the log")


def test_S143_the_last_word_arrives_although_the_client_goes_on_sending(serve):
    server = serve()
    peer = Peer(address(server))
    for _ in range(4):
        peer.connection.ping(b"are you?")
    # Behind the PING that is one too many: frames of an unknown type, more than a socket and one read hold.
    unknown = b"\0\x40\0\x16\0\0\0\0\0" + bytes(0x4000)
    peer.socket.sendall(peer.connection.data_to_send() + unknown * 200)
    received = b""
    # A socket that was closed with unread bytes would be reset, and this would raise.
    while data := peer.socket.recv(65_536):
        received += data
    assert b"too_many_pings" in received


def test_an_answer_without_window_is_reset(serve):
    server = serve(connections="{stall_timeout: 1s}")
    peer = Peer(address(server))
    # More than the 65 535 bytes that a client takes if it never says that it takes more.
    peer.request(REQUEST_HEADERS, framed(infer_body(100_000)), ends=True)
    assert peer.read_until(h2.events.StreamReset).error_code == 8
    assert not peer.of(h2.events.ConnectionTerminated), "the connection goes on"


@pytest.mark.parametrize("body", [b"", framed(infer_body())[:20], framed(infer_body())])
def test_a_request_that_stops_is_answered(serve, body):
    server = serve(connections="{stall_timeout: 1s}")
    peer = Peer(address(server))
    peer.request(REQUEST_HEADERS, body, ends=False)
    peer.read_until(h2.events.StreamReset)
    headers = dict(peer.of(h2.events.ResponseReceived)[0].headers)
    assert headers["grpc-status"] == "4" and headers["grpc-message"] == "the request stopped arriving"


def test_a_client_that_reads_nothing_is_closed(serve):
    """Windows as large as can be, and a socket that is never read: the kernel's buffers fill, then ours."""
    server = serve(connections="{stall_timeout: 1s}", log_level="info")
    peer = Peer(address(server))
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    peer.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
    peer.connection.increment_flow_control_window(2**30)
    # As much as the server takes ahead: its answers are more than the kernel keeps for a client.
    for _ in range(16):
        peer.request(REQUEST_HEADERS, framed(infer_body(900_000)), ends=True)
    wait_for(lambda: ended(server)["write_stall"] == 1, "write_stall in the log")


def is_open(one):
    """Whether the server has not closed a connection on which nothing was said."""
    one.setblocking(False)
    try:
        return one.recv(65_536) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


def test_of_too_many_handshakes_the_oldest_end(serve, certificates):
    server = serve(is_plaintext=False, connections="{half_open: 10}", log_level="info")
    silent = [socket.create_connection(address(server)) for _ in range(60)]
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        assert channel.unary_unary(INFER)(infer_body(), timeout=20)
        wait_for(lambda: sum(map(is_open, silent)) <= 10, "all but ten of the silent connections to end")
        # Ten seconds after they came, the others go as well: well after the first.
        assert [is_open(one) for one in silent[:50]] == [False] * 50
        assert channel.unary_unary(INFER)(infer_body(), timeout=20)
    assert ended(server)["half_open_limit"] >= 1
    for one in silent:
        one.close()


def test_without_descriptors_new_clients_are_closed_and_old_ones_served(serve, certificates):
    server = serve(is_plaintext=False, log_level="info")
    folder = pathlib.Path(f"/proc/{server.process.pid}/fd")
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        call = channel.unary_unary(INFER)
        call(infer_body(), timeout=20)
        limit = max(int(name) for name in os.listdir(folder)) + 11
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (limit, hard))
        clients = [socket.create_connection(address(server)) for _ in range(200)]
        # Told at once, not left in the backlog without a word.
        wait_for(lambda: sum(map(is_open, clients)) <= 11, "the clients beyond the limit to be closed")
        call(infer_body(), timeout=20)
        lines = [line for line in server.errors().splitlines() if "reason=descriptor_limit" in line]
        assert 1 <= len(lines) <= 40, "a line for the first few, then one a second"
        for one in clients:
            one.close()
        wait_for(lambda: len(os.listdir(folder)) < limit - 8, "descriptors to be free again")
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        channel.unary_unary(INFER)(infer_body(), timeout=20, wait_for_ready=True)


def test_the_limit_of_descriptors_follows_the_limit_of_connections(serve):
    server = serve(limits="{connections: 3000}")
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert soft >= min(3_000 + 64, hard)
