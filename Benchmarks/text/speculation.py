#!/usr/bin/env python3
"""Measures what n-gram speculation gives where a text repeats itself, and what it costs where it does not.

    Benchmarks/text/speculation.py [--model FOLDER] [--weights int8] [--streams 1,8] [--rounds 3] [--json FILE]

One server has the model twice, with `speculation: off` and with `speculation: ngram`; `apus bench` loads one after the
other over mTLS. Texts of the likeliest tokens of random weights soon repeat themselves, which stands for answers that
quote their prompts; tokens drawn at temperature 2 repeat nothing. Medians; guesses are those of the server's metrics.
"""

import argparse
import collections
import json
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import served  # noqa: E402
import support  # noqa: E402

WAYS = ("off", "ngram")
TEXTS = {"repeats itself": 0, "repeats nothing": 2}
TOKENS = 256
# With speculation against without, by kind of text: it pays where it can, and where it cannot it is given up.
GOALS = {"repeats itself": 1.5, "repeats nothing": 0.97}


def measure(address, folder, model, temperature, streams, seconds):
    report = folder / "report.json"
    prompts = [word for index in range(streams) for word in ("--prompt", served.prompt(index))]
    subprocess.run(
        [served.APUS, "bench", "--model", model, *prompts, "--max-tokens", str(TOKENS), "--temperature",
         str(temperature), "--target", address, "--certs", folder, "--concurrency", str(streams), "--duration",
         f"{seconds}s", "--warmup", "3s", "--timeout", "120s", "--json", report],
        check=True, stdout=subprocess.DEVNULL, env=support.environment())
    report = json.loads(report.read_text())
    if report["counts"]["failed"]:
        raise SystemExit(f"{report['counts']['failed']} calls failed")
    return report["throughput"]["tokens_per_second"]


def counted(http, what):
    """A counter of the guessing model."""
    with urllib.request.urlopen(f"http://{http}/metrics", timeout=10) as answer:
        found = re.search(rf'^apus_text_{what}_tokens_total{{model="ngram".*}} (\d+)', answer.read().decode(), re.M)
    return int(found.group(1)) if found else 0


def print_table(name, samples, guesses):
    print(f"\n### {name}: speculation, tokens a second\n")
    print("| text | streams | off | ngram | | guesses that came true |\n|---|--:|--:|--:|--:|--:|")
    for (text, streams), rates in samples.items():
        off, ngram = (statistics.median(rates[way]) for way in WAYS)
        guessed, confirmed = guesses[text, streams]
        share = f"{confirmed:,} of {guessed:,}" if guessed else "none made"
        print(f"| {text} | {streams} | {off:,.1f} | {ngram:,.1f} | {ngram / off:.2f} × | {share} |")


def goals(samples):
    for (text, streams), rates in samples.items():
        ratio = statistics.median(rates["ngram"]) / statistics.median(rates["off"])
        yield f"{text}, {streams} streams", f"≥ {GOALS[text]} ×", f"{ratio:.2f} ×", ratio >= GOALS[text]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / ".build/benchmarks/models/1.1b")
    parser.add_argument("--weights", default="int8")
    parser.add_argument("--streams", default="1,8")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=12)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    samples = collections.defaultdict(lambda: collections.defaultdict(list))
    guesses = collections.defaultdict(lambda: (0, 0))
    settings = {way: f"weights: {arguments.weights}\ntext:\n  cache_memory: 512MiB\n  speculation: {way}\n"
                for way in WAYS}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name) / "server"
        process, address, http = served.serve(folder, arguments.model, arguments.threads, settings)
        try:
            for _ in range(arguments.rounds):
                for text, temperature in TEXTS.items():
                    for streams in map(int, arguments.streams.split(",")):
                        before = counted(http, "guessed"), counted(http, "confirmed")
                        for way in WAYS:
                            samples[text, streams][way].append(
                                measure(address, folder, way, temperature, streams, arguments.seconds))
                        after = counted(http, "guessed"), counted(http, "confirmed")
                        guesses[text, streams] = tuple(
                            sum(part) - start for *part, start in zip(guesses[text, streams], after, before))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    print_table(f"{arguments.model.name}, {arguments.weights}", samples, guesses)
    support.print_pairs(machine := support.machine() | {"threads": arguments.threads})
    support.print_goals(goals(samples))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine, "samples": {
            f"{text}, {streams}": rates for (text, streams), rates in samples.items()}}, indent=1) + "\n")


if __name__ == "__main__":
    main()
