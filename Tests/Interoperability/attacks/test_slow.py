"""Peers that take their time: windows that never open, bytes that never come, streams that never end."""

import struct
import time

import pytest

from attack import MIB, Ending, attacked, plain, secure, server_under_attack  # noqa: F401 (fixtures)
from frames import (DATA, END_STREAM, HEADERS, INFER, LIVE, PREFACE, RST_STREAM, SETTINGS_ACK, Compressor, data, frame,
                    headers, infer_body, message, request_block, reset, settings, window_update)

STREAMS = 256
HOLD_SECONDS = 2.0
BUDGET = "128 MiB of requests and as much of answers a connection"


def held(attack_wire):
    """Keeps a connection as it is for a while, and then lets go of it."""
    time.sleep(HOLD_SECONDS)
    attack_wire.close()
    return attack_wire.ending(5)


def infer_calls(count, body, compressor=None):
    compressor = compressor or Compressor(INFER)
    return b"".join(headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, body, end=True)
                    for index in range(count))


def test_zero_window(attacked):
    """Hundreds of streams ask for an answer, and none of them ever gets a window."""
    flood = infer_calls(STREAMS, message(infer_body("identity", 8_000)))

    def attack():
        wire = attacked.wire().open((4, 0))
        wire.send(flood)
        return held(wire)
    attacked.endure("zero window: 256 answers of 8 KB", attack, error="left",
                    within=HOLD_SECONDS + 15, growth=32 * MIB, defence=BUDGET)


def test_zero_window_and_large_answers(plain):
    """256 answers of a megabyte: what a connection holds is limited, whatever its streams ask for."""
    body = message(infer_body("identity", MIB))
    compressor = Compressor(INFER)

    def attack():
        wire = plain.wire().open((4, 0))
        for index in range(STREAMS):
            call = headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, body, end=True)
            if not wire.send(call):
                break
        return held(wire)
    plain.endure("zero window: 256 answers of 1 MiB", attack, error="left",
                 within=30, growth=160 * MIB, defence=BUDGET)


def test_window_dribble(plain):
    """One byte of window at a time, on every stream."""
    flood = infer_calls(100, message(infer_body("identity", 8_000)))
    dribble = b"".join(window_update(2 * index + 1, 1) for index in range(100))

    def attack():
        wire = plain.wire().open((4, 0))
        wire.send(flood)
        return wire.flood(dribble * 10, 20)
    plain.endure("window dribble, a byte a frame", attack, error="ENHANCE_YOUR_CALM", within=20, growth=32 * MIB,
                 defence="small WINDOW_UPDATEs are useless frames")


def test_unread_answers_stay_in_the_streams(attacked):
    """Windows as large as can be, but the socket is never read."""
    body = message(infer_body("identity", 256 << 10))
    compressor = Compressor(INFER)

    def attack():
        wire = attacked.wire(reads=False, receive_buffer=4096).open((4, 0x7fff_ffff))
        wire.send(window_update(0, 0x7fff_0000))
        wire.socket.settimeout(3)
        for index in range(STREAMS):
            call = headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, body, end=True)
            if not wire.send(call):
                break
        return held(wire)
    attacked.endure("reader that never reads: 256 answers of 256 KiB", attack, error="left",
                    within=30, growth=160 * MIB, defence=BUDGET)


def test_large_messages_that_are_only_announced(attacked):
    """Each stream announces 64 MiB and sends nothing of it, or a little."""
    compressor = Compressor(INFER)
    announcement = struct.pack(">BI", 0, (64 << 20) - 1)

    def attack(little=b""):
        wire = attacked.wire().open()
        wire.send(b"".join(headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, announcement + little)
                           for index in range(STREAMS)))
        return held(wire)
    attacked.endure("256 × 64 MiB announced, nothing sent", attack, error="left", within=HOLD_SECONDS + 15,
                    growth=32 * MIB, seconds=0.1, defence="memory follows the bytes that come")
    attacked.endure("256 × 64 MiB announced, 1 KB sent", lambda: attack(bytes(1000)), error="left",
                    within=HOLD_SECONDS + 15, growth=32 * MIB, seconds=0.1, defence="memory follows the bytes that come")


def test_requests_that_almost_arrive(tmp_path, certificates):
    """256 streams send half a megabyte each of messages that never end: 128 MiB, where a connection may hold 16."""
    compressor = Compressor(INFER)
    piece = bytes(16_384)
    limits = "{message_size: 8MiB, held_per_connection: 16MiB}"
    with server_under_attack(tmp_path, certificates, is_plaintext=True, limits=limits) as attacked:
        def attack():
            wire = attacked.wire().open().keep_answers()
            announcement = struct.pack(">BI", 0, (8 << 20) - 1)
            wire.send(b"".join(headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, announcement)
                               for index in range(STREAMS)))
            for turn in range(32):
                refused = {stream for stream, fields in list(wire.answers.items()) if ("grpc-status", "8") in fields}
                wire.send(b"".join(data(stream, piece) for stream in range(1, 2 * STREAMS, 2) if stream not in refused)
                          + settings())
                # The acknowledgement of SETTINGS says that all of this has been read, so no window is overrun.
                assert wire.wait(lambda: wire.frames[4] >= turn + 3), wire.frames
            refused = [fields for fields in wire.answers.values() if ("grpc-status", "8") in fields]
            assert len(refused) >= STREAMS * 3 // 4, (len(refused), wire.resets)
            wire.close()
            return wire.ending(5)
        attacked.endure("256 messages of 8 MiB that never end", attack, error="left", within=30, growth=64 * MIB,
                        seconds=0.1, defence="`limits.held_per_connection`, 16 MiB here")


def test_slow_post(attacked):
    """A byte a second on hundreds of streams: allowed, as an idle stream is, but it costs next to nothing."""
    compressor = Compressor(INFER)

    def attack():
        wire = attacked.wire().open()
        wire.send(b"".join(headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, message(bytes(60))[:5])
                           for index in range(STREAMS)))
        for _ in range(3):
            time.sleep(1)
            wire.send(b"".join(data(2 * index + 1, b"x") for index in range(STREAMS)))
        wire.close()
        return wire.ending(5)
    attacked.endure("slow POST on 256 streams", attack, error="left", within=20, growth=24 * MIB, seconds=0.1,
                    defence="256 streams, a few KB each")


def test_slow_handshakes(secure):
    """Fifty of each: nothing sent, half a ClientHello, TLS without a preface, a preface without SETTINGS."""
    def attack():
        began = time.monotonic()
        wires = [secure.raw() for _ in range(50)]
        for wire in [secure.raw() for _ in range(50)]:
            wire.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(20))
            wires.append(wire)
        wires += [secure.wire() for _ in range(50)]
        for wire in [secure.wire() for _ in range(50)]:
            wire.send(PREFACE)
            wires.append(wire)
        endings = [wire.ending(max(0.1, 25 - (time.monotonic() - began))) for wire in wires]
        assert {ending.error for ending in endings} == {"closed"}, endings
        for wire in wires:
            wire.close()
        return max(endings, key=lambda ending: ending.seconds)
    secure.endure("slow loris in the handshake, 200 connections", attack, error="closed", within=20, growth=64 * MIB,
                  seconds=0.1, defence="10 s for TLS, preface and SETTINGS")


def test_streams_that_are_never_closed(plain):
    """Calls that are answered early, whose request never ends: RST_STREAM(NO_ERROR) frees their streams."""
    compressor = Compressor(b"/nobody/knows")

    def attack():
        wire = plain.wire().open()
        for index in range(2000):
            wire.send(headers(2 * index + 1, compressor.block(index)))
            # Not more than the server lets in at once.
            assert wire.wait(lambda: wire.resets[0] > index - 100), wire.resets
        assert wire.wait(lambda: wire.resets[0] == 2000), wire.resets
        assert set(wire.resets) == {0}, wire.resets
        wire.close()
        return wire.ending(5)
    plain.endure("2000 calls answered early, never half-closed", attack, error="left", within=30, growth=16 * MIB,
                 defence="RST_STREAM(NO_ERROR) behind the trailers")


def test_half_closed_streams_end_with_their_connection(plain):
    """Connections that go away in the middle of 256 calls leave nothing behind."""
    flood = infer_calls(STREAMS, message(infer_body("delay")))[:-1]

    def attack():
        wire = plain.wire().open()
        wire.send(flood)
        wire.close()
        return wire.ending(5)
    plain.endure("connections dropped in the middle of 256 calls", attack, error="left", within=10, growth=32 * MIB,
                 defence="the end of a connection cancels its calls")
