"""Connections without end, up to the descriptors of the process; and what all of this may write to the log."""

import contextlib
import os
import pathlib
import re
import resource
import socket
import time

import grpc
import pytest

from attack import MIB, Attacked, Ending, attacked, plain, secure, server_under_attack  # noqa: F401 (fixtures)
from conftest import credentials
from frames import INFER, LIVE, Compressor, data, headers, infer_body, literal, message, ping, request_block
from polite import connect


def open_sockets(address, count):
    sockets = []
    for _ in range(count):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(address)
        sockets.append(one)
    return sockets


def new_client_is_served(attacked, folder):
    with connect(attacked.server.target, folder) as channel:
        call = channel.unary_unary(INFER)
        return call(infer_body("identity", 8), timeout=20, wait_for_ready=True)


def descriptor_count(attacked):
    return len(os.listdir(f"/proc/{attacked.server.process.pid}/fd"))


def is_closed_by_server(one):
    try:
        return one.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def flood_of_connections(attacked, count, closed_count, seconds=10):
    """Opens connections until the server has closed as many of them as stated, at most so long."""
    def attack():
        began = time.monotonic()
        sockets = open_sockets(attacked.address, count)
        closed = 0
        while closed < closed_count and time.monotonic() < began + seconds:
            time.sleep(0.1)
            closed = sum(is_closed_by_server(one) for one in sockets)
        for one in sockets:
            one.close()
        return Ending(time.monotonic() - began, None, b"", None, closed >= closed_count)
    return attack


def test_connections_up_to_the_descriptor_limit(tmp_path, certificates):
    """The server runs out of descriptors: it goes on for those connected, and accepts again afterwards."""
    with server_under_attack(tmp_path, certificates) as attacked:
        limit = descriptor_count(attacked) + 30
        pid = attacked.server.process.pid
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, limit))
        attacked.endure("300 connections where 30 descriptors are left", flood_of_connections(attacked, 300, 260),
                        error="closed", within=20, growth=32 * MIB,
                        defence="closed at once, with a descriptor kept for it")
        assert new_client_is_served(attacked, attacked.folder)


def test_connections_beyond_the_limit(tmp_path, certificates):
    with server_under_attack(tmp_path, certificates, limits="{connections: 40}") as attacked:
        attacked.endure("300 connections where 40 are allowed", flood_of_connections(attacked, 300, 250),
                        error="closed", within=20, growth=32 * MIB, defence="`limits.connections`, closed on arrival")
        assert new_client_is_served(attacked, attacked.folder)


def test_half_open_connections(tmp_path, certificates):
    """Connections that never finish their handshake: of too many the oldest go, long before their time is up."""
    options = {"connections": "{half_open: 20, handshake_timeout: 60s}", "log_level": "info"}
    with server_under_attack(tmp_path, certificates, **options) as attacked:
        attacked.endure("200 half-open connections where 20 are allowed", flood_of_connections(attacked, 200, 180, 30),
                        error="closed", within=30, growth=32 * MIB, seconds=0.1,
                        defence="`connections.half_open`; the oldest are closed, none before 2 s")
        assert new_client_is_served(attacked, attacked.folder)
        assert "reason=half_open_limit" in attacked.server.errors()


def test_connections_that_come_and_go(secure):
    """As many as a moment allows, each closed at once or after a few bytes."""
    def attack():
        began = time.monotonic()
        for index in range(300):
            with socket.create_connection(secure.address) as one:
                if index % 2:
                    one.send(b"\x16\x03\x01")
        return Ending(time.monotonic() - began, None, b"", None, True, has_left=True)
    secure.endure("300 connections after each other", attack, error="left", within=20, growth=32 * MIB,
                  defence="16 accepted a turn, fewer when turns are long")
    deadline = time.monotonic() + 30
    while (count := descriptor_count(secure)) >= 40:
        assert time.monotonic() < deadline, f"{count} descriptors are still open"
        time.sleep(0.05)


def log_bytes(attacked):
    return os.fstat(attacked.server.log.fileno()).st_size


@pytest.mark.parametrize("name", ["connections", "calls"])
def test_log_flood(tmp_path, certificates, name):
    """What is refused is logged, but not without limit."""
    with server_under_attack(tmp_path, certificates, log_level="info") as attacked:
        compressor = Compressor(b"/nobody/knows")

        def refused_connections():
            began = time.monotonic()
            for _ in range(300):
                with socket.create_connection(attacked.address) as one:
                    one.send(b"GET / HTTP/1.1\r\n\r\n")
                    one.settimeout(5)
                    with contextlib.suppress(ConnectionResetError):
                        while one.recv(100):
                            pass
            return Ending(time.monotonic() - began, None, b"", None, True)

        def refused_calls():
            wire = attacked.wire().open()
            for index in range(5000):
                wire.send(headers(2 * index + 1, compressor.block(index), end=True))
                assert wire.wait(lambda: wire.frames[1] > index - 100)
            assert wire.wait(lambda: wire.frames[1] >= 5000)
            wire.close()
            return wire.ending(5)
        before = log_bytes(attacked)
        began = time.monotonic()
        attacked.endure(f"log flood by refused {name}", refused_calls if name == "calls" else refused_connections,
                        error="left" if name == "calls" else "closed", within=30, growth=32 * MIB,
                        defence="500 lines, then 50 a second")
        written, seconds = log_bytes(attacked) - before, time.monotonic() - began
        assert written < 256 * (500 + 50 * seconds) + 100_000, f"{written} bytes of log in {seconds:.1f} s"


def test_control_characters_never_reach_the_log(tmp_path, certificates):
    """A forged line, a terminal's escape sequence and odd UTF-8, wherever a caller can write."""
    from tritonclient.grpc import service_pb2
    forged = "x\n2026-11-25T00:00:00.000Z info call request=1 \x1b[31mforged\x1b[0m\u202e\u2028"
    with server_under_attack(tmp_path, certificates, log_level="debug") as attacked:
        with connect(attacked.server.target, attacked.folder) as channel:
            for path, body in {
                INFER.decode(): service_pb2.ModelInferRequest(model_name=forged).SerializeToString(),
                "/no/" + "\x7f\t\u00ff\u202e": b"", "/no/%0a%1b[31mforged": b"",
                "/inference.GRPCInferenceService/ModelReady":
                    service_pb2.ModelReadyRequest(name=forged).SerializeToString(),
            }.items():
                # ModelReady answers; the others fail.
                with contextlib.suppress(grpc.RpcError):
                    channel.unary_unary(path)(body, timeout=10, metadata=[("x", " spaces ~ ")])
        wire = attacked.wire().open()
        for index, value in enumerate([b"/a\nb", b"/a\x1b[31mb", b"/a\xff\xfeb", b"/a\0b"]):
            wire.send(headers(2 * index + 1, literal(b":method", b"POST") + literal(b":scheme", b"https")
                              + literal(b":path", value) + literal(b"te", b"trailers")
                              + literal(b"content-type", b"application/grpc"), end=True))
        wire.send(ping())
        wire.wait(lambda: wire.frames[6] >= 1, 5)
        wire.close()
        assert new_client_is_served(attacked, attacked.folder)
        log = attacked.server.errors()
        assert "forged" in log
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", log), "a control character got through"
        assert all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in log.splitlines()), "a line was forged"
        assert not re.search(r"^\S+ info call request=1 .*forged", log, re.MULTILINE)
