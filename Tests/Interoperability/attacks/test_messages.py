"""Messages that unfold: nesting without end, and a few bytes that ask for a great many."""

import struct

import pytest

from attack import MIB, attacked, plain, secure  # noqa: F401 (fixtures)
from frames import INFER, RST_STREAM, Compressor, data, headers, infer_body, integer, message, request_block


def varint(value):
    encoded = []
    while value >= 128:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def nested(depth):
    """Messages in messages, as deep as a reader is willing to go: each is field 2 (its inside) of the one around."""
    body = b""
    for _ in range(depth):
        body = field(2, body)
    return body


NAME = field(1, b"identity")
BODIES = {
    "unknown groups, 60 000 deep": NAME + b"\xf3\x06" * 60_000,
    "known fields nested 2 000 deep": NAME + field(5, nested(2_000)),
    "parameters nested 5 000 deep": NAME + field(4, field(1, b"k") + field(2, nested(5_000))),
    "2 million empty inputs": NAME + field(5, b"") * 2_000_000,
    "1 million empty parameters": NAME + field(4, b"") * 1_000_000,
    "2 million unknown varints": NAME + b"\xf8\x06\x01" * 1_300_000,
    "1 million empty contents": NAME + field(7, b"") * 2_000_000,
    "4 MB of shape": NAME + field(5, field(1, b"x") + field(2, b"U8") + field(3, b"\x01" * 4_000_000)),
    "a length beyond the end": NAME + b"\x2a\xff\xff\xff\xff\x07",
    "a varint without end": NAME + b"\x2a" + b"\xff" * 100,
}


@pytest.mark.parametrize("name", BODIES)
def test_message_that_unfolds(plain, name):
    """The call fails; its connection and everybody else's go on."""
    flood = message(BODIES[name])

    def attack():
        wire = plain.wire().open().keep_answers()
        wire.send(headers(1, request_block()) + data(1, flood, end=True))
        assert wire.wait(lambda: any(key == "grpc-status" for key, _ in wire.answers[1]), 30), wire.frames
        status = dict(wire.answers[1])["grpc-status"]
        wire.close()
        assert status in ("3", "8", "13", "5"), wire.answers[1]
        return wire.ending(5)
    plain.endure(f"{name} ({len(flood) / 1000:.0f} KB)", attack, error="left", within=40, growth=160 * MIB,
                 defence="depth 100; arena of 8 × the message + 64 KiB")
