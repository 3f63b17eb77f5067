#!/usr/bin/env python3
"""Compares a decoder behind gRPC with the bare engine: same machine, same run, same threads, the same work.

    Benchmarks/text/served.py [--model FOLDER] [--weights int8] [--streams 16] [--rounds 5] [--json FILE]

Behind gRPC, `apus bench` keeps so many streams under way over mTLS, each a prompt of 8 tokens and 256 generated ones;
the bare engine (`apus-text-bench`) reads as many prompts in one step and decodes them together. The two take turns; the
table shows medians. The server, its client and the engine's threads share the machine, which does nothing else.
"""

import argparse
import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import support  # noqa: E402

APUS, BARE = ROOT / ".build/release/apus", ROOT / ".build/release/apus-text-bench"
PROMPT, STEPS = 8, 256
GOAL = 0.95


def serve(folder, model, threads, settings):
    """Starts a server of a model under several names, each with its lines of model.yaml.

    Returns the process and the addresses for gRPC and for HTTP.
    """
    subprocess.run([APUS, "certs", "init", folder], check=True, stdout=subprocess.DEVNULL)
    for name, lines in settings.items():
        place = folder / "models" / name
        place.mkdir(parents=True)
        (place / "1").symlink_to(model.resolve())
        (place / "model.yaml").write_text(f"platform: text\n{lines}")
    configuration = folder / "apus.yaml"
    configuration.write_text(
        f"listen: 127.0.0.1:0\nhttp_listen: 127.0.0.1:0\nlog_level: warning\nrepositories: [{folder}/models]\n"
        f"compute_threads: {threads}\n"
        f"tls:\n  certificate: {folder}/server.pem\n  key: {folder}/server.key\n  client_ca: {folder}/ca.pem\n")
    process = subprocess.Popen([APUS, "serve", "--config", configuration], stdout=subprocess.PIPE, text=True,
                               env=support.environment())
    # The commands that are shown in between name the first address too.
    addresses = []
    for line in process.stdout:
        addresses += re.findall(r"(?:^apus .* on |^Metrics: http://)(127\.0\.0\.1:\d+)", line)
        if len(addresses) == 2:
            return process, *addresses
    raise SystemExit(f"the server ended with status {process.wait()}")


def prompt(index):
    """The model's tokenizer makes two tokens of three characters. Shorter than a page, so that no part of a prompt is
    found in the cache, which the bare engine does not have."""
    return "".join(f"{chr(97 + index)}{chr(97 + (index + place) % 26)}." for place in range(PROMPT // 2))


def served(address, folder, arguments):
    report = folder / "report.json"
    prompts = [word for index in range(arguments.streams) for word in ("--prompt", prompt(index))]
    subprocess.run(
        [APUS, "bench", "--model", "bench", *prompts, "--max-tokens", str(STEPS), "--target", address,
         "--certs", folder, "--concurrency", str(arguments.streams), "--duration", f"{arguments.seconds}s",
         "--warmup", "5s", "--timeout", "120s", "--json", report],
        check=True, stdout=subprocess.DEVNULL, env=support.environment())
    report = json.loads(report.read_text())
    if report["counts"]["failed"]:
        raise SystemExit(f"{report['counts']['failed']} calls failed")
    return report["throughput"]["tokens_per_second"]


def bare(arguments):
    words = [BARE, arguments.model, "--weights", arguments.weights, "--threads", arguments.threads, "--sequences", "1",
             "--prompt", PROMPT, "--generate", STEPS, "--generations", arguments.streams, "--context", PROMPT,
             "--rounds", "3"]
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True,
                            env=support.environment())
    return json.loads(result.stdout)["generations"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / ".build/benchmarks/models/1.1b")
    parser.add_argument("--weights", default="int8")
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    samples = {"served": [], "bare": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for _ in range(arguments.rounds):
            samples["bare"].append(bare(arguments))
            # Speculation off: the bare engine has none, and random weights soon repeat themselves.
            process, address, _ = serve(
                folder / str(len(samples["bare"])), arguments.model, arguments.threads,
                {"bench": f"weights: {arguments.weights}\ntext:\n  cache_memory: 1GiB\n  speculation: off\n"})
            try:
                samples["served"].append(served(address, folder / str(len(samples["bare"])), arguments))
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
    mine, engine = statistics.median(samples["served"]), statistics.median(samples["bare"])
    print(f"\n### {arguments.model.name}, {arguments.weights}, {arguments.streams} streams, tokens a second\n")
    print("| bare engine | through gRPC | share |\n|--:|--:|--:|")
    print(f"| {engine:,.1f} | {mine:,.1f} | {mine / engine:.1%} |")
    support.print_pairs(machine := support.machine() | {"threads": arguments.threads})
    support.print_goals([("through gRPC", f"≥ {GOAL:.0%} of the bare engine", f"{mine / engine:.1%}",
                          mine >= GOAL * engine)])
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "samples": samples}, indent=1) + "\n")


if __name__ == "__main__":
    main()
