#!/usr/bin/env python3
"""Measures what a front end adds to a call: latency, against a direct call to the same shard, and processor time.

    Benchmarks/platform/hop.py [--rounds 5] [--seconds 6] [--plaintext] [--json FILE]

A shard with the model `identity` (1 KiB there and back), and before it a front end and, for comparison, nginx with
`grpc_pass`, each with one thread; all are called by the same load generator, one call at a time and then 32, in turns.
Server processes and load share the machine's cores. The processor time is the kernel's count for the process in front,
divided by the calls that went through it.
"""

import argparse
import collections
import contextlib
import json
import pathlib
import socket
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import support  # noqa: E402

CONCURRENCIES = (1, 32)
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
    support.need("nginx")
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
              support.front_end(folder / "front", shard, certificates) as router,
              nginx(folder / "nginx", shard, certificates) as peer):
            fronts = {"through": router, "nginx": peer}
            for front in fronts.values():
                support.check_answers(f"localhost:{front.port}", certificates)
            for _ in range(arguments.rounds):
                for concurrency in CONCURRENCIES:
                    for way, server in {"direct": shard, **fronts}.items():
                        before = server.processor_seconds()
                        found = load(server, certificates, concurrency, arguments.seconds, folder / "report.json")
                        latencies[way, concurrency].append(found["latency"]["p50_microseconds"])
                        # The warm-up's calls are in the processor time, so its second is counted with it.
                        calls = found["throughput"]["calls_per_second"] * (arguments.seconds + 1)
                        spent = server.processor_seconds() - before
                        processor[way, concurrency].append(spent / calls * 1e6)
    print(f"\n### The hop, {'plaintext' if arguments.plaintext else 'mutual TLS'}, 1 KiB, medians in µs\n")
    print("| calls at a time | in front | p50 | added | goal | processor a call | goal |")
    print("|--:|---|--:|--:|---|--:|---|")
    for concurrency in CONCURRENCIES:
        median = {way: statistics.median(latencies[way, concurrency]) for way in ("direct", *fronts)}
        spent = {way: statistics.median(processor[way, concurrency]) for way in median}
        print(f"| {concurrency} | nobody | {median['direct']:,.0f} | | | {spent['direct']:,.1f} (the shard's) | |")
        met = lambda is_met: "met" if is_met else "**missed**"
        added = median["through"] - median["direct"]
        print(f"| {concurrency} | Apus | {median['through']:,.0f} | {added:,.0f} | "
              f"≤ {median['direct']:,.0f}: {met(added <= median['direct'])} | {spent['through']:,.1f} | "
              f"≤ 10: {met(spent['through'] <= 10)} |")
        print(f"| {concurrency} | nginx | {median['nginx']:,.0f} | {median['nginx'] - median['direct']:,.0f} | | "
              f"{spent['nginx']:,.1f} | |")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": support.machine(),
            "latency": {f"{way} {count}": found for (way, count), found in latencies.items()},
            "processor": {f"{way} {count}": found for (way, count), found in processor.items()}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
