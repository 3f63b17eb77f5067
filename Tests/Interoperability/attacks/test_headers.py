"""Header blocks: CONTINUATION flood (CVE-2024-28182), HPACK bombs, lists that are too long."""

from attack import MIB, attacked, plain, secure  # noqa: F401 (fixtures)
from frames import (CONTINUATION, END_HEADERS, LIVE, RST_STREAM, frame, headers, integer, literal, request_block)


def test_continuation_flood_without_end(attacked):
    begin = headers(1, request_block(), flags=0)
    piece = frame(CONTINUATION, 0, 1, literal(b"x", b"y" * 1000)) * 50
    attacked.endure("CONTINUATION without END_HEADERS",
                    lambda: attacked.wire().open().flood(lambda index: begin if index == 0 else piece, 10),
                    error="ENHANCE_YOUR_CALM", within=10, growth=16 * MIB, defence="16 CONTINUATIONs a block")


def test_continuation_flood_of_empty_frames(plain):
    begin = headers(1, request_block(), flags=0)
    piece = frame(CONTINUATION, 0, 1) * 5000
    plain.endure("empty CONTINUATIONs", lambda: plain.wire().open().flood(
        lambda index: begin if index == 0 else piece, 10),
        error="ENHANCE_YOUR_CALM", within=10, growth=16 * MIB, defence="16 CONTINUATIONs a block")


def test_continuation_flood_with_end(plain):
    """Each block ends, with one CONTINUATION more than a block may have."""
    def chunk(index):
        stream = 2 * index + 1
        return (headers(stream, request_block(), flags=0) + frame(CONTINUATION, 0, stream, literal(b"x", b"y")) * 16
                + frame(CONTINUATION, END_HEADERS, stream))
    plain.endure("17 CONTINUATIONs, then END_HEADERS", lambda: plain.wire().open().flood(chunk, 10),
                 error="ENHANCE_YOUR_CALM", within=10, growth=16 * MIB, defence="16 CONTINUATIONs a block")


def bomb(reference_count):
    """One field of 4000 bytes into the dynamic table, and as many references to it, each of one byte."""
    entry = b"\x40" + integer(1, 7) + b"x" + integer(4000, 7) + b"a" * 4000
    block = request_block() + entry + b"\xbe" * reference_count
    pieces = [block[start:start + 16_384] for start in range(0, len(block), 16_384)]
    frames = [headers(1, pieces[0], flags=END_HEADERS if len(pieces) == 1 else 0)]
    for index, piece in enumerate(pieces[1:]):
        frames.append(frame(CONTINUATION, END_HEADERS if index == len(pieces) - 2 else 0, 1, piece))
    return b"".join(frames)


def test_hpack_bomb(attacked):
    """240 KB that stand for a gigabyte."""
    flood = bomb(240_000)
    attacked.endure("HPACK bomb", lambda: attacked.wire().open().flood(flood, 10), error="ENHANCE_YOUR_CALM",
                    within=10, growth=16 * MIB, defence="8 × 16 KiB of header list")


def test_header_list_far_too_long(plain):
    flood = headers(1, request_block() + literal(b"x", b"y" * 14_000) * 1, flags=0) + b"".join(
        frame(CONTINUATION, END_HEADERS if index == 9 else 0, 1, literal(b"x", b"y" * 14_000)) for index in range(10))
    plain.endure("header list of 150 KB", lambda: plain.wire().open().flood(flood, 10), error="ENHANCE_YOUR_CALM",
                 within=10, growth=16 * MIB, defence="8 × 16 KiB of header list")


def test_header_lists_just_too_long_fail_their_calls_only(plain):
    """500 calls with a list of 20 KB: each is refused, the connection goes on."""
    block = request_block(LIVE) + literal(b"x", b"y" * 10_000) * 2
    first, second = block[:16_000], block[16_000:]

    def attack():
        wire = plain.wire().open()
        for stream in range(1, 1001, 2):
            wire.send(headers(stream, first, end=True, flags=0) + frame(CONTINUATION, END_HEADERS, stream, second))
        assert wire.wait(lambda: wire.frames[1] + wire.frames[RST_STREAM] >= 500), wire.frames
        wire.close()
        return wire.ending(5)
    plain.endure("500 header lists of 20 KB", attack, error="left", within=20, growth=16 * MIB,
                 defence="16 KiB of header list, then RESOURCE_EXHAUSTED")


def test_broken_compression(plain):
    flood = headers(1, b"\xff" * 1000)
    plain.endure("HPACK that means nothing", lambda: plain.wire().open().flood(flood, 10),
                 error="COMPRESSION_ERROR", within=10, growth=16 * MIB, defence="an error of the connection")
