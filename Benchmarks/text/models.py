#!/usr/bin/env python3
"""Makes decoders of random weights in two formats: a Hugging Face directory in bf16, and a GGUF file in F16.

    Benchmarks/text/models.py FOLDER [--only 1.1b,125m]

The sizes are those of TinyLlama (1.1 billion parameters) and of GPT-2 small in Llama's architecture (125 million). The
weights are drawn once, so that both files hold the same model, up to the rounding of their element type. The directory
has a tokenizer of as many tokens, so that it can be served.
"""

import argparse
import json
import pathlib

import gguf
import numpy

SIZES = {
    "1.1b": dict(layers=22, hidden=2048, heads=32, key_heads=4, intermediate=5632, vocabulary=32_000),
    "125m": dict(layers=12, hidden=768, heads=12, key_heads=12, intermediate=2048, vocabulary=32_000),
}
CONTEXT = 4096


def shapes(size):
    """Name in the Hugging Face directory, name in GGUF and shape of every tensor."""
    hidden, head = size["hidden"], size["hidden"] // size["heads"]
    keys = head * size["key_heads"]
    yield "model.embed_tokens.weight", "token_embd.weight", (size["vocabulary"], hidden)
    for layer in range(size["layers"]):
        names = {
            "input_layernorm": ("attn_norm", (hidden,)), "self_attn.q_proj": ("attn_q", (hidden, hidden)),
            "self_attn.k_proj": ("attn_k", (keys, hidden)), "self_attn.v_proj": ("attn_v", (keys, hidden)),
            "self_attn.o_proj": ("attn_output", (hidden, hidden)),
            "post_attention_layernorm": ("ffn_norm", (hidden,)),
            "mlp.gate_proj": ("ffn_gate", (size["intermediate"], hidden)),
            "mlp.up_proj": ("ffn_up", (size["intermediate"], hidden)),
            "mlp.down_proj": ("ffn_down", (hidden, size["intermediate"])),
        }
        for name, (other, shape) in names.items():
            yield f"model.layers.{layer}.{name}.weight", f"blk.{layer}.{other}.weight", shape
    yield "model.norm.weight", "output_norm.weight", (hidden,)
    yield "lm_head.weight", "output.weight", (size["vocabulary"], hidden)


def configuration(size):
    return {
        "model_type": "llama", "hidden_size": size["hidden"], "intermediate_size": size["intermediate"],
        "num_hidden_layers": size["layers"], "num_attention_heads": size["heads"],
        "num_key_value_heads": size["key_heads"], "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": False, "vocab_size": size["vocabulary"],
        "torch_dtype": "bfloat16"}


def tokenizer(size):
    """Byte-level BPE: the bytes, then what two and three printable characters make."""
    printable = [chr(code) for code in range(33, 127)]
    pairs = [(first, second) for first in printable for second in printable]
    triples = [(first + second, third) for first, second in pairs for third in printable]
    # A byte that is no printable character is written as the character so far above 255.
    bytes_ = printable + [chr(code) for code in range(161, 256) if code != 173]
    bytes_ += [chr(256 + index) for index in range(256 - len(bytes_))]
    merges = (pairs + triples)[:size["vocabulary"] - len(bytes_)]
    names = bytes_ + [first + second for first, second in merges]
    return {
        "version": "1.0", "added_tokens": [],
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False},
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False},
        "model": {"type": "BPE", "vocab": {name: index for index, name in enumerate(names)},
                  "merges": [" ".join(merge) for merge in merges]}}


def tensors(size):
    """Every tensor with its names, as float32 whose values bf16 can hold."""
    random = numpy.random.default_rng(1)
    for name, other, shape in shapes(size):
        if len(shape) == 1:
            values = numpy.ones(shape, numpy.float32)
        else:
            values = random.standard_normal(shape, numpy.float32) * numpy.float32(shape[1] ** -0.5)
        yield name, other, (values.view(numpy.uint32) & 0xFFFF0000).view(numpy.float32)


def write_safetensors(folder, size):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(configuration(size), indent=1))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(size)))
    header, offset = {}, 0
    for name, _, shape in shapes(size):
        count = 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [offset, offset + count]}
        offset += count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for _, _, values in tensors(size):
            file.write((values.view(numpy.uint32) >> 16).astype(numpy.uint16).tobytes())


def write_gguf(path, size):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(size["hidden"])
    writer.add_block_count(size["layers"])
    writer.add_feed_forward_length(size["intermediate"])
    writer.add_head_count(size["heads"])
    writer.add_head_count_kv(size["key_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(size["hidden"] // size["heads"])
    writer.add_vocab_size(size["vocabulary"])
    writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for _, name, values in tensors(size):
        writer.add_tensor(name, values if values.ndim == 1 else values.astype(numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(SIZES))
    arguments = parser.parse_args()
    for name in arguments.only.split(","):
        folder = arguments.folder / name
        if not (folder / "f16.gguf").exists() or not (folder / "tokenizer.json").exists():
            write_safetensors(folder, SIZES[name])
            write_gguf(folder / "f16.gguf", SIZES[name])
        print(folder)


if __name__ == "__main__":
    main()
