#!/usr/bin/env python3
"""Compares embeddings by all-MiniLM-L6-v2 with ONNX Runtime and OpenVINO: same machine, run, threads and texts.

    Benchmarks/text/embeddings.py [--folder FOLDER] [--rounds 7] [--threads 2] [--json FILE]

512 short texts, cut into tokens beforehand. The peers get them sorted by length in batches, padded to the longest of a
batch; of several batch sizes, and for OpenVINO of one stream or one for each thread, the fastest counts. Apus runs the
bare engine (`apus-text-bench --embed`) on the texts as they come. The programs take turns, `rounds` times, each in a
process of its own, and those whose turn it is not are stopped, so that no pool of threads that waits for work takes
time from the others. The table shows medians. Run it on a machine that does nothing else; needs onnx, onnxruntime,
openvino, safetensors, tokenizers.
"""

import argparse
import collections
import json
import pathlib
import signal
import statistics
import subprocess
import sys
from importlib import metadata

import numpy
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import limits  # noqa: E402
import minilm  # noqa: E402
import support  # noqa: E402

PROGRAM = ROOT / ".build/release/apus-text-bench"
PEERS = pathlib.Path(__file__).with_name("embedding_peers.py")
NAMES = {"ONNX Runtime f32": "onnxruntime", "OpenVINO f32": "openvino-f32", "OpenVINO bf16": "openvino-bf16"}
TEXTS = 512
FORMATS = ("f32", "bf16", "int8")
# Ours, its peers, at least so many times the best of them; the lowest cosine to ONNX Runtime's vectors.
GOALS = [("Apus f32", ["ONNX Runtime f32"], 1.2), ("Apus bf16", ["ONNX Runtime f32", "OpenVINO bf16"], 1.2)]
COSINES = {"Apus f32": 0.9999, "Apus bf16": 0.999, "Apus int8": 0.999}


class Peer:
    """A peer in a process of its own, which is stopped while others are measured."""

    def __init__(self, name, graph, tokens, threads):
        self.process = subprocess.Popen(
            [sys.executable, str(PEERS), name, str(graph), str(tokens), str(threads)], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=support.environment())
        self.choice = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended with status {self.process.wait()}")
        self.process.send_signal(signal.SIGSTOP)
        return json.loads(line)

    def ask(self, command):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.answer()

    def vectors(self, path):
        self.ask(f"vectors {path}")
        return numpy.fromfile(path, "<f4").reshape(-1, minilm.HIDDEN)

    def end(self):
        self.process.kill()
        self.process.wait()


def ours(model, tokens, weights, arguments):
    output = arguments.folder / f"{weights}.bin"
    result = subprocess.run(
        [str(word) for word in (PROGRAM, model, "--embed", tokens, "--weights", weights, "--threads",
                                arguments.threads, "--rounds", 5, "--vectors", output)],
        capture_output=True, text=True, check=True, env=support.environment())
    vectors = numpy.fromfile(output, "<f4").reshape(-1, minilm.HIDDEN)
    return json.loads(result.stdout)["tokens_per_second"], vectors


def cosine(mine, other):
    """The lowest of all texts."""
    lengths = numpy.linalg.norm(mine, axis=1) * numpy.linalg.norm(other, axis=1)
    return float(((mine * other).sum(axis=1) / lengths).min())


def print_table(samples, peers, cosines, threads):
    best = statistics.median(samples["ONNX Runtime f32"])
    print(f"\n### all-MiniLM-L6-v2, {TEXTS} short texts\n")
    print("| | tokens/s | of ONNX Runtime | share of the cores' peak | lowest cosine to ONNX Runtime | |\n"
          "|---|--:|--:|--:|--:|---|")
    for who, rates in samples.items():
        rate, weights = statistics.median(rates), who.split()[-1]
        how = peers[who].choice if who in peers else "as they come, no padding"
        share = limits.share_of_peak(2 * minilm.MULTIPLIES * rate, weights, threads)
        print(f"| {who} | {rate:,.0f} | {rate / best:.2f} | {share:.0%} of {limits.PEAKS[weights][1]} | "
              f"{cosines[who]:.6f} | {how} |")


def goals(samples, cosines):
    for who, others, factor in GOALS:
        ratio = statistics.median(samples[who]) / max(statistics.median(samples[other]) for other in others)
        yield f"{who}, tokens/s", f"≥ {factor} × the best of {', '.join(others)}", f"{ratio:.2f} ×", ratio >= factor
    for who, least in COSINES.items():
        yield f"{who}, lowest cosine", f"≥ {least}", f"{cosines[who]:.6f}", cosines[who] >= least


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / ".build/benchmarks/minilm")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    model, graph = minilm.fetch(arguments.folder), arguments.folder / "minilm.onnx"
    minilm.export(model, graph)
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.no_padding()
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(minilm.texts(TEXTS))]
    token_file = arguments.folder / "tokens"
    token_file.write_text("".join(" ".join(map(str, ids)) + "\n" for ids in tokens))
    peers = {who: Peer(name, graph, token_file, arguments.threads) for who, name in NAMES.items()}
    samples = collections.defaultdict(list)
    vectors = {who: peer.vectors(arguments.folder / f"{NAMES[who]}.bin") for who, peer in peers.items()}
    for _ in range(arguments.rounds):
        for weights in FORMATS:
            rate, vectors[f"Apus {weights}"] = ours(model, token_file, weights, arguments)
            samples[f"Apus {weights}"].append(rate)
        for who, peer in peers.items():
            samples[who].append(peer.ask("rate"))
    for peer in peers.values():
        peer.end()
    cosines = {who: cosine(made, vectors["ONNX Runtime f32"]) for who, made in vectors.items()}
    print_table(samples, peers, cosines, arguments.threads)
    machine = support.machine() | {
        "threads": arguments.threads, "ONNX Runtime": metadata.version("onnxruntime"),
        "OpenVINO": metadata.version("openvino")}
    support.print_pairs(machine)
    reached = list(goals(samples, cosines))
    support.print_goals(reached)
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": machine, "goals": reached, "samples": samples, "cosines": cosines}, indent=1) + "\n")


if __name__ == "__main__":
    main()
