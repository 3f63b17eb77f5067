#!/usr/bin/env python3
"""Measures the example models with `apus bench` against `apus serve`, both on this machine, and prints a table.

    Benchmarks/examples.py [--duration 10s] [--runs 3] [--json FILE]

Every case runs several times, the cases taking turns; the table has the median of each figure. Nothing else should run
meanwhile. OPENBLAS_CORETYPE is not handed on: it would keep OpenBLAS to the kernels of another processor.
"""

import argparse
import json
import os
import pathlib
import platform
import re
import signal
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / ".build/release/apus"
SEVEN = "Sources/ApusServer/ExampleModels/digits/samples/seven.png"
CASES = [
    ("karate, two nodes", ["--model", "karate", "--nodes", "0,33"]),
    ("digits, a PNG picture", ["--model", "digits", "--picture", SEVEN]),
    ("storyteller, 64 tokens", ["--model", "storyteller", "--prompt", "Once upon a time", "--max-tokens", "64"]),
]
CONCURRENCIES = [1, 8, 32]


def environment():
    return {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}


def serve(folder):
    """Starts a server on a free port with certificates in `folder`; returns the process and its address."""
    subprocess.run([BINARY, "certs", "init", folder], check=True, stdout=subprocess.DEVNULL)
    configuration = folder / "apus.yaml"
    configuration.write_text(
        f"listen: 127.0.0.1:0\nlog_level: warning\ntls:\n  certificate: {folder}/server.pem\n"
        f"  key: {folder}/server.key\n  client_ca: {folder}/ca.pem\n")
    process = subprocess.Popen(
        [BINARY, "serve", "--config", configuration], stdout=subprocess.PIPE, text=True, env=environment())
    return process, re.search(r"127\.0\.0\.1:\d+", process.stdout.readline()).group()


def measure(address, folder, arguments, concurrency, duration):
    report = folder / "report.json"
    subprocess.run(
        [BINARY, "bench", *arguments, "--target", address, "--certs", folder, "--concurrency", str(concurrency),
         "--duration", duration, "--json", report],
        check=True, stdout=subprocess.DEVNULL, cwd=ROOT, env=environment())
    return json.loads(report.read_text())


def median(reports, *keys):
    def value(report):
        for key in keys:
            report = report[key]
        return report
    return statistics.median(value(report) for report in reports)


def duration_text(microseconds):
    return f"{microseconds / 1000:.2f} ms" if microseconds >= 1000 else f"{microseconds:.0f} µs"


def row(name, concurrency, reports):
    failed = sum(report["counts"]["failed"] for report in reports)
    rate = median(reports, "throughput", "calls_per_second")
    cells = [name, str(concurrency), f"{rate:,.0f}".replace(",", " ")]
    cells += [duration_text(median(reports, "latency", f"{p}_microseconds")) for p in ("p50", "p99")]
    tokens = reports[0]["throughput"].get("tokens_per_second")
    cells.append(f"{median(reports, 'throughput', 'tokens_per_second'):,.0f} tokens/s".replace(",", " ") if tokens else "")
    if failed:
        cells[-1] += f" {failed} failed"
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", default="5s")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", help="write every report to this file")
    arguments = parser.parse_args()
    reports = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        process, address = serve(folder)
        try:
            for _ in range(arguments.runs):
                for case, options in CASES:
                    for concurrency in CONCURRENCIES:
                        report = measure(address, folder, options, concurrency, arguments.duration)
                        reports.setdefault((case, concurrency), []).append(report)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    cores = os.cpu_count()
    print(f"{cores} cores, {platform.machine()}, server and load on the same machine, mutual TLS, one connection; "
          f"median of {arguments.runs} runs of {arguments.duration}\n")
    print("| call | at a time | calls/s | p50 | p99 | |\n|---|--:|--:|--:|--:|--:|")
    for (case, concurrency), runs in sorted(reports.items(), key=lambda item: [c for c, _ in CASES].index(item[0][0])):
        print(row(case, concurrency, runs))
    if arguments.json:
        document = [{"case": case, "concurrency": concurrency, "reports": runs}
                    for (case, concurrency), runs in reports.items()]
        pathlib.Path(arguments.json).write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
