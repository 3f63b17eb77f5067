"""Writes Tests/Fixtures/tokenizers/*.json with the tokenizers and sentencepiece packages as the judges.

`offsets.json` has places in bytes, as the servers that clients know count them; the packages count characters for Python.

Run: python3 make_tokenizer_vectors.py FOLDER, with FOLDER the shared data's folder `tokenizers`.
"""
import json
import pathlib
import random
import sys

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

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


def write(name, value, indent=0):
    TARGET.mkdir(exist_ok=True)
    (TARGET / name).write_text(json.dumps(value, ensure_ascii=True, indent=indent, separators=(",", ":")) + "\n")


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


def byte_places(text, places):
    starts = [0]
    for character in text:
        starts.append(starts[-1] + len(character.encode()))
    return [[starts[start], starts[end]] for start, end in places]


def places(tokenizer, samples):
    """Of each text its ids and where each begins and ends; -1 for what is put around it."""
    result = []
    for text in samples:
        encoding = tokenizer.encode(text)
        own = byte_places(text, encoding.offsets)
        result.append({"ids": encoding.ids, "places": [
            [-1, -1] if special else place for place, special in zip(own, encoding.special_tokens_mask)]})
    return {"texts": samples, "encodings": result}


def own_bert():
    """BERT's steps over a vocabulary of a few pieces, with tokens that take the spaces beside them."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "un", "##aff", "##able", "the", "cat", "##s", "a", "e", "b",
              "##e", "##b", "##a", "x", "##x", "12", "##0", "\u4e2d", "\u6587", ".", ",", "!", "?", "-", "'", "s"]
    pieces += [c for c in "cdfghijklmnopqrtuvwyz0123456789" if c not in pieces]
    tokenizer = Tokenizer(models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens([*pieces[:4], AddedToken("[MASK]", lstrip=True, rstrip=True)])
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def own_llama():
    """SentencePiece's byte pairs as Llama has them, trained on a few lines: bytes where no token writes a character."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    corpus = ["the cat and the dog sat on the mat; unaffable birds that they were"] * 3
    tokenizer.train_from_iterator(
        corpus, trainers.BpeTrainer(vocab_size=340, special_tokens=["<unk>", "<s>", *bytes_], show_progress=False))
    content = json.loads(tokenizer.to_str())
    # Only texts of bytes: nobody reads them in a text.
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(content))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def own_roberta(trims, prefixes):
    """Byte-level pairs of a small vocabulary, with and without what takes spaces off the places."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefixes)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        ["the cat and the dog sat on the mat; un-affable   birds\n that they were"] * 3,
        trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                            special_tokens=["<s>", "</s>"], show_progress=False))
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 1), ("<s>", 0), trim_offsets=trims, add_prefix_space=prefixes)
    return tokenizer


own = {"bert": own_bert(), "llama": own_llama(), "roberta": own_roberta(True, True), "gpt2": own_roberta(False, False),
       "gpt2 trimmed": own_roberta(True, False)}
plain = ["the cat and  the\tdog sat", "Unaffable BIRDS, they were!", "  the cat  ", "na\u00efve \u00dcn\u00efcode \U0001f426 tabs",
         "the [MASK]  cat", "<s>the</s> cat", "\ufb01ne \u00bd \uff21 cafe\u0301", "\u4e2d\u6587 the \u6587", ""]
judged = {name: places(tokenizer, plain + texts(60, 4)) | {"tokenizer": json.loads(tokenizer.to_str())}
          for name, tokenizer in own.items()}
root = TARGET.parents[2]
judged["storyteller"] = places(Tokenizer.from_file(
    str(root / "Sources/ApusServer/ExampleModels/storyteller/1/tokenizer.json")), plain + texts(40, 5))
for name in ("t5-small", "roberta-base"):
    judged[name] = places(Tokenizer.from_file(str(DATA / f"hf/{name}/tokenizer.json")), plain + texts(60, 6))
write("offsets.json", judged, indent=None)

pieces = [processor.encode(line, return_type="proto").pieces for line in lines]
write("sentencepiece_offsets.json", {"texts": lines, "encodings": [
    {"ids": [piece.id for piece in line], "places": [[piece.begin, piece.end] for piece in line]} for line in pieces]}, indent=None)
