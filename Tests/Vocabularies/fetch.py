#!/usr/bin/env python3
"""Fetches vocabularies that people use from source distributions on PyPI, for the tests of tokenizers.

    Tests/Vocabularies/fetch.py FOLDER

llama.cpp's vocabularies in GGUF with what it makes of its test texts (from llama-cpp-python), and the vocabulary of
Whisper (from openai-whisper), whose merges are worked out from the ranks of its tokens. Nothing of it is part of this
project; without it the tests that want it are cancelled and say so.
"""

import base64
import io
import json
import pathlib
import re
import sys
import tarfile
import urllib.parse
import urllib.request

# Of these versions the tests know what is in them.
LLAMA, WHISPER = ("llama-cpp-python", "0.3.36"), ("openai-whisper", "20250625")


def source_distribution(package, version):
    """The bytes of a version's source distribution on PyPI."""
    page = f"https://pypi.org/simple/{package}/"
    with urllib.request.urlopen(page, timeout=60) as reply:
        addresses = re.findall(r'href="([^"#]+)', reply.read().decode())
    file = f"{package.replace('-', '_')}-{version}.tar.gz"
    address = next((each for each in addresses if each.endswith(f"/{file}")), None)
    if address is None:
        raise SystemExit(f"{page} has no {file}")
    # Mirrors give addresses relative to the page.
    with urllib.request.urlopen(urllib.parse.urljoin(page, address), timeout=120) as reply:
        return reply.read()


def members(package, pattern):
    """Name and bytes of every file in a source distribution whose path has the pattern."""
    with tarfile.open(fileobj=io.BytesIO(source_distribution(*package))) as opened:
        for member in opened:
            if member.isfile() and re.search(pattern, member.name):
                yield pathlib.PurePosixPath(member.name).name, opened.extractfile(member).read()


def byte_characters():
    """The character that stands for each byte in byte-level vocabularies: printable ones for themselves."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = (byte for byte in range(256) if byte not in printable)
    codes = {byte: byte for byte in printable} | {byte: 256 + index for index, byte in enumerate(others)}
    return {byte: chr(code) for byte, code in codes.items()}


def halves(token, ranks):
    """The two tokens that are merged last when all that rank before `token` are merged into it."""
    parts = [token[index:index + 1] for index in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(first + second, ranks[token]) for first, second in zip(parts, parts[1:])]
        best = min(range(len(pairs)), key=pairs.__getitem__)
        if pairs[best] >= ranks[token]:
            raise SystemExit(f"{token} is not merged from earlier tokens")
        parts[best:best + 2] = [parts[best] + parts[best + 1]]
    return parts


def write_byte_pairs(folder, listing):
    """vocab.json and merges.txt of a list of tokens in base64 with their ranks."""
    ranks = {}
    for line in listing.decode().splitlines():
        token, rank = line.split()
        # One rank of Whisper's list stands for no text.
        if token != "=":
            ranks[base64.b64decode(token)] = int(rank)
    characters = byte_characters()
    shown = {token: "".join(characters[byte] for byte in token) for token in ranks}
    folder.mkdir(exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({shown[token]: rank for token, rank in ranks.items()}))
    merges = [halves(token, ranks) for token in sorted(ranks, key=ranks.get) if len(token) > 1]
    (folder / "merges.txt").write_text(
        "#version: 0.2\n" + "".join(f"{shown[first]} {shown[second]}\n" for first, second in merges))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in members(LLAMA, r"models/ggml-vocab-[^/]*\.gguf(\.inp|\.out)?$"):
        (folder / name).write_bytes(data)
    for _, data in members(WHISPER, r"assets/multilingual\.tiktoken$"):
        write_byte_pairs(folder / "whisper", data)
    (folder / "ready").touch()


if __name__ == "__main__":
    main()
