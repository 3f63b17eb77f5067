"""What every command of `apus` prints about itself, and how it complains."""

import os
import re

import pytest

from conftest import apus


def overview(command, columns):
    """The lines of a command's help before its usage."""
    run = apus(*command, "--help", env=os.environ | {"COLUMNS": str(columns)})
    assert run.returncode == 0, run.stderr
    return run.stdout.split("\nUSAGE:")[0].split("\n"), run.stdout


def commands(command=()):
    """A command and all below it."""
    yield command
    below = overview(command, 1000)[1].partition("\nSUBCOMMANDS:\n")[2].partition("\n\n")[0]
    for name in re.findall(r"^  (\S+)", below, re.MULTILINE):
        yield from commands((*command, name))


def test_every_overview_fits_a_terminal():
    seen = list(commands())
    assert ("call", "text") in seen and ("certs", "revoke") in seen
    for command in seen:
        wide, _ = overview(command, 1000)
        # A paragraph is one line, which the terminal's width alone breaks; what is indented is to be copied whole.
        for line, next_line in zip(wide, wide[1:]):
            assert not line or not next_line or next_line.startswith("  "), (command, line, next_line)
        examples = [line for line in wide if line.startswith("  ")]
        assert set(examples) <= set(overview(command, 80)[0]), command


@pytest.mark.parametrize(("arguments", "status", "words"), [
    (("call", "text", "--model", "m", "--plaintext", "hi", "--json-schema", "missing.json"), 1, "no missing.json"),
    (("call", "vision", "--model", "m", "--plaintext", "missing.png"), 1, "no missing.png"),
    (("call", "text", "--model", "m", "hi", "--json", "--regex", "a"), 64, "not several"),
    (("call", "text", "--model", "m"), 64, "--chat"),
    (("call", "text", "--model", "m", "hi", "--temperature", "warm"), 64, "--temperature"),
    (("call", "text", "--model", "m", "hi", "--target", "a:b", "--plaintext"), 64, "HOST:PORT"),
    (("call", "song"), 64, "song"),
    (("certs", "show", "missing.pem"), 1, "missing.pem"),
    (("models", "inspect", "missing"), 1, "missing"),
    (("serve", "--config", "missing.yaml"), 1, "missing.yaml"),
])
def test_complaints_begin_alike(arguments, status, words, tmp_path):
    run = apus(*arguments, cwd=tmp_path)
    assert run.returncode == status and run.stdout == "", run.stdout
    assert run.stderr.startswith("error: ") and words in run.stderr, run.stderr
    assert "Error:" not in run.stderr
