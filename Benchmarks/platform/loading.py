#!/usr/bin/env python3
"""Measures what loading a model does to one that runs: its latency while another is loaded and unloaded all the time.

    Benchmarks/platform/loading.py [--rounds 7] [--seconds 10] [--model .build/benchmarks/models/125m] [--json FILE]

`digits` and `storyteller` are called at a steady rate (open loop, latency from the arrival on), in turns without and
with a model of 125 million weights that an admin loads and unloads without pause. Each round is one figure; the ratio
is that of their medians. Server and load generator share the machine's cores. The 99th percentile may be 1.10 times
what it is alone; the program ends with status 1 when it is more.
"""

import argparse
import collections
import concurrent.futures
import json
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import support  # noqa: E402

EXAMPLES = ROOT / "Sources/ApusServer/ExampleModels"
# Of the 99th percentile alone.
FACTOR = 1.10
RUNNING = {
    "digits": ["--rate", 200, "--picture", EXAMPLES / "digits/samples/seven.png"],
    "storyteller": ["--rate", 40, "--max-tokens", 16, "--prompt", "Once upon a time"],
}


class Loader:
    """An admin who loads and unloads a model until told to stop."""

    def __init__(self, target, certificates):
        import grpc
        support.stubs()
        import inference_pb2
        import inference_pb2_grpc
        self.messages = inference_pb2
        self.channel = grpc.secure_channel(target, support.client_credentials(certificates, "role-admin"))
        self.stub = inference_pb2_grpc.GRPCInferenceServiceStub(self.channel)
        self.count, self.goes_on = 0, True
        self.threads = concurrent.futures.ThreadPoolExecutor(1)

    def run(self):
        while self.goes_on:
            self.stub.RepositoryModelLoad(self.messages.RepositoryModelLoadRequest(model_name="large"), timeout=600)
            self.stub.RepositoryModelUnload(self.messages.RepositoryModelUnloadRequest(model_name="large"), timeout=600)
            self.count += 1

    def __enter__(self):
        self.running = self.threads.submit(self.run)
        return self

    def __exit__(self, *_):
        self.goes_on = False
        self.threads.shutdown()
        self.channel.close()
        # A load that failed ends the program: without loads there is nothing to compare.
        self.running.result()


def load(server, certificates, name, seconds, report):
    support.run([support.BINARY, "bench", "--model", name, "--target", f"localhost:{server.port}", "--certs",
                 certificates, "--duration", f"{seconds}s", "--warmup", "1s", "--json", report, *RUNNING[name]])
    found = json.loads(report.read_text())
    if found["counts"]["failed"]:
        raise SystemExit(f"{found['counts']['failed']} calls failed")
    return found["latency"]


def medians(pairs):
    """Alone and while loading, in milliseconds."""
    return [statistics.median(pair[side] for pair in pairs) / 1000 for side in (0, 1)]


def print_table(found, loads, rounds):
    print(f"\n### A running model while another is loaded ({loads} loads), medians of {rounds} rounds\n")
    print("| model | | alone | while loading | ratio |\n|---|---|--:|--:|--:|")
    for example, quantiles in found.items():
        for quantile, pairs in quantiles.items():
            quiet, busy = medians(pairs)
            print(f"| {example} | {quantile} | {quiet:,.2f} ms | {busy:,.2f} ms | {busy / quiet:.2f} |")


def goals(found):
    for example, quantiles in found.items():
        quiet, busy = medians(quantiles["p99"])
        yield (f"p99 of {example} while loading", f"≤ {FACTOR:.2f} × alone",
               f"{busy / quiet:.2f} × ({busy:,.2f} ms, alone {quiet:,.2f} ms)", busy <= FACTOR * quiet)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--model", type=pathlib.Path, default=support.BUILD / "models/125m",
                        help="made by Benchmarks/text/models.py")
    parser.add_argument("--json", type=pathlib.Path, help="write every sample to this file too")
    arguments = parser.parse_args()
    if not arguments.model.exists():
        raise SystemExit(f"{arguments.model} is not there: Benchmarks/text/models.py .build/benchmarks/models makes it")
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        certificates = support.certificates(folder / "certs")
        models = folder / "server/models"
        for example in RUNNING:
            (models).mkdir(parents=True, exist_ok=True)
            (models / example).symlink_to(EXAMPLES / example)
        (models / "large").mkdir()
        (models / "large/model.yaml").write_text("platform: text\n")
        (models / "large/1").symlink_to(arguments.model.resolve())
        settings = {"http_listen": "off", "models": {}, "repository": "{control: explicit}"}
        with support.apus(folder / "server", certificate_folder=certificates, configuration=settings) as server:
            admin = Loader(f"localhost:{server.port}", certificates)
            for example in RUNNING:
                admin.stub.RepositoryModelLoad(
                    admin.messages.RepositoryModelLoadRequest(model_name=example), timeout=60)
            admin.channel.close()
            loads = 0
            for _ in range(arguments.rounds):
                for example in RUNNING:
                    quiet = load(server, certificates, example, arguments.seconds, folder / "report.json")
                    with Loader(f"localhost:{server.port}", certificates) as loader:
                        busy = load(server, certificates, example, arguments.seconds, folder / "report.json")
                    loads += loader.count
                    for quantile in ("p50", "p99"):
                        found[example][quantile].append(
                            (quiet[f"{quantile}_microseconds"], busy[f"{quantile}_microseconds"]))
    print_table(found, loads, arguments.rounds)
    support.print_pairs(machine := support.machine())
    support.print_goals(reached := list(goals(found)))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({
            "machine": machine, "goals": reached, "loads": loads, "latency": found}, indent=1) + "\n")
    sys.exit(0 if all(is_met for *_, is_met in reached) else 1)


if __name__ == "__main__":
    main()
