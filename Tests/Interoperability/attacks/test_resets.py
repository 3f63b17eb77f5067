"""Streams that are opened and thrown away: rapid reset (CVE-2023-44487) and MadeYouReset (CVE-2025-8671)."""

import threading
import time

import grpc
import pytest

from attack import MIB, attacked, plain, secure, server_under_attack  # noqa: F401 (fixtures)
from conftest import credentials
from frames import (END_STREAM, INFER, Compressor, data, headers, infer_body, literal, message, request_block, reset,
                    window_update)

CALL = message(infer_body("delay"))
RATE = "10 000 resets at once, 500 a second"


def calls(count, ending, *more):
    """A maker of floods: chunk after chunk of `count` calls to `delay`, each with what `ending` adds for its stream."""
    compressor = Compressor(INFER, *more)

    def chunk(index):
        streams = range(2 * index * count + 1, 2 * (index + 1) * count + 1, 2)
        return b"".join(headers(stream, compressor.block(stream - 1)) + ending(stream) for stream in streams)
    return chunk


def test_rapid_reset(attacked):
    flood = calls(1000, lambda stream: data(stream, CALL, end=True) + reset(stream))
    attacked.endure("rapid reset of calls at work", lambda: attacked.wire().open().flood(flood, 15),
                    error="ENHANCE_YOUR_CALM", within=15, growth=48 * MIB, defence=RATE)


def test_rapid_reset_before_the_request_is_complete(plain):
    flood = calls(1000, reset)
    plain.endure("rapid reset before any work", lambda: plain.wire().open().flood(flood, 15),
                 error="ENHANCE_YOUR_CALM", within=15, growth=48 * MIB, defence=RATE)


def test_a_cancelled_call_counts_until_its_handler_has_returned(tmp_path, certificates):
    """Rapid reset against a limit of 16 calls: the model never has more of them than that."""
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    with server_under_attack(tmp_path, certificates, limits="{streams_per_connection: 16}") as attacked:
        seen, isDone = [], threading.Event()

        def watch():
            admin = credentials(certificates / "main", "role-admin")
            with grpc.secure_channel(attacked.server.target, admin) as channel:
                stub = admin_pb2_grpc.AdminStub(channel)
                while not isDone.is_set():
                    models = stub.GetStatus(admin_pb2.GetStatusRequest()).models
                    seen.append(next(model.counters for model in models if model.name == "delay"))
                    time.sleep(0.002)
        watcher = threading.Thread(target=watch)
        watcher.start()
        flood = calls(1000, lambda stream: data(stream, CALL, end=True) + reset(stream))
        try:
            attacked.endure("cancelled calls that still work", lambda: attacked.wire().open().flood(flood, 15),
                            error="ENHANCE_YOUR_CALM", within=15, growth=48 * MIB,
                            defence="a handler counts until it has returned, its place in the queue with it: ≤ 16 here")
        finally:
            isDone.set()
            watcher.join()
        assert len(seen) > 10 and seen[-1].requests > 1000, "nothing was ever at work"
        depth = max(counters.queue_depth for counters in seen)
        assert depth <= 16, f"{depth} places: a cancelled request keeps its place in the model's queue"


PROVOKED = {
    "window overflow": (lambda stream: data(stream, CALL, end=True) + window_update(stream, 0x7fff_ffff), ()),
    "content-length mismatch": (lambda stream: data(stream, CALL, end=True), ((b"content-length", b"1"),)),
    "malformed trailers": (lambda stream: data(stream, CALL) + headers(stream, literal(b"Upper", b"x"), end=True), ()),
    "pseudo-header in trailers": (
        lambda stream: data(stream, CALL) + headers(stream, literal(b":path", b"/"), end=True), ()),
    "trailers without END_STREAM": (lambda stream: data(stream, CALL) + headers(stream, literal(b"a", b"b")), ()),
}


@pytest.mark.parametrize("name", PROVOKED)
def test_made_you_reset(plain, name):
    """At full speed: more streams than are allowed are open before the first is reset."""
    ending, more = PROVOKED[name]
    flood = calls(1000, ending, *more)
    plain.endure(f"MadeYouReset: {name}", lambda: plain.wire().open().flood(flood, 15),
                 error="PROTOCOL_ERROR", within=15, growth=48 * MIB, defence="256 streams")


@pytest.mark.parametrize("name", PROVOKED)
def test_made_you_reset_within_the_limit_of_streams(plain, name):
    """A careful attacker, who waits for the resets it provokes, so that there are never too many streams."""
    ending, more = PROVOKED[name]
    flood = calls(100, ending, *more)

    def attack():
        wire = plain.wire().open()

        def chunk(index):
            wire.wait(lambda: sum(wire.resets.values()) >= 100 * index)
            return flood(index)
        return wire.flood(chunk, 15)
    plain.endure(f"MadeYouReset within the limit of streams: {name}", attack, error="ENHANCE_YOUR_CALM", within=15,
                 growth=48 * MIB, seconds=0.3, defence="provoked resets count like received ones: " + RATE)


def test_made_you_reset_by_frames_that_end_the_connection(plain):
    for name, (ending, error) in {
        "DATA after END_STREAM": (
            lambda stream: data(stream, CALL, end=True) + data(stream, b"x"), "STREAM_CLOSED"),
        "HEADERS after END_STREAM": (
            lambda stream: data(stream, CALL, end=True) + headers(stream, literal(b"a", b"b"), end=True),
            "STREAM_CLOSED"),
        "WINDOW_UPDATE of 0": (lambda stream: window_update(stream, 0), "PROTOCOL_ERROR"),
    }.items():
        flood = calls(1000, ending)
        plain.endure(f"MadeYouReset: {name}", lambda: plain.wire().open().flood(flood, 15), error=error, within=15,
                     growth=48 * MIB, seconds=0.3, defence="an error of the connection")
