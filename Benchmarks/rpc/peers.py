#!/usr/bin/env python3
"""Compares `apus serve` with C++ gRPC, grpc-swift-2 and nghttpd: same machine, same run, same load.

    Benchmarks/rpc/peers.py [--rounds 5] [--seconds 3] [--only unary,streaming,idle,million,loops] [--json FILE]

The server has core 0 and the load core 1. The servers take turns, `rounds` times; the tables show medians. `unary` is a
ModelInfer of 1 KiB on the model `identity`, through the whole way of a call; `streaming` are messages of 64 KiB both
ways; `idle` are 10 000 connections without a call; `million` is the memory before and after a million calls; `loops`
are one and two event loops. Run it on a machine that does nothing else.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import re
import resource
import statistics
import tempfile
import time

import connections
import load
import servers
import support
from servers import APUS, CPP, NGHTTPD, SWIFT

PARTS = ("unary", "streaming", "idle", "million", "loops")
STREAM_PATH = "/apus.benchmarks.Echo/EchoStream"
STREAM_BYTE_COUNT = 64 << 10
# h2load reads what it sends from a file, so its streams end; each is 4 MiB each way.
STREAM_MESSAGE_COUNT = 64
IDLE_COUNT = 10_000
IDLE_BYTES_MAX = 300_000_000
MILLION = 1_000_000
# Memory may differ by so much before and after: an allocator gives back by pages and arenas.
MILLION_BYTES_MAX = 2_000_000
CLEAR_GOAL, TLS_GOAL, STREAM_GOAL = 3.0, 1.8, 1.5
H2LOAD, CPP_CLIENT, APUS_CLIENT, FRAMES = "h2load", "C++ client", "Apus client", "ready frames"
# From here on a core counts as full: what a load then reaches is its own limit.
FULL = 0.97

Case = collections.namedtuple("Case", "generator connections streams is_tls")
UNARY = [Case(H2LOAD, 4, 16, False), Case(H2LOAD, 8, 32, False), Case(CPP_CLIENT, 1, 1, False),
         Case(CPP_CLIENT, 4, 16, True), Case(CPP_CLIENT, 1, 1, True)]
# Several, since the load's core may be what limits a stream. h2load and the ready frames know no certificates.
STREAM_GENERATORS = {False: [FRAMES, H2LOAD, CPP_CLIENT, APUS_CLIENT], True: [CPP_CLIENT, APUS_CLIENT]}
# nghttpd speaks no gRPC: its ceiling is taken with h2load, also where the others are measured with a gRPC client.
CEILING = [Case(H2LOAD, 4, 16, False), Case(H2LOAD, 8, 32, False), Case(H2LOAD, 4, 16, True)]


class Comparison:
    """One run of everything."""

    def __init__(self, folder, arguments):
        self.folder, self.binary = folder, arguments.binary.resolve()
        self.rounds, self.seconds = arguments.rounds, arguments.seconds
        self.body = support.body_file(folder)
        self.certificates = support.certificates(folder / "certs", self.binary)
        self.peers = [APUS, CPP] + ([SWIFT] if servers.swift_program() else [])
        self.samples = collections.defaultdict(list)
        self.goals = []
        self.core_type = "?"
        self.folder_count = 0

    def new_folder(self):
        self.folder_count += 1
        return self.folder / str(self.folder_count)

    @contextlib.contextmanager
    def serving(self, peer, is_tls=False, **options):
        certificates = self.certificates if is_tls else None
        with servers.serving(peer, self.new_folder(), certificates, binary=self.binary, **options) as server:
            yield server
        if peer == APUS:
            self.core_type = openblas_core(server.log) or self.core_type

    # Unary calls

    def measure_unary(self):
        for number in range(self.rounds):
            for is_tls in (False, True):
                for peer in [*self.peers, NGHTTPD]:
                    with self.serving(peer, is_tls) as server:
                        certificates = self.certificates if is_tls else None
                        if number == 0 and peer != NGHTTPD:
                            support.check_answers(f"localhost:{server.port}", certificates)
                        for case in CEILING if peer == NGHTTPD else UNARY:
                            if case.is_tls == is_tls:
                                self.samples["unary", case, peer].append(self.sample(server, case, self.seconds))

    def sample(self, server, case, seconds, core=1):
        """One load on one server: its rate, latencies and use of the processor, after a warm-up."""
        self.load(server, case, min(1, seconds), core)
        before = server.processor_seconds()
        report = self.load(server, case, seconds, core)
        used = max(server.processor_seconds() - before, 0.01)
        return report | {"calls_per_cpu_second": report["calls"] / used, "cpu_us": used * 1e6 / report["calls"]}

    def load(self, server, case, seconds, core):
        if case.generator == H2LOAD:
            return support.h2load(server.port, self.body, seconds=seconds, connections=case.connections,
                                  streams=case.streams, core=core, scheme="https" if case.is_tls else "http")
        return load.client(server.port, load.message_file(self.body), core=core, seconds=seconds,
                           certificate_folder=self.certificates if case.is_tls else None,
                           connections=case.connections, streams=case.streams)

    def median(self, part, case, peer, key):
        values = [sample[key] for sample in self.samples[part, case, peer] if key in sample]
        return statistics.median(values) if values else None

    def print_unary(self):
        for is_tls in (False, True):
            print(f"\n### ModelInfer, 1 KiB, {'mTLS' if is_tls else 'in the clear'}\n")
            print("| load | server | calls/s | calls per CPU-second | µs CPU a call | p50 µs | p99 µs | "
                  "per CPU-second, of C++ |\n|---|---|--:|--:|--:|--:|--:|--:|")
            for case in [case for case in dict.fromkeys(UNARY + CEILING) if case.is_tls == is_tls]:
                for peer in [*self.peers, NGHTTPD]:
                    if self.samples["unary", case, peer]:
                        self.print_unary_row(case, peer)
        self.judge_unary()

    def print_unary_row(self, case, peer):
        def value(key, peer=peer, case=case):
            return self.median("unary", case, peer, key)
        # The ceiling under TLS is compared with what C++ does under its own client.
        base = value("calls_per_cpu_second", CPP) or value("calls_per_cpu_second", CPP, Case(
            CPP_CLIENT, case.connections, case.streams, case.is_tls))
        latencies = [f"{value(key):,.0f}" if value(key) is not None else "–" for key in ("p50_us", "p99_us")]
        ratio = f"{value('calls_per_cpu_second') / base:.2f}" if base else "–"
        print(f"| {case.generator} {case.connections}×{case.streams} | {peer} | {value('calls_per_second'):,.0f} | "
              f"{value('calls_per_cpu_second'):,.0f} | {value('cpu_us'):.2f} | {' | '.join(latencies)} | {ratio} |")

    def judge_unary(self):
        for case in UNARY:
            way = "with mTLS" if case.is_tls else "in the clear"
            name = f"{case.generator} {case.connections}×{case.streams} {way}"

            def ratio(key):
                return self.median("unary", case, APUS, key) / self.median("unary", case, CPP, key)
            if case.streams > 1:
                goal = TLS_GOAL if case.is_tls else CLEAR_GOAL
                measured = ratio("calls_per_cpu_second")
                self.judge(f"calls per CPU-second, {name}", f"≥ {goal} × C++", f"{measured:.2f} ×", measured >= goal)
            else:
                for key in ("p50_us", "p99_us"):
                    measured = ratio(key)
                    self.judge(f"{key[:3]}, {name}", "≤ C++", f"{measured:.2f} ×", measured <= 1)

    def judge(self, what, goal, measured, is_met):
        """Notes a goal; `is_met` is None where the load could do no more, so that nobody knows."""
        self.goals.append(
            {"what": what, "goal": goal, "measured": measured, "is met": None if is_met is None else bool(is_met)})

    # Streams

    def measure_streaming(self):
        message = self.folder / "stream.message"
        message.write_bytes(bytes(range(256)) * (STREAM_BYTE_COUNT // 256))
        framed = b"\0" + STREAM_BYTE_COUNT.to_bytes(4, "big") + message.read_bytes()
        message.with_suffix(".body").write_bytes(framed * STREAM_MESSAGE_COUNT)
        for _ in range(self.rounds):
            for is_tls in (False, True):
                certificates = self.certificates if is_tls else None
                for peer in self.peers:
                    with servers.echoing(peer, self.new_folder(), certificates) as server:
                        for generator in STREAM_GENERATORS[is_tls]:
                            self.samples["streaming", (generator, is_tls), peer].append(
                                self.sample_streaming(server, generator, certificates, message))

    def sample_streaming(self, server, generator, certificates, message):
        def work(seconds):
            if generator == H2LOAD:
                report = support.h2load(server.port, message.with_suffix(".body"), core=1, path=STREAM_PATH, streams=4,
                                        seconds=seconds)
                return {"calls": report["calls"] * STREAM_MESSAGE_COUNT, "seconds": seconds}
            if generator == FRAMES:
                return load.frames(server.port, core=1, path=STREAM_PATH, message_size=STREAM_BYTE_COUNT, seconds=seconds)
            if generator == APUS_CLIENT:
                return load.streams(server.port, core=1, certificate_folder=certificates, path=STREAM_PATH, streams=4,
                                    seconds=seconds, message_size=STREAM_BYTE_COUNT)
            return load.client(
                server.port, message, core=1, certificate_folder=certificates, path=STREAM_PATH, mode="stream",
                connections=1, streams=4, seconds=seconds, response_bytes=STREAM_BYTE_COUNT)
        work(1)
        before, busy = server.processor_seconds(), load_seconds()
        report = work(self.seconds)
        used = max(server.processor_seconds() - before, 0.01)
        busy = (load_seconds() - busy) / report["seconds"]
        megabytes = report["calls"] * STREAM_BYTE_COUNT / 1e6
        return report | {"mb_per_second": megabytes / report["seconds"], "mb_per_cpu_second": megabytes / used,
                         "load_busy": busy}

    def print_streaming(self):
        print("\n### 64 KiB messages both ways, 4 streams on one connection; megabytes in each direction\n")
        print("| | load | server | MB/s | MB per CPU-second | MB/s, of C++ | per CPU-second, of C++ | load's core busy |\n"
              "|---|---|---|--:|--:|--:|--:|--:|")
        for is_tls in (False, True):
            for generator in STREAM_GENERATORS[is_tls]:
                for peer in self.peers:
                    self.print_streaming_row(generator, is_tls, peer)

    def print_streaming_row(self, generator, is_tls, peer):
        def value(key, peer=peer):
            return self.median("streaming", (generator, is_tls), peer, key)
        rate, efficiency = value("mb_per_second"), value("mb_per_cpu_second")
        ratios = [rate / value("mb_per_second", CPP), efficiency / value("mb_per_cpu_second", CPP)]
        way = "mTLS" if is_tls else "clear"
        print(f"| {way} | {generator} | {peer} | {rate:,.0f} | {efficiency:,.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} | "
              f"{value('load_busy'):.0%} |")
        if peer == APUS:
            is_met = ratios[0] >= STREAM_GOAL or None if value("load_busy") >= FULL else ratios[0] >= STREAM_GOAL
            self.judge(f"MB/s of streams, {way}, {generator}", f"≥ {STREAM_GOAL} × C++",
                       f"{ratios[0]:.2f} × ({ratios[1]:.2f} × per CPU-second)", is_met)

    # Memory

    def measure_idle(self):
        print(f"\n### {IDLE_COUNT:,} idle connections\n")
        print("| | server | memory for them | for one | seconds to open |\n|---|---|--:|--:|--:|")
        for peer, is_tls in ((APUS, False), (CPP, False), (APUS, True), (CPP, True)):
            options = {"configuration": {"limits": f"{{connections: {IDLE_COUNT + 1000}}}"}} if peer == APUS else {}
            with self.serving(peer, is_tls, **options) as server:
                context = connections.tls_context(self.certificates) if is_tls else None
                opened = [connections.connect(server.port, context) for _ in range(10)]
                before, start = server.resident_bytes(), time.monotonic()
                opened += [connections.connect(server.port, context) for _ in range(IDLE_COUNT)]
                took = time.monotonic() - start
                time.sleep(3)  # Longer than what a connection keeps for a while after its handshake.
                grown = server.resident_bytes() - before
                lost = sum(not connections.is_open(connection) for connection in opened)
                for connection in opened:
                    connection.close()
            self.samples["idle", is_tls, peer].append({"bytes": grown, "seconds": took, "lost": lost})
            way = "mTLS" if is_tls else "clear"
            print(f"| {way} | {peer} | {grown / 1e6:,.0f} MB | {grown / IDLE_COUNT / 1000:.1f} kB | {took:.1f} |")
            if peer == APUS:
                self.judge(f"{IDLE_COUNT:,} idle connections, {way}", "< 300 MB, all open",
                           f"{grown / 1e6:,.0f} MB, {lost} lost", grown < IDLE_BYTES_MAX and lost == 0)

    def measure_million(self):
        print("\n### Memory over a million calls\n\n| | before | after |\n|---|--:|--:|")
        for is_tls in (False, True):
            with self.serving(APUS, is_tls) as server:
                def work(count):
                    load.calls(server.port, self.body, count, 4, 16, self.certificates if is_tls else None)
                work(MILLION // 10)
                before = server.resident_bytes()
                work(MILLION)
                after = server.resident_bytes()
            way = "mTLS" if is_tls else "clear"
            self.samples["million", is_tls, APUS].append({"before": before, "after": after})
            print(f"| {way} | {before / 1e6:.1f} MB | {after / 1e6:.1f} MB |")
            self.judge(f"memory over a million calls, {way}", f"≤ {MILLION_BYTES_MAX / 1e6:.0f} MB more",
                       f"{(after - before) / 1e6:+.1f} MB", after - before <= MILLION_BYTES_MAX)

    # Event loops

    def measure_loops(self):
        case = Case(H2LOAD, 8, 32, False)
        for _ in range(self.rounds):
            for event_loops in (1, 2):
                with self.serving(APUS, core=None, event_loops=event_loops) as server:
                    self.samples["loops", event_loops, APUS].append(self.sample(server, case, self.seconds, core=None))
        print("\n### Event loops: server and load share both cores, h2load 8×32 in the clear\n")
        print("| loops | calls/s | calls per CPU-second | cores used |\n|--:|--:|--:|--:|")
        for event_loops in (1, 2):
            rate, efficiency = (self.median("loops", event_loops, APUS, key)
                                for key in ("calls_per_second", "calls_per_cpu_second"))
            print(f"| {event_loops} | {rate:,.0f} | {efficiency:,.0f} | {rate / efficiency:.2f} |")


def openblas_core(log):
    """What OpenBLAS takes the processor for, from the server's log."""
    match = re.search(r"openblas=(\S+)", pathlib.Path(log).read_text())
    return match.group(1) if match else None


def load_seconds():
    """Time on the processor of all load generators that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def raise_descriptor_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def print_goals(goals):
    print("\n### Goals\n\n| what | goal | measured | met |\n|---|---|--:|---|")
    verdicts = {True: "yes", False: "**no**", None: "the load's core is full"}
    for goal in goals:
        print(f"| {goal['what']} | {goal['goal']} | {goal['measured']} | {verdicts[goal['is met']]} |")


def run(comparison, parts):
    if "unary" in parts:
        comparison.measure_unary()
        comparison.print_unary()
    if "streaming" in parts:
        comparison.measure_streaming()
        comparison.print_streaming()
    if "idle" in parts:
        if raise_descriptor_limit() > IDLE_COUNT + 1500:
            comparison.measure_idle()
        else:
            print(f"\nThe descriptor limit (ulimit -Hn) is too low for {IDLE_COUNT:,} connections.")
    if "million" in parts:
        comparison.measure_million()
    if "loops" in parts:
        comparison.measure_loops()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=support.BINARY)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of one load, in one round")
    parser.add_argument("--only", default=",".join(PARTS), help="which parts, of: " + ", ".join(PARTS))
    parser.add_argument("--json", type=pathlib.Path, help="write every sample to this file too")
    arguments = parser.parse_args()
    support.need("h2load", "nghttpd", "taskset", "pkg-config")
    support.BUILD.mkdir(parents=True, exist_ok=True)
    load.build()
    with tempfile.TemporaryDirectory(dir=support.BUILD) as folder:
        comparison = Comparison(pathlib.Path(folder), arguments)
        run(comparison, arguments.only.split(","))
    machine = support.machine() | servers.versions() | {"OpenBLAS core type": comparison.core_type}
    print("\n### Machine and versions")
    support.print_pairs(machine)
    print_goals(comparison.goals)
    if arguments.json:
        samples = [{"part": part, "case": list(case) if isinstance(case, tuple) else case, "server": peer,
                    "samples": taken} for (part, case, peer), taken in comparison.samples.items() if taken]
        arguments.json.write_text(json.dumps(
            {"machine": machine, "goals": comparison.goals, "samples": samples}, indent=1) + "\n")


if __name__ == "__main__":
    main()
