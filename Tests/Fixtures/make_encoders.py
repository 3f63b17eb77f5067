#!/usr/bin/env python3
"""Makes random-weight miniatures of the encoder families, and what Hugging Face transformers computes of them.

    make_encoders.py OUT

writes OUT/NAME/config.json, OUT/NAME/model.safetensors (bfloat16), what sentence-transformers would keep beside them,
and OUT/NAME/expected.safetensors for each miniature. Needs torch, transformers and safetensors. The expected values are
those of float32 arithmetic with the stored weights, for texts of several lengths, each computed alone:

    tokens   I32 [sum of lengths]
    lengths  I32 [textCount]
    vectors  F32 [textCount, hiddenSize]     the mean of the hidden states, or the first, as the pooling says
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

LENGTHS = [1, 2, 7, 16, 17, 40]
BERT = dict(
    vocab_size=120, hidden_size=40, intermediate_size=72, num_hidden_layers=2, num_attention_heads=4,
    max_position_embeddings=44, pad_token_id=0)

# name: configuration, its values, prefix of the tensors' names, pooling
MINIATURES = {
    "bert-mean": (transformers.BertConfig, BERT, "", "mean"),
    "bert-cls": (transformers.BertConfig, dict(BERT, hidden_act="gelu_new", num_attention_heads=2), "bert.", "cls"),
    "roberta": (transformers.RobertaConfig, dict(
        BERT, pad_token_id=1, type_vocab_size=1, max_position_embeddings=46), "roberta.", "mean"),
    "distilbert": (transformers.DistilBertConfig, dict(
        vocab_size=120, dim=40, hidden_dim=72, n_layers=2, n_heads=4, max_position_embeddings=44, pad_token_id=0),
        "distilbert.", "cls"),
}


def make(name, folder):
    kind, values, prefix, pooling = MINIATURES[name]
    torch.manual_seed(sum(map(ord, name)))
    config = kind(**values, attention_dropout=0.0) if kind is transformers.DistilBertConfig else kind(**values)
    model = transformers.AutoModel.from_config(config, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # Far enough from zero that every bias and every position shows.
            noise = torch.randn_like(parameter) * (0.3 if parameter.dim() == 1 else 0.2)
            offset = 1.0 if parameter.dim() == 1 and parameter.mean() > 0.5 else 0.0
            parameter.copy_((noise + offset).to(torch.bfloat16).float())
        generator = torch.Generator().manual_seed(7)
        texts = [torch.randint(3, 120, (length,), generator=generator) for length in LENGTHS]
        vectors = []
        for tokens in texts:
            states = model(tokens[None], attention_mask=torch.ones(1, len(tokens))).last_hidden_state[0]
            vectors.append(states.mean(0) if pooling == "mean" else states[0])
    folder.mkdir(parents=True, exist_ok=True)
    written = json.loads(config.to_json_string(use_diff=False))
    (folder / "config.json").write_text(json.dumps(written, indent=1, sort_keys=True) + "\n")
    weights = {prefix + key: value.to(torch.bfloat16).contiguous() for key, value in model.state_dict().items()
               if value.is_floating_point()}
    save_file(weights, folder / "model.safetensors")
    save_file({
        "tokens": torch.cat(texts).to(torch.int32),
        "lengths": torch.tensor(LENGTHS, dtype=torch.int32),
        "vectors": torch.stack(vectors),
    }, folder / "expected.safetensors")
    (folder / "modules.json").write_text(json.dumps([
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ], indent=1) + "\n")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({
        "word_embedding_dimension": 40, "pooling_mode_cls_token": pooling == "cls",
        "pooling_mode_mean_tokens": pooling == "mean", "pooling_mode_max_tokens": False,
        "pooling_mode_mean_sqrt_len_tokens": False}, indent=1) + "\n")
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 42, "do_lower_case": name == "distilbert"}) + "\n")


for chosen in MINIATURES:
    make(chosen, pathlib.Path(sys.argv[1]) / chosen)
