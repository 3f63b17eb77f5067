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


def shape(count):
    return field(5, field(1, b"x") + field(2, b"UINT8") + field(3, b"\x01" * count))


INVALID_ARGUMENT, INTERNAL = "3", "13"
NAME = field(1, b"identity")
# What stands for the message, how often it is repeated, and how the call ends.
BODIES = {
    "unknown groups, 60 000 deep": (b"\xf3\x06", 60_000, INTERNAL),
    "known fields nested 2 000 deep": (field(5, nested(2_000)), 1, INTERNAL),
    "parameters nested 5 000 deep": (field(4, field(1, b"k") + field(2, nested(5_000))), 1, INTERNAL),
    "2 million empty inputs": (field(5, b""), 2_000_000, INTERNAL),
    "30 million empty inputs": (field(5, b""), 30_000_000, INTERNAL),
    "1 million empty parameters": (field(4, b""), 1_000_000, INTERNAL),
    "1 million unknown varints": (b"\xf8\x06\x01", 1_300_000, INTERNAL),
    "20 million unknown varints": (b"\xf8\x06\x01", 20_000_000, INTERNAL),
    "2 million empty contents": (field(7, b""), 2_000_000, INTERNAL),
    "4 MB of shape": (shape(4_000_000), 1, INVALID_ARGUMENT),
    "60 MB of shape": (shape(60_000_000), 1, INTERNAL),
    "a length beyond the end": (b"\x2a\xff\xff\xff\xff\x07", 1, INTERNAL),
    "a varint without end": (b"\x2a" + b"\xff" * 100, 1, INTERNAL),
}


@pytest.mark.parametrize("name", BODIES)
def test_message_that_unfolds(plain, name):
    """The call fails; its connection and everybody else's go on."""
    unit, count, expected = BODIES[name]
    flood = message(NAME + unit * count)

    def attack():
        wire = plain.wire().open().keep_answers()
        wire.send(headers(1, request_block()) + data(1, flood, end=True))
        assert wire.wait(lambda: any(key == "grpc-status" for key, _ in wire.answers[1]), 30), wire.frames
        status = dict(wire.answers[1])["grpc-status"]
        wire.close()
        assert status == expected, wire.answers[1]
        return wire.ending(5)
    plain.endure(f"{name} ({len(flood) / 1000:.0f} KB)", attack, error="left", within=20, growth=160 * MIB,
                 defence="depth 100; an arena of 8 × the message, at most 32 MiB more than it")
