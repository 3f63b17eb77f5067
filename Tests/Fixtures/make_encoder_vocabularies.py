#!/usr/bin/env python3
"""Makes the vocabularies of a RoBERTa and of an XLM-R in miniature, as tokenizer.json and in GGUF files.

    make_encoder_vocabularies.py OUT      with OUT this folder

writes, for NAME `roberta-words` and `xlmr-words`,

    OUT/tokenizers/NAME.json        the tokenizer of the `tokenizers` package
    OUT/tokenizers/NAME-texts.json  tricky texts, and what that package makes of them
    OUT/GGUF/NAME.gguf              a `bert` file without tensors: the vocabulary as converters write it, with the keys
                                    that `gguf.SpecialVocab` finds in the tokenizer's files

Needs the packages tokenizers and gguf. The merges and scores are learned from the texts below.
"""

import json
import pathlib
import struct
import sys
import tempfile

import gguf
import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = [
    "The cat sat on the mat, and the other cat stood there.", "It's the naïve café that they'd lost, isn't it?",
    "In 2026 there were 1,234 cats; in 1999 only 56.", "Der Käfer läuft über die Straße.", "東京の駅で猫を見た。",
    "Кот стоит там, где стоял кот.", "the theatre of the other weather, together", "standing understanding outstanding",
]
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
TEXTS = [
    "", " ", "  ", "the cat", " the cat", "the  cat ", "The cats' naïve café!", "the\tcat\r\nstood\n\n there",
    "the\u00a0cat\u3000stood\u2028there", "the <mask> stood", "the<mask>stood", "  <mask>  cat <mask>", "<mask>", "<s>",
    "a</s>b", "<unk> <pad>x", "cafe\u0301 café", "ＡＢＣ １２３ the", "ﬁne ﬂag", "東京の駅 cat", "猫cat猫", "Кот стоит",
    "😀 cat 😀😀", "it's they'd I'LL we've", "1,234.56 2026", "x" * 40, "understanding", "\u2581the\u2581cat", "\u2581",
    "over-standing...", "Straße STRASSE", "e\u0301\u0323 o\u0308", "\ufeffthe", "cat\u200bcat",
    "a\u00adb", "<MASK> < mask >",
]
# What XLM-R's map does to some characters: a small part of NFKC, and white space.
MAPPED = {
    "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\u200b": " ", "\ufeff": "", "\u00ad": "",
    "ﬁ": "fi", "ﬂ": "fl", "e\u0301": "é", "o\u0308": "ö", **{chr(0xFF21 + i): chr(0x41 + i) for i in range(26)},
    **{chr(0xFF10 + i): chr(0x30 + i) for i in range(10)},
}


def charsmap():
    """SentencePiece's table: a count of bytes, a double array of keys, texts that end with a zero."""
    texts, places = b"", {}
    for text in sorted(set(MAPPED.values())):
        places[text] = len(texts)
        texts += text.encode() + b"\0"
    trie = {}
    for key, text in MAPPED.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = places[text]
    units, taken = {}, {0}

    def place(node, position, label):
        labels = [0 if byte is None else byte for byte in node]
        base = next(base for base in range(1, 1 << 20)
                    if not any(base ^ each in taken or base ^ each == 0 for each in labels))
        taken.update(base ^ each for each in labels)
        units[position] = (position ^ base) << 10 | (None in node) << 8 | label
        for byte, below in node.items():
            if byte is None:
                units[base] = 1 << 31 | below
            else:
                place(below, base ^ byte, byte)

    place(trie, 0, 0)
    # Whoever looks a byte up may look anywhere in a block of 256.
    array = [units.get(index, 0) for index in range((max(units) | 255) + 1)]
    return struct.pack("<I", 4 * len(array)) + struct.pack(f"<{len(array)}I", *array) + texts


def roberta():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=360, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def xlmr():
    steps = (normalizers.Precompiled(charsmap()), pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]))
    learner = Tokenizer(models.Unigram())
    learner.normalizer, learner.pre_tokenizer = steps
    learner.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=160, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False))
    learned = json.loads(learner.to_str())["model"]["vocab"]
    entries = [(name, 0.0) for name in SPECIAL]
    # Files have scores in single precision.
    entries += [(piece, float(np.float32(score))) for piece, score in learned if piece not in SPECIAL]
    tokenizer = Tokenizer(models.Unigram([*entries, ("<mask>", 0.0)], unk_id=3, byte_fallback=False))
    tokenizer.normalizer, tokenizer.pre_tokenizer = steps
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens([*SPECIAL, AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def write_gguf(tokenizer, path, kind):
    writer = gguf.GGUFWriter(path, "bert")
    model = json.loads(tokenizer.to_str())["model"]
    added = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    names = [tokenizer.id_to_token(index) for index in range(tokenizer.get_vocab_size())]
    types = [gguf.TokenType.CONTROL if name in added else gguf.TokenType.NORMAL for name in names]
    writer.add_token_type_count(1)
    writer.add_tokenizer_model(kind)
    writer.add_tokenizer_pre({"gpt2": "roberta-bpe", "t5": "default"}[kind])
    writer.add_token_list(names)
    if kind == "t5":
        types[names.index("<unk>")] = gguf.TokenType.UNKNOWN
        writer.add_token_scores([score for _, score in model["vocab"]])
        writer.add_add_space_prefix(True)
        writer.add_remove_extra_whitespaces(True)
        writer.add_precompiled_charsmap(charsmap())
    writer.add_token_types(types)
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(f"{folder}/tokenizer.json")
        keys = {"bos": "<s>", "cls": "<s>", "eos": "</s>", "sep": "</s>", "unk": "<unk>", "pad": "<pad>",
                "mask": "<mask>"}
        pathlib.Path(folder, "tokenizer_config.json").write_text(
            json.dumps({f"{key}_token": token for key, token in keys.items()}))
        pathlib.Path(folder, "config.json").write_text("{}")
        gguf.SpecialVocab(folder, load_merges=kind == "gpt2", n_vocab=len(names)).add_to_gguf(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    out = pathlib.Path(sys.argv[1])
    for name, tokenizer, kind in [("roberta-words", roberta(), "gpt2"), ("xlmr-words", xlmr(), "t5")]:
        tokenizer.save(str(out / "tokenizers" / f"{name}.json"), pretty=False)
        texts = [{"text": text, "ids": tokenizer.encode(text).ids} for text in TEXTS]
        (out / "tokenizers" / f"{name}-texts.json").write_text(
            json.dumps(texts, ensure_ascii=True, indent=0, separators=(",", ":")) + "\n")
        write_gguf(tokenizer, out / "GGUF" / f"{name}.gguf", kind)


if __name__ == "__main__":
    main()
