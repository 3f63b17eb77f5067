#!/usr/bin/env python3
"""Computes embeddings of texts with ONNX Runtime or OpenVINO, as often as it is asked to.

    Benchmarks/text/embedding_peers.py (onnxruntime | openvino-f32 | openvino-bf16) GRAPH TOKENS THREADS

Finds the batch size, and for OpenVINO the number of streams, with which it is fastest; says so in a line of JSON. Then
it reads lines: `rate` prints how many tokens a second it embeds, `vectors FILE` writes a float32 vector for each text.
A process of its own for each peer, so that whoever compares them can stop those whose turn it is not.
"""

import json
import pathlib
import statistics
import sys
import time

import numpy

SIZES = (8, 16, 32, 64)


def batches(tokens, size):
    """Indices, ids and mask of each batch: sorted by length, padded to the longest of the batch."""
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
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda work: [session.run(None, {"ids": ids, "mask": mask})[0] for _, ids, mask in work]


def open_vino(path, threads, precision, streams):
    import openvino
    compiled = openvino.Core().compile_model(path, "CPU", {
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


def programs(name, graph, threads):
    """What there is to choose from, with a label each."""
    if name == "onnxruntime":
        return [("", onnx_runtime(graph, threads))]
    precision = name.removeprefix("openvino-")
    return [(f", {count} stream{'s' if count > 1 else ''}", open_vino(graph, threads, precision, count))
            for count in sorted({1, threads})]


def main():
    name, graph, token_file, threads = sys.argv[1:]
    tokens = [list(map(int, line.split())) for line in pathlib.Path(token_file).read_text().splitlines()]

    def seconds(run, size):
        work = list(batches(tokens, size))
        start = time.perf_counter()
        run(work)
        return time.perf_counter() - start

    choices = [(run, size, label) for label, run in programs(name, graph, int(threads)) for size in SIZES]
    for run, size, _ in choices:
        seconds(run, size)
    times = [min(seconds(run, size) for _ in range(2)) for run, size, _ in choices]
    run, size, label = choices[times.index(min(times))]
    print(json.dumps(f"batches of {size}{label}"), flush=True)
    for line in sys.stdin:
        command, *path = line.split(maxsplit=1)
        if command == "rate":
            answer = sum(map(len, tokens)) / statistics.median(seconds(run, size) for _ in range(5))
        else:
            work = list(batches(tokens, size))
            made = None
            for (part, _, _), vectors in zip(work, run(work)):
                made = numpy.zeros((len(tokens), vectors.shape[1]), numpy.float32) if made is None else made
                made[part] = vectors
            made.tofile(path[0].strip())
            answer = made.shape
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
