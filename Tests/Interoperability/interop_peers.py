"""Starts `apus-interop`, the server and the client of the official interoperability tests, and those of other makers.

All of them are programs that print `listening on HOST:PORT`, or take the flags of the official clients.
"""

import os
import pathlib
import re
import select
import signal
import subprocess
import sys
import time

import interop_matrix as matrix

ROOT = pathlib.Path(__file__).resolve().parents[2]
INTEROP = pathlib.Path(os.environ.get("APUS_INTEROP_BINARY", ROOT / ".build/debug/apus-interop"))
# One of the names in the certificate that `apus-interop` makes for itself.
SERVER_NAME = "foo.test.google.fr"
# A hang fails the test instead of the run.
TIMEOUT = 120


class Peer:
    """A server process that prints where it listens."""

    def __init__(self, command, certificates, **options):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdout=subprocess.PIPE,
            env={**os.environ, "APUS_INTEROP_CERTIFICATES": str(certificates)}, **options)
        output = ""
        deadline = time.monotonic() + TIMEOUT
        while not (match := re.search(r"listening on (\S+):(\d+)\n", output)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                self.process.kill()
                raise AssertionError(f"{command}: no address was printed: {output!r}")
            output += chunk.decode()
        self.port = int(match.group(2))
        self.target = f"127.0.0.1:{self.port}"

    def stop(self):
        """Ends the process as a person would, and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def our_server(certificates, secure, *flags):
    return Peer([INTEROP, "server", "--port=0", f"--use_tls={str(secure).lower()}", *flags], certificates)


def python_server(kind, certificates, secure):
    """A server of grpcio: `sync` or `asyncio`."""
    return Peer([sys.executable, ROOT / "Tests/Interoperability/peer_server.py", kind, str(secure).lower()],
                certificates)


def client_flags(port, secure, cases):
    flags = ["--server_host=127.0.0.1", f"--server_port={port}", f"--test_case={cases}"]
    if secure:
        flags += ["--use_tls=true", "--use_test_ca=true", f"--server_host_override={SERVER_NAME}"]
    return flags


def run_client(program, port, certificates, secure, cases, environment=None):
    """Runs a client to its end, which must be 0, and returns the names of the cases it passed."""
    cases = cases if isinstance(cases, str) else ",".join(cases)
    result = subprocess.run(
        [str(word) for word in [*program, *client_flags(port, secure, cases)]], capture_output=True, text=True,
        timeout=TIMEOUT,
        env={**os.environ, "APUS_INTEROP_CERTIFICATES": str(certificates), **(environment or {})})
    assert result.returncode == 0, f"{cases}: {result.stdout}{result.stderr}"
    return re.findall(r"^passed: (\S+)$", result.stdout, re.MULTILINE)


def run_our_client(port, certificates, secure, cases, *flags):
    return run_client([INTEROP, "client", *flags], port, certificates, secure, cases)


def run_judge_as_in_the_matrix(judge, program, certificates, secure):
    """Runs the judge's client through all cases that it has, against our server."""
    server = our_server(certificates, secure)
    try:
        cases = matrix.cases(judge, "calls us")
        passed = run_client([program, "client"], server.port, certificates, secure, cases)
        assert sorted(passed) == sorted(cases)
    finally:
        assert server.stop() == 0


def judge_server(program, certificates, secure):
    return Peer([program, "server", "--port=0", f"--use_tls={str(secure).lower()}"], certificates)


def run_our_client_as_in_the_matrix(judge, port, certificates, secure):
    """Runs our client through all cases that the judge's server can take."""
    flags = [] if matrix.sees_compression(judge) else ["--compression_probe=false"]
    cases = matrix.cases(judge, "is called")
    assert run_our_client(port, certificates, secure, cases, *flags) == cases
