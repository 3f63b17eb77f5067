"""Text, vision and graph through grpcio: all four kinds of calls, deadlines and cancellation."""

import concurrent.futures
import math
import time

import grpc
import pytest

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from apus.vision.v1 import vision_pb2, vision_pb2_grpc
from conftest import EXAMPLES
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool


@pytest.fixture(scope="module")
def text(channel):
    return text_pb2_grpc.TextStub(channel)


def story(text, prompt="Once upon a time", **fields):
    return list(text.Generate(text_pb2.GenerateRequest(model="storyteller", prompt=prompt, **fields)))


def joined(messages):
    return "".join(message.text for message in messages)


def test_generation_streams_pieces_and_ends_with_reason_and_usage(text):
    messages = story(text, max_tokens=32)
    # How many pieces there are is a matter of time: what was written since the last one leaves together.
    assert len(messages) > 1 and not messages[0].finish_reason
    assert sum(len(message.tokens) for message in messages) == 32
    last = messages[-1]
    assert last.finish_reason == text_pb2.FINISH_REASON_MAX_TOKENS
    assert last.usage.generated_tokens == 32 and last.usage.prompt_tokens > 0
    assert joined(messages).strip()


def test_greedy_text_is_the_same_alone_and_among_others(text):
    alone = joined(story(text, max_tokens=48))
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        prompts = ["Once upon a time" if index % 3 == 0 else f"The king said {index}" for index in range(12)]
        answers = list(pool.map(lambda prompt: joined(story(text, prompt, max_tokens=48)), prompts))
    assert all(answers[index] == alone for index in range(0, 12, 3))


def test_a_seed_repeats_and_another_does_not(text):
    draw = lambda seed: joined(story(text, max_tokens=40, temperature=0.9, top_k=50, top_p=0.95, seed=seed))
    assert draw(7) == draw(7)
    assert len({draw(seed) for seed in range(1, 5)}) > 1


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(text):
    whole = joined(story(text, max_tokens=64))
    stop = whole[10:14]
    messages = story(text, max_tokens=64, stop=[stop])
    assert joined(messages) == whole[:whole.index(stop)]
    assert messages[-1].finish_reason == text_pb2.FINISH_REASON_STOP


def test_penalties_biases_and_stop_tokens_change_the_text(text):
    plain = story(text, max_tokens=24)
    tokens = [token for message in plain for token in message.tokens]
    banned = story(text, max_tokens=24, logit_bias={tokens[3]: -100})
    assert [token for message in banned for token in message.tokens][:3] == tokens[:3]
    assert tokens[3] not in [token for message in banned for token in message.tokens]
    stopped = story(text, max_tokens=24, stop_tokens=[tokens[5]])
    assert [token for message in stopped for token in message.tokens] == tokens[:tokens.index(tokens[5])]
    assert stopped[-1].finish_reason == text_pb2.FINISH_REASON_STOP
    # A presence penalty of 2 and a repetition penalty of 2 make every repetition lose against anything close.
    strict = story(text, max_tokens=24, presence_penalty=2, frequency_penalty=2, repetition_penalty=2)
    varied = [token for message in strict for token in message.tokens]
    assert len(set(varied)) > len(set(tokens))


def test_several_answers_are_those_of_the_next_seeds(text):
    draw = dict(max_tokens=20, temperature=0.9, min_p=0.02)
    messages = story(text, seed=3, n=3, **draw)
    together = [joined(m for m in messages if m.index == index) for index in range(3)]
    assert together == [joined(story(text, seed=3 + index, **draw)) for index in range(3)]
    ends = [message for message in messages if message.finish_reason]
    assert sorted(message.index for message in ends) == [0, 1, 2]
    assert [message.HasField("usage") for message in ends] == [False, False, True]
    assert messages[-1].usage.generated_tokens == sum(len(message.tokens) for message in messages)


def test_log_probabilities_come_along_and_agree(text):
    messages = story(text, max_tokens=12, logprobs=3)
    tokens = [token for message in messages for token in message.tokens]
    logprobs = [logprob for message in messages for logprob in message.logprobs]
    assert [logprob.chosen.token for logprob in logprobs] == tokens
    for logprob in logprobs:
        assert [len(logprob.top), logprob.top[0].token] == [3, logprob.chosen.token]
        values = [entry.logprob for entry in logprob.top]
        assert values == sorted(values, reverse=True) and values[0] == logprob.chosen.logprob <= 0
        assert sum(math.exp(value) for value in values) <= 1.0001
    assert not story(text, max_tokens=2)[0].logprobs


def test_the_trailers_say_how_much_of_a_prompt_was_found_in_the_cache(text):
    for found in (False, True):
        call = text.Generate(text_pb2.GenerateRequest(model="storyteller", prompt="Cats and dogs. " * 8, max_tokens=2))
        usage = list(call)[-1].usage
        assert (usage.cached_tokens > 0) is found, usage
        assert dict(call.trailing_metadata())["apus-cached-tokens"] == str(usage.cached_tokens)


def test_the_trailers_say_what_the_last_message_says(text):
    call = text.Generate(text_pb2.GenerateRequest(model="storyteller", prompt="Once upon", max_tokens=7))
    usage = list(call)[-1].usage
    trailers = dict(call.trailing_metadata())
    assert [int(trailers[f"apus-{name}"]) for name in ("prompt-tokens", "cached-tokens", "generated-tokens")] == [
        usage.prompt_tokens, usage.cached_tokens, usage.generated_tokens]
    assert [int(trailers[f"apus-{name}-us"]) for name in ("queue", "compute")] == [
        usage.queue_microseconds, usage.compute_microseconds]


@pytest.mark.parametrize("fields, word", [
    (dict(temperature=-1.0), "temperature"), (dict(temperature=99.0), "temperature"), (dict(top_p=0.0), "top_p"), (dict(max_tokens=0), "max_tokens"),
    (dict(stop=[""]), "stop"), (dict(min_p=1.5), "min_p"), (dict(repetition_penalty=0.0), "repetition_penalty"),
    (dict(presence_penalty=3.0), "presence_penalty"), (dict(frequency_penalty=-3.0), "frequency_penalty"),
    (dict(logit_bias={2**32 - 1: 1.0}), "logit_bias"), (dict(logit_bias={1: 101.0}), "logit_bias"), (dict(stop_tokens=[10**9]), "stop_tokens"),
    (dict(logprobs=21), "logprobs"), (dict(n=0), "n:"), (dict(n=17), "n:"), (dict(prompt="word " * 5000), "prompt")])
def test_a_setting_out_of_range_is_refused_by_name(text, fields, word):
    with pytest.raises(grpc.RpcError) as error:
        story(text, **fields)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert word in error.value.details()


def test_cancelling_frees_the_cache_pages(text, counters):
    call = text.Generate(text_pb2.GenerateRequest(
        model="storyteller", prompt="Once", max_tokens=400, ignore_end_of_text=True))
    next(call)
    call.cancel()
    deadline = time.monotonic() + 30
    while counters("storyteller").cache_pages_used:
        assert time.monotonic() < deadline, "the pages are still held"


def test_a_deadline_ends_a_generation(text):
    with pytest.raises(grpc.RpcError) as error:
        list(text.Generate(text_pb2.GenerateRequest(
            model="storyteller", prompt="Once", max_tokens=480, ignore_end_of_text=True), timeout=0.05))
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_embeddings_have_length_one_and_repeat(text):
    answer = text.Embed(text_pb2.EmbedRequest(model="storyteller", texts=["a king", "a king", "a mouse"]))
    vectors = [list(embedding.values) for embedding in answer.embeddings]
    assert vectors[0] == vectors[1] != vectors[2]
    assert abs(sum(value * value for value in vectors[0]) - 1) < 1e-4


def test_a_stream_of_texts_gets_the_vectors_of_single_calls(text):
    texts = ["a king", "a mouse", "a golden bird"]
    single = [text.Embed(text_pb2.EmbedRequest(model="storyteller", texts=[t])).embeddings[0] for t in texts]
    many = text.EmbedMany(iter([text_pb2.EmbedRequest(model="storyteller", texts=texts[:1]),
                                text_pb2.EmbedRequest(texts=texts[1:])]))
    assert list(many.embeddings) == single


def test_a_picture_of_a_seven_is_a_seven(channel):
    stub = vision_pb2_grpc.VisionStub(channel)
    picture = (EXAMPLES / "digits/samples/seven.png").read_bytes()
    answer = stub.Classify(vision_pb2.ClassifyRequest(model="digits", encoded=picture, top_k=3))
    assert [len(answer.classifications), answer.classifications[0].label] == [3, "7"]
    assert answer.classifications[0].score > 0.5


@pytest.mark.parametrize("picture", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n" + bytes(40), b"\xff\xd8\xff" + bytes(40)])
def test_a_broken_picture_is_refused_and_disturbs_nobody(channel, picture):
    stub = vision_pb2_grpc.VisionStub(channel)
    good = (EXAMPLES / "digits/samples/seven.png").read_bytes()
    future = stub.Classify.future(vision_pb2.ClassifyRequest(model="digits", encoded=good))
    with pytest.raises(grpc.RpcError) as error:
        stub.Classify(vision_pb2.ClassifyRequest(model="digits", encoded=picture))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert future.result().classifications[0].label == "7"


def test_karate_tells_the_factions_of_resident_nodes(channel):
    stub = graph_pb2_grpc.GraphStub(channel)
    answer = stub.Predict(graph_pb2.PredictRequest(model="karate", nodes=[0, 33]))
    assert [prediction.label for prediction in answer.predictions] == ["Mr. Hi", "Officer"]
    assert len(stub.Predict(graph_pb2.PredictRequest(model="karate")).predictions) == 34
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(graph_pb2.PredictRequest(model="karate", nodes=[34]))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "34" in error.value.details()


def test_a_model_of_another_modality_is_refused(channel):
    with pytest.raises(grpc.RpcError) as error:
        graph_pb2_grpc.GraphStub(channel).Predict(graph_pb2.PredictRequest(model="digits"))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "vision" in error.value.details()


def test_S170_health_checks_and_watches(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    assert stub.Check(health_pb2.HealthCheckRequest()).status == serving
    assert stub.Check(health_pb2.HealthCheckRequest(service="apus.text.v1.Text")).status == serving
    with pytest.raises(grpc.RpcError) as error:
        stub.Check(health_pb2.HealthCheckRequest(service="nothing"))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(health_pb2.HealthCheckRequest())
    assert next(watch).status == serving
    watch.cancel()


def test_S171_reflection_describes_every_service(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    services = set(database.get_services())
    assert {"apus.text.v1.Text", "apus.vision.v1.Vision", "apus.graph.v1.Graph", "apus.admin.v1.Admin",
            "inference.GRPCInferenceService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection"} <= services
    service = DescriptorPool(database).FindServiceByName("apus.text.v1.Text")
    assert {method.name for method in service.methods} == {"Generate", "Embed", "EmbedMany"}
