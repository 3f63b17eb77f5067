"""What a front end and its shards say to each other, byte for byte: answers and requests go through as they are, and of
the metadata only what says whose the call is is the front end's. Channels of grpcio carry bytes, not messages."""

import grpc
import pytest
from tritonclient.grpc import service_pb2

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2
from apus.vision.v1 import vision_pb2
from conftest import EXAMPLES, credentials
from recording_shard import RecordingShard
from test_shards import Platform, platform, text_request  # noqa: F401, platform is a fixture
from test_tenants import FORGED, infer_request


@pytest.fixture(scope="module")
def whole(tmp_path_factory, certificates):
    """A front end before one shard, for tests that change nothing about them."""
    whole = Platform(tmp_path_factory.mktemp("whole"), certificates, 1)
    whole.start(0)
    yield whole
    whole.close()


@pytest.fixture
def recorded(platform, certificates):
    """A function that starts a front end before a shard which takes down what it is asked."""
    shards = []

    def make(limits=""):
        whole = platform(1, started=0, limits=limits)
        shards.append(RecordingShard(certificates / "main", [
            ("delay", "tensor"), ("digits", "vision"), ("karate", "graph"), ("storyteller", "text")], whole.ports[0]))
        whole.wait(lambda: "shard there" in whole.front.errors())
        return whole, shards[-1]
    yield make
    for shard in shards:
        shard.close()


def requests_of_every_kind():
    """Calls by path: what kind of call, its messages, the type of its answers."""
    picture = next(EXAMPLES.glob("**/seven.png")).read_bytes()
    texts = [text_pb2.EmbedRequest(model="storyteller", texts=[f"text {number}"]) for number in range(3)]
    # One token, so that no two can come in one message.
    text = text_pb2.GenerateRequest(model="storyteller", prompt="Once upon", max_tokens=1, ignore_end_of_text=True)
    metadata = service_pb2.ModelMetadataRequest(name="karate")
    digit = vision_pb2.ClassifyRequest(model="digits", encoded=picture)
    nodes = graph_pb2.PredictRequest(model="karate", nodes=[0, 33])
    open_inference = "/inference.GRPCInferenceService/"
    return {
        "/apus.graph.v1.Graph/Predict": ("unary_unary", [nodes], graph_pb2.PredictResponse),
        "/apus.vision.v1.Vision/Classify": ("unary_unary", [digit], vision_pb2.ClassifyResponse),
        "/apus.text.v1.Text/Embed": ("unary_unary", texts[:1], text_pb2.EmbedResponse),
        "/apus.text.v1.Text/EmbedMany": ("stream_unary", texts, text_pb2.EmbedResponse),
        "/apus.text.v1.Text/Generate": ("unary_stream", [text], text_pb2.GenerateResponse),
        open_inference + "ModelMetadata": ("unary_unary", [metadata], service_pb2.ModelMetadataResponse),
        open_inference + "ModelInfer": ("unary_unary", [infer_request("delay", 3)], service_pb2.ModelInferResponse),
        open_inference + "ModelStreamInfer": (
            "stream_stream", [infer_request("delay", 3), text_request(1)], service_pb2.ModelStreamInferResponse),
    }


def call_by_bytes(channel, path, kind, messages):
    """The answers' bytes, and the metadata in front of them and behind them."""
    method = getattr(channel, kind)(path)
    is_stream = kind.startswith("stream")
    request = iter(messages) if is_stream else messages[0]
    if kind.endswith("stream"):
        call = method(request, timeout=60)
        answers = list(call)
    else:
        answer, call = method.with_call(request, timeout=60)
        answers = [answer]
    return answers, call.initial_metadata(), call.trailing_metadata()


def without_times(message):
    """Clears what says how long something took."""
    for field, value in message.ListFields():
        if field.name.endswith("_microseconds"):
            message.ClearField(field.name)
        elif field.name == "parameters":
            for name in [name for name in value if name.endswith("-us")]:
                del value[name]
        elif field.message_type and not field.is_repeated:
            without_times(value)
    return message


@pytest.mark.parametrize("path", requests_of_every_kind())
def test_an_answer_through_a_front_end_is_that_of_the_shard_but_for_the_times(whole, path):
    kind, messages, answer_type = requests_of_every_kind()[path]
    messages = [message.SerializeToString() for message in messages]
    with grpc.secure_channel(
            whole.shards[0].target, credentials(whole.certificates / "main", "tenant-acme")) as direct:
        seen = [call_by_bytes(channel, path, kind, messages) for channel in (whole.channel, direct)]

    def timeless(answers, initial, trailing):
        messages = [answer_type.FromString(answer) for answer in answers]
        assert [message.ByteSize() for message in messages] == [len(answer) for answer in answers], "all of it is known"
        return ([without_times(message).SerializeToString(deterministic=True) for message in messages],
                *[[pair for pair in metadata if not pair[0].endswith("-us")] for metadata in (initial, trailing)])
    forwarded, own = (timeless(*each) for each in seen)
    assert forwarded == own and len(own[0]) >= 1 and any(own[0])


def test_an_error_through_a_front_end_is_that_of_the_shard(whole):
    # Not a model of graphs: the error has details.
    request = graph_pb2.PredictRequest(model="digits", nodes=[0])
    with grpc.secure_channel(
            whole.shards[0].target, credentials(whole.certificates / "main", "tenant-acme")) as direct:
        errors = []
        for channel in (whole.channel, direct):
            with pytest.raises(grpc.RpcError) as failure:
                graph_pb2_grpc.GraphStub(channel).Predict(request, timeout=60)
            errors.append((failure.value.code(), failure.value.details(), failure.value.initial_metadata(),
                           [pair for pair in failure.value.trailing_metadata() if not pair[0].endswith("-us")]))
    assert errors[0] == errors[1] and "grpc-status-details-bin" in dict(errors[1][3])


UNKNOWN = b"".join([
    b"\xa0\x06\x96\x01",                # Field 100: 150.
    b"\xaa\x06\x05later",               # Field 101: five bytes.
    b"\xb5\x06\x01\x02\x03\x04",        # Field 102: four bytes of a number.
    b"\xb9\x06\x01\x02\x03\x04\x05\x06\x07\x08",
    b"\xc0\x06\x80\x80\x00",            # Field 104: 0, longer than it has to be.
])
"""Fields that no message has, of every type."""


@pytest.mark.parametrize("limits", ["", ", budget: {period: month, tokens: 100000, images: 100000, nodes: 100000}"])
@pytest.mark.parametrize("path", requests_of_every_kind())
def test_bytes_go_through_a_front_end_as_they_are_known_or_not(recorded, path, limits):
    whole, shard = recorded(limits)
    kind, messages, _ = requests_of_every_kind()[path]
    # In front of what is known and behind it, and what is known is said twice: the last one counts.
    messages = [UNKNOWN + message.SerializeToString() + UNKNOWN + message.SerializeToString() for message in messages]
    # No answers of any type there is.
    shard.answers = [UNKNOWN + bytes([number]) * 3 + bytes(range(256)) for number in range(3)]
    shard.answers = shard.answers if kind.endswith("stream") else shard.answers[:1]
    answers, _, _ = call_by_bytes(whole.channel, path, kind, messages)
    assert answers == shard.answers
    asked, = shard.asked
    assert asked.method == path and asked.messages == messages


def test_a_shard_hears_of_the_tenant_from_the_front_end_alone(recorded):
    whole, shard = recorded(", weight: 3, highest_priority: 6")
    stub = graph_pb2_grpc.GraphStub(whole.channel)
    for metadata in ([("apus-priority", "2")], [("apus-priority", "2"), *FORGED]):
        stub.Predict(graph_pb2.PredictRequest(model="karate"), metadata=metadata, timeout=60)
    told, forged = ([pair for pair in each.metadata if pair[0].startswith("apus-")] for each in shard.asked)
    assert sorted(told) == sorted(forged) == [
        ("apus-priority", "2"), ("apus-priority-ceiling", "6"), ("apus-tenant", "acme"), ("apus-tenant-weight", "3")]
