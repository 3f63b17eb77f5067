#!/usr/bin/env python3
"""Compares decoders in Apus with llama.cpp: same machine, same run, same threads, the same random weights.

    Benchmarks/text/peers.py --llama FOLDER [--models FOLDER] [--only 1.1b,125m] [--rounds 5] [--json FILE]

FOLDER of --llama holds llama-bench, llama-batched-bench and llama-quantize; `make bench-text` builds them from the
source distribution of llama-cpp-python. The programs take turns, `rounds` times; the tables show medians. Apus runs the
bare engine (`apus-text-bench`): prefill of 512 tokens in one step, and decoding of sequences that have 128 tokens
already. Run it on a machine that does nothing else.
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import limits  # noqa: E402
import support  # noqa: E402

PROGRAM = ROOT / ".build/release/apus-text-bench"
CONTEXT, PROMPT, STEPS = 128, 512, 32
# What is compared: our weights with theirs.
PAIRS = [("int8", "Q8_0"), ("int4", "Q4_0"), ("bf16", "f16")]
SEQUENCES = {"1.1b": [1, 8, 16], "125m": [1, 32]}
# Model, what, theirs, at least so many times it.
GOALS = [
    ("1.1b", "prefill", "int8", "Q8_0", 3), ("1.1b", "prefill", "int4", "Q4_0", 2),
    ("1.1b", "decode 1", "int8", "Q8_0", 1.05), ("1.1b", "decode 1", "int4", "Q4_0", 1.05),
    ("1.1b", "decode 8", "int8", "Q8_0", 2.5), ("1.1b", "decode 16", "int8", "Q8_0", 4),
    ("125m", "prefill", "int8", "Q8_0", 2.5), ("125m", "decode 1", "int8", "Q8_0", 1.1),
    ("125m", "decode 32", "int8", "Q8_0", 2.5),
]


def run(words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=support.environment())
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return result.stdout


def quantize(llama, folder, kind):
    path = folder.resolve() / f"{kind}.gguf"
    if not path.exists():
        # The names begin with a slash: what begins with a digit is taken for a type.
        run([llama / "llama-quantize", folder.resolve() / "f16.gguf", path, kind, 2])
    return path


def theirs(llama, path, threads, sequences):
    """Tokens a second by what was measured."""
    values = {}
    for row in json.loads(run([llama / "llama-bench", "-m", path, "-t", threads, "-p", PROMPT, "-n", 0, "-r", 1,
                               "-o", "json"])):
        values["prefill"] = row["avg_ts"]
    counts = ",".join(map(str, sequences))
    size = (CONTEXT + STEPS) * max(sequences)
    output = run([llama / "llama-batched-bench", "-m", path, "-t", threads, "-c", size, "-b", 2048, "-ub", 512,
                  "-npp", CONTEXT, "-ntg", STEPS, "-npl", counts, "--output-format", "jsonl"])
    for line in output.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            values[f"decode {row['pl']}"] = row["speed_tg"]
    return values


def ours(folder, weights, threads, sequences):
    report = json.loads(run([PROGRAM, folder, "--weights", weights, "--threads", threads, "--prompt", PROMPT,
                             "--context", CONTEXT, "--generate", STEPS, "--sequences", ",".join(map(str, sequences)),
                             "--rounds", 1]))
    values = {"prefill": report[f"prefill_{PROMPT}"], "bandwidth": report["read_bytes_per_second"], "report": report}
    for count in sequences:
        values[f"decode {count}"] = report[f"decode_{count}"]
    return values


def parameters(folder):
    """Multiply-adds of a prompt's token, whose logits nobody asks for, and of a token with logits."""
    size = json.loads((folder / "config.json").read_text())
    hidden, layers = size["hidden_size"], size["num_hidden_layers"]
    keys = hidden // size["num_attention_heads"] * size["num_key_value_heads"]
    body = layers * (2 * hidden * hidden + 2 * hidden * keys + 3 * hidden * size["intermediate_size"])
    return body, body + hidden * size["vocab_size"]


class Comparison:
    def __init__(self, arguments):
        self.arguments = arguments
        self.samples = collections.defaultdict(list)
        self.reports = {}
        # Beside the programs, by the script that builds them.
        version = arguments.llama.parent / "version"
        self.version = version.read_text().strip() if version.exists() else "?"

    def measure(self, name):
        folder, threads = self.arguments.models / name, self.arguments.threads
        files = {kind: quantize(self.arguments.llama, folder, kind) if kind != "f16" else folder / "f16.gguf"
                 for _, kind in PAIRS}
        for _ in range(self.arguments.rounds):
            for weights, kind in PAIRS:
                for who, values in ((weights, ours(folder, weights, threads, SEQUENCES[name])),
                                    (kind, theirs(self.arguments.llama, files[kind], threads, SEQUENCES[name]))):
                    self.reports[name, who] = values.pop("report", None)
                    for what, value in values.items():
                        self.samples[name, what, who].append(value)

    def median(self, name, what, who):
        return statistics.median(self.samples[name, what, who])

    def cases(self, name):
        return ["prefill"] + [f"decode {count}" for count in SEQUENCES[name]]

    def print_model(self, name):
        bandwidths = self.samples[name, "bandwidth", "int8"]
        print(f"\n### {name}, tokens a second; the weights are read with {min(bandwidths) / 1e9:.0f} to "
              f"{max(bandwidths) / 1e9:.0f} GB/s, from process to process\n")
        print("| | Apus int8 | llama.cpp Q8_0 | | Apus int4 | llama.cpp Q4_0 | | Apus bf16 | llama.cpp F16 | |\n"
              "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
        for what in self.cases(name):
            cells = []
            for weights, kind in PAIRS:
                mine, other = self.median(name, what, weights), self.median(name, what, kind)
                cells += [f"{mine:,.1f}", f"{other:,.1f}", f"**{mine / other:.2f}×**"]
            print(f"| {what} | {' | '.join(cells)} |")

    def print_shares(self, name):
        heads = [f"{weights}, of {limits.PEAKS[weights][1]} a core or of the bandwidth" for weights, _ in PAIRS]
        print(f"\n### {name}, shares of the limit\n")
        print(f"| | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
        for what in self.cases(name):
            cells = []
            for weights, _ in PAIRS:
                share, limit = self.share(name, what, weights)
                cells.append(f"{share:.0%} of {limit}")
            print(f"| {what} | {' | '.join(cells)} |")

    def share(self, name, what, weights):
        """Of the time of a step, what its limit takes: the median over the rounds, each with its own bandwidth."""
        body, with_logits = parameters(self.arguments.models / name)
        threads, byte_count = self.arguments.threads, self.reports[name, weights]["step_bytes"]
        count = PROMPT if what == "prefill" else int(what.split()[1])
        operations = 2 * (count * body if what == "prefill" else count * with_logits)
        shares = [
            limits.step_share(count / rate, byte_count, bandwidth, operations, weights, threads)
            for rate, bandwidth in zip(self.samples[name, what, weights], self.samples[name, "bandwidth", weights])]
        return statistics.median_low(shares)

    def print_loading(self):
        print("\n### Loading\n\n| | weights | packed | the program before | peak memory | of packed | seconds |\n"
              "|---|---|--:|--:|--:|--:|--:|")
        for (name, who), report in self.reports.items():
            if report:
                print(f"| {name} | {who} | {report['weight_bytes'] / 1e6:,.0f} MB | "
                      f"{report['resident_before_bytes'] / 1e6:,.0f} MB | "
                      f"{report['load_peak_bytes'] / 1e6:,.0f} MB | "
                      f"{report['load_peak_bytes'] / report['weight_bytes']:.2f} | {report['load_seconds']:.1f} |")

    def goals(self, names):
        for name, what, weights, kind, goal in GOALS:
            if name in names:
                ratio = self.median(name, what, weights) / self.median(name, what, kind)
                yield f"{name} {what}, {weights}", f"≥ {goal} × {kind}", f"{ratio:.2f} ×", ratio >= goal
        if "1.1b" in names:
            share, _ = self.share("1.1b", "decode 1", "int8")
            yield "1.1b decode 1, int8", "≥ 90 % of the read bandwidth", f"{share:.0%}", share >= 0.9
            report = self.reports["1.1b", "int8"]
            memory = report["load_peak_bytes"] / report["weight_bytes"]
            yield "1.1b peak memory of loading, int8", "≤ 1.2 × packed", f"{memory:.2f} ×", memory <= 1.2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llama", type=pathlib.Path, default=ROOT / ".build/benchmarks/llama/bin")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / ".build/benchmarks/models")
    parser.add_argument("--only", default=",".join(SEQUENCES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    names = arguments.only.split(",")
    comparison = Comparison(arguments)
    for name in names:
        comparison.measure(name)
        comparison.print_model(name)
        comparison.print_shares(name)
    comparison.print_loading()
    tiers = {report["tier"] for report in comparison.reports.values() if report}
    machine = support.machine() | {
        "threads": arguments.threads, "kernels": ", ".join(tiers), "llama.cpp": comparison.version}
    print("\n### Machine and versions")
    support.print_pairs(machine)
    print("\n### Goals")
    goals = list(comparison.goals(names))
    support.print_goals(goals)
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": machine, "goals": goals,
            "samples": [{"case": list(case), "samples": taken} for case, taken in comparison.samples.items()]},
            indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
