#!/usr/bin/env python3
"""Loads `apus serve` over mTLS with calls of every kind for a long time, then asserts that nothing of them is left.

    Benchmarks/rpc/soak.py [--minutes 30] [--processes 2] [--callers 24] [--binary .build/release/apus] [--json FILE]

Processes of Python callers mix answers, errors, cancels, deadlines, streams, compressed messages, connections that are
closed and connections that are closed under a call; `apus bench` keeps 64 calls under way beside them and connects anew
every few seconds. Once they have all gone, the server must hold no connection, no stream, no handler and no byte of a
request or an answer, the engine no request and no page of the cache, and the process the descriptors it began with. Its
memory at the end of the load may be MEMORY_GROWTH_MAX of what it was after the first minute, and no more.
"""

import argparse
import collections
import json
import multiprocessing
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import soak_callers
import support

COUNTERS = ("apus_connections_open", "apus_streams_open", "apus_calls_running", "apus_request_bytes_held",
            "apus_response_bytes_queued")
# Of the resident memory after the first minute, and in bytes beside: allocators keep what the busiest moment needed.
MEMORY_GROWTH_MAX, MEMORY_BYTES_MAX = 1.10, 8_000_000
# How long counters may take to fall once the callers are gone: idle connections are seen to be closed at once, the
# metrics are written every second.
SETTLE_SECONDS = 30
BENCH_SECONDS = 7
MODELS = {"delay": ["platform: delay", "delay: 2ms", "max_batch_size: 32", "queue_capacity: 4096"]}


class Soak:
    """The server, those who call it, and what was seen."""

    def __init__(self, folder, arguments):
        self.folder, self.arguments, self.binary = folder, arguments, arguments.binary.resolve()
        self.certificates = support.certificates(folder / "certs", self.binary)
        self.metrics = folder / "server/apus.prom"
        self.answers = collections.Counter()
        self.problems = []
        self.memory = []  # (seconds since the start, bytes)
        self.bench_calls = 0

    def configuration(self):
        shutil.copytree(support.ROOT / "Sources/ApusServer/ExampleModels/storyteller",
                        self.folder / "server/models/storyteller")
        return {"models": MODELS, "metrics_file": self.metrics, "log_level": "warning"}

    def run(self):
        with support.apus(self.folder / "server", self.binary, self.certificates,
                          configuration=self.configuration()) as server:
            self.baseline(server)
            self.put_under_load(server)
            self.check_memory()
            self.check_engine(server)
            self.check_counters(server)
            status = server.stop()
            if status != 0:
                self.problems.append(f"the server ended with status {status}")
        return self.problems

    def baseline(self, server):
        """Descriptors of a server that has served and is idle: some are opened with the first call."""
        support.check_answers(f"localhost:{server.port}", self.certificates)
        self.await_zero()
        self.descriptor_count = server.descriptor_count()

    def put_under_load(self, server):
        spawn = multiprocessing.get_context("spawn")
        reports = spawn.Queue()
        seconds = self.arguments.minutes * 60
        callers = [spawn.Process(target=soak_callers.run, args=(
            number, server.port, self.certificates, seconds, self.arguments.callers, reports))
            for number in range(self.arguments.processes)]
        for process in callers:
            process.start()
        start = time.monotonic()
        try:
            while time.monotonic() - start < seconds:
                self.bench(server, min(BENCH_SECONDS, max(1, seconds - (time.monotonic() - start))))
                self.look(server, time.monotonic() - start)
        finally:
            for process in callers:
                self.collect(process, reports)

    def collect(self, process, reports):
        try:
            answers, problems = reports.get(timeout=120)
        except Exception:
            self.problems.append("a process of callers did not report")
            process.kill()
        else:
            self.answers.update(answers)
            self.problems += problems
        process.join()

    def bench(self, server, seconds):
        report = self.folder / "bench.json"
        done = subprocess.run(
            [self.binary, "bench", "--target", f"localhost:{server.port}", "--certs", self.certificates, "--model",
             "identity", "--shape", "input:1,256", "--concurrency", "64", "--connections", "4", "--warmup", "0s",
             "--duration", f"{seconds:.0f}s", "--json", report], capture_output=True, text=True,
            env=support.environment())
        if done.returncode != 0:
            self.problems.append(f"apus bench: {(done.stdout + done.stderr)[-400:]}")
            time.sleep(1)
            return
        counts = json.loads(report.read_text())["counts"]
        self.bench_calls += counts["answered"]
        if counts["failed"]:
            self.problems.append(f"apus bench: {counts['failed']} calls failed")

    def look(self, server, seconds):
        self.memory.append((seconds, server.resident_bytes()))
        now = self.read_counters()
        print(f"{seconds:6.0f} s  {self.memory[-1][1] / 1e6:6.1f} MB  {server.descriptor_count():4} descriptors  "
              + "  ".join(f"{name.removeprefix('apus_')} {now.get(name, 0):,}" for name in COUNTERS), flush=True)

    # Afterwards

    def check_memory(self):
        """The last looks against those after the first minute, or the first quarter of a shorter run."""
        seconds = self.arguments.minutes * 60
        first = [size for at, size in self.memory if at >= min(60, seconds / 4)][:3]
        last = [size for _, size in self.memory][-3:]
        if not first:
            self.problems.append("too short to compare memory")
            return
        self.first_memory, self.last_memory = statistics.median(first), statistics.median(last)
        if self.last_memory > self.first_memory * MEMORY_GROWTH_MAX + MEMORY_BYTES_MAX:
            self.problems.append(
                f"memory grew from {self.first_memory / 1e6:.1f} MB to {self.last_memory / 1e6:.1f} MB")

    def check_engine(self, server):
        import grpc
        support.stubs()
        from apus.admin.v1 import admin_pb2, admin_pb2_grpc
        credentials = support.client_credentials(self.certificates, "role-admin")
        with grpc.secure_channel(f"localhost:{server.port}", credentials) as channel:
            stub = admin_pb2_grpc.AdminStub(channel)
            deadline = time.monotonic() + SETTLE_SECONDS
            while True:
                status = stub.GetStatus(admin_pb2.GetStatusRequest(), timeout=30)
                held = {model.name: (model.counters.queue_depth, model.counters.cache_pages_used)
                        for model in status.models if model.counters.queue_depth or model.counters.cache_pages_used}
                if not held:
                    return
                if time.monotonic() > deadline:
                    self.problems.append(f"the engine holds (requests, pages): {held}")
                    return
                time.sleep(0.2)

    def check_counters(self, server):
        left = self.await_zero()
        if left:
            self.problems.append(f"counters that are not back at zero: {left}")
        if server.descriptor_count() != self.descriptor_count:
            self.problems.append(
                f"{server.descriptor_count()} descriptors, {self.descriptor_count} before the first call")

    def await_zero(self):
        """What is not at zero after SETTLE_SECONDS; only a file written from now on counts."""
        written = time.time()
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            fresh = self.metrics.exists() and self.metrics.stat().st_mtime > written + 1
            now = self.read_counters()
            left = {name: now.get(name, "absent") for name in COUNTERS if now.get(name) != 0}
            if fresh and not left:
                return {}
            if time.monotonic() > deadline:
                return left or {"metrics": "not written"}
            time.sleep(0.1)

    def read_counters(self):
        text = self.metrics.read_text() if self.metrics.exists() else ""
        return {name: int(float(value)) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}

    def print_report(self):
        print("\n| what was done | how it ended | calls |\n|---|---|--:|")
        for (kind, status), count in sorted(self.answers.items()):
            print(f"| {kind} | {status} | {count:,} |")
        print(f"| apus bench | OK | {self.bench_calls:,} |")
        if hasattr(self, "last_memory"):
            print(f"\nMemory: {self.first_memory / 1e6:.1f} MB after the first minute, {self.last_memory / 1e6:.1f} MB "
                  f"at the end. Descriptors before and, unless said below, after: {self.descriptor_count}.")
        for problem in self.problems[:40]:
            print(f"- {problem}")
        print("FAILED" if self.problems else "Every counter is back at zero.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=support.BINARY)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--processes", type=int, default=2, help="of Python callers")
    parser.add_argument("--callers", type=int, default=24, help="in each process")
    parser.add_argument("--json", type=pathlib.Path, help="write what was seen to this file too")
    arguments = parser.parse_args()
    support.BUILD.mkdir(parents=True, exist_ok=True)
    support.stubs()
    with tempfile.TemporaryDirectory(dir=support.BUILD) as folder:
        soak = Soak(pathlib.Path(folder), arguments)
        problems = soak.run()
    soak.print_report()
    if arguments.json:
        answers = [[*key, count] for key, count in sorted(soak.answers.items())]
        arguments.json.write_text(json.dumps(
            {"machine": support.machine(), "answers": answers, "bench calls": soak.bench_calls, "memory": soak.memory,
             "descriptors": soak.descriptor_count, "problems": problems}, indent=1) + "\n")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
