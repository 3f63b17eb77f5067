"""`x-deterministic: 1`: a digest of what was answered, the same for the same request whoever runs beside it."""

import concurrent.futures
import random

import grpc
import numpy as np
import pytest

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from apus.vision.v1 import vision_pb2, vision_pb2_grpc
from conftest import EXAMPLES
from test_shards import platform  # noqa: F401 (a fixture)
from tritonclient.grpc import service_pb2, service_pb2_grpc

ASKING, DIGEST = [("x-deterministic", "1")], "apus-output-sha256"


def generate(channel, seed, metadata=ASKING, prompt="Once upon a time", **fields):
    call = text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(
        model="storyteller", prompt=prompt, seed=seed, temperature=0.9, max_tokens=40, **fields), metadata=metadata,
        timeout=60)
    text = "".join(each.text for each in call)
    return text, dict(call.trailing_metadata()).get(DIGEST)


def tensor(model, name, array, datatype):
    request = service_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name=name, datatype=datatype, shape=array.shape)
    request.raw_input_contents.append(array.tobytes())
    return request


def digits(seed):
    return vision_pb2.ClassifyRequest(model="digits", encoded=next(EXAMPLES.glob("**/seven.png")).read_bytes(), top_k=seed)


def calls(channel):
    """Of each kind a function from a number to the digest of the call that it makes."""
    infer = service_pb2_grpc.GRPCInferenceServiceStub(channel)
    text = text_pb2_grpc.TextStub(channel)
    graph = graph_pb2_grpc.GraphStub(channel)
    vision = vision_pb2_grpc.VisionStub(channel)

    def digest(method, request):
        _, call = method.with_call(request, metadata=ASKING, timeout=60)
        return dict(call.trailing_metadata())[DIGEST]

    def stream(number):
        call = infer.ModelStreamInfer(iter([tensor("karate", "nodes", np.arange(number + 1), "INT64")]),
                                      metadata=ASKING, timeout=60)
        assert not next(call).error_message and next(call, None) is None
        return dict(call.trailing_metadata())[DIGEST]
    return {
        "text": lambda number: generate(channel, number)[1],
        "vectors": lambda number: digest(text.Embed, text_pb2.EmbedRequest(model="storyteller", texts=[f"{number} kings"])),
        "graph": lambda number: digest(graph.Predict, graph_pb2.PredictRequest(model="karate", nodes=range(number + 1))),
        "tensors": lambda number: digest(
            infer.ModelInfer, tensor("identity", "x", np.full((1, 3), number, np.float32), "FP32")),
        "stream": stream,
        "picture": lambda number: digest(vision.Classify, digits(number + 1)),
    }


@pytest.mark.parametrize("kind", ["text", "vectors", "graph", "tensors", "stream", "picture"])
def test_a_request_has_the_same_digest_alone_and_among_others(channel, kind):
    call = calls(channel)[kind]
    alone = {number: call(number) for number in range(4)}
    assert all(len(digest) == 64 for digest in alone.values())
    # Which labels are shown is no matter of the model's.
    assert len(set(alone.values())) == (1 if kind == "picture" else 4)
    numbers = [number for number in range(4) for _ in range(16)]
    random.Random(kind).shuffle(numbers)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        beside = list(pool.map(call, numbers))
    assert [alone[number] for number in numbers] == beside


def test_what_is_asked_for_beside_the_answer_does_not_change_its_digest(channel):
    plain, with_logprobs, echoed = generate(channel, 1), generate(channel, 1, logprobs=2), generate(channel, 1, echo=True)
    assert plain == with_logprobs and echoed[1] == plain[1]


def test_only_who_asks_gets_a_digest(channel):
    for metadata in [None, [("x-deterministic", "0")], [("x-deterministic", "true")]]:
        assert generate(channel, 1, metadata)[1] is None
    with pytest.raises(grpc.RpcError) as failure:
        generate(channel, 1, prompt="x" * 100_000)
    assert DIGEST not in dict(failure.value.trailing_metadata())


def test_a_front_end_passes_the_digest_on(platform):
    whole = platform(2)
    texts = {generate(whole.channel, 5) for _ in range(6)}
    assert len(texts) == 1 and len(texts.pop()[1]) == 64
