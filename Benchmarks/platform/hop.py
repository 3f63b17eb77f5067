#!/usr/bin/env python3
"""Measures what a front end adds to a call: latency, against a direct call to the same shard, and processor time.

    Benchmarks/platform/hop.py [--rounds 5] [--seconds 6] [--plaintext] [--json FILE]

A shard with the model `identity` (1 KiB there and back), and a front end before it; both are called by the same load
generator, one call at a time and then 32, in turns. Server processes and load share the machine's cores. The processor
time is the kernel's count for the front end's process, divided by the calls that went through it.
"""

import argparse
import collections
import json
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import support  # noqa: E402

CONCURRENCIES = (1, 32)


def load(server, certificates, concurrency, seconds, report):
    security = ["--certs", certificates] if certificates else ["--plaintext"]
    support.run([support.BINARY, "bench", "--model", "identity", "--kind", "tensor", "--shape", "input:256",
                 "--target", f"127.0.0.1:{server.port}", *security, "--concurrency", concurrency, "--duration",
                 f"{seconds}s", "--warmup", "1s", "--json", report])
    found = json.loads(report.read_text())
    if found["counts"]["failed"]:
        raise SystemExit(f"{found['counts']['failed']} calls failed")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--plaintext", action="store_true", help="without TLS, on both hops")
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    latencies = collections.defaultdict(list)
    processor = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        certificates = None
        if not arguments.plaintext:
            certificates = support.certificates(folder / "certs")
        settings = {"http_listen": "off"} | ({"tenancy": "{}"} if certificates else {})
        with (support.apus(folder / "shard", certificate_folder=certificates, configuration=settings) as shard,
              support.front_end(folder / "front", shard, certificates) as router):
            support.check_answers(f"localhost:{router.port}", certificates)
            for _ in range(arguments.rounds):
                for concurrency in CONCURRENCIES:
                    for way, server in (("direct", shard), ("through", router)):
                        before = router.processor_seconds()
                        found = load(server, certificates, concurrency, arguments.seconds, folder / "report.json")
                        latencies[way, concurrency].append(found["latency"]["p50_microseconds"])
                        if way == "through":
                            # The warm-up's calls are in the processor time, so its second is counted with it.
                            calls = found["throughput"]["calls_per_second"] * (arguments.seconds + 1)
                            spent = router.processor_seconds() - before
                            processor[concurrency].append(spent / calls * 1e6)
    print(f"\n### The hop, {'plaintext' if arguments.plaintext else 'mutual TLS'}, 1 KiB, medians in µs\n")
    print("| calls at a time | direct p50 | through the front end | added | goal | front end's processor a call | goal |")
    print("|--:|--:|--:|--:|---|--:|---|")
    for concurrency in CONCURRENCIES:
        direct, through = (statistics.median(latencies[way, concurrency]) for way in ("direct", "through"))
        spent = statistics.median(processor[concurrency])
        met = lambda is_met: "met" if is_met else "**missed**"
        print(f"| {concurrency} | {direct:,.0f} | {through:,.0f} | {through - direct:,.0f} | ≤ {direct:,.0f}: "
              f"{met(through - direct <= direct)} | {spent:,.1f} | ≤ 10: {met(spent <= 10)} |")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": support.machine(), "latency": {f"{way} {count}": found for (way, count), found in latencies.items()},
            "processor": processor}, indent=1) + "\n")


if __name__ == "__main__":
    main()
