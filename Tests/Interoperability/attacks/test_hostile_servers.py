"""Our client in the hands of hostile servers: its memory stays small, and its call ends with a status that says why."""

import gzip
import os
import pathlib
import re
import struct
import subprocess
import time

import pytest

import interop_peers as peers
from attack import MIB, record
from frames import (CONTINUATION, END_HEADERS, GOAWAY, data, frame, headers, integer, literal, message, ping,
                    settings, window_update)
from hostile_server import HostileServer

STATUS_200 = b"\x88"
BLOCK = STATUS_200 + literal(b"content-type", b"application/grpc")
BOMB = gzip.compress(bytes(1 << 28), 9)
WITHIN_SECONDS = 20
# More than a client needs whose call is answered as it should be.
GROWTH = 24 * MIB


def silence(victim):
    """Not even SETTINGS."""
    victim.drain()


def flood_behind_headers(unit):
    def attack(victim):
        stream = victim.await_request()
        victim.send(headers(stream, BLOCK))
        victim.flood(unit(stream))
    return attack


def endless_headers(victim):
    stream = victim.await_request()
    victim.send(headers(stream, BLOCK, flags=0))
    victim.flood(frame(CONTINUATION, 0, stream, literal(b"x", b"y" * 1000)) * 50)


def hpack_bomb(victim):
    stream = victim.await_request()
    entry = b"\x40" + integer(1, 7) + b"x" + integer(4000, 7) + b"a" * 4000
    block = BLOCK + entry + b"\xbe" * 12_000
    victim.send(headers(stream, block, flags=END_HEADERS))


def zip_bomb(victim):
    stream = victim.await_request()
    victim.send(headers(stream, BLOCK + literal(b"grpc-encoding", b"gzip")))
    victim.send(data(stream, struct.pack(">BI", 1, len(BOMB)) + BOMB))
    victim.drain()


def long_message(victim):
    stream = victim.await_request()
    victim.send(headers(stream, BLOCK) + data(stream, struct.pack(">BI", 0, 0xffff_ffff)))
    victim.drain()


def messages_without_end(victim):
    stream = victim.await_request()
    victim.send(headers(stream, BLOCK))
    victim.flood(data(stream, message(bytes(1000))) * 50)


def goaway(victim):
    """Says that it has not touched the call, every time."""
    victim.await_request()
    victim.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0)))


ATTACKS = {
    "silence": (silence, "UNAVAILABLE", "5 s for the preface"),
    "CONTINUATION without END_HEADERS": (endless_headers, "UNAVAILABLE", "16 CONTINUATIONs a block"),
    "HPACK bomb": (hpack_bomb, "UNAVAILABLE", "8 × 16 KiB of header list"),
    "zip bomb": (zip_bomb, "RESOURCE_EXHAUSTED", "the limit of a response, counted while it unfolds"),
    "a message of 4 GiB": (long_message, "RESOURCE_EXHAUSTED", "the limit of a response, by its prefix"),
    "messages without end": (messages_without_end, "INTERNAL", "one message answers a unary call"),
    "flood of PING": (flood_behind_headers(lambda _: ping() * 3000), "UNAVAILABLE", "10 000 useless frames"),
    "flood of SETTINGS": (flood_behind_headers(lambda _: settings((4, 65_535)) * 3000), "UNAVAILABLE",
                          "10 000 useless frames"),
    "flood of small WINDOW_UPDATE": (flood_behind_headers(lambda stream: window_update(stream, 1) * 3000),
                                     "UNAVAILABLE", "10 000 useless frames"),
    "GOAWAY at each call": (goaway, "UNAVAILABLE", "one transparent retry"),
}


def run(port, certificates):
    """A call of our client: what it said, how long it took, and the most memory it had."""
    began = time.monotonic()
    process = subprocess.Popen([str(peers.INTEROP), "client", *peers.client_flags(port, False, "large_unary")],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "APUS_INTEROP_CERTIFICATES": str(certificates)})
    peak = 0
    with process.stdout:
        # A client that does not end by itself ends with the deadline of its call, a minute.
        while process.poll() is None:
            peak = max(peak, resident_peak(process.pid))
            time.sleep(0.005)
        output = process.stdout.read()
    return process.returncode, output, time.monotonic() - began, peak


def resident_peak(pid):
    """The most memory that a process has had; 0 when it has ended."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(match.group(1)) * 1024 if match else 0


@pytest.fixture(scope="module")
def usual_bytes(interop_certificates):
    """The memory of a client whose call is answered as it should be."""
    server = peers.our_server(interop_certificates, False)
    try:
        code, output, _, peak = run(server.port, interop_certificates)
    finally:
        server.stop()
    assert code == 0, output
    return peak


@pytest.mark.parametrize("name", ATTACKS)
def test_server_that_attacks_its_client(name, usual_bytes, interop_certificates):
    attack, status, defence = ATTACKS[name]
    server = HostileServer(attack)
    try:
        code, output, seconds, peak = run(server.port, interop_certificates)
    finally:
        server.close()
    print(output)
    growth = peak - usual_bytes
    record(f"server: {name}", defence, f"{status} in {seconds * 1e3:.0f} ms (≤ {WITHIN_SECONDS * 1000})",
           f"{growth / MIB:+.1f} MiB (≤ {GROWTH / MIB:.0f})", "—", server.connection_count)
    assert code > 0 and re.search(rf"\b{status}\b", output), (code, output)
    assert seconds <= WITHIN_SECONDS, f"the call took {seconds:.1f} s"
    assert growth <= GROWTH, f"memory grew by {growth / MIB:.1f} MiB"
    assert server.connection_count <= 3, "the client came back again and again"
