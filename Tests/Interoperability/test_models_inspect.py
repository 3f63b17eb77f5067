"""`apus models inspect`: the real command on the fixtures of the tests."""

import json
import pathlib

from conftest import apus

FIXTURES = pathlib.Path(__file__).parents[1] / "Fixtures"


def test_a_folder_as_a_table():
    result = apus("models", "inspect", FIXTURES / "Decoders" / "llama")
    assert result.returncode == 0, result.stderr
    assert "architecture  LlamaForCausalLM" in result.stdout
    assert "context       64 tokens" in result.stdout
    assert "TYPE  TENSORS  PARAMETERS  SIZE" in result.stdout
    assert "--tensors shows all" in result.stdout
    assert "warning: there is no tokenizer.json" in result.stdout


def test_every_tensor_of_a_gguf_file():
    path = FIXTURES / "GGUF" / "types.gguf"
    result = apus("models", "inspect", "--tensors", path)
    assert result.returncode == 0, result.stderr
    for kind in ("Q8_0", "Q4_K", "Q6_K", "BF16"):
        assert f"weights.{kind}" in result.stdout
    assert "--tensors shows all" not in result.stdout


def test_json_is_complete():
    result = apus("models", "inspect", "--json", FIXTURES / "GGUF" / "qwen3.gguf")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["format"] == "GGUF version 3"
    assert document["architecture"] == "qwen3"
    assert document["byteCount"] == sum(tensor["byteCount"] for tensor in document["tensors"])
    assert {kind["type"] for kind in document["types"]} == {"BF16", "F32"}


def test_errors_name_file_and_field(tmp_path):
    whole = (FIXTURES / "GGUF" / "qwen3.gguf").read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[:200])
    result = apus("models", "inspect", cut)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"error: {cut}: ")
    missing = apus("models", "inspect", tmp_path / "nothing")
    assert missing.returncode == 1
    assert missing.stderr == f"error: {tmp_path / 'nothing'}: no such file\n"


def test_help_teaches():
    result = apus("models", "inspect", "--help")
    assert result.returncode == 0
    assert "apus models inspect --tensors llama-3.2-1b-q4_k_m.gguf" in result.stdout
