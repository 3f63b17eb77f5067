#!/usr/bin/env python3
"""Compares embeddings by all-MiniLM-L6-v2 with ONNX Runtime and OpenVINO: same machine, run, threads and texts.

    Benchmarks/text/embeddings.py [--folder FOLDER] [--rounds 5] [--threads 2] [--json FILE]

512 short texts, cut into tokens beforehand. The peers get them sorted by length in batches, padded to the longest of a
batch; of several batch sizes, and for OpenVINO of one stream or one for each thread, the fastest counts. Apus runs the
bare engine (`apus-text-bench --embed`) on the texts as they come. The programs take turns, `rounds` times; the table
shows medians. Run it on a machine that does nothing else; needs onnx, onnxruntime, openvino, safetensors, tokenizers.
"""

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime
import openvino
from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import minilm  # noqa: E402
import support  # noqa: E402

PROGRAM = ROOT / ".build/release/apus-text-bench"
TEXTS, SIZES = 512, (8, 16, 32, 64)
FORMATS = ("f32", "bf16", "int8")
# Ours, its peers, at least so many times the best of them; the lowest cosine to ONNX Runtime's vectors.
GOALS = [("Apus f32", ["ONNX Runtime f32"], 1.2), ("Apus bf16", ["ONNX Runtime f32", "OpenVINO bf16"], 1.2)]
COSINES = {"Apus f32": 0.9999, "Apus bf16": 0.999, "Apus int8": 0.999}


def batches(tokens, size):
    """Indices, ids and mask of each batch."""
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
    for start in range(0, len(order), size):
        part = order[start:start + size]
        ids = numpy.zeros((len(part), max(len(tokens[index]) for index in part)), numpy.int64)
        mask = numpy.zeros_like(ids)
        for row, index in enumerate(part):
            ids[row, :len(tokens[index])] = tokens[index]
            mask[row, :len(tokens[index])] = 1
        yield part, ids, mask


def onnx_runtime(path, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda work: [session.run(None, {"ids": ids, "mask": mask})[0] for _, ids, mask in work]


def open_vino(path, threads, precision, streams):
    compiled = openvino.Core().compile_model(str(path), "CPU", {
        "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": streams, "INFERENCE_PRECISION_HINT": precision})

    def run(work):
        answers = [None] * len(work)
        queue = openvino.AsyncInferQueue(compiled, streams)
        queue.set_callback(lambda request, place: answers.__setitem__(place, request.get_output_tensor(0).data.copy()))
        for place, (_, ids, mask) in enumerate(work):
            queue.start_async({"ids": ids, "mask": mask}, place)
        queue.wait_all()
        return answers
    return run


class Peer:
    """A program with the batch size that suits it best, found by trying."""

    def __init__(self, makers, tokens):
        self.tokens = tokens
        choices = [(run, size, label) for label, make in makers for run in [make()] for size in SIZES]
        for run, size, _ in choices:
            self.seconds(run, size)
        times = [(min(self.seconds(run, size) for _ in range(2)), index) for index, (run, size, _) in
                 enumerate(choices)]
        self.run, self.size, label = choices[min(times)[1]]
        self.choice = f"batches of {self.size}{label}"

    def seconds(self, run, size):
        work = list(batches(self.tokens, size))
        start = time.perf_counter()
        run(work)
        return time.perf_counter() - start

    def rate(self):
        return sum(map(len, self.tokens)) / statistics.median(self.seconds(self.run, self.size) for _ in range(3))

    def vectors(self):
        work = list(batches(self.tokens, self.size))
        made = numpy.zeros((len(self.tokens), minilm.HIDDEN), numpy.float32)
        for (part, _, _), answer in zip(work, self.run(work)):
            made[part] = answer
        return made


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


def print_table(samples, peers, cosines):
    best = statistics.median(samples["ONNX Runtime f32"])
    print(f"\n### all-MiniLM-L6-v2, {TEXTS} short texts\n")
    print("| | tokens/s | of ONNX Runtime | lowest cosine to it | |\n|---|--:|--:|--:|---|")
    for who, rates in samples.items():
        how = peers[who].choice if who in peers else "as they come, no padding"
        print(f"| {who} | {statistics.median(rates):,.0f} | {statistics.median(rates) / best:.2f} | "
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
    parser.add_argument("--rounds", type=int, default=5)
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
    threads = arguments.threads
    peers = {"ONNX Runtime f32": Peer([("", lambda: onnx_runtime(graph, threads))], tokens)}
    for precision in ("f32", "bf16"):
        peers[f"OpenVINO {precision}"] = Peer(
            [(f", {count} stream{'s' if count > 1 else ''}",
              lambda count=count: open_vino(graph, threads, precision, count)) for count in {1, threads}], tokens)
    samples = collections.defaultdict(list)
    vectors = {who: peer.vectors() for who, peer in peers.items()}
    for _ in range(arguments.rounds):
        for weights in FORMATS:
            rate, vectors[f"Apus {weights}"] = ours(model, token_file, weights, arguments)
            samples[f"Apus {weights}"].append(rate)
        for who, peer in peers.items():
            samples[who].append(peer.rate())
    cosines = {who: cosine(made, vectors["ONNX Runtime f32"]) for who, made in vectors.items()}
    print_table(samples, peers, cosines)
    machine = support.machine() | {
        "threads": threads, "ONNX Runtime": onnxruntime.__version__, "OpenVINO": openvino.__version__}
    print("\n| | |\n|---|---|")
    for key, value in machine.items():
        print(f"| {key} | {value} |")
    print("\n| what | goal | measured | met |\n|---|---|--:|---|")
    reached = list(goals(samples, cosines))
    for what, goal, measured, is_met in reached:
        print(f"| {what} | {goal} | {measured} | {'yes' if is_met else '**no**'} |")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            "machine": machine, "goals": reached, "samples": samples, "cosines": cosines}, indent=1) + "\n")


if __name__ == "__main__":
    main()
