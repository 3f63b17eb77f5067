"""Compressed messages that unfold to a thousand times their size, and more of them than a connection may hold."""

import gzip
import struct
import zlib

import pytest

from attack import MIB, attacked, plain, secure, server_under_attack  # noqa: F401 (fixtures)
from frames import INFER, Compressor, data, headers, infer_body, request_block

DEFENCE = "`limits.message_size`, counted while it unfolds, a slice a turn"
ENCODERS = {"gzip": lambda body: gzip.compress(body, 9), "deflate": lambda body: zlib.compress(body, 9)}


def compressed(encoding, body):
    packed = ENCODERS[encoding](body)
    return struct.pack(">BI", 1, len(packed)) + packed


def unfold(attacked, encoding):
    bomb = compressed(encoding, bytes(1 << 28))
    block = request_block(INFER, (b"grpc-encoding", encoding.encode()))

    def attack():
        wire = attacked.wire().open().keep_answers()
        wire.send(headers(1, block) + data(1, bomb, end=True))
        assert wire.wait(lambda: dict(wire.answers[1]).get("grpc-status"), 20), wire.frames
        assert dict(wire.answers[1])["grpc-status"] == "8", wire.answers[1]
        wire.close()
        return wire.ending(5)
    return bomb, attack


@pytest.mark.parametrize("encoding", ENCODERS)
def test_zip_bomb(tmp_path, certificates, encoding):
    """A quarter of a megabyte that stands for 256 MiB: it is unfolded up to the limit of a message, and no further."""
    with server_under_attack(tmp_path, certificates, is_plaintext=True, limits="{message_size: 4MiB}") as attacked:
        bomb, attack = unfold(attacked, encoding)
        attacked.endure(f"zip bomb ({encoding}): {len(bomb) / 1000:.0f} KB for 256 MiB, messages of 4 MiB", attack,
                        error="left", within=20, growth=16 * MIB, defence=DEFENCE)


def test_zip_bomb_at_the_default_limit(plain):
    bomb, attack = unfold(plain, "gzip")
    plain.endure(f"zip bomb (gzip): {len(bomb) / 1000:.0f} KB for 256 MiB, messages of 64 MiB", attack, error="left",
                 within=20, growth=96 * MIB, defence=DEFENCE)


def test_many_small_zip_bombs(tmp_path, certificates):
    """64 calls of 8 MiB each, packed: below the limit of a message, but together beyond what a connection may hold."""
    bomb = compressed("gzip", infer_body("delay", 8 * MIB - 1000))
    compressor = Compressor(INFER, (b"grpc-encoding", b"gzip"))
    limits = "{message_size: 8MiB, held_per_connection: 16MiB}"
    with server_under_attack(tmp_path, certificates, is_plaintext=True, limits=limits) as attacked:
        def attack():
            wire = attacked.wire().open((4, 0)).keep_answers()
            for index in range(64):
                wire.send(headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, bomb, end=True))
            assert wire.wait(lambda: refusal_count(wire) >= 56, 30), refusal_count(wire)
            wire.close()
            return wire.ending(5)
        # Eight calls are let in, each with a request and an answer of 8 MiB, which makes 128, and one more unfolds. All
        # of them together would be a gigabyte.
        attacked.endure("64 zip bombs of 8 MiB at once", attack, error="left", within=30, growth=192 * MIB,
                        seconds=0.1, defence="`limits.held_per_connection`, counted while they unfold, in turns")


def refusal_count(wire):
    return sum(("grpc-status", "8") in fields for fields in list(wire.answers.values()))
