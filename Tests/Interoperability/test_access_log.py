"""The line about a call: one for each, however it ended, with what it was and what it has cost."""

import re
import shlex
import threading
import time

import grpc
import pytest

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import Server, credentials, write_configuration
from test_shards import platform  # noqa: F401, the fixture

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def calls(server, count, begin=0):
    """The lines about calls as dictionaries, once there are so many; a caller has its answer before the line is written."""
    deadline = time.monotonic() + 30
    while len(found := [line for line in server.errors().splitlines() if re.match(r"\S+ \w+ call( refused)? ", line)]) < count:
        assert time.monotonic() < deadline, server.errors()
        time.sleep(0.02)
    assert len(found) == count, found
    return [dict([("level", line.split()[1])] + [field.split("=", 1) for field in shlex.split(line) if "=" in field])
            for line in found][begin:]


@pytest.fixture
def logged(tmp_path, certificates):
    servers = []

    def make(**extra):
        servers.append(Server(write_configuration(tmp_path, certificates, **extra), tmp_path))
        return servers[-1], grpc.secure_channel(servers[-1].target, credentials(certificates / "main", "tenant-acme"))
    yield make
    for server in servers:
        assert server.terminate() == 0, server.errors()


def predict(channel, model="karate", timeout=20, **options):
    request = graph_pb2.PredictRequest(model=model, nodes=[0, 33])
    return graph_pb2_grpc.GraphStub(channel).Predict(request, timeout=timeout, **options)


def test_a_line_says_what_a_call_was_and_what_it_has_cost(logged):
    server, channel = logged(access_log="all")
    with channel:
        request = text_pb2.GenerateRequest(model="storyteller", prompt="Once upon a time", max_tokens=8,
                                           ignore_end_of_text=True)
        answer = text_pb2_grpc.TextStub(channel).Generate(
            request, timeout=60, metadata=[("traceparent", f"00-{TRACE}-00f067aa0ba902b7-00")])
        messages = list(answer)
        trailers = dict(answer.trailing_metadata())
        _, call = graph_pb2_grpc.GraphStub(channel).Predict.with_call(
            graph_pb2.PredictRequest(model="karate", nodes=[0, 33]), timeout=20)
        text, graph = calls(server, 2)
    assert text["level"] == "info" and text["method"] == "/apus.text.v1.Text/Generate" and text["status"] == "OK"
    assert text["tenant"] == "acme" and text["model"] == "storyteller" and text["version"] == "1"
    assert int(text["request_bytes"]) == len(request.SerializeToString()) and text["request_messages"] == "1"
    assert int(text["response_messages"]) == len(messages)
    assert int(text["response_bytes"]) == sum(len(message.SerializeToString()) for message in messages)
    assert text["generated_tokens"] == "8" == trailers["apus-generated-tokens"]
    assert text["prompt_tokens"] == trailers["apus-prompt-tokens"]
    assert float(text["compute_milliseconds"]) * 1000 == pytest.approx(int(trailers["apus-compute-us"]))
    assert float(text["queue_milliseconds"]) * 1000 == pytest.approx(int(trailers["apus-queue-us"]))
    assert float(text["milliseconds"]) >= float(text["compute_milliseconds"])
    assert text["trace"] == TRACE and "reason" not in text and "shard" not in text
    assert graph["nodes"] == "2" and graph["version"] == "1" and "trace" not in graph
    assert int(graph["request"]) > int(text["request"])


def test_a_call_that_fails_has_the_status_that_its_caller_has(logged):
    server, channel = logged(access_log="all", tenancy="{tenants: [{name: acme, models: [karate, delay]}]}")
    statuses = []

    def fails(call):
        with pytest.raises(grpc.RpcError) as failure:
            call()
        statuses.append(failure.value.code().name)
    with channel:
        fails(lambda: predict(channel, model="digits"))
        fails(lambda: channel.unary_unary("/invented.Service/Method")(b"", timeout=20))
        fails(lambda: channel.unary_unary("/apus.admin.v1.Admin/GetStatus")(b"", timeout=20))
        fails(lambda: channel.unary_unary("/apus.graph.v1.Graph/Predict")(b"\xff", timeout=20))
        # A stream whose handler waits for its first message when the time is up.
        has_ended = threading.Event()
        fails(lambda: channel.stream_unary("/apus.text.v1.Text/EmbedMany")(nothing_until(has_ended), timeout=0.2))
        has_ended.set()
        lines = calls(server, 5)
    assert statuses == ["PERMISSION_DENIED", "UNIMPLEMENTED", "PERMISSION_DENIED", "INTERNAL", "DEADLINE_EXCEEDED"]
    assert [line["status"] for line in lines[:4]] == statuses[:4]
    # Whose timer is first: the caller's resets the stream, the server's answers.
    assert (lines[4]["status"], lines[4]["reason"]) in [("CANCELLED", "client_reset"), ("DEADLINE_EXCEEDED", "deadline_exceeded")]
    assert all(line["tenant"] == "acme" for line in lines)
    assert [line.get("model") for line in lines] == ["digits", None, None, None, None]
    assert "method" not in lines[1] and lines[1]["reason"] == "unknown_method", "what a caller made up is not repeated"
    assert lines[3]["level"] == "error" and lines[3]["reason"] == "undecodable_request"
    assert float(lines[4]["milliseconds"]) >= 150


def nothing_until(event):
    """Requests that do not come, and end with the event."""
    event.wait(60)
    yield from ()


def test_by_default_failures_have_lines_and_off_is_off(logged):
    server, channel = logged()
    with channel:
        predict(channel)
        with pytest.raises(grpc.RpcError):
            predict(channel, model="nobody")
        line, = calls(server, 1)
        assert line["status"] == "NOT_FOUND" and line["reason"] == "unknown_model" and line["model"] == "nobody"


def test_off_writes_none(logged):
    server, channel = logged(access_log="off", log_level="debug")
    with channel:
        predict(channel)
        with pytest.raises(grpc.RpcError):
            predict(channel, model="nobody")
    assert server.terminate() == 0 and not calls(server, 0)


def test_a_forwarded_call_has_a_line_at_both_ends(platform):
    whole = platform(1)
    front, shard = whole.front, whole.shards[0]
    with pytest.raises(grpc.RpcError):
        graph_pb2_grpc.GraphStub(whole.channel).Predict(
            graph_pb2.PredictRequest(model="karate", nodes=[99]), timeout=20,
            metadata=[("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")])
    (there,), (here,) = calls(front, 1), calls(shard, 1)
    assert there["shard"] == f"127.0.0.1:{whole.ports[0]}" and "shard" not in here
    for line in (there, here):
        assert line["status"] == "INVALID_ARGUMENT" and line["tenant"] == "acme" and line["model"] == "karate"
        assert line["trace"] == TRACE
