#!/usr/bin/env python3
"""Measures what a front end adds to a call: latency, against a direct call to the same shard, and processor time.

    Benchmarks/platform/hop.py [--rounds 5] [--seconds 6] [--plaintext] [--json FILE]

A shard with the model `identity` (1 KiB there and back), and before it a front end and, for comparison, nginx with
`grpc_pass` where it is installed, and a relay that passes bytes on without a look at them (`relay.c`), so that no TLS,
HTTP/2 or routing is in its figures: what is left is what the kernel takes for a process in between. Each has one
thread; all are called by the same load generator, one call at a time and then 32, in turns. Server processes and load
share the machine's cores. The processor time is the kernel's count for the process in front, divided by the calls that
went through it. The front end may add as much as a direct call takes, and spend 10 µs of processor time on a call; the
program ends with status 1 when it does not keep to that.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import support  # noqa: E402

CONCURRENCIES = (1, 32)
# Of the front end, for one call.
PROCESSOR_MICROSECONDS = 10
FRONTS = {"through": "Apus", "nginx": "nginx", "relay": "a relay of bytes"}
NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    {temporary}
    upstream shard {{
        server 127.0.0.1:{shard};
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} {transport};
        keepalive_requests 1000000000;
        {server_tls}
        location / {{
            grpc_pass {scheme}://shard;
            {client_tls}
        }}
    }}
}}
"""
SERVER_TLS = """
        ssl_certificate {certificates}/server.pem;
        ssl_certificate_key {certificates}/server.key;
        ssl_client_certificate {certificates}/ca.pem;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
"""
CLIENT_TLS = """
            grpc_ssl_certificate {certificates}/client.pem;
            grpc_ssl_certificate_key {certificates}/client.key;
            grpc_ssl_trusted_certificate {certificates}/ca.pem;
            grpc_ssl_verify on;
            grpc_ssl_name localhost;
            grpc_ssl_server_name on;
            grpc_ssl_protocols TLSv1.3;
"""


@contextlib.contextmanager
def nginx(folder, shard, certificates):
    """nginx before the server `shard`, with one process that does all."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    named = {"folder": folder, "shard": shard.port, "port": port, "certificates": certificates,
             "transport": "ssl http2" if certificates else "http2", "scheme": "grpcs" if certificates else "grpc"}
    tls = {name: text.format(**named) if certificates else ""
           for name, text in (("server_tls", SERVER_TLS), ("client_tls", CLIENT_TLS))}
    named["temporary"] = " ".join(f"{kind}_temp_path {folder}/{kind};"
                                  for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(NGINX.format(**named, **tls))
    # It says nothing when it listens; the first call waits for it.
    command = f"echo 127.0.0.1:{port}; exec nginx -c {folder}/nginx.conf"
    server = support.Process(["/bin/sh", "-c", command], folder / "server.log")
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def relay(folder, shard):
    """A process that passes bytes on to the server `shard`, and back."""
    folder.mkdir()
    support.run(["cc", "-O2", "-o", folder / "relay", pathlib.Path(__file__).with_name("relay.c")])
    server = support.Process([folder / "relay", shard.port], folder / "server.log")
    try:
        yield server
    finally:
        server.stop()


def load(server, certificates, concurrency, seconds, report):
    security = ["--certs", certificates] if certificates else ["--plaintext"]
    support.run([support.BINARY, "bench", "--model", "identity", "--kind", "tensor", "--shape", "input:256",
                 "--target", f"127.0.0.1:{server.port}", *security, "--concurrency", concurrency, "--duration",
                 f"{seconds}s", "--warmup", "1s", "--json", report])
    found = json.loads(report.read_text())
    if found["counts"]["failed"]:
        raise SystemExit(f"{found['counts']['failed']} calls failed")
    return found


class Comparison:
    """Samples by the way a call went and the calls at a time: p50 and processor time of a call, in microseconds."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.latencies = collections.defaultdict(list)
        self.processor = collections.defaultdict(list)

    def run(self, folder):
        certificates = None
        if not self.arguments.plaintext:
            certificates = support.certificates(folder / "certs")
        settings = {"http_listen": "off"} | ({"tenancy": "{}"} if certificates else {})
        with contextlib.ExitStack() as stack:
            shard = stack.enter_context(
                support.apus(folder / "shard", certificate_folder=certificates, configuration=settings))
            fronts = {"through": stack.enter_context(support.front_end(folder / "front", shard, certificates))}
            if shutil.which("nginx"):
                fronts["nginx"] = stack.enter_context(nginx(folder / "nginx", shard, certificates))
            fronts["relay"] = stack.enter_context(relay(folder / "relay", shard))
            for front in fronts.values():
                support.check_answers(f"localhost:{front.port}", certificates)
            for _ in range(self.arguments.rounds):
                for concurrency in CONCURRENCIES:
                    for way, server in {"direct": shard, **fronts}.items():
                        self.measure(way, server, certificates, concurrency, folder / "report.json")

    def measure(self, way, server, certificates, concurrency, report):
        seconds = self.arguments.seconds
        before = server.processor_seconds()
        found = load(server, certificates, concurrency, seconds, report)
        self.latencies[way, concurrency].append(found["latency"]["p50_microseconds"])
        # The warm-up's calls are in the processor time, so its second is counted with it.
        calls = found["throughput"]["calls_per_second"] * (seconds + 1)
        spent = server.processor_seconds() - before
        self.processor[way, concurrency].append(spent / calls * 1e6)

    def fronts(self):
        return [way for way in FRONTS if (way, CONCURRENCIES[0]) in self.latencies]

    def latency(self, way, concurrency):
        return statistics.median(self.latencies[way, concurrency])

    def added(self, way, concurrency):
        return self.latency(way, concurrency) - self.latency("direct", concurrency)

    def spent(self, way, concurrency):
        return statistics.median(self.processor[way, concurrency])

    def print_table(self):
        transport = "plaintext" if self.arguments.plaintext else "mutual TLS"
        print(f"\n### The hop, {transport}, 1 KiB, medians in µs\n")
        print("| calls at a time | in front | p50 | added | processor a call |\n|--:|---|--:|--:|--:|")
        for concurrency in CONCURRENCIES:
            print(f"| {concurrency} | nobody | {self.latency('direct', concurrency):,.0f} | | "
                  f"{self.spent('direct', concurrency):,.1f} (the shard's) |")
            for way in self.fronts():
                print(f"| {concurrency} | {FRONTS[way]} | {self.latency(way, concurrency):,.0f} | "
                      f"{self.added(way, concurrency):,.0f} | {self.spent(way, concurrency):,.1f} |")

    def goals(self):
        """Of the front end; what the others take stands beside it."""
        for concurrency in CONCURRENCIES:
            case, direct = f"{concurrency} at a time", self.latency("direct", concurrency)
            added = {way: self.added(way, concurrency) for way in self.fronts()}
            yield (f"added p50, {case}", f"≤ {direct:,.0f} µs, a direct call's", beside(added, ",.0f"),
                   added["through"] <= direct)
            spent = {way: self.spent(way, concurrency) for way in self.fronts()}
            yield (f"processor time of a call, {case}", f"≤ {PROCESSOR_MICROSECONDS} µs", beside(spent, ",.1f"),
                   spent["through"] <= PROCESSOR_MICROSECONDS)


def beside(figures, form):
    """The front end's figure, and those of the others."""
    others = ", ".join(f"{FRONTS[way]} {figure:{form}} µs" for way, figure in figures.items() if way != "through")
    return f"{figures['through']:{form}} µs ({others})"


def nginx_version():
    if not shutil.which("nginx"):
        return "not installed, so not compared"
    said = subprocess.run(["nginx", "-v"], capture_output=True, text=True, env=support.environment()).stderr
    return said.rpartition("/")[2].strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--plaintext", action="store_true", help="without TLS, on both hops")
    parser.add_argument("--json", type=pathlib.Path, help="write every sample to this file too")
    arguments = parser.parse_args()
    comparison = Comparison(arguments)
    with tempfile.TemporaryDirectory() as name:
        comparison.run(pathlib.Path(name))
    comparison.print_table()
    support.print_pairs(machine := support.machine() | {"nginx": nginx_version()})
    support.print_goals(goals := list(comparison.goals()))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({
            "machine": machine, "goals": goals,
            "latency": {f"{way} {count}": found for (way, count), found in comparison.latencies.items()},
            "processor": {f"{way} {count}": found for (way, count), found in comparison.processor.items()},
        }, indent=1) + "\n")
    sys.exit(0 if all(is_met for *_, is_met in goals) else 1)


if __name__ == "__main__":
    main()
