"""Makes Tests/Fixtures/GGUF: one small file with a tensor of every element type that Apus reads, and what the `gguf`
package (pip install gguf numpy) makes of them, bit for bit; and the miniatures of Tests/Fixtures/Decoders as GGUF, with
the names that the package gives to their tensors, and one of them again, split into several files.

Blocks that the package can write are quantised from random numbers, so they look as in a model; those it only reads
(the K types) are random bytes with scales that are finite. A last block of each has the extremes of every field.
"""

import json
import math
import pathlib
import struct

import gguf
import numpy as np

FOLDER = pathlib.Path(__file__).parent / "GGUF"
BLOCKS = 6
# Where the half-precision scales of a block stand, in bytes.
SCALES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82], "Q3_K": [108],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def blocks(random: np.random.Generator, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    """Bytes of `BLOCKS` blocks, `[BLOCKS, bytes of a block]`."""
    element_count, byte_count = gguf.GGML_QUANT_SIZES[kind]
    if kind.name.endswith("_K"):
        data = random.integers(0, 256, (BLOCKS, byte_count), dtype=np.uint8)
    else:
        numbers = random.standard_normal((BLOCKS, element_count), dtype=np.float32)
        data = gguf.quants.quantize(numbers, kind).reshape(BLOCKS, byte_count).copy()
    data[-1] = 255
    for offset in SCALES[kind.name]:
        scale = random.standard_normal(BLOCKS).astype(np.float16)
        scale[-2:] = [np.float16(6e-8), np.float16(-65504)]  # the least subnormal, and the most there is
        data[:, offset : offset + 2] = scale.view(np.uint8).reshape(BLOCKS, 2)
    return data


def read_safetensors(path: pathlib.Path) -> dict[str, np.ndarray]:
    """Tensors of BF16 as F32."""
    data = path.read_bytes()
    end = 8 + struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:end]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            halves = np.frombuffer(data[end + first : end + last], np.uint16)
            tensors[name] = (halves.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])
    return tensors


def paired(rows: np.ndarray, head_count: int) -> np.ndarray:
    """Rows of halves of heads to rows in pairs: element i of either half beside the other."""
    halves = rows.reshape(head_count, 2, -1, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def add_rotation(writer: gguf.GGUFWriter, architecture: str, config: dict, head_size: int) -> None:
    rope = config["rope_parameters"]
    if architecture == "gemma3":
        writer.add_float32("gemma3.rope.freq_base_swa", rope["sliding_attention"]["rope_theta"])
        rope = rope["full_attention"]
    size = int(head_size * rope.get("partial_rotary_factor", 1))
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        writer.add_rope_scaling_yarn_beta_fast(rope["beta_fast"])
        writer.add_rope_scaling_yarn_beta_slow(rope["beta_slow"])
    elif rope["rope_type"] == "longrope":
        original = rope["original_max_position_embeddings"]
        writer.add_rope_scaling_orig_ctx_len(original)
        factor = config["max_position_embeddings"] / original
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(factor) / math.log(original)))
        writer.add_tensor("rope_factors_long.weight", np.array(rope["long_factor"], np.float32))
        writer.add_tensor("rope_factors_short.weight", np.array(rope["short_factor"], np.float32))
    elif rope["rope_type"] == "llama3":
        divisors = []
        for i in range(0, size, 2):
            wave = 2 * math.pi * rope["rope_theta"] ** (i / size)
            count = rope["original_max_position_embeddings"] / wave
            smooth = (count - rope["low_freq_factor"]) / (rope["high_freq_factor"] - rope["low_freq_factor"])
            smooth = min(1, max(0, smooth))
            divisors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
        writer.add_tensor("rope_freqs.weight", np.array(divisors, np.float32))


def convert(name: str, path: pathlib.Path, **options) -> None:
    """The miniature of that name, as the converter of llama.cpp writes such a model; `options` are the writer's."""
    folder = FOLDER.parent / "Decoders" / name
    config = json.loads((folder / "config.json").read_text())
    architecture = {"gemma3_text": "gemma3", "mistral": "llama"}.get(config["model_type"], config["model_type"])
    is_gpt2, is_gemma = architecture == "gpt2", architecture.startswith("gemma")
    writer = gguf.GGUFWriter(path, architecture, **options)
    hidden = config["n_embd" if is_gpt2 else "hidden_size"]
    layer_count = config["n_layer" if is_gpt2 else "num_hidden_layers"]
    head_count = config["n_head" if is_gpt2 else "num_attention_heads"]
    key_count = config.get("num_key_value_heads", head_count)
    head_size = config.get("head_dim") or hidden // head_count
    writer.add_context_length(config["n_positions" if is_gpt2 else "max_position_embeddings"])
    writer.add_embedding_length(hidden)
    writer.add_block_count(layer_count)
    writer.add_feed_forward_length(4 * hidden if is_gpt2 else config["intermediate_size"])
    writer.add_head_count(head_count)
    if is_gpt2:
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    else:
        writer.add_head_count_kv(key_count)
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_key_length(head_size)
        writer.add_value_length(head_size)
        add_rotation(writer, architecture, config, head_size)
        if architecture not in ("qwen2", "qwen3"):
            writer.add_sliding_window(config.get("sliding_window") or 0)
    if is_gemma:
        writer.add_attention_scale(config["query_pre_attn_scalar"] ** -0.5)
        slides = [kind == "sliding_attention" for kind in config["layer_types"]]
        writer.add_array(f"{architecture}.attention.sliding_window_pattern", slides)
        if config["attn_logit_softcapping"]:
            writer.add_attn_logit_softcapping(config["attn_logit_softcapping"])
            writer.add_final_logit_softcapping(config["final_logit_softcapping"])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    arch = next(key for key, value in gguf.MODEL_ARCH_NAMES.items() if value == architecture)
    names = gguf.get_tensor_name_map(arch, layer_count)
    for hugging_face, tensor in read_safetensors(folder / "model.safetensors").items():
        if architecture == "llama" and ("q_proj" in hugging_face or "k_proj" in hugging_face):
            tensor = paired(tensor, head_count if "q_proj" in hugging_face else key_count)
        if is_gpt2 and hugging_face.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            tensor = tensor.T
        if is_gemma and hugging_face.endswith("norm.weight"):
            tensor = tensor + 1
        mapped = names.get_name(hugging_face, try_suffixes=(".weight", ".bias"))
        if tensor.ndim == 1:
            writer.add_tensor(mapped, tensor)
        else:
            brains = gguf.quants.quantize(np.ascontiguousarray(tensor), gguf.GGMLQuantizationType.BF16)
            writer.add_tensor(mapped, brains, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


DECODERS = [
    "gemma2", "gemma3", "gpt2", "llama-linear-biased", "llama3-scaled", "phi3", "phi3-long", "qwen2", "qwen3",
    "mistral", "qwen3-yarn",
]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in DECODERS:
        convert(name, FOLDER / f"{name}.gguf")
    # In three files: llama3-scaled-00001-of-00003.gguf and so on.
    (FOLDER / "split").mkdir(exist_ok=True)
    convert("llama3-scaled", FOLDER / "split" / "llama3-scaled.gguf", split_max_tensors=12)
    random = np.random.default_rng(4)
    writer = gguf.GGUFWriter(FOLDER / "types.gguf", "llama")
    expected = gguf.GGUFWriter(FOLDER / "expected.gguf", "llama")
    writer.add_uint32("test.unsigned", 4_000_000_000)
    writer.add_uint64("test.large", 2**64 - 1)
    writer.add_int64("test.negative", -(2**40))
    writer.add_float32("test.float", 1e-5)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "Grüße")
    writer.add_array("test.strings", ["a", "", "☃"])
    writer.add_array("test.integers", [1, -2, 3])
    writer.add_array("test.floats", [0.5, -1.5])
    writer.add_array("test.nested", [[1, 2], [3]])
    for name in SCALES:
        kind = gguf.GGMLQuantizationType[name]
        data = blocks(random, kind).reshape(2, -1)
        writer.add_tensor(f"weights.{name}", data, raw_dtype=kind)
        expected.add_tensor(f"weights.{name}", gguf.quants.dequantize(data, kind))
    halves = random.standard_normal((2, 48)).astype(np.float16)
    halves[0, :4] = [0, -0.0, 6e-8, 65504]
    writer.add_tensor("weights.F16", halves)
    expected.add_tensor("weights.F16", halves.astype(np.float32))
    numbers = random.standard_normal((3, 2, 5)).astype(np.float32)
    writer.add_tensor("weights.F32", numbers)
    expected.add_tensor("weights.F32", numbers)
    brains = gguf.quants.quantize(numbers.reshape(3, 10), gguf.GGMLQuantizationType.BF16)
    writer.add_tensor("weights.BF16", brains, raw_dtype=gguf.GGMLQuantizationType.BF16)
    expected.add_tensor("weights.BF16", gguf.quants.dequantize(brains, gguf.GGMLQuantizationType.BF16))
    for file in (writer, expected):
        file.write_header_to_file()
        file.write_kv_data_to_file()
        file.write_tensors_to_file()
        file.close()


if __name__ == "__main__":
    main()
