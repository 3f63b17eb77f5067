#!/usr/bin/env python3
"""Makes an encoder that reads words, as a Hugging Face folder and as GGUF files, and other encoders as GGUF.

    make_encoder_gguf.py OUT              with OUT this folder
    make_encoder_gguf.py FOLDER FILE      any encoder's folder as a GGUF file of F32

The first writes

    OUT/Encoders/words/        a BERT of random weights with a WordPiece vocabulary of some 200 entries (tokenizer.json)
        texts.json             tricky texts, and what the tokenizers package makes of them
        expected.safetensors   what transformers computes of those that are short enough; of the weights as they are
                               (`vectors`), and of those in mixed.gguf (`mixed`); as make_encoders.py says
    OUT/GGUF/words.gguf        all tensors F32, the vocabulary as newer converters write it: special tokens by type
    OUT/GGUF/mixed.gguf        a type of its own for each kind of matrix, the vocabulary as older converters write it:
                               special tokens by their brackets
    OUT/GGUF/roberta.gguf, distilbert.gguf    the miniatures of make_encoders.py, matrices BF16, no vocabulary

Needs torch, transformers, safetensors, tokenizers and gguf. Names of tensors are those that gguf gives them.
"""

import json
import pathlib
import string
import sys

import gguf
import numpy as np
import tokenizers
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["the", "cat", "dog", "caf", "cafe", "naive", "un", "afford", "istanbul", "don", "stop", "東", "京", "駅", "中",
         "ω", "к", "ø", "ß", "…", "½", "か", "ᄒ", "ᄀ", "—", "€", "\u2581"]
ENDINGS = ["##able", "##ly", "##ing", "##afford", "##ω", "##ß", "##か", "##ᅡ", "##ᆫ", "##]", "##\u2581"]
TEXTS = [
    "", " ", "the cat", "The CAT's NAÏVE café!", "unaffordables", "東京の駅 cat", "x" * 101, "a" * 100, "z" * 100,
    "zß Ωω ø", "cat\0dog\ufffd", "tab\tnew\r\nline\u00a0nbsp\u3000wide\u2028", "e\u0301 vs é", "[MASK] the [SEP] cat",
    "[mask] the", "<query> the dog", "cat<query>dog", "😀 cat😀", "don't--stop…", "$1,234.56 ½ ²", "İstanbul ISTANBUL",
    "한국 가", "ﬁne", "[unused0] cat", "a\u200db\u00ad", "中cat文dog", "cat。dog、", "\u2581cat \u2581", "##s ##", "[CLS]",
    "кот", "à la carte—€5", "cafés\u0323", "か\u3099が", "cat]s",
]
# By the name of a tensor there: its type in mixed.gguf.
MIXED = {
    "token_embd": "Q8_0", "attn_q": "Q8_0", "attn_k": "F16", "attn_v": "BF16", "attn_output": "Q8_0", "ffn_up": "Q4_0",
    "ffn_down": "Q4_0", "position_embd": "F16",
}
LENGTH_MAX = 48


def vocabulary():
    letters = list(string.ascii_lowercase) + list(string.digits)
    entries = ["[PAD]", "[unused0]", "[unused1]"] + SPECIAL[1:] + list(string.punctuation) + letters
    entries += ["##" + letter for letter in letters] + WORDS + ENDINGS
    assert len(entries) == len(set(entries))
    return {entry: index for index, entry in enumerate(entries)}


def make_tokenizer():
    entries = vocabulary()
    tokenizer = tokenizers.Tokenizer(models.WordPiece(entries, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(name, entries[name]) for name in ("[CLS]", "[SEP]")])
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.add_tokens([tokenizers.AddedToken("<query>", normalized=False)])
    return tokenizer


def vectors(model, texts):
    with torch.no_grad():
        return torch.stack([
            model(torch.tensor([tokens]), attention_mask=torch.ones(1, len(tokens))).last_hidden_state[0].mean(0)
            for tokens in texts])


def make_words(folder):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    ids = [tokenizer.encode(text).ids for text in TEXTS]
    (folder / "texts.json").write_text(json.dumps([{"text": text, "ids": tokens} for text, tokens in zip(TEXTS, ids)],
                                                  indent=0, separators=(",", ":")) + "\n")
    torch.manual_seed(11)
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=LENGTH_MAX, pad_token_id=0)
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    model.config._attn_implementation = "eager"
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn_like(parameter) * (0.3 if parameter.dim() == 1 else 0.2)
            offset = 1.0 if parameter.dim() == 1 and parameter.mean() > 0.5 else 0.0
            parameter.copy_((noise + offset).to(torch.bfloat16).float())
    (folder / "config.json").write_text(
        json.dumps(json.loads(config.to_json_string(use_diff=False)), indent=1, sort_keys=True) + "\n")
    weights = {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
    save_file({name: value.to(torch.bfloat16).contiguous() for name, value in weights.items()},
              folder / "model.safetensors")
    (folder / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]) + "\n")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({
        "word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}) + "\n")
    return model, [tokens for tokens in ids if len(tokens) <= LENGTH_MAX]


def encoded(values, kind):
    """A tensor as `kind` stores it, and the numbers that this stands for."""
    if kind == gguf.GGMLQuantizationType.F32:
        return values, values
    data = gguf.quants.quantize(np.ascontiguousarray(values), kind)
    return data, gguf.quants.dequantize(data, kind)


def add_vocabulary(writer, tokenizer, is_old):
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values() if token.special}
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    tokens, types = [], []
    for index in range(tokenizer.get_vocab_size()):
        token = tokenizer.id_to_token(index)
        kind = gguf.TokenType.NORMAL
        if token in added:
            kind = gguf.TokenType.CONTROL if token in special else gguf.TokenType.USER_DEFINED
        is_kept = token.startswith("[") and token.endswith("]") if is_old else kind == gguf.TokenType.CONTROL
        if not is_kept:
            token = token[2:] if token.startswith("##") else "\u2581" + token
        tokens.append(token)
        types.append(kind)
    writer.add_token_type_count(2)
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_pad_token_id(tokenizer.token_to_id("[PAD]"))
    writer.add_unk_token_id(tokenizer.token_to_id("[UNK]"))
    writer.add_uint32("tokenizer.ggml.cls_token_id", tokenizer.token_to_id("[CLS]"))
    writer.add_sep_token_id(tokenizer.token_to_id("[SEP]"))
    writer.add_mask_token_id(tokenizer.token_to_id("[MASK]"))


def convert(folder, path, kinds, is_old=False):
    """Writes the encoder of a folder as GGUF; gives the numbers of its tensors by their Hugging Face names."""
    config = json.loads((folder / "config.json").read_text())
    is_distil = config["model_type"] == "distilbert"
    writer = gguf.GGUFWriter(path, "bert")
    position_count = config["max_position_embeddings"]
    first = config["pad_token_id"] + 1 if config["model_type"] == "roberta" else 0
    layer_count = config["n_layers" if is_distil else "num_hidden_layers"]
    writer.add_context_length(position_count - first)
    writer.add_embedding_length(config["dim" if is_distil else "hidden_size"])
    writer.add_block_count(layer_count)
    writer.add_feed_forward_length(config["hidden_dim" if is_distil else "intermediate_size"])
    writer.add_head_count(config["n_heads" if is_distil else "num_attention_heads"])
    writer.add_layer_norm_eps(1e-12 if is_distil else config["layer_norm_eps"])
    writer.add_causal_attention(False)
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text())
    writer.add_pooling_type(gguf.PoolingType.MEAN if pooling["pooling_mode_mean_tokens"] else gguf.PoolingType.CLS)
    if (folder / "tokenizer.json").exists():
        add_vocabulary(writer, tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json")), is_old)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layer_count)
    numbers = {}
    for full_name, tensor in load_file(folder / "model.safetensors").items():
        name = full_name.removeprefix("bert.").removeprefix("roberta.").removeprefix("distilbert.")
        if name.startswith("pooler.") or not tensor.is_floating_point():
            continue
        values = tensor.float().numpy()
        if "position_embeddings" in name:
            values = values[first:]
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        part = mapped.split(".")[-2]
        kind = gguf.GGMLQuantizationType[kinds.get(part, kinds.get("", "F32")) if values.ndim > 1 else "F32"]
        data, read = encoded(values, kind)
        numbers[name] = torch.from_numpy(np.array(read))
        writer.add_tensor(mapped, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return numbers


def main():
    out = pathlib.Path(sys.argv[1])
    if len(sys.argv) > 2:
        convert(out, sys.argv[2], {})
        return
    folder = out / "Encoders" / "words"
    model, texts = make_words(folder)
    expected = {
        "tokens": torch.tensor(sum(texts, []), dtype=torch.int32),
        "lengths": torch.tensor([len(tokens) for tokens in texts], dtype=torch.int32), "vectors": vectors(model, texts),
    }
    convert(folder, out / "GGUF" / "words.gguf", {})
    model.load_state_dict(convert(folder, out / "GGUF" / "mixed.gguf", MIXED, is_old=True), strict=False)
    expected["mixed"] = vectors(model, texts)
    save_file(expected, folder / "expected.safetensors")
    for name in ("roberta", "distilbert"):
        convert(out / "Encoders" / name, out / "GGUF" / f"{name}.gguf", {"": "BF16"})


if __name__ == "__main__":
    main()
