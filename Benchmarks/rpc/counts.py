#!/usr/bin/env python3
"""Counts what one ModelInfer of 1 KiB costs `apus serve`: instructions, allocations, system calls.

    Benchmarks/rpc/counts.py [--binary .build/release/apus] [--check | --record] [--functions 40] [--only one,many]

Counts do not depend on how busy the machine is, so a regression shows anywhere. Each is taken over N and over 2N calls
to one running server; the difference divided by N leaves out connecting and ending. `one` is one call at a time on one
connection, `many` is 64 at a time on 4 connections, where the server answers several calls a turn; `tls` is `many` over
mutual TLS, and `hop` is `tls` to a front end that passes each call on to a shard: what the front end spends.
Instructions are those of the process outside the kernel, from callgrind. `--check` fails when a count is over its
threshold in Benchmarks/Thresholds/rpc.json; `--record` writes that file, with room above what was counted.
"""

import argparse
import collections
import contextlib
import json
import math
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import load
import support

THRESHOLDS = support.ROOT / "Benchmarks/Thresholds/rpc.json"
# Connections, calls at a time on each, and which server.
CASES = {"one": (1, 1, "plain"), "many": (4, 16, "plain"), "tls": (4, 16, "tls"), "hop": (4, 16, "hop")}
CALLS = {"instructions": 1500, "allocations": 20_000, "system calls": 3000}
INCLUSIVE = "with callees: "
# Room above what was counted. How many calls a turn takes differs from run to run, unless they come one at a time.
ROOM = {"instructions": 1.03, "allocations": 1.06, "system calls": 2}
ROOM_ONE_AT_A_TIME = 1.03


class Allocations:
    """Counts allocations with a library that is loaded before libc."""

    def __init__(self, folder):
        self.file = folder / "allocations"
        self.wrapper = []
        self.variables = {"LD_PRELOAD": preloaded("allocation_counter"), "ALLOCATION_COUNTER_FILE": self.file}

    def measure(self, server, work):
        before = self.read()
        work()
        return {name: after - first for (name, after), first in zip(self.read().items(), before.values())}

    def read(self):
        allocations, byte_count, frees = struct.unpack("<QQQ", self.file.read_bytes())
        return {"allocations": allocations, "allocated bytes": byte_count, "frees": frees}


class SystemCalls:
    """Counts system calls with strace, by name and in all."""

    wrapper, variables = [], {}

    def __init__(self, folder):
        self.summary = folder / "strace"

    def measure(self, server, work):
        tracer = subprocess.Popen(
            ["strace", "-f", "-c", "-U", "calls,name", "-o", str(self.summary), "-p", str(server.pid)],
            stderr=subprocess.PIPE, text=True)
        tracer.stderr.readline()  # "Process 1 attached": from here on it counts.
        try:
            work()
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait()
        rows = re.findall(r"^ *(\d+) (\w+)$", self.summary.read_text(), re.MULTILINE)
        counts = {name: int(count) for count, name in rows if name != "total"}
        return {"system calls": sum(counts.values())} | counts


class Instructions:
    """Counts instructions with callgrind, by function and in all.

    A copy of the binary without debug information runs: valgrind cannot read that of Swift.
    """

    def __init__(self, folder):
        self.folder = folder
        self.output = folder / "callgrind.out"
        self.wrapper = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.output}", "--separate-threads=no"]
        self.variables = {"LD_PRELOAD": preloaded("valgrind_sigsuspend")}

    def measure(self, server, work):
        self.control("-z", server)
        work()
        for old in self.folder.glob("callgrind.out.*"):
            old.unlink()
        self.control("-d", server)
        # A dump is written when the process next runs; it is whole once its last line is there.
        for _ in range(600):
            dumps = [dump for dump in self.folder.glob("callgrind.out.*") if "totals:" in dump.read_text()[-4096:]]
            if dumps:
                break
            time.sleep(0.1)
        else:
            raise SystemExit("callgrind wrote no dump")
        return functions(dumps[0])

    def control(self, option, server):
        support.run(["callgrind_control", option, server.pid])


def preloaded(name):
    """Builds a library to be loaded before libc from its source beside this file; returns its path."""
    library = support.BUILD / f"{name}.so"
    support.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, support.HERE / f"{name}.c"])
    return library


def functions(dump):
    """Instructions by `function [library]` in a callgrind dump, under `instructions` their sum, and behind INCLUSIVE
    those of a function with everything it called, where a function that calls itself counts more than once.

    Read here because callgrind_annotate takes calls that were under way when the counters were zeroed for costs of the
    functions that made them.
    """
    counts, inclusive = collections.Counter(), collections.Counter()
    names = {"ob": {}, "fn": {}}  # A name is written once, behind a number, and is the number alone from then on.
    current = {"ob": "?", "fn": "?"}
    is_cost_of_call = False
    for line in dump.read_text().splitlines():
        if line.startswith("calls="):
            is_cost_of_call = True
        elif match := re.match(r"(c?)(ob|fn)=\((\d+)\)(?: (.*))?$", line):
            is_callee, kind, number, name = match.groups()
            if name:
                names[kind][number] = pathlib.Path(name).name if kind == "ob" else name
            if not is_callee:
                current[kind] = names[kind][number]
        elif line[:1] in "0123456789+-*" and line:
            name = re.sub(r"'\d+$", "", current["fn"]) + f" [{current['ob']}]"
            cost = int(line.split()[1])
            inclusive[INCLUSIVE + name] += cost
            if not is_cost_of_call:
                counts[name] += cost
            is_cost_of_call = False
    return collections.Counter({"instructions": sum(counts.values())}) + counts + inclusive


def without_debug_information(binary, folder):
    """A copy of the binary that valgrind can load, with its resources beside it."""
    copy = folder / "apus"
    support.run(["strip", "--strip-debug", "-o", copy, binary])
    for resources in binary.parent.glob("*.resources"):
        (folder / resources.name).symlink_to(resources)
    return copy


@contextlib.contextmanager
def site(place, folder, binary, certificate_folder, tool, served):
    """The server whose calls are counted."""
    # A thread of OpenBLAS that waits for work spins for a while, and would be counted.
    watched = {"wrapper": tool.wrapper, "variables": tool.variables | {"OPENBLAS_NUM_THREADS": 1}}
    if place != "hop":
        with support.apus(folder, served, certificate_folder, **watched) as server:
            yield server
        return
    settings = {"http_listen": "off", "tenancy": "{}"}
    with (support.apus(folder / "shard", binary, certificate_folder, configuration=settings) as shard,
          support.front_end(folder / "front", shard, certificate_folder, served, **watched) as server):
        yield server


def count(kind, binary, cases):
    """What one call costs, by case."""
    tool_type = {"instructions": Instructions, "allocations": Allocations, "system calls": SystemCalls}[kind]
    calls = CALLS[kind]
    results = {}
    for place in dict.fromkeys(CASES[case][2] for case in cases):
        with tempfile.TemporaryDirectory(dir=support.BUILD) as name:
            folder = pathlib.Path(name)
            body = support.body_file(folder)
            certificate_folder = support.certificates(folder / "certs", binary) if place != "plain" else None
            tool = tool_type(folder)
            served = without_debug_information(binary, folder) if kind == "instructions" else binary
            with site(place, folder, binary, certificate_folder, tool, served) as server:
                support.check_answers(f"localhost:{server.port}", certificate_folder)
                for case in cases:
                    connections, streams, case_place = CASES[case]
                    if case_place != place:
                        continue

                    def work(factor=1):
                        load.calls(server.port, body, calls * factor, connections, streams, certificate_folder)
                    work()
                    once = tool.measure(server, work)
                    twice = tool.measure(server, lambda: work(2))
                    results[case] = {key: (twice[key] - once.get(key, 0)) / calls for key in twice}
    return results


def demangled(names):
    """The Swift names readable, if the toolchain is there to do it."""
    if shutil.which("swift") is None:
        return names
    done = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(names), capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else names


def print_functions(case, counts, number):
    total = counts["instructions"]
    own = collections.Counter({name: value for name, value in counts.items()
                               if name != "instructions" and not name.startswith(INCLUSIVE)})
    by_library = collections.Counter()
    for name, value in own.items():
        by_library[name.rpartition("[")[2].rstrip("]")] += value
    inclusive = collections.Counter({name.removeprefix(INCLUSIVE): value for name, value in counts.items()
                                     if name.startswith(INCLUSIVE) and name.endswith("[apus]")})
    print(f"\n### Instructions of one call, {case}: {total:,.0f}")
    print_ranking("library", by_library.most_common(10), total)
    print_ranking(f"function, the {number} most expensive by themselves", own.most_common(number), total)
    ours = inclusive.most_common(number)
    print_ranking(f"function, the {number} most expensive of ours with what they call", ours, total)


def print_ranking(title, rows, total):
    print(f"\n| {title} | instructions | |\n|---|--:|--:|")
    for name, (_, value) in zip(demangled([name for name, _ in rows]), rows):
        print(f"| `{name[:150]}` | {value:,.0f} | {value / total:.1%} |")


def print_table(counts):
    cases = [case for case in CASES if any(case in results for results in counts.values())]
    print("\n| of one call | " + " | ".join(cases) + " |\n|---|" + "--:|" * len(cases))
    for kind, results in counts.items():
        keys = [kind]
        if kind == "allocations":
            keys.append("allocated bytes")
        if kind == "system calls":
            keys += sorted({key for result in results.values() for key in result if result[key] >= 0.01} - {kind})
        for key in keys:
            values = [results.get(case, {}).get(key, 0) for case in cases]
            cells = [f"{value:,.2f}".removesuffix(".00") for value in values]
            name = f"… {key}" if kind == "system calls" and key != kind else key
            print(f"| {name} | " + " | ".join(cells) + " |")


def check(counts, thresholds):
    """The counts that are over their thresholds, in words."""
    return [f"{kind} of one call, {case}: {results[case][kind]:,.2f} is over the threshold of {limit:,}"
            for kind, results in counts.items() for case, limit in thresholds.get(kind, {}).items()
            if case in results and results[case][kind] > limit]


def record(counts, thresholds):
    for kind, results in counts.items():
        for case, result in results.items():
            value = result[kind] * (min(ROOM[kind], ROOM_ONE_AT_A_TIME) if case == "one" else ROOM[kind])
            thresholds.setdefault(kind, {})[case] = math.ceil(value) if value > 100 else math.ceil(value * 100) / 100
    THRESHOLDS.parent.mkdir(exist_ok=True)
    THRESHOLDS.write_text(json.dumps(thresholds, indent=2, sort_keys=True) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=support.BINARY)
    parser.add_argument("--kinds", default=",".join(CALLS), help="which counts, of: " + ", ".join(CALLS))
    parser.add_argument("--only", default=",".join(CASES), help="which cases, of: " + ", ".join(CASES))
    parser.add_argument("--functions", type=int, default=0, metavar="COUNT", help="list so many functions")
    parser.add_argument("--check", action="store_true", help="fail when a count is over its threshold")
    parser.add_argument("--record", action="store_true", help="write the thresholds")
    parser.add_argument("--json", type=pathlib.Path, help="write all counts to this file")
    arguments = parser.parse_args()
    support.need("h2load", "valgrind", "strace", "cc")
    support.BUILD.mkdir(parents=True, exist_ok=True)
    cases = [case for case in CASES if case in arguments.only.split(",")]
    counts = {kind: count(kind, arguments.binary.resolve(), cases) for kind in arguments.kinds.split(",")}
    for case in cases if arguments.functions else []:
        print_functions(case, counts["instructions"][case], arguments.functions)
    print_table(counts)
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": support.machine(), "counts": counts}, indent=1) + "\n")
    thresholds = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
    if arguments.record:
        record(counts, thresholds)
    if arguments.check and (findings := check(counts, thresholds)):
        sys.exit("\n".join(findings))


if __name__ == "__main__":
    main()
