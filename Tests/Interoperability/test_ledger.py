"""The ledger of a real server: it has what callers read in their trailers, whatever ends the process."""

import concurrent.futures
import json
import signal
import threading

import grpc
import numpy as np
import pytest
import tritonclient.grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import Server, apus, credentials, write_configuration
from test_tenants import reason

COUNTS = {"apus-prompt-tokens": "prompt_tokens", "apus-generated-tokens": "generated_tokens", "apus-nodes": "nodes"}


@pytest.fixture(scope="module")
def tenants(certificates):
    for name in ("acme", "beta"):
        apus("certs", "issue", "--tenant", name, "--folder", certificates / "main")
    return certificates


@pytest.fixture
def start(tmp_path, tenants):
    """A function that starts a server with a ledger, the same one every time; what still runs is ended."""
    servers = []

    def start(**extra):
        configuration = write_configuration(tmp_path, tenants, ledger=f"{{path: {tmp_path / 'usage.sqlite'}}}", **extra)
        servers.append(Server(configuration, tmp_path))
        return servers[-1]
    yield start
    for server in servers:
        if server.process.poll() is None:
            assert server.terminate() == 0, server.errors()


def connect(server, folder, name):
    return grpc.secure_channel(server.target, credentials(folder / "main", name))


def generate(channel, **fields):
    fields = {"model": "storyteller", "prompt": "Once upon a time", "max_tokens": 12, "ignore_end_of_text": True, **fields}
    call = text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(**fields))
    for _ in call:
        pass
    return dict(call.trailing_metadata())


def usage(server, folder, **fields):
    """The ledger's rows, by tenant and what else is asked for."""
    with connect(server, folder, "role-admin") as channel:
        response = admin_pb2_grpc.AdminStub(channel).GetUsage(admin_pb2.GetUsageRequest(**fields))
    return {(row.tenant, row.model): row for row in response.rows}


def test_a_ledger_has_the_sum_of_the_trailers_of_every_tenant_and_model(start, tenants):
    server = start()
    seen = {}
    for name in ("acme", "beta"):
        with connect(server, tenants, f"tenant-{name}") as channel:
            calls = [("storyteller", generate(channel, max_tokens=count)) for count in (3, 5, 12)]
            _, call = graph_pb2_grpc.GraphStub(channel).Predict.with_call(
                graph_pb2.PredictRequest(model="karate", nodes=[0, 1]))
            calls.append(("karate", dict(call.trailing_metadata())))
            with pytest.raises(grpc.RpcError) as failure:
                generate(channel, model="made-up-by-the-caller")
            calls.append(("", dict(failure.value.trailing_metadata())))
            for model, trailers in calls:
                seen.setdefault((name, model), []).append(trailers)
    rows = usage(server, tenants, by_model=True)
    assert rows.keys() == seen.keys()
    for key, trailers in seen.items():
        assert rows[key].requests == len(trailers)
        assert rows[key].failures == (1 if key[1] == "" else 0)
        for name, field in COUNTS.items():
            assert getattr(rows[key], field) == sum(int(each.get(name, 0)) for each in trailers)
        assert rows[key].compute_microseconds == sum(int(each["apus-compute-us"]) for each in trailers)


def test_a_killed_server_has_lost_nothing_that_a_caller_was_told(start, tenants):
    server = start()
    told, lock, stop = [], threading.Lock(), threading.Event()
    callers = 8

    def call_on():
        with connect(server, tenants, "tenant-acme") as channel:
            while not stop.is_set():
                try:
                    trailers = generate(channel, max_tokens=4)
                except grpc.RpcError:
                    return
                with lock:
                    told.append(int(trailers["apus-generated-tokens"]))
                    if len(told) == 150:
                        server.process.send_signal(signal.SIGKILL)
    with concurrent.futures.ThreadPoolExecutor(callers) as pool:
        for caller in [pool.submit(call_on) for _ in range(callers)]:
            caller.result()
    assert server.process.wait(30) == -signal.SIGKILL
    again = start()
    row = usage(again, tenants)["acme", ""]
    # Beyond what callers were told there may be the calls that were in flight, and nothing else.
    assert len(told) <= row.requests <= len(told) + callers
    assert sum(told) <= row.generated_tokens <= sum(told) + callers * 4
    # Nothing is counted a second time by a third start.
    assert again.terminate() == 0
    assert usage(start(), tenants)["acme", ""].requests == row.requests


def test_a_budget_remembers_what_was_spent_before_a_restart(start, tenants):
    budget = "{tenants: [{name: beta, budget: {period: month, tokens: 100}}]}"
    server = start(tenancy=budget)
    with connect(server, tenants, "tenant-beta") as channel:
        trailers = generate(channel, max_tokens=60)
    spent = int(trailers["apus-prompt-tokens"]) + int(trailers["apus-generated-tokens"])
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(30)
    server = start(tenancy=budget)
    with connect(server, tenants, "tenant-beta") as channel:
        with pytest.raises(grpc.RpcError) as refusal:
            generate(channel, max_tokens=60)
        assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert f"used {spent} of the 100 tokens" in refusal.value.details()
    with connect(server, tenants, "role-admin") as channel:
        tenants_now = admin_pb2_grpc.AdminStub(channel).ListTenants(admin_pb2.ListTenantsRequest()).tenants
    beta = next(tenant for tenant in tenants_now if tenant.name == "beta")
    assert beta.listed and (beta.budget[0].unit, beta.budget[0].spent, beta.budget[0].reserved) == ("tokens", spent, 0)


def classify(channel, count):
    """A call for so many pictures."""
    pixels = np.zeros((count, 1, 28, 28), np.float32)
    image = service_pb2.ModelInferRequest.InferInputTensor(name="image", datatype="FP32", shape=pixels.shape)
    request = service_pb2.ModelInferRequest(model_name="digits", inputs=[image], raw_input_contents=[pixels.tobytes()])
    return service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer.with_call(request, timeout=60)


def ask_about(channel, count):
    """A call about so many nodes."""
    request = graph_pb2.PredictRequest(model="karate", nodes=range(count))
    return graph_pb2_grpc.GraphStub(channel).Predict.with_call(request, timeout=60)


def send_edges(channel, count):
    """A call that brings so many edges."""
    features = np.zeros((2, 34), np.float32)
    graph = graph_pb2.FeatureGraph(node_count=2, feature_count=34, features=features.tobytes(),
                                   edge_sources=[0] * count, edge_targets=[1] * count)
    request = graph_pb2.PredictRequest(model="karate", nodes=[0], graph=graph)
    return graph_pb2_grpc.GraphStub(channel).Predict.with_call(request, timeout=60)


@pytest.mark.parametrize("unit, use", [("images", classify), ("nodes", ask_about), ("edges", send_edges)])
def test_concurrent_calls_never_use_more_than_the_budget_and_the_ledger_has_their_sum(start, tenants, unit, use):
    budget, wanted = 100, [1 + number % 7 for number in range(60)]
    server = start(tenancy=f"{{tenants: [{{name: beta, budget: {{period: month, {unit}: {budget}}}}}]}}")

    def call(count):
        """What its trailers say was used; None when it was refused."""
        try:
            _, call = use(channel, count)
            return int(dict(call.trailing_metadata())[f"apus-{unit}"])
        except grpc.RpcError as refusal:
            assert refusal.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and reason(refusal) == "BUDGET_EXHAUSTED"
            assert f"of the {budget} {unit} of its month" in refusal.details()
            assert f"apus-{unit}" not in dict(refusal.trailing_metadata())
    with connect(server, tenants, "tenant-beta") as channel, concurrent.futures.ThreadPoolExecutor(24) as callers:
        used = list(callers.map(call, wanted))
        spent = sum(count for count in used if count is not None)
        assert [count for count in used if count is not None] == [
            asked for asked, count in zip(wanted, used) if count is not None]
        assert sum(wanted) > 2 * budget, "most are refused"
        # What is left is less than any that was refused had asked for: nothing else was reserved.
        least = min(asked for asked, count in zip(wanted, used) if count is None)
        assert budget - least < spent <= budget
        if spent < budget:
            assert call(budget - spent) == budget - spent
            used.append(budget - spent)
        # All of it is used, to the last one.
        used.append(call(1))
        assert used[-1] is None
    row = usage(server, tenants)["beta", ""]
    assert getattr(row, unit) == sum(count or 0 for count in used) == budget
    assert (row.requests, row.failures) == (len(used), used.count(None))
    with connect(server, tenants, "role-admin") as channel:
        tenants_now = admin_pb2_grpc.AdminStub(channel).ListTenants(admin_pb2.ListTenantsRequest()).tenants
    status, = next(tenant for tenant in tenants_now if tenant.name == "beta").budget
    assert (status.unit, status.limit, status.spent, status.reserved) == (unit, budget, budget, 0)


def test_the_command_line_shows_usage_and_tenants(start, tenants):
    server = start(tenancy="{tenants: [{name: acme, weight: 3, models: [storyteller], budget: {period: day, tokens: 500}}]}")
    with connect(server, tenants, "tenant-acme") as channel:
        trailers = generate(channel, max_tokens=7)
    connection = ["--target", server.target.replace("localhost", "127.0.0.1"), "--certs", tenants / "main"]
    shown = apus("tenants", "usage", "--by", "model", "--identity", "role-admin", *connection)
    assert shown.returncode == 0, shown.stderr
    head, line = shown.stdout.splitlines()
    assert head.split()[:4] == ["TENANT", "MODEL", "REQUESTS", "FAILED"]
    assert line.split()[:6] == ["acme", "storyteller", "1", "0", trailers["apus-prompt-tokens"],
                                trailers.get("apus-cached-tokens", "0")]
    rows = json.loads(apus("tenants", "usage", "--json", "--since", "2020-01-01", "--identity", "role-admin",
                           *connection).stdout)
    assert rows[0]["tenant"] == "acme" and rows[0]["generated_tokens"] == 7
    listed = apus("tenants", "list", "--identity", "role-admin", *connection)
    assert "acme" in listed.stdout and "of 500 tokens" in listed.stdout and "storyteller" in listed.stdout
    refused = apus("tenants", "usage", *connection)
    assert refused.returncode != 0 and "apus certs issue --role admin" in refused.stderr
    wrong = apus("tenants", "usage", "--since", "yesterday", "--identity", "role-admin", *connection)
    assert wrong.returncode != 0 and "--since: expected a duration" in wrong.stderr


def test_two_servers_cannot_keep_one_ledger(start, tenants, tmp_path):
    start()
    second = apus("serve", "--config", tmp_path / "apus.yaml")
    assert second.returncode != 0 and "usage.sqlite.journal: is in use by another process" in second.stderr


def test_a_server_without_a_ledger_says_so(server, tenants):
    with connect(server, tenants, "role-admin") as channel:
        with pytest.raises(grpc.RpcError) as refusal:
            admin_pb2_grpc.AdminStub(channel).GetUsage(admin_pb2.GetUsageRequest())
    assert refusal.value.code() == grpc.StatusCode.FAILED_PRECONDITION and "ledger.path" in refusal.value.details()


def test_a_look_is_no_request_and_what_models_do_is(start, tenants):
    server = start(tenancy="{tenants: [{name: acme, budget: {period: month, requests: 2}}]}")
    main = tenants / "main"
    with tritonclient.grpc.InferenceServerClient(
            server.target, ssl=True, root_certificates=main / "ca.pem", private_key=main / "tenant-acme.key",
            certificate_chain=main / "tenant-acme.pem") as client, connect(server, tenants, "tenant-acme") as channel:
        for _ in range(3):
            assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("karate")
            assert client.get_model_metadata("karate").name == "karate"
            assert client.get_model_config("karate") and client.get_model_repository_index()
            assert client.get_inference_statistics("karate")
            with pytest.raises(tritonclient.grpc.InferenceServerException):
                client.get_model_metadata("nobody")
        assert usage(server, tenants) == {}
        stub = graph_pb2_grpc.GraphStub(channel)
        stub.Predict(graph_pb2.PredictRequest(model="karate", nodes=[0]))
        with pytest.raises(grpc.RpcError):
            stub.Predict(graph_pb2.PredictRequest(model="nobody", nodes=[0]))
        with pytest.raises(grpc.RpcError) as refusal:
            stub.Predict(graph_pb2.PredictRequest(model="karate", nodes=[0]))
        assert b"BUDGET_EXHAUSTED" in dict(refusal.value.trailing_metadata())["grpc-status-details-bin"]
        # Nobody is kept from looking by what was used.
        assert client.is_model_ready("karate")
    row = usage(server, tenants)["acme", ""]
    assert (row.requests, row.failures, row.nodes) == (2, 1, 1)
