"""Writes the decomposition tables of Sources/Tokenizers/Unicode from Python's copy of the Unicode character database.

Run: python3 make_decompositions.py, from anywhere.
"""
import pathlib
import sys
import unicodedata

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Sources/Tokenizers/Unicode"


def table(kind):
    entries = []
    for value in range(0x110000):
        text = unicodedata.decomposition(chr(value)) if not 0xD800 <= value < 0xE000 else ""
        if not text or text.startswith("<") != (kind == "compatibility"):
            continue
        parts = [int(part, 16) for part in text.split() if not part.startswith("<")]
        last = entries[-1] if entries else None
        if last and len(parts) == 1 == len(last[2]) and value == last[0] + last[1] and parts[0] == last[2][0] + last[1]:
            last[1] += 1
        else:
            entries.append([value, 1, parts])
    return ["%X%s=%s" % (value, "+%d" % count if count > 1 else "", " ".join("%X" % part for part in parts))
            for value, count, parts in entries]


def write(kind):
    lines, line = [], ""
    for entry in table(kind):
        if line and len(line) + len(entry) + 1 > 116:
            lines.append(line)
            line = ""
        line += ("," if line else "") + entry
    lines.append(line)
    body = "\n".join("    " + line for line in lines)
    (FOLDER / f"{kind.capitalize()}Decompositions.swift").write_text(
        f"/// The {kind} decompositions of Unicode {unicodedata.unidata_version}, one step each, as"
        f" `Decompositions` reads them.\n///\n/// Made by Tests/Fixtures/make_decompositions.py; not edited by hand.\n"
        f"let {kind}Decompositions = \"\"\"\n{body}\n    \"\"\"\n")
    print(kind, len(lines), "lines", file=sys.stderr)


write("canonical")
write("compatibility")
