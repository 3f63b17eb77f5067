#!/usr/bin/env python3
"""Trains the example model `storyteller`: a small Llama-architecture decoder on Grimms' Fairy Tales.

    python3 -m venv .venv && .venv/bin/pip install torch numpy safetensors tokenizers
    .venv/bin/python train_storyteller.py --text GrimmsFairyTales.txt --out ../storyteller/1

The text is the public-domain English edition (Project Gutenberg 2591). What is written is a Hugging Face model
directory: config.json, tokenizer.json, model.safetensors (bfloat16), and training.json with what was measured.
A run is seeded; the last 5 % of the tales are held out, and the weights with the least held-out loss are kept.
"""

import argparse
import json
import math
import pathlib
import re
import time

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "head_dim": 32,
    "max_position_embeddings": 512,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "hidden_act": "silu",
    "attention_bias": False,
    "mlp_bias": False,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}


def read_tales(path):
    """The tales, each as `TITLE`, blank line, paragraphs on one line each separated by blank lines."""
    text = pathlib.Path(path).read_text(encoding="utf-8").replace("\r", "")
    tales, current = [], None
    for block in re.split(r"\n\s*\n", text):
        paragraph = " ".join(block.split())
        if not paragraph:
            continue
        is_title = paragraph.upper() == paragraph and any(c.isalpha() for c in paragraph) and len(paragraph) < 80
        if is_title or current is None:
            current = []
            tales.append(current)
        current.append(paragraph)
    return ["\n\n".join(tale) for tale in tales if len(tale) > 1]


def train_tokenizer(tales, vocabulary_size):
    """A byte-level byte-pair tokenizer: every text can be written, no token is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size, special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train_from_iterator(tales, trainer)
    return tokenizer


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


class Attention(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.size = c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"]
        linear = lambda i, o: torch.nn.Linear(i, o, bias=False)
        self.q_proj = linear(c["hidden_size"], self.heads * self.size)
        self.k_proj = linear(c["hidden_size"], self.kv_heads * self.size)
        self.v_proj = linear(c["hidden_size"], self.kv_heads * self.size)
        self.o_proj = linear(self.heads * self.size, c["hidden_size"])

    def forward(self, x, cos, sin, dropout):
        batch, time, _ = x.shape
        split = lambda y, n: y.view(batch, time, n, self.size).transpose(1, 2)
        q, k, v = split(self.q_proj(x), self.heads), split(self.k_proj(x), self.kv_heads), split(
            self.v_proj(x), self.kv_heads)
        q, k = q * cos + rotate_half(q) * sin, k * cos + rotate_half(k) * sin
        repeat = self.heads // self.kv_heads
        k, v = k.repeat_interleave(repeat, 1), v.repeat_interleave(repeat, 1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, dropout_p=dropout)
        return self.o_proj(y.transpose(1, 2).reshape(batch, time, -1))


class Feedforward(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = torch.nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.up_proj = torch.nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.down_proj = torch.nn.Linear(c["intermediate_size"], c["hidden_size"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(torch.nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn, self.mlp = Attention(c), Feedforward(c)
        self.input_layernorm = torch.nn.RMSNorm(c["hidden_size"], eps=c["rms_norm_eps"])
        self.post_attention_layernorm = torch.nn.RMSNorm(c["hidden_size"], eps=c["rms_norm_eps"])


class Decoder(torch.nn.Module):
    """Parameter names match Hugging Face's Llama under the prefix `model.`."""

    def __init__(self, c, dropout):
        super().__init__()
        self.c, self.dropout = c, dropout
        self.embed_tokens = torch.nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = torch.nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = torch.nn.RMSNorm(c["hidden_size"], eps=c["rms_norm_eps"])
        for parameter in self.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.02)
        for name, parameter in self.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                torch.nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * c["num_hidden_layers"]))

    def forward(self, tokens):
        size = self.c["head_dim"]
        inverse = self.c["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)
        angles = torch.outer(torch.arange(tokens.shape[1], dtype=torch.float32), inverse)
        cos, sin = (torch.cat((f(angles), f(angles)), -1) for f in (torch.cos, torch.sin))
        rate = self.dropout if self.training else 0.0
        drop = lambda y: F.dropout(y, rate, self.training)
        x = drop(self.embed_tokens(tokens))
        for layer in self.layers:
            x = x + drop(layer.self_attn(layer.input_layernorm(x), cos, sin, rate))
            x = x + drop(layer.mlp(layer.post_attention_layernorm(x)))
        return self.norm(x) @ self.embed_tokens.weight.T


@torch.no_grad()
def held_out_loss(model, ids, context):
    """Mean negative log-likelihood in nats a token over consecutive windows."""
    model.eval()
    total = count = 0
    for start in range(0, len(ids) - 1, context):
        window = ids[start:start + context + 1]
        total += F.cross_entropy(model(window[None, :-1])[0], window[1:], reduction="sum").item()
        count += len(window) - 1
    model.train()
    return total / count


def train(model, train_ids, held_ids, arguments):
    """AdamW, linear warm-up and cosine decay; returns the best weights and their held-out loss."""
    decay = [p for p in model.parameters() if p.dim() == 2]
    plain = [p for p in model.parameters() if p.dim() != 2]
    optimiser = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}], betas=(0.9, 0.95))
    best, best_loss, began = None, math.inf, time.time()
    for step in range(arguments.steps):
        warm = min(1.0, (step + 1) / 40)
        rate = arguments.rate * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * step / arguments.steps)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(train_ids) - arguments.context - 1, (arguments.batch,))
        windows = torch.stack([train_ids[s:s + arguments.context + 1] for s in starts.tolist()])
        logits = model(windows[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if (step + 1) % 50 == 0 or step + 1 == arguments.steps:
            held = held_out_loss(model, held_ids, arguments.context)
            print(f"step {step + 1} loss {loss.item():.3f} held-out {held:.3f} {time.time() - began:.0f} s", flush=True)
            if held < best_loss:
                best_loss, best = held, {n: p.detach().clone() for n, p in model.state_dict().items()}
    return best, best_loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", required=True, help="GrimmsFairyTales.txt")
    parser.add_argument("--out", required=True, help="folder for config.json, tokenizer.json, model.safetensors")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2.5e-3)
    parser.add_argument("--dropout", type=float, default=0.15)
    parser.add_argument("--vocabulary", type=int, default=1024)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(20261123)
    torch.set_num_threads(arguments.threads)

    tales = read_tales(arguments.text)
    held_count = max(1, len(tales) // 20)
    held, kept = tales[-held_count:], tales[:-held_count]
    tokenizer = train_tokenizer(kept, arguments.vocabulary)
    end = tokenizer.token_to_id(END_OF_TEXT)
    ids = lambda part: torch.tensor([i for tale in part for i in [end, *tokenizer.encode(tale).ids]])
    train_ids, held_ids = ids(kept), ids(held)
    print(f"{len(kept)} + {len(held)} tales, {len(train_ids)} + {len(held_ids)} tokens", flush=True)

    config = dict(CONFIG, vocab_size=tokenizer.get_vocab_size(), bos_token_id=end, eos_token_id=end)
    model = Decoder(config, arguments.dropout)
    weights, loss = train(model, train_ids, held_ids, arguments)
    weights = {f"model.{name}": tensor.to(torch.bfloat16).contiguous() for name, tensor in weights.items()}
    held_bytes = sum(len(tale.encode()) for tale in held)
    report = {
        "parameters": sum(t.numel() for t in weights.values()),
        "train_tokens": len(train_ids), "held_out_tokens": len(held_ids), "steps": arguments.steps,
        "held_out_nats_per_token": round(loss, 4),
        "held_out_perplexity": round(math.exp(loss), 2),
        "held_out_bits_per_byte": round(loss * (len(held_ids) - 1) / math.log(2) / held_bytes, 3),
    }
    out = pathlib.Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    tokenizer.save(str(out / "tokenizer.json"))
    save_file(weights, str(out / "model.safetensors"), metadata={"format": "pt"})
    (out / "training.json").write_text(json.dumps(report, indent=2) + "\n")
    print(report)


if __name__ == "__main__":
    main()
