"""Frames that are cheap to send and lead nowhere, and answers that nobody reads."""

import time

import pytest

from attack import MIB, attacked, plain, secure  # noqa: F401 (fixtures)
from frames import (DATA, INFER, LIVE, PADDED, PRIORITY, PRIORITY_UPDATE, SETTINGS_ACK, Compressor, data, frame, headers,
                    infer_body, message, ping, request_block, reset, settings, window_update)

BUCKET = "10 000 useless frames, 330 a second"
OPEN = headers(1, request_block())
CLOSED = headers(1, request_block()) + reset(1)

FLOODS = {
    "SETTINGS": (b"", settings((4, 65_535))),
    "SETTINGS acknowledgements": (b"", SETTINGS_ACK),
    "PING": (b"", ping()),
    "PING acknowledgements": (b"", ping(flags=1)),
    "empty DATA": (OPEN, data(1, b"")),
    "padded empty DATA": (OPEN, frame(DATA, PADDED, 1, b"\x05" + bytes(5))),
    "PRIORITY": (OPEN, frame(PRIORITY, 0, 1, b"\0\0\0\x03\x10")),
    "PRIORITY_UPDATE": (OPEN, frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x01u=1")),
    "small WINDOW_UPDATE": (OPEN, window_update(1, 1)),
    "unknown type": (OPEN, frame(0xee, 0, 1, b"abc")),
    "HEADERS for a closed stream": (CLOSED, headers(1, request_block())),
    "small DATA for a closed stream": (CLOSED, data(1, b"x")),
    "DATA that ends a closed stream": (CLOSED, data(1, b"", end=True)),
    "WINDOW_UPDATE for a closed stream": (CLOSED, window_update(1, 70_000)),
    "RST_STREAM for a closed stream": (CLOSED, reset(1)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood_of(plain, name):
    begin, unit = FLOODS[name]
    chunk = unit * (64_000 // len(unit))
    plain.endure(f"flood of {name}", lambda: plain.wire().open().flood(
        lambda index: begin if index == 0 else chunk, 10),
        error="ENHANCE_YOUR_CALM", within=10, growth=16 * MIB, seconds=0.6, defence=BUCKET)


@pytest.mark.parametrize("name", ["SETTINGS", "PING"])
def test_flood_without_reading(attacked, name):
    """The acknowledgements pile up: in the kernel first, then in the server, where a GOAWAY may find no room either."""
    chunk = FLOODS[name][1] * 4000

    def attack():
        wire = attacked.wire(reads=False, receive_buffer=4096).open()
        return wire.flood(chunk, 10)
    attacked.endure(f"flood of {name}, never reading", attack, error={"ENHANCE_YOUR_CALM", "closed"}, within=10,
                    growth=16 * MIB, seconds=0.6, defence=f"{BUCKET}; 200 acknowledgements waiting")


def test_mixture_that_no_single_count_sees(plain):
    """Useful frames for nobody between the useless ones, so that they would pay for them."""
    unit = data(1, b"x" * 100) + ping() + frame(PRIORITY, 0, 1, b"\0\0\0\x03\x10") + headers(1, request_block())
    plain.endure("mixture of useless frames", lambda: plain.wire().open().flood(
        lambda index: CLOSED if index == 0 else unit * 300, 10),
        error="ENHANCE_YOUR_CALM", within=10, growth=16 * MIB, defence=BUCKET)


@pytest.mark.parametrize("acknowledges, error", [(True, ["PROTOCOL_ERROR"]), (False, ["ENHANCE_YOUR_CALM", "closed"])])
def test_more_calls_than_streams(attacked, acknowledges, error):
    """More calls than streams are allowed, no answer read; the second client says that it knows no such limit yet.

    A full socket may have no room left for its GOAWAY.
    """
    compressor = Compressor(LIVE)

    def chunk(index):
        streams = range(2 * index * 500 + 1, 2 * (index + 1) * 500 + 1, 2)
        return b"".join(headers(stream, compressor.block(stream - 1)) + data(stream, message(b""), end=True)
                        for stream in streams)

    def attack():
        wire = attacked.wire(reads=False, receive_buffer=4096).open((4, 0), acknowledges=acknowledges)
        return wire.flood(chunk, 15)
    attacked.endure("calls beyond MAX_CONCURRENT_STREAMS" + ("" if acknowledges else ", SETTINGS not acknowledged"),
                    attack, error=error, within=15, growth=48 * MIB,
                    defence="256 streams, then refusals, of which 5 000 may wait")
