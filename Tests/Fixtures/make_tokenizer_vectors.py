"""Writes Tests/Fixtures/tokenizers/*.json with the tokenizers and sentencepiece packages as the judges.

Run: python3 make_tokenizer_vectors.py FOLDER, with FOLDER the shared data's folder `tokenizers`.
"""
import json
import pathlib
import random
import sys

import sentencepiece
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers

DATA = pathlib.Path(sys.argv[1])
TARGET = pathlib.Path(__file__).resolve().parent / "tokenizers"

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
TAIL = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
PATTERNS = {
    "gpt2": r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    "llama3": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + TAIL,
    "qwen2": CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + TAIL,
    "gpt4o": r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+" + CONTRACTIONS + r"?|[^\r\n\p{L}\p{N}]?" + UPPER + "+"
    + LOWER + "*" + CONTRACTIONS + r"?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
PRE_TOKENIZERS = {
    "digits": pre_tokenizers.Digits(individual_digits=True),
    "digit runs": pre_tokenizers.Digits(individual_digits=False),
    "punctuation": pre_tokenizers.Punctuation(),
    "punctuation before": pre_tokenizers.Punctuation("merged_with_previous"),
    "punctuation behind": pre_tokenizers.Punctuation("merged_with_next"),
    "punctuation together": pre_tokenizers.Punctuation("contiguous"),
    "whitespace": pre_tokenizers.Whitespace(),
    "spaces": pre_tokenizers.WhitespaceSplit(),
    "bert": pre_tokenizers.BertPreTokenizer(),
    "metaspace": pre_tokenizers.Metaspace(),
    "metaspace first whole": pre_tokenizers.Metaspace(prepend_scheme="first", split=False),
    **{name: pre_tokenizers.Split(Regex(pattern), "isolated") for name, pattern in PATTERNS.items()},
}
NORMALIZERS = {
    "nfc": normalizers.NFC(), "nfd": normalizers.NFD(), "nfkc": normalizers.NFKC(), "nfkd": normalizers.NFKD(),
    "lowercase": normalizers.Lowercase(), "accents": normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]),
    "strip": normalizers.Strip(), "bert": normalizers.BertNormalizer(),
    "replace": normalizers.Replace(Regex(" {2,}"), "\u2581"),
}
# Letters, digits, signs and spaces of many scripts, all in Unicode since long before any library here.
ALPHABET = ("abcXYZ 'stREll012\n\r\t  !?.,-_/*" + "\u00e9\u00df\u0130\u017f\u212a\u00a0\u3000\u2028\u00b2\u00bd\u0663"
            "\u0301\u0323\u0308e\u0344\u4e2d\u6587\u304b\u3099\uac00\u1100\u1161\u11a8\u0e01\u0e33\u0915\u093f\u01c5"
            "\ufb01\uff21\u2460\u00aa\u02b0\u1e9b\u2581\u2014\u20ac\u2211\U0001f600\U0001d400\u05d0\u0628\u200d\u0391\u03c2")


def texts(count, seed):
    generator = random.Random(seed)
    return ["".join(generator.choice(ALPHABET) for _ in range(generator.randint(1, 24))) for _ in range(count)]


def write(name, value):
    TARGET.mkdir(exist_ok=True)
    (TARGET / name).write_text(json.dumps(value, ensure_ascii=True, indent=0, separators=(",", ":")) + "\n")


samples = texts(120, 1)
write("steps.json", {
    "texts": samples,
    "pre_tokenizers": {
        name: {"step": json.loads(step.__getstate__()), "words": [
            [word for word, _ in step.pre_tokenize_str(text)] for text in samples]}
        for name, step in PRE_TOKENIZERS.items()},
    "normalizers": {
        name: {"step": json.loads(step.__getstate__()), "texts": [step.normalize_str(text) for text in samples]}
        for name, step in NORMALIZERS.items()},
})

processor = sentencepiece.SentencePieceProcessor(model_file=str(DATA / "sentencepiece/test_model.model"))
lines = (DATA / "sentencepiece/botchan.txt").read_text().splitlines()[::60] + texts(60, 2)
lines += ["", " ", "  a  b ", "\u2581x", "\uff21\u3000b", "a\u0301", "\n\t x"]
write("sentencepiece.json", {"texts": lines, "ids": [processor.encode(line) for line in lines]})

t5 = Tokenizer.from_file(str(DATA / "hf/t5-small/tokenizer.json"))
more = texts(120, 3) + ["a </s> b", "<extra_id_0>x"]
write("t5.json", {"texts": more, "ids": [t5.encode(text).ids for text in more]})
