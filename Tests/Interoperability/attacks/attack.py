"""What every attack needs: a wire without manners, a server to attack, and the three things that must hold.

A test says how one attacker behaves; `Attacked.endure` repeats it on new connections for a while, as attackers do,
while a polite client calls `identity` from a process of its own. Afterwards it asserts
(a) that the server's memory grew by no more than a stated bound,
(b) that the polite client's calls all succeeded, each within its deadline; and with `--attack-latency`, that their p99
stayed within a stated factor of its undisturbed value,
(c) that each attacker's connection ended with the stated error within a stated time; "left" says that it was the
attacker who closed it, after the test has seen its calls end as they should.

`make test` asserts no latency, as its machine may be doing anything else. `make attacks` does (`--attack-latency`),
attacks for longer (`--attack-seconds`) and writes the table of Security.md (`--attack-table`).
"""

import collections
import contextlib
import dataclasses
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import hpack
import pytest

import conftest
from conftest import Server, write_configuration
from frames import ERROR_NAMES, GOAWAY, HEADERS, PREFACE, RST_STREAM, SETTINGS_ACK, settings

# What the p99 of others may be during an attack: so many times what it was before, and in any case this, which is less
# than anybody notices: the p99 of a quiet server is a millisecond or two, where a single preemption makes ten of one.
P99_FACTOR = 10
P99_FLOOR_SECONDS = 0.1
POLITE_RATE = 50
BASELINE_SECONDS = 1.5
MIB = 1 << 20


@dataclasses.dataclass
class Ending:
    """How an attacker's connection ended; `seconds` is from the attacker's first byte on.

    `has_left`: the attacker closed it, because the server only ends the calls of such attacks.
    """
    seconds: float
    goaway: int | None
    debug: bytes
    resets: collections.Counter
    is_closed: bool
    has_left: bool = False

    @property
    def error(self):
        if self.goaway is not None:
            return ERROR_NAMES.get(self.goaway, str(self.goaway))
        if self.has_left:
            return "left"
        return "closed" if self.is_closed else "open"


class Wire:
    """An attacker's connection: sends any bytes, and reads on a thread of its own unless told not to."""

    def __init__(self, address, context=None, reads=True, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = time.monotonic()
        self.frames = collections.Counter()
        self.resets = collections.Counter()
        self.goaway, self.goaway_debug = None, b""
        self.ended = None
        self.has_left = False
        self.received = bytearray()
        self.decoder = None
        self.answers = collections.defaultdict(list)
        self.tls = None
        self.reader = None
        if context:
            self._handshake(context)
        if reads:
            self.start_reading()

    def _handshake(self, context):
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self.lock = threading.Lock()
        while True:
            try:
                self.tls.do_handshake()
                self.socket.sendall(self.outgoing.read())
                return
            except ssl.SSLWantReadError:
                self.socket.sendall(self.outgoing.read())
                self.incoming.write(self.socket.recv(65536))

    def encrypt(self, data):
        """What goes onto the wire for `data`; to be sent in the order of the calls."""
        if not self.tls:
            return data
        with self.lock:
            for start in range(0, len(data), 1 << 20):
                self.tls.write(data[start:start + (1 << 20)])
            return self.outgoing.read()

    def send(self, data):
        """Sends all of `data`; false when the server has closed the connection."""
        return self.send_raw(self.encrypt(data))

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def open(self, *pairs, acknowledges=True):
        """The preface, and SETTINGS with these pairs."""
        self.send(PREFACE + settings(*pairs) + (SETTINGS_ACK if acknowledges else b""))
        return self

    def keep_answers(self):
        """Decodes response headers and trailers into `answers`, by stream."""
        self.decoder = hpack.Decoder()
        return self

    def wait(self, condition, timeout=20):
        """Waits until `condition` holds for what was received; false when it does not come to that."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline or self.ended:
                return condition()
            time.sleep(0.002)
        return True

    def start_reading(self):
        if not self.reader:
            self.reader = threading.Thread(target=self._read, daemon=True)
            self.reader.start()

    def _read(self):
        while True:
            try:
                data = self.socket.recv(1 << 18)
            except TimeoutError:
                continue
            except OSError:
                data = b""
            if not data or (data := self._decrypt(data)) is None:
                self.ended = self.ended or time.monotonic()
                return
            self.received += data
            self._take_frames()

    def _decrypt(self, data):
        """Nil when the server has closed TLS or sent an alert."""
        if not self.tls:
            return data
        with self.lock:
            self.incoming.write(data)
            plaintext = b""
            while True:
                try:
                    piece = self.tls.read(1 << 18)
                    if not piece:
                        return plaintext or None
                    plaintext += piece
                except ssl.SSLWantReadError:
                    return plaintext
                except ssl.SSLError:
                    return plaintext or None

    def _take_frames(self):
        while len(self.received) >= 9:
            length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + self.received[:9])
            if len(self.received) < 9 + length:
                return
            payload = bytes(self.received[9:9 + length])
            del self.received[:9 + length]
            self.frames[kind] += 1
            if kind == GOAWAY:
                self.goaway, self.goaway_debug = struct.unpack(">I", payload[4:8])[0], payload[8:]
                self.ended = self.ended or time.monotonic()
            if kind == RST_STREAM:
                self.resets[struct.unpack(">I", payload)[0]] += 1
            if kind == HEADERS and self.decoder:
                self.answers[stream] += self.decoder.decode(payload)

    def flood(self, chunk, seconds, piece=1 << 16):
        """Sends `chunk`, or what it gives for 0, 1, 2 …, until the server has closed the connection; the ending."""
        deadline, index = self.began + seconds, 0
        while time.monotonic() < deadline and not self.ended:
            data = self.encrypt(chunk(index) if callable(chunk) else chunk)
            index += 1
            for start in range(0, len(data), piece):
                if not self.send_raw(data[start:start + piece]):
                    deadline = 0
                    break
                if self.ended or time.monotonic() > deadline:
                    break
        ending = self.ending(max(2, deadline - time.monotonic()))
        self.close()
        return ending

    def ending(self, timeout):
        """Waits until the server has closed the connection, at most so long."""
        self.start_reading()
        self.reader.join(timeout)
        is_closed = not self.reader.is_alive()
        ended = self.ended if self.ended else time.monotonic()
        return Ending(ended - self.began, self.goaway, self.goaway_debug, self.resets, is_closed, self.has_left)

    def close(self):
        self.has_left = not self.ended
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Polite:
    """The polite client's process, and what it has measured."""

    def __init__(self, target, folder):
        script = pathlib.Path(__file__).with_name("polite.py")
        self.process = subprocess.Popen([sys.executable, str(script), target, str(POLITE_RATE), str(folder)],
                                        stdout=subprocess.PIPE, text=True)
        self.calls = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            begin, seconds, code = line.split()
            self.calls.append((float(begin), float(seconds), code))

    def between(self, begin, end):
        """The calls that should have begun in that time, once all of them have ended."""
        deadline = time.monotonic() + 30
        while not (self.calls and self.calls[-1][0] > end):
            assert time.monotonic() < deadline and self.process.poll() is None, "the polite client got stuck"
            time.sleep(0.005)
        return [call for call in self.calls if begin <= call[0] <= end]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


class Memory:
    """Samples the resident memory of a process until it is stopped."""

    def __init__(self, server):
        self.server, self.peak, self.isDone = server, server.resident_bytes(), threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()

    def _sample(self):
        while not self.isDone.wait(0.01):
            with contextlib.suppress(OSError, IndexError):
                self.peak = max(self.peak, self.server.resident_bytes())

    def stop(self):
        self.isDone.set()
        self.thread.join()
        return self.peak


def record(*cells):
    """A row of the table of attacks."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].rsplit(" (", 1)[0]
    line = f"| {' | '.join(map(str, cells))} | `{test}` |"
    print(line)
    if conftest.options.attack_table:
        with open(conftest.options.attack_table, "a") as file:
            file.write(line + "\n")


class Attacked:
    """A server, a polite client that calls it all the time, and what that client sees when nobody attacks."""

    def __init__(self, directory, certificates, is_plaintext=False, environment=None, **extra):
        directory.mkdir(parents=True, exist_ok=True)
        extra = {"log_level": "notice", **extra}
        if is_plaintext:
            extra["plaintext"] = "true"
        self.folder = certificates / "main"
        self.server = Server(write_configuration(directory, certificates, **extra), directory)
        host, port = self.server.target.split(":")
        self.address = ("127.0.0.1", int(port))
        self.is_plaintext = is_plaintext
        self.context = None if is_plaintext else self.client_context()
        self.polite = Polite(self.server.target, "-" if is_plaintext else self.folder)
        self.baseline = self._measure_baseline()

    def client_context(self, protocols=("h2",)):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.load_cert_chain(str(self.folder / "client.pem"), str(self.folder / "client.key"))
        context.set_alpn_protocols(list(protocols))
        return context

    def _measure_baseline(self):
        begin = self.polite.between(0, 0.001) or time.monotonic()
        begin = time.monotonic()
        time.sleep(BASELINE_SECONDS)
        return percentile([call[1] for call in self.polite.between(begin, begin + BASELINE_SECONDS)], 0.99)

    def wire(self, **options):
        return Wire(self.address, self.context, **options)

    def raw(self, **options):
        """A connection without TLS, whatever the server speaks."""
        return Wire(self.address, None, **options)

    def endure(self, row, attack, *, error, within, growth, seconds=None, defence=""):
        """Attacks again and again, and asserts the three things; returns the endings.

        `attack` makes connections of its own and returns an `Ending`; `error` is what each must be, or a set of names.
        """
        errors = {error} if isinstance(error, str) else set(error)
        seconds = conftest.options.attack_seconds if seconds is None else seconds
        before = self.server.resident_bytes()
        memory = Memory(self.server)
        endings = []
        begin = time.monotonic()
        with lower_priority():
            while not endings or time.monotonic() < begin + seconds:
                endings.append(attack())
        end = time.monotonic()
        peak = memory.stop()
        calls = self.polite.between(begin, max(end, begin + 0.5))
        p99 = percentile([call[1] for call in calls], 0.99)
        slowest = max(ending.seconds for ending in endings)
        bound = max(P99_FACTOR * self.baseline, P99_FLOOR_SECONDS)
        self._record(row, defence, endings, growth, before, peak, p99, bound, slowest, within)
        assert self.server.process.poll() is None, f"the server died:\n{self.server.errors()[-4000:]}"
        assert {ending.error for ending in endings} <= errors, [str(ending)[:300] for ending in endings[:3]]
        assert slowest <= within, f"the attacker's connection lasted {slowest:.2f} s, not {within} s"
        assert peak - before <= growth, f"memory grew by {(peak - before) / MIB:.1f} MiB, not {growth / MIB:.0f} MiB"
        failed = collections.Counter(call[2] for call in calls if call[2] != "OK")
        assert not failed, f"calls of the polite client failed: {failed}"
        if not conftest.options.attack_latency:
            return endings
        assert p99 <= bound, f"p99 of the polite client was {p99 * 1e3:.0f} ms, not {bound * 1e3:.0f} ms"
        return endings

    def _record(self, row, defence, endings, growth, before, peak, p99, bound, slowest, within):
        names = "/".join(sorted({ending.error for ending in endings}))
        record(row, defence, f"{names} in {slowest * 1e3:.0f} ms (≤ {within * 1e3:.0f})",
               f"{(peak - before) / MIB:+.1f} MiB (≤ {growth / MIB:.0f})",
               f"{self.baseline * 1e3:.1f} → {p99 * 1e3:.1f} ms (≤ {bound * 1e3:.0f})", len(endings))

    def stop(self):
        self.polite.stop()
        assert self.server.process.poll() is None, f"the server died:\n{self.server.errors()[-4000:]}"
        assert self.server.terminate() == 0, self.server.errors()[-4000:]


@contextlib.contextmanager
def lower_priority():
    """The attacker must not take the core that the polite client needs: its thread gives way."""
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, 10)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, 0)


@pytest.fixture(scope="module")
def plain(tmp_path_factory, certificates):
    """A server in the clear: nothing slows the attacker down."""
    attacked = Attacked(tmp_path_factory.mktemp("plain"), certificates, is_plaintext=True)
    yield attacked
    attacked.stop()


@pytest.fixture(scope="module")
def secure(tmp_path_factory, certificates):
    """A server as it is by default: mutual TLS."""
    attacked = Attacked(tmp_path_factory.mktemp("secure"), certificates)
    yield attacked
    attacked.stop()


@contextlib.contextmanager
def server_under_attack(directory, certificates, **options):
    """A server with limits of its own."""
    attacked = Attacked(directory / "server", certificates, **options)
    try:
        yield attacked
    finally:
        attacked.stop()


@pytest.fixture(params=["plain", "secure"])
def attacked(request):
    """Either."""
    return request.getfixturevalue(request.param)
