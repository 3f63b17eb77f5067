#!/usr/bin/env python3
"""Checks decoders in Apus against llama.cpp, on GGUF files of random weights: the logits after a prompt, and the most
likely tokens that follow it.

    Benchmarks/text/parity.py --llama FOLDER [--source FOLDER] [--program FILE]

FOLDER of --llama is a build of llama.cpp with its libraries, --source the tree it was built from; `make parity-text`
makes both. Files of F16 are computed with weights in f32 on our side, because llama.cpp keeps F16; those of Q8_0 and
Q4_0 with the file's own formats. Fails when the logits are further apart than the limits, or when the first token
differs although the likeliest leads by more than the logits are apart.
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
# Type in the file, our weights, and the largest difference of a logit as a share of the logits' deviation: F16 weights
# meet activations rounded to F16 over there, the others activations of eight bits on both sides.
TYPES = [("F16", "f32", 0.01), ("Q8_0", "file", 0.05), ("Q4_0", "file", 0.08)]
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


def compare(ours, theirs):
    """The largest difference, the deviation of their logits, and how many tokens are alike before one differs."""
    mine, other = numpy.array(ours["logits"]), numpy.array(theirs["logits"])
    agreeing = next((i for i, (a, b) in enumerate(zip(ours["tokens"], theirs["tokens"])) if a != b), COUNT)
    return float(numpy.abs(mine - other).max()), float(other.std()), agreeing


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llama", type=pathlib.Path, default=ROOT / ".build/benchmarks/llama")
    parser.add_argument("--source", type=pathlib.Path)
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    arguments = parser.parse_args()
    source = arguments.source or next(arguments.llama.glob("llama_cpp_python-*/vendor/llama.cpp"))
    failures = 0
    print("| | file | weights here | largest difference of a logit | of their deviation | tokens alike | |")
    print("|---|---|---|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        build(source, arguments.llama, folder / "llama_logits")
        prompt = ",".join(map(str, PROMPT))
        for architecture in ARCHITECTURES:
            for kind, weights, limit in TYPES:
                path = folder / f"{architecture}-{kind}.gguf"
                write(path, architecture, kind)
                ours = run([arguments.program, path, "--weights", weights, "--cache", "f32", "--logits", prompt,
                            "--generate", COUNT])
                theirs = run([folder / "llama_logits", path, prompt, COUNT])
                difference, deviation, agreeing = compare(ours, theirs)
                lead = numpy.sort(theirs["logits"])[-1] - numpy.sort(theirs["logits"])[-2]
                is_good = difference <= limit * deviation and (agreeing > 0 or lead <= 2 * difference)
                failures += not is_good
                print(f"| {architecture} | {kind} | {weights} | {difference:.5f} | {difference / deviation:.2%} | "
                      f"{agreeing} of {COUNT} | {'ok' if is_good else '**no**'} |", flush=True)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
