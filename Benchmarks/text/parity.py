#!/usr/bin/env python3
"""Checks decoders in Apus against llama.cpp, on GGUF files of random weights: the logits after a prompt, and the most
likely tokens that follow it.

    Benchmarks/text/parity.py --llama FOLDER [--source FOLDER] [--program FILE]

FOLDER of --llama is a build of llama.cpp with its libraries, --source the tree it was built from; `make parity-text`
makes both. What is exact is what Apus computes with the file's weights in f32. llama.cpp rounds the
activations beside F16 weights to F16, and both programs round those beside quantised weights to eight bits. Fails when
llama.cpp on F16 is further from the exact logits than 1 % of their deviation, when Apus with a quantised file's own
format errs more than 1.25 times as much as llama.cpp does (root of the mean square), or when the two programs' first
tokens differ although the likeliest leads by more than the logits are apart.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".build/release/apus-text-bench"
SIZE = dict(layers=4, hidden=256, heads=8, key_heads=4, intermediate=512, vocabulary=512, context=512)
ARCHITECTURES = ["llama", "qwen2", "qwen3"]
# Type in the file, and our weights.
TYPES = [("F16", "f32"), ("Q8_0", "file"), ("Q4_0", "file")]
EXACT_LIMIT, ERROR_RATIO_LIMIT = 0.01, 1.25
PROMPT = [1, 17, 300, 42, 511, 7, 99, 128, 256, 3, 5, 8, 13, 21, 34, 55]
COUNT = 24


def tensors(architecture):
    hidden, head = SIZE["hidden"], SIZE["hidden"] // SIZE["heads"]
    keys, intermediate = head * SIZE["key_heads"], SIZE["intermediate"]
    yield "token_embd.weight", (SIZE["vocabulary"], hidden)
    for layer in range(SIZE["layers"]):
        shapes = {
            "attn_norm.weight": (hidden,), "attn_q.weight": (hidden, hidden), "attn_k.weight": (keys, hidden),
            "attn_v.weight": (keys, hidden), "attn_output.weight": (hidden, hidden), "ffn_norm.weight": (hidden,),
            "ffn_gate.weight": (intermediate, hidden), "ffn_up.weight": (intermediate, hidden),
            "ffn_down.weight": (hidden, intermediate),
        }
        if architecture == "qwen2":
            shapes |= {"attn_q.bias": (hidden,), "attn_k.bias": (keys,), "attn_v.bias": (keys,)}
        if architecture == "qwen3":
            shapes |= {"attn_q_norm.weight": (head,), "attn_k_norm.weight": (head,)}
        for name, shape in shapes.items():
            yield f"blk.{layer}.{name}", shape
    yield "output_norm.weight", (hidden,)
    yield "output.weight", (SIZE["vocabulary"], hidden)


def write(path, architecture, kind):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(SIZE["context"])
    writer.add_embedding_length(SIZE["hidden"])
    writer.add_block_count(SIZE["layers"])
    writer.add_feed_forward_length(SIZE["intermediate"])
    writer.add_head_count(SIZE["heads"])
    writer.add_head_count_kv(SIZE["key_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(SIZE["hidden"] // SIZE["heads"])
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(SIZE["vocabulary"])
    writer.add_tokenizer_model("none")
    random = numpy.random.default_rng(7)
    for name, shape in tensors(architecture):
        values = random.standard_normal(shape, numpy.float32)
        if len(shape) == 1:
            # Norms around 1, biases around 0.
            writer.add_tensor(name, values * numpy.float32(0.1) + numpy.float32("norm" in name))
            continue
        values *= numpy.float32(shape[1] ** -0.5)
        number = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quants.quantize(values, number), raw_dtype=number)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def build(source, build_folder, program):
    """Compiles llama_logits.c with the static libraries of the build."""
    libraries = [build_folder / name for name in (
        "src/libllama.a", "ggml/src/libggml.a", "ggml/src/libggml-cpu.a", "ggml/src/libggml-base.a")]
    c = pathlib.Path(__file__).with_name("llama_logits.c")
    subprocess.run(
        ["cc", "-O2", "-I", source / "include", "-I", source / "ggml/include", c, "-o", program, *libraries,
         "-lstdc++", "-lm", "-lpthread", "-lgomp", "-ldl"], check=True)


def run(words):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, words))}\n{result.stdout[-2000:]}{result.stderr[-2000:]}")
    return json.loads(result.stdout)


def error(logits, exact):
    """The root of the mean square of the difference, as a share of the deviation of the exact logits."""
    return float(numpy.sqrt(numpy.mean((logits - exact) ** 2)) / exact.std())


def agreeing(ours, theirs):
    """How many tokens are alike before one differs."""
    return next((i for i, (a, b) in enumerate(zip(ours["tokens"], theirs["tokens"])) if a != b), COUNT)


def compare(kind, ours, theirs, exact):
    """The errors of both programs, the tokens that are alike, and whether all that is as it should be."""
    mine, other, right = (numpy.array(result["logits"]) for result in (ours, theirs, exact))
    my_error, other_error, alike = error(mine, right), error(other, right), agreeing(ours, theirs)
    if kind == "F16":
        is_good = float(numpy.abs(other - right).max()) <= EXACT_LIMIT * right.std()
    else:
        is_good = my_error <= ERROR_RATIO_LIMIT * other_error
    second, first = numpy.sort(right)[-2:]
    apart = max(numpy.abs(mine - right).max(), numpy.abs(other - right).max())
    return my_error, other_error, alike, is_good and (alike > 0 or first - second <= 2 * apart)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llama", type=pathlib.Path, default=ROOT / ".build/benchmarks/llama")
    parser.add_argument("--source", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    arguments = parser.parse_args()
    source = arguments.source or next(arguments.llama.glob("llama_cpp_python-*/vendor/llama.cpp"))
    failures = 0
    print("| | file | error of Apus | error of llama.cpp | tokens alike | |\n|---|---|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        build(source, arguments.llama, folder / "llama_logits")
        prompt = ",".join(map(str, PROMPT))
        for architecture in ARCHITECTURES:
            for kind, weights in TYPES:
                path = folder / f"{architecture}-{kind}.gguf"
                write(path, architecture, kind)
                mine = [arguments.program, path, "--cache", "f32", "--logits", prompt, "--generate", COUNT, "--weights"]
                ours, exact = run([*mine, weights]), run([*mine, "f32"])
                theirs = run([folder / "llama_logits", path, prompt, COUNT])
                my_error, other_error, alike, is_good = compare(kind, ours, theirs, exact)
                failures += not is_good
                print(f"| {architecture} | {kind} | {my_error:.3%} | {other_error:.3%} | {alike} of {COUNT} | "
                      f"{'ok' if is_good else '**no**'} |", flush=True)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
