#!/usr/bin/env python3
"""Trains the example model `karate`: a two-layer graph convolution network on Zachary's karate club.

    python3 -m venv .venv && .venv/bin/pip install numpy
    .venv/bin/python train_karate.py --out ../karate/1

The members of a karate club are the nodes, and those who met outside the club are joined by edges (Zachary 1977). The
club split in two; only the sides of the two leaders (nodes 0 and 33) are shown to the network, and it has to say for
the other 32 members which side they joined. What is written: graph.json and model.safetensors with the weights and the
graph. The run is seeded, so it writes the same bytes every time on the same machine.
"""

import argparse
import json
import pathlib
import struct

import numpy

SEED = 0
HIDDEN = 8
EPOCHS = 200
LEARNING_RATE = 0.02
WEIGHT_DECAY = 5e-4
NODES = 34
LEADERS = {0: 0, 33: 1}
LABELS = ["Mr. Hi", "Officer"]

# Zachary 1977, figure 1: for each member the members of a higher number whom they met.
NEIGHBOURS = {
    0: [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31],
    1: [2, 3, 7, 13, 17, 19, 21, 30],
    2: [3, 7, 8, 9, 13, 27, 28, 32],
    3: [7, 12, 13],
    4: [6, 10],
    5: [6, 10, 16],
    6: [16],
    8: [30, 32, 33],
    9: [33],
    13: [33],
    14: [32, 33],
    15: [32, 33],
    18: [32, 33],
    19: [33],
    20: [32, 33],
    22: [32, 33],
    23: [25, 27, 29, 32, 33],
    24: [25, 27, 31],
    25: [31],
    26: [29, 33],
    27: [33],
    28: [31, 33],
    29: [32, 33],
    30: [32, 33],
    31: [32, 33],
    32: [33],
}
# The members who stayed with the instructor, Mr. Hi; the others followed the officers. Node 8 is the one whom Zachary's
# own model got wrong too: a supporter of the officers who went with Mr. Hi.
WITH_MR_HI = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21]


def edges():
    """Every edge in both directions: [2, 156], sources and then destinations."""
    pairs = [(low, high) for low, row in NEIGHBOURS.items() for high in row]
    assert len(pairs) == 78
    both = sorted(pairs + [(high, low) for low, high in pairs])
    return numpy.array(both, dtype=numpy.int64).T


def normalised_adjacency(edge_list):
    """D^-1/2 (A + I) D^-1/2 of Kipf and Welling 2017."""
    adjacency = numpy.eye(NODES)
    adjacency[edge_list[1], edge_list[0]] = 1
    scale = 1 / numpy.sqrt(adjacency.sum(1))
    return scale[:, None] * adjacency * scale[None, :]


def softmax(logits):
    exponentials = numpy.exp(logits - logits.max(1, keepdims=True))
    return exponentials / exponentials.sum(1, keepdims=True)


def forward(weights, features, adjacency):
    hidden = numpy.maximum(adjacency @ (features @ weights[0]) + weights[1], 0)
    return hidden, adjacency @ (hidden @ weights[2]) + weights[3]


def gradients(weights, features, adjacency, known, targets):
    """Of the mean cross-entropy over the known nodes, plus the decay of the first layer's weights."""
    hidden, logits = forward(weights, features, adjacency)
    slope = numpy.zeros_like(logits)
    slope[known] = (softmax(logits[known]) - targets) / len(known)
    gathered = adjacency.T @ slope
    hidden_slope = (gathered @ weights[2].T) * (hidden > 0)
    return [
        features.T @ (adjacency.T @ hidden_slope) + WEIGHT_DECAY * weights[0],
        hidden_slope.sum(0),
        hidden.T @ gathered,
        slope.sum(0),
    ]


def train(features, adjacency):
    """Adam (Kingma and Ba 2015) over all nodes at once."""
    random = numpy.random.default_rng(SEED)

    def glorot(rows, columns):
        limit = (6 / (rows + columns)) ** 0.5
        return random.uniform(-limit, limit, (rows, columns))

    weights = [glorot(NODES, HIDDEN), numpy.zeros(HIDDEN), glorot(HIDDEN, 2), numpy.zeros(2)]
    mean = [numpy.zeros_like(w) for w in weights]
    square = [numpy.zeros_like(w) for w in weights]
    known = numpy.array(list(LEADERS))
    targets = numpy.eye(2)[list(LEADERS.values())]
    for step in range(1, EPOCHS + 1):
        for i, g in enumerate(gradients(weights, features, adjacency, known, targets)):
            mean[i] = 0.9 * mean[i] + 0.1 * g
            square[i] = 0.999 * square[i] + 0.001 * g * g
            rate = LEARNING_RATE * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
            weights[i] = weights[i] - rate * mean[i] / (numpy.sqrt(square[i]) + 1e-8)
    return weights


def write_safetensors(path, tensors):
    """The format in ten lines: length of the header, header, tensors one behind the other."""
    names = {numpy.dtype("float32"): "F32", numpy.dtype("int64"): "I64"}
    header, data = {}, b""
    for name, tensor in tensors.items():
        begin = len(data)
        data += tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": names[tensor.dtype], "shape": tensor.shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def describe(out):
    description = {
        "labels": LABELS,
        "layers": [
            {"kind": "gcn", "tensors": "layers.0", "activation": "relu"},
            {"kind": "gcn", "tensors": "layers.1"},
        ],
        "resident_graph": {"features": "graph.features", "edges": "graph.edges"},
    }
    (out / "graph.json").write_text(json.dumps(description, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of the model's version")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    edge_list = edges()
    features = numpy.eye(NODES)
    adjacency = normalised_adjacency(edge_list)
    weights = train(features, adjacency)

    scores = softmax(forward(weights, features, adjacency)[1])
    truth = numpy.array([0 if node in WITH_MR_HI else 1 for node in range(NODES)])
    asked = [node for node in range(NODES) if node not in LEADERS]
    wrong = [node for node in asked if scores[node].argmax() != truth[node]]
    print(f"{len(asked) - len(wrong)} of {len(asked)} members right, wrong: {wrong}")

    names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    tensors = {name: weight.astype(numpy.float32) for name, weight in zip(names, weights)}
    tensors["graph.features"] = features.astype(numpy.float32)
    tensors["graph.edges"] = edge_list
    write_safetensors(out / "model.safetensors", tensors)
    describe(out)


if __name__ == "__main__":
    main()
