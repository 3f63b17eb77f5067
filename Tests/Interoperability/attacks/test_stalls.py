"""Peers that stop: what they hold is taken back after `connections.stall_timeout`, two seconds here."""

import time

import pytest

from attack import MIB, Attacked, Ending
from frames import CANCEL, INFER, Compressor, data, headers, infer_body, message, window_update

STREAMS = 256
DEFENCE = "`connections.stall_timeout`, 2 s here"


@pytest.fixture(scope="module")
def impatient(tmp_path_factory, certificates):
    attacked = Attacked(tmp_path_factory.mktemp("impatient"), certificates, is_plaintext=True,
                        connections="{stall_timeout: 2s}")
    yield attacked
    attacked.stop()


def calls(body, end):
    compressor = Compressor(INFER)
    return b"".join(headers(2 * index + 1, compressor.block(index)) + data(2 * index + 1, body, end=end)
                    for index in range(STREAMS))


def test_zero_window_is_reset(impatient):
    flood = calls(message(infer_body("identity", 8_000)), end=True)

    def attack():
        wire = impatient.wire().open((4, 0))
        wire.send(flood)
        assert wire.wait(lambda: wire.resets[CANCEL] == STREAMS, 15), wire.resets
        wire.close()
        return wire.ending(5)
    impatient.endure("zero window: 256 answers that nobody takes are reset with CANCEL", attack, error="left", within=15,
                     growth=32 * MIB, seconds=0.1, defence=DEFENCE)


def test_reader_that_never_reads_is_closed(impatient):
    """More than the kernel's buffers take; a frame now and then shows whether the connection is still there."""
    flood = calls(message(infer_body("identity", 64 << 10)), end=True)

    def attack():
        wire = impatient.wire(reads=False, receive_buffer=4096).open((4, 0x7fff_ffff))
        wire.send(window_update(0, 0x7fff_0000) + flood)
        while wire.send(window_update(0, 1)) and time.monotonic() < wire.began + 20:
            time.sleep(0.05)
        ending = Ending(time.monotonic() - wire.began, None, b"", None, not wire.send(window_update(0, 1)))
        wire.close()
        return ending
    impatient.endure("reader that never reads, 16 MiB of answers", attack, error="closed", within=15, growth=64 * MIB,
                     seconds=0.1, defence=DEFENCE)


def test_requests_that_stop_end(impatient):
    flood = calls(message(bytes(60))[:20], end=False)

    def attack():
        wire = impatient.wire().open().keep_answers()
        wire.send(flood)
        ended = lambda: sum(("grpc-status", "4") in fields for fields in list(wire.answers.values()))  # noqa: E731
        assert wire.wait(lambda: ended() == STREAMS, 15), ended()
        wire.close()
        return wire.ending(5)
    impatient.endure("slow POST that stops: 256 calls end with DEADLINE_EXCEEDED", attack, error="left", within=15,
                     growth=24 * MIB, seconds=0.1, defence=DEFENCE)
