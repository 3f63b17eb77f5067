#!/usr/bin/env python3
"""Converts a llama2.c model (version 0 `.bin` and `tok*.bin`) to a Hugging Face directory.

    convert_llama2c.py stories260K.bin tok512.bin OUT

writes OUT/config.json, OUT/tokenizer.json and OUT/model.safetensors. Needs nothing but Python 3.

Three things differ between the formats. llama2.c rotates neighbouring pairs of a head, Hugging Face its two halves,
so the rows of the query and key projections change places. Its vocabulary has scores instead of merges: the merge
with the best score goes first, so the merges are listed by falling score. And it stores the word mark U+2581 as a
space, so it is put back.
"""

import json
import pathlib
import struct
import sys


def read_tokenizer(path, size):
    """`[size]` pairs of score and text."""
    data = path.read_bytes()
    offset, entries = 4, []
    for _ in range(size):
        score, length = struct.unpack_from("<fi", data, offset)
        offset += 8
        entries.append((score, data[offset:offset + length].decode("utf-8")))
        offset += length
    return entries


def tokenizer_json(entries):
    names = ["<unk>", "<s>", "</s>"]
    for index, (_, text) in enumerate(entries[3:], start=3):
        names.append(text if text.startswith("<0x") and len(text) == 6 else text.replace(" ", "\u2581"))
    vocabulary = {name: index for index, name in enumerate(names)}
    assert len(vocabulary) == len(names), "a token stands twice"
    merges = []
    for index, name in enumerate(names[3:], start=3):
        for cut in range(1, len(name)):
            if name[:cut] in vocabulary and name[cut:] in vocabulary:
                merges.append((-entries[index][0], index, [name[:cut], name[cut:]]))
    merges.sort(key=lambda merge: merge[:2])
    special = lambda index: {"id": index, "content": names[index], "single_word": False, "lstrip": False,
                             "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "added_tokens": [special(0), special(1), special(2)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "vocab": vocabulary,
                  "merges": [pair for _, _, pair in merges]},
    }


def halves_from_pairs(matrix, heads, head_size, columns):
    """Reorders the rows of each head from (pair, member) to (member, pair)."""
    row = 4 * columns
    order = [head * head_size + 2 * pair + member
             for head in range(heads) for member in range(2) for pair in range(head_size // 2)]
    return b"".join(matrix[index * row:(index + 1) * row] for index in order)


def read_weights(data):
    """The configuration and the tensors (name to shape and float32 bytes) of a version 0 file."""
    dim, hidden, layers, heads, kv_heads, vocabulary, context = struct.unpack_from("<7i", data, 0)
    shares_head, vocabulary = vocabulary > 0, abs(vocabulary)
    head_size = dim // heads
    offset = 28

    def take(count):
        nonlocal offset
        start, offset = offset, offset + 4 * count
        assert offset <= len(data), "the file is truncated"
        return data[start:offset]

    kv = kv_heads * head_size
    tensors = {"model.embed_tokens.weight": ([vocabulary, dim], take(vocabulary * dim))}
    groups = [("input_layernorm", [dim]), ("self_attn.q_proj", [dim, dim]), ("self_attn.k_proj", [kv, dim]),
              ("self_attn.v_proj", [kv, dim]), ("self_attn.o_proj", [dim, dim]),
              ("post_attention_layernorm", [dim]), ("mlp.gate_proj", [hidden, dim]), ("mlp.down_proj", [dim, hidden]),
              ("mlp.up_proj", [hidden, dim])]
    for name, shape in groups:
        for layer in range(layers):
            values = take(shape[0] * (shape[1] if len(shape) == 2 else 1))
            if name in ("self_attn.q_proj", "self_attn.k_proj"):
                values = halves_from_pairs(values, shape[0] // head_size, head_size, dim)
            tensors[f"model.layers.{layer}.{name}.weight"] = (shape, values)
    tensors["model.norm.weight"] = ([dim], take(dim))
    take(context * head_size)  # Tables of cosines and sines that the configuration implies.
    if not shares_head:
        tensors["lm_head.weight"] = ([vocabulary, dim], take(vocabulary * dim))
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": vocabulary, "hidden_size": dim,
        "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": kv_heads, "max_position_embeddings": context, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": shares_head, "bos_token_id": 1,
        "eos_token_id": 2, "torch_dtype": "float32"}
    return config, tensors


def safetensors(tensors):
    header, offset = {}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + len(values)]}
        offset += len(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(values for _, values in tensors.values())


def main():
    model, tokenizer, out = (pathlib.Path(argument) for argument in sys.argv[1:4])
    config, tensors = read_weights(model.read_bytes())
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=2))
    (out / "tokenizer.json").write_text(
        json.dumps(tokenizer_json(read_tokenizer(tokenizer, config["vocab_size"])), ensure_ascii=False))
    (out / "model.safetensors").write_bytes(safetensors(tensors))


if __name__ == "__main__":
    main()
