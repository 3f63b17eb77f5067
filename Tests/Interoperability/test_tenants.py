"""Tenants of a real server: what they may call, how much of it, what they are told when it is too much, and that all of
it changes while the server runs. grpcio is the client; the server is a process of its own."""

import concurrent.futures
import queue
import shlex
import signal
import time

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2, status_pb2

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from apus.vision.v1 import vision_pb2, vision_pb2_grpc
from conftest import EXAMPLES, Server, apus, credentials, write_configuration
from test_metrics import metrics_address, scrape_until
from grpc_health.v1 import health_pb2, health_pb2_grpc
from tritonclient.grpc import service_pb2 as inference_pb2
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc

TENANTS = ("slow", "thrifty", "reader", "busy", "free", "editor", "patient", "talker", "hasty")
POLICIES = """{roles: [
  {name: editors, models: [digits], actions: [inspect, manage]}], tenants: [
  {name: editor, roles: [editors], models: [delay]},
  {name: patient, highest_priority: 6}, {name: hasty, highest_priority: 1},
  {name: talker, tokens_per_second: 60, token_burst: 80},
  {name: slow, requests_per_second: 2, request_burst: 3},
  {name: thrifty, budget: {period: month, tokens: 600}},
  {name: reader, methods: [apus.text.v1.Text/*]},
  {name: busy, max_concurrency: 1}]}"""


@pytest.fixture(scope="module")
def tenants(certificates):
    """The folder of certificates, with one for each of TENANTS and one for a router."""
    # Other tests may have issued some of them already.
    for who in [("--tenant", name) for name in TENANTS] + [("--role", "router")]:
        apus("certs", "issue", *who, "--folder", certificates / "main")
    return certificates


@pytest.fixture
def limited(tmp_path, tenants):
    """A server with POLICIES, and a function that opens a channel to it in the name of somebody."""
    configuration = write_configuration(
        tmp_path, tenants, tenancy=POLICIES.replace("\n", " "), http_listen="127.0.0.1:0")
    server = Server(configuration, tmp_path)
    channels = []

    def open_channel(name):
        channels.append(grpc.secure_channel(server.target, credentials(tenants / "main", name)))
        return channels[-1]
    server.configuration = configuration
    yield server, open_channel
    for channel in channels:
        channel.close()
    assert server.terminate() == 0, server.errors()


def generate(channel, timeout=60, metadata=None, **fields):
    """The call, finished; raises what it raised."""
    fields = {"model": "storyteller", "prompt": "Once upon a time", "max_tokens": 8, "ignore_end_of_text": True, **fields}
    call = text_pb2_grpc.TextStub(channel).Generate(
        text_pb2.GenerateRequest(**fields), timeout=timeout, metadata=metadata)
    for _ in call:
        pass
    return call


def reason(error):
    """The reason in the error's details, which have the code and message of the status."""
    details = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = status_pb2.Status.FromString(details)
    assert (status.code, status.message) == (error.code().value[0], error.details())
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "apus"
    return info.reason


def pushback(error):
    return int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"])


def test_a_rate_of_requests_refuses_with_a_reason_and_a_time_that_is_right(limited):
    _, open_channel = limited
    channel = open_channel("tenant-slow")
    begin = time.monotonic()
    for _ in range(3):
        generate(channel, max_tokens=1)
    # Two calls a second: the burst may have earned some back on a slow machine, but not as fast as calls are refused.
    with pytest.raises(grpc.RpcError) as refusal:
        for _ in range(200):
            generate(channel, max_tokens=1)
            assert time.monotonic() - begin < 60, "nothing was refused"
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(refusal.value) == "REQUEST_RATE"
    milliseconds = pushback(refusal.value)
    assert 1 <= milliseconds <= 501
    time.sleep(milliseconds / 1000)
    generate(channel, max_tokens=1)
    generate(open_channel("tenant-free"), max_tokens=1)


def test_a_rate_of_tokens_lets_through_its_burst_and_then_what_time_gives(limited):
    _, open_channel = limited
    channel = open_channel("tenant-talker")
    used, refusals, begin = 0, [], time.monotonic()
    while used < 200:
        try:
            trailers = dict(generate(channel, max_tokens=20).trailing_metadata())
            used += int(trailers["apus-prompt-tokens"]) + int(trailers["apus-generated-tokens"])
            assert used <= 80 + 60 * (time.monotonic() - begin)
        except grpc.RpcError as refusal:
            assert refusal.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and reason(refusal) == "TOKEN_RATE"
            assert time.monotonic() - begin < 60
            refusals.append(refusal)
            time.sleep(pushback(refusal) / 1000)
    # Who comes again when it was told to is let in.
    assert 1 <= len(refusals) <= 8


def test_concurrent_calls_never_spend_more_than_the_budget(limited):
    server, open_channel = limited
    channel = open_channel("tenant-thrifty")

    def spend(index):
        try:
            trailers = dict(generate(channel, max_tokens=60).trailing_metadata())
            return int(trailers["apus-prompt-tokens"]) + int(trailers["apus-generated-tokens"])
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and reason(error) == "BUDGET_EXHAUSTED"
            return 0
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        spent = list(pool.map(spend, range(48)))
    assert 0 < sum(spent) <= 600
    # What is left is less than one more call needs, and a smaller one gets it.
    one = max(spent)
    assert 600 - sum(spent) < one
    with pytest.raises(grpc.RpcError) as refusal:
        generate(channel, max_tokens=60)
    assert pushback(refusal.value) == -1, "nobody gives anything back before the month is over"
    left = 600 - sum(spent)
    prompt = one - 60
    if left > prompt:
        generate(channel, max_tokens=left - prompt)
    with pytest.raises(grpc.RpcError):
        generate(channel, max_tokens=1)


def test_a_cancelled_call_gives_back_what_it_did_not_use(limited):
    _, open_channel = limited
    channel = open_channel("tenant-thrifty")
    call = text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(
        model="storyteller", prompt="Once upon a time", max_tokens=580, ignore_end_of_text=True, temperature=1))
    next(iter(call))
    call.cancel()
    # The call's end reaches the server a moment later; then the rest of the budget is there again.
    begin = time.monotonic()
    while True:
        try:
            generate(channel, max_tokens=100)
            break
        except grpc.RpcError as error:
            assert reason(error) == "BUDGET_EXHAUSTED"
            assert time.monotonic() - begin < 30
            time.sleep(pushback(error) / 1000)


def test_a_tenant_keeps_to_its_methods(limited):
    _, open_channel = limited
    channel = open_channel("tenant-reader")
    generate(channel)
    with pytest.raises(grpc.RpcError) as refusal:
        graph_pb2_grpc.GraphStub(channel).Predict(graph_pb2.PredictRequest(model="karate", nodes=[0]))
    assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED and reason(refusal.value) == "METHOD_NOT_ALLOWED"
    health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())


def test_one_call_too_many_at_the_same_time_is_told_to_come_again(limited):
    _, open_channel = limited
    channel = open_channel("tenant-busy")
    running = text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(
        model="storyteller", prompt="Once upon a time", max_tokens=400, ignore_end_of_text=True))
    next(iter(running))
    with pytest.raises(grpc.RpcError) as refusal:
        generate(channel)
    running.cancel()
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert reason(refusal.value) == "TENANT_CONCURRENCY" and pushback(refusal.value) > 0


def test_a_header_that_names_another_tenant_is_ignored_unless_a_router_sends_it(limited):
    server, open_channel = limited
    ignored = ("apus_tenant_headers_ignored_total",)
    scrape_until(metrics_address(server), lambda samples: samples[ignored] == 0)
    as_reader = [("apus-tenant", "reader")]
    free = open_channel("tenant-free")
    predict = graph_pb2_grpc.GraphStub(free).Predict
    predict(graph_pb2.PredictRequest(model="karate", nodes=[0]), metadata=as_reader)
    scrape_until(metrics_address(server), lambda samples: samples[ignored] == 1)
    router = open_channel("role-router")
    with pytest.raises(grpc.RpcError) as refusal:
        graph_pb2_grpc.GraphStub(router).Predict(
            graph_pb2.PredictRequest(model="karate", nodes=[0]), metadata=as_reader)
    assert "tenant reader" in refusal.value.details()
    generate(router, metadata=as_reader)
    scrape_until(metrics_address(server), lambda samples: samples[ignored] == 1)


FORGED = [("apus-tenant", "free"), ("apus-tenant-weight", "1000"), ("apus-priority-ceiling", "1")]
"""What a front end says of the tenant that it calls for, and nobody else is believed."""


def test_whoever_says_what_a_front_end_says_is_still_itself(tmp_path, tenants):
    main = tenants / "main"
    server = Server(write_configuration(
        tmp_path, tenants, access_log="all", ledger=f"{{path: {tmp_path / 'usage.sqlite'}}}",
        tenancy="{tenants: [{name: talker, weight: 3, budget: {period: month, requests: 3}}, {name: free}]}"), tmp_path)
    try:
        with grpc.secure_channel(server.target, credentials(main, "tenant-talker")) as channel, \
                grpc.secure_channel(server.target, credentials(main, "role-admin")) as admin_channel:
            stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
            trailers = dict(generate(channel, metadata=FORGED).trailing_metadata())
            for model in ("identity", "delay"):
                stub.ModelInfer(infer_request(model), metadata=FORGED)
            with pytest.raises(grpc.RpcError) as refusal:
                generate(channel, metadata=FORGED)
            assert reason(refusal.value) == "BUDGET_EXHAUSTED"
            assert "tenant talker has used 3 of the 3 requests" in refusal.value.details()
            admin = admin_pb2_grpc.AdminStub(admin_channel)
            row, = admin.GetUsage(admin_pb2.GetUsageRequest()).rows
            listed = {each.name: each for each in admin.ListTenants(admin_pb2.ListTenantsRequest()).tenants}
        assert (row.tenant, row.requests) == ("talker", 3)
        assert row.generated_tokens == int(trailers["apus-generated-tokens"]) == 8
        assert listed["talker"].weight == 3 and listed["talker"].budget[0].spent == 3
        assert listed["free"].weight == 1
    finally:
        assert server.terminate() == 0, server.errors()
    lines = [dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)
             for line in server.errors().splitlines() if " call " in line or " call refused " in line]
    assert [line["tenant"] for line in lines if "Admin" not in line["method"]] == ["talker"] * 4


def test_a_call_with_a_header_that_is_ignored_is_counted_once_whoever_answers_it(limited):
    server, open_channel = limited
    channel = open_channel("tenant-talker")
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
    embed = text_pb2.EmbedRequest(model="storyteller", texts=["Once"])
    calls = {
        "a look": lambda: stub.ModelMetadata(inference_pb2.ModelMetadataRequest(name="karate"), metadata=FORGED),
        "a unary call": lambda: graph_pb2_grpc.GraphStub(channel).Predict(
            graph_pb2.PredictRequest(model="karate", nodes=[0]), metadata=FORGED),
        "a stream of answers": lambda: generate(channel, max_tokens=1, metadata=FORGED),
        "a stream of requests": lambda: text_pb2_grpc.TextStub(channel).EmbedMany(iter([embed]), metadata=FORGED),
        "tensors, answered at once": lambda: stub.ModelInfer(infer_request("identity"), metadata=FORGED),
        "tensors, queued": lambda: stub.ModelInfer(infer_request("delay"), metadata=FORGED),
    }
    started = ("grpc_server_call_started_total", ("grpc_method", "inference.GRPCInferenceService/ServerLive"))
    looks = 0

    def ignored():
        """How many were counted by now: the text that has the second of these calls was begun after all before them."""
        nonlocal looks
        for _ in range(2):
            stub.ServerLive(inference_pb2.ServerLiveRequest())
            looks += 1
            samples = scrape_until(metrics_address(server), lambda samples: samples.get(started) == looks)
        return samples["apus_tenant_headers_ignored_total",]
    counted = {}
    for name, call in calls.items():
        before = ignored()
        call()
        counted[name] = ignored() - before
    assert counted == {name: 1 for name in calls}


def test_every_kind_of_call_says_in_its_trailers_what_it_used(limited):
    _, open_channel = limited
    channel = open_channel("tenant-free")
    trailers = dict(generate(channel).trailing_metadata())
    assert trailers["apus-generated-tokens"] == "8" and int(trailers["apus-compute-us"]) > 0

    picture = next((EXAMPLES / "digits").glob("**/*.png"), None) or next(EXAMPLES.glob("**/*.png"))
    request = vision_pb2.ClassifyRequest(model="digits")
    request.encoded = picture.read_bytes()
    _, call = vision_pb2_grpc.VisionStub(channel).Classify.with_call(request)
    trailers = dict(call.trailing_metadata())
    assert trailers["apus-images"] == "1" and int(trailers["apus-compute-us"]) > 0

    graph = graph_pb2.PredictRequest(model="karate", nodes=[0, 5, 33])
    _, call = graph_pb2_grpc.GraphStub(channel).Predict.with_call(graph)
    assert dict(call.trailing_metadata())["apus-nodes"] == "3"

    with pytest.raises(grpc.RpcError) as failure:
        generate(channel, model="nothing-of-that-name")
    trailers = dict(failure.value.trailing_metadata())
    assert trailers["apus-compute-us"] == "0" and reason(failure.value) == "UNKNOWN_MODEL"


def test_tenants_change_while_the_server_runs_and_a_broken_file_changes_nothing(limited):
    server, open_channel = limited
    channel = open_channel("tenant-reader")
    predict = lambda: graph_pb2_grpc.GraphStub(channel).Predict(graph_pb2.PredictRequest(model="karate", nodes=[0]))
    with pytest.raises(grpc.RpcError):
        predict()
    before = server.configuration.read_text()

    def reload(text, line):
        """Writes the file, asks for it to be read, and waits for the line that says what came of it."""
        count = server.errors().count(line)
        server.configuration.write_text(text)
        server.process.send_signal(signal.SIGHUP)
        begin = time.monotonic()
        while server.errors().count(line) == count:
            assert time.monotonic() - begin < 30, server.errors()
            time.sleep(0.02)
    reload(before.replace("methods: [apus.text.v1.Text/*]", "weight: 2"), "tenants reloaded")
    predict()
    reload(before.replace("weight", "wait") + "tenancy_: {}\n", "tenants not reloaded")
    predict()
    assert "unknown key" in server.errors()
    reload(before, "tenants reloaded")
    with pytest.raises(grpc.RpcError):
        predict()


def infer_request(model, rows=1):
    array = np.zeros((rows, 1), np.float32)
    return inference_pb2.ModelInferRequest(
        model_name=model, raw_input_contents=[array.tobytes()], inputs=[inference_pb2.ModelInferRequest.InferInputTensor(
            name="x", datatype="FP32", shape=array.shape)])


def test_a_role_says_what_a_tenant_may_do_with_which_model(limited):
    _, open_channel = limited
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(open_channel("tenant-editor"))

    def refusal(call, request):
        with pytest.raises(grpc.RpcError) as error:
            call(request)
        return error.value.code(), reason(error.value)
    assert stub.ModelInfer(infer_request("delay")).model_name == "delay"
    assert stub.ModelMetadata(inference_pb2.ModelMetadataRequest(name="digits")).name == "digits"
    assert refusal(stub.ModelInfer, infer_request("digits")) == (grpc.StatusCode.PERMISSION_DENIED, "MODEL_NOT_ALLOWED")
    # It may manage the one model: it gets as far as to hear that this server does not change what it serves.
    load = inference_pb2.RepositoryModelLoadRequest
    assert refusal(stub.RepositoryModelLoad, load(model_name="digits"))[0] == grpc.StatusCode.FAILED_PRECONDITION
    assert refusal(stub.RepositoryModelLoad, load(model_name="delay"))[1] == "MODEL_NOT_ALLOWED"
    other = inference_pb2_grpc.GRPCInferenceServiceStub(open_channel("tenant-free"))
    assert refusal(other.RepositoryModelLoad, load(model_name="digits"))[1] == "NOT_AN_ADMIN"


@pytest.mark.parametrize("tenant, is_urgent, more", [
    ("tenant-hasty", True, []), ("tenant-free", False, []), ("tenant-patient", False, []),
    ("tenant-patient", False, FORGED)])
def test_an_urgent_call_overtakes_others_when_its_tenant_may_be_urgent(limited, tenant, is_urgent, more):
    _, open_channel = limited
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(open_channel(tenant))
    order = queue.Queue()

    def send(name, **arguments):
        call = stub.ModelInfer.future(infer_request("delay", 4), timeout=60, **arguments)
        call.add_done_callback(lambda call: order.put((name, call.code())))
    # One tenant has 56 of the 64 places at most.
    for _ in range(50):
        send("usual")
    # The flood has begun to be answered, so all of it has been sent.
    first = order.get(timeout=60)
    send("urgent", metadata=[("apus-priority", "1"), *more])
    ends = [first] + [order.get(timeout=60) for _ in range(50)]
    assert {code for _, code in ends} == {grpc.StatusCode.OK}
    place = [name for name, _ in ends].index("urgent")
    assert place < 40 if is_urgent else place > 40, place
