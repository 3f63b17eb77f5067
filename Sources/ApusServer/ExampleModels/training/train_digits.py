"""Trains `digits`, the example vision model, and writes it as ONNX together with its sample images.

    python3 train_digits.py MNIST_FOLDER OUTPUT_FOLDER

MNIST_FOLDER holds the four original idx files, gzipped. Needs torch, numpy, onnx and pillow. The run is seeded and
uses one thread, so the same versions on the same machine give the same weights.
"""

import argparse
import gzip
import math
import time
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn
from torch.nn import functional

SEED = 20260
EPOCHS = 8
BATCH_SIZE = 128
LEARNING_RATE_MAX = 4e-3


def read_idx(path):
    """The array in a gzipped idx file (big-endian: magic with the rank in its last byte, extents, then bytes)."""
    data = gzip.decompress(path.read_bytes())
    rank = data[3]
    shape = np.frombuffer(data, ">u4", rank, 4).astype(int)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder, part):
    images = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    pixels = torch.from_numpy(images.astype(np.float32) / 255).unsqueeze(1)
    return pixels, torch.from_numpy(labels.astype(np.int64))


class Digits(nn.Module):
    """Four 3x3 convolutions with batch normalisation, three of them before a halving of the image, then one layer."""

    def __init__(self):
        super().__init__()
        channels = [1, 16, 32, 32, 64]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1) for before, after in zip(channels, channels[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(count) for count in channels[1:])
        self.pooled_after = (0, 2)
        self.classifier = nn.Linear(64 * 7 * 7, 10)

    def forward(self, x):
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            x = functional.relu(norm(convolution(x)))
            if index in self.pooled_after:
                x = functional.max_pool2d(x, 2)
        return self.classifier(functional.dropout(x.flatten(1), 0.3, self.training))


def distort(images, generator):
    """Turns, scales, slants and moves each image a little, differently each time it is seen."""
    count = len(images)

    def uniform(limit):
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle, scale, slant = uniform(math.radians(12)), 1 + uniform(0.12), uniform(0.15)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0] = torch.cos(angle) * scale
    matrix[:, 0, 1] = -torch.sin(angle) * scale + slant
    matrix[:, 1, 0] = torch.sin(angle) * scale
    matrix[:, 1, 1] = torch.cos(angle) * scale
    matrix[:, 0, 2], matrix[:, 1, 2] = uniform(0.12), uniform(0.12)
    grid = functional.affine_grid(matrix, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        correct = sum(
            (model(images[start:start + 1000]).argmax(1) == labels[start:start + 1000]).sum().item()
            for start in range(0, len(images), 1000))
    return correct / len(images)


def train(model, images, labels, generator):
    steps = EPOCHS * (len(images) // BATCH_SIZE)
    optimiser = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE_MAX, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE_MAX, total_steps=steps, pct_start=0.2)
    for epoch in range(EPOCHS):
        model.train()
        began, total = time.monotonic(), 0.0
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(images) - BATCH_SIZE + 1, BATCH_SIZE):
            chosen = order[start:start + BATCH_SIZE]
            loss = functional.cross_entropy(
                model(distort(images[chosen], generator)), labels[chosen], label_smoothing=0.03)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{EPOCHS}: loss {total * BATCH_SIZE / len(images):.4f}, "
              f"{time.monotonic() - began:.0f} s", flush=True)


def folded(convolution, norm):
    """Weights and bias of the convolution that computes both: w' = w * s, b' = (b - mean) * s + shift."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    weight = convolution.weight * scale[:, None, None, None]
    return weight, (convolution.bias - norm.running_mean) * scale + norm.bias


def export(model, path):
    """Writes the network for inference, opset 17: image [batch, 1, 28, 28] -> probabilities [batch, 10]."""
    nodes, weights = [], []

    def constant(name, value):
        weights.append(numpy_helper.from_array(value.detach().numpy().astype(np.float32), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    current = "image"
    for index, (convolution, norm) in enumerate(zip(model.convolutions, model.norms)):
        weight, bias = folded(convolution, norm)
        inputs = [current, constant(f"conv{index}.weight", weight), constant(f"conv{index}.bias", bias)]
        current = node("Conv", inputs, f"conv{index}", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        current = node("Relu", [current], f"relu{index}")
        if index in model.pooled_after:
            current = node("MaxPool", [current], f"pool{index}", kernel_shape=[2, 2], strides=[2, 2])
    current = node("Flatten", [current], "flat")
    layer = model.classifier
    inputs = [current, constant("classifier.weight", layer.weight), constant("classifier.bias", layer.bias)]
    current = node("Gemm", inputs, "logits", transB=1)
    node("Softmax", [current], "probabilities", axis=1)

    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])], weights)
    proto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="apus train_digits", ir_version=8)
    onnx.checker.check_model(proto, full_check=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(proto, path)


def save_samples(images, labels, folder):
    """Enlarges one test image of each digit and inverts it: dark ink on white paper, as a photograph would be."""
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    folder.mkdir(parents=True, exist_ok=True)
    for digit, name in enumerate(names):
        index = (labels == digit).nonzero()[0].item()
        pixels = (255 - images[index, 0] * 255).numpy().round().astype(np.uint8)
        Image.fromarray(pixels).resize((140, 140), Image.Resampling.BICUBIC).save(folder / f"{name}.png", optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mnist", type=Path)
    parser.add_argument("output", type=Path)
    arguments = parser.parse_args()

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(SEED)
    images, labels = load(arguments.mnist, "train")
    test_images, test_labels = load(arguments.mnist, "t10k")
    model = Digits()
    train(model, images, labels, generator)
    print(f"test accuracy: {accuracy(model, test_images, test_labels):.2%}")

    export(model, arguments.output / "1" / "model.onnx")
    save_samples(test_images, test_labels, arguments.output / "samples")
    (arguments.output / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))


if __name__ == "__main__":
    main()
