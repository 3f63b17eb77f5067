#!/usr/bin/env python3
"""Makes a random-weight miniature of every decoder family, and what Hugging Face transformers computes of it.

    make_decoders.py OUT [NAME ...]

writes OUT/NAME/config.json, OUT/NAME/model.safetensors (bfloat16) and OUT/NAME/expected.safetensors for each miniature.
Needs torch, transformers and safetensors. The expected values are those of float32 arithmetic with the stored weights:

    prompt     I32 [promptLength]
    positions  I32 [positionCount]                       after which tokens of the prompt the logits are kept
    logits     F32 [positionCount, vocabularySize]
    greedy     I32 [greedyLength]                        what follows the prompt, the most likely token each time

A seed is taken only where the most likely token leads by 0.01 or more at every greedy step, so that float32 sums in
another order cannot change the choice.
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

PROMPT_LENGTH = 28
GREEDY_LENGTH = 20
LEAD_MIN = 1e-2
POSITIONS = [0, 1, 5, 7, 8, 9, 13, 17, 23, 27]
COMMON = dict(
    vocab_size=160, hidden_size=32, intermediate_size=56, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=64, bos_token_id=1, eos_token_id=2, pad_token_id=0)


def rope(theta=10000.0, kind="default", **more):
    return {"rope_parameters": {"rope_theta": theta, "rope_type": kind, **more}}


MINIATURES = {
    "llama": (transformers.LlamaConfig, dict(num_key_value_heads=4, tie_word_embeddings=False, **rope())),
    "llama3-scaled": (transformers.LlamaConfig, dict(
        tie_word_embeddings=True, **rope(
            500000.0, "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
            original_max_position_embeddings=16))),
    "llama-linear-biased": (transformers.LlamaConfig, dict(
        tie_word_embeddings=False, attention_bias=True, mlp_bias=True, **rope(kind="linear", factor=4.0))),
    "mistral": (transformers.MistralConfig, dict(
        sliding_window=8, head_dim=12, tie_word_embeddings=False, **rope())),
    "qwen2": (transformers.Qwen2Config, dict(
        tie_word_embeddings=True, use_sliding_window=True, sliding_window=6, max_window_layers=1, **rope(1e6))),
    "qwen3": (transformers.Qwen3Config, dict(
        head_dim=20, num_key_value_heads=1, tie_word_embeddings=True, attention_bias=False, **rope(1e6))),
    "gemma2": (transformers.Gemma2Config, dict(
        head_dim=16, query_pre_attn_scalar=24, sliding_window=7, attn_logit_softcapping=5.0,
        final_logit_softcapping=8.0, num_hidden_layers=4, tie_word_embeddings=True, **rope())),
    "gemma3": (transformers.Gemma3TextConfig, dict(
        head_dim=16, query_pre_attn_scalar=12, sliding_window=6, num_hidden_layers=4, tie_word_embeddings=True,
        num_key_value_heads=1,
        layer_types=["sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],
        rope_parameters={
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}})),
    "phi3": (transformers.Phi3Config, dict(
        sliding_window=9, tie_word_embeddings=False, original_max_position_embeddings=64, **rope())),
    "phi3-long": (transformers.Phi3Config, dict(
        head_dim=None, num_attention_heads=2, tie_word_embeddings=True, max_position_embeddings=64,
        original_max_position_embeddings=16, **rope(
            kind="longrope", partial_rotary_factor=0.75, original_max_position_embeddings=16,
            short_factor=[1.0, 1.1, 1.2, 1.4, 1.7, 2.0], long_factor=[1.5, 2.0, 2.75, 4.0, 6.0, 9.5]))),
    # To be read with a context of 48, the original length, up to which the short factors hold.
    "phi3-short": (transformers.Phi3Config, dict(
        tie_word_embeddings=False, max_position_embeddings=96, original_max_position_embeddings=48, **rope(
            kind="longrope", original_max_position_embeddings=48, short_factor=[1.0, 1.3, 1.7, 2.2],
            long_factor=[2.0, 4.0, 6.0, 8.0]))),
    "qwen3-yarn": (transformers.Qwen3Config, dict(
        head_dim=16, tie_word_embeddings=False, **rope(
            1e4, "yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=1.0))),
    "gpt2": (transformers.GPT2Config, dict(
        vocab_size=160, n_positions=64, n_embd=32, n_layer=3, n_head=4, bos_token_id=1, eos_token_id=2)),
}


def make_config(name):
    kind, changes = MINIATURES[name]
    if kind is transformers.GPT2Config:
        return kind(**changes)
    settings = {**COMMON, **changes}
    return kind(**{key: value for key, value in settings.items() if value is not None})


def fill(model, generator):
    """Weights that keep every layer's output near one, rounded to bfloat16."""
    is_gemma = "gemma" in model.config.model_type
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                is_norm = "norm" in name or ".ln_" in name
                offset = 1.0 if is_norm and name.endswith("weight") and not is_gemma else 0.0
                # Gemma stores what is added to one; its scaled embeddings would drown layers of less.
                offset = 0.5 if is_gemma and "post_" in name else offset
                values = values * 0.25 + offset
            elif "embed_tokens" in name or "wte" in name:
                values *= 0.25 if is_gemma else 0.6
            elif "wpe" in name:
                values *= 0.4
            else:
                inputs = parameter.shape[0] if model.config.model_type == "gpt2" else parameter.shape[1]
                values *= 1.3 / inputs**0.5
            parameter.copy_(values.to(torch.bfloat16).float())


@torch.no_grad()
def expected(model, prompt):
    """Every step from the beginning, without a cache; None where two tokens are too close."""
    logits = model(prompt[None], use_cache=False).logits[0]
    tokens = prompt
    for _ in range(GREEDY_LENGTH):
        best = torch.topk(model(tokens[None], use_cache=False).logits[0, -1], 2)
        if best.values[0] - best.values[1] < LEAD_MIN:
            return None
        tokens = torch.cat([tokens, best.indices[:1]])
    greedy = tokens[len(prompt):]
    # A text of one repeated token shows little.
    return (logits, greedy) if len(set(greedy.tolist())) > 5 else None


def make(name, folder):
    config = make_config(name)
    config._attn_implementation = "eager"
    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
        fill(model, generator)
        prompt = torch.randint(3, config.vocab_size, (PROMPT_LENGTH,), generator=generator)
        result = expected(model, prompt)
        if result is not None:
            break
    else:
        raise SystemExit(f"{name}: no seed has a clear lead")
    logits, greedy = result
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    stored = json.loads((folder / "config.json").read_text())
    for key in ("_name_or_path", "transformers_version", "_attn_implementation"):
        stored.pop(key, None)
    (folder / "config.json").write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n")
    integers = lambda values: torch.as_tensor(values).to(torch.int32).contiguous()
    save_file({
        "prompt": integers(prompt), "greedy": integers(greedy), "positions": integers(POSITIONS),
        "logits": logits[POSITIONS].contiguous()}, folder / "expected.safetensors")
    print(f"{name}: seed {seed}, logits up to {logits.abs().max():.2f}, greedy {greedy.tolist()}")


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    torch.set_num_threads(1)
    for name in sys.argv[2:] or MINIATURES:
        make(name, out / name)
