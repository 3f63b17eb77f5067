"""What calls have used that fail, and what is said and written down of it: in their trailers, and in the ledger.

A grpcio client ends a call by itself when its deadline has passed, and hears no trailers then; so requests with a
deadline are written by hand here.
"""

import ssl
import time

import grpc
import h2.events
import pytest

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import Server, apus, credentials, write_configuration
from http2_peer import Peer, framed
from test_lifecycle import address
from test_shards import platform  # noqa: F401 (a fixture)
from tls_peers import wait_for
from tritonclient.grpc import service_pb2, service_pb2_grpc

GENERATE, INFER = "/apus.text.v1.Text/Generate", "/inference.GRPCInferenceService/ModelInfer"


@pytest.fixture(scope="module")
def tenants(certificates):
    for who in ("acme", "thrifty"):
        apus("certs", "issue", "--tenant", who, "--folder", certificates / "main")
    return certificates / "main"


@pytest.fixture
def start(tmp_path, certificates, tenants):
    """Starts a server with a ledger, whose model `delay` takes two seconds."""
    servers = []

    def start(**extra):
        directory = tmp_path / "server"
        directory.mkdir(exist_ok=True)
        extra.setdefault("ledger", f"{{path: {directory / 'usage.sqlite'}}}")
        configuration = write_configuration(directory, certificates, **extra)
        (directory / "models/delay/model.yaml").write_text("platform: delay\ndelay: 2s\nmax_batch_size: 8\n")
        servers.append(Server(configuration, directory))
        return servers[-1]
    yield start
    for server in servers:
        if server.process.poll() is None:
            assert server.terminate() == 0, server.errors()


def trailers_of(server, tenants, path, request, timeout=None, tenant="tenant-acme"):
    """What a call is told at its end, by a client that waits for it as long as it takes."""
    context = ssl.create_default_context(cafile=tenants / "ca.pem")
    context.load_cert_chain(tenants / f"{tenant}.pem", tenants / f"{tenant}.key")
    peer = Peer(address(server), context)
    headers = [(":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "localhost"),
               ("te", "trailers"), ("content-type", "application/grpc")]
    if timeout:
        headers.append(("grpc-timeout", timeout))
    peer.request(headers, framed(request.SerializeToString()), ends=True)
    peer.read_until(h2.events.StreamEnded)
    # Without messages they come as headers.
    ends = peer.of(h2.events.TrailersReceived) or peer.of(h2.events.ResponseReceived)
    return dict(ends[-1].headers)


def rows(server, tenants):
    with grpc.secure_channel(server.target, credentials(tenants, "role-admin")) as channel:
        answer = admin_pb2_grpc.AdminStub(channel).GetUsage(admin_pb2.GetUsageRequest(by_model=True))
    return {(row.tenant, row.model): row for row in answer.rows}


def infer_request():
    request = service_pb2.ModelInferRequest(model_name="delay")
    request.inputs.add(name="x", datatype="UINT8", shape=[1, 4])
    request.raw_input_contents.append(bytes(4))
    return request


def story(**fields):
    return text_pb2.GenerateRequest(**{
        "model": "storyteller", "prompt": "Once upon a time", "max_tokens": 180, "ignore_end_of_text": True, **fields})


def assert_ledger_has(row, trailers):
    assert (row.requests, row.failures) == (1, 1)
    assert row.compute_microseconds == int(trailers["apus-compute-us"])
    assert row.queue_microseconds == int(trailers["apus-queue-us"])
    assert row.prompt_tokens == int(trailers.get("apus-prompt-tokens", 0))
    assert row.generated_tokens == int(trailers.get("apus-generated-tokens", 0))


def test_a_deadline_in_an_execution_costs_what_was_computed_until_then(start, tenants):
    server = start()
    trailers = trailers_of(server, tenants, INFER, infer_request(), "500m")
    assert trailers["grpc-status"] == "4", trailers
    # A part of the two seconds.
    assert 0 < int(trailers["apus-compute-us"]) < 2_000_000
    assert_ledger_has(rows(server, tenants)["acme", "delay"], trailers)


def status(server, tenants):
    with grpc.secure_channel(server.target, credentials(tenants, "role-admin")) as channel:
        models = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest()).models
    return next(model.counters for model in models if model.name == "delay")


def is_executing(server, tenants):
    """Whether a request for `delay` was taken and does not wait any more."""
    counters = status(server, tenants)
    return counters.requests == 1 and counters.queue_depth == 0


def test_a_deadline_in_the_queue_costs_nothing_but_the_wait(start, tenants):
    server = start()
    with grpc.secure_channel(server.target, credentials(tenants, "tenant-acme")) as channel:
        # One is executed for two seconds; the next waits behind it.
        first = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer.future(infer_request())
        wait_for(lambda: is_executing(server, tenants), "the execution of the first call")
        trailers = trailers_of(server, tenants, INFER, infer_request(), "300m", tenant="tenant-thrifty")
        assert first.result()
    assert trailers["grpc-status"] == "4", trailers
    assert trailers["apus-compute-us"] == "0" and int(trailers["apus-queue-us"]) > 100_000
    assert_ledger_has(rows(server, tenants)["thrifty", "delay"], trailers)


def patience(server, tenants):
    """A third of the time that all of the stories take."""
    begin = time.monotonic()
    assert trailers_of(server, tenants, GENERATE, story(n=16), tenant="tenant-thrifty")["grpc-status"] == "0"
    return f"{int((time.monotonic() - begin) * 1e6 / 3)}u"


def test_a_text_that_its_deadline_ends_has_its_tokens_counted(start, tenants):
    server = start()
    trailers = trailers_of(server, tenants, GENERATE, story(n=16), patience(server, tenants))
    assert trailers["grpc-status"] == "4", trailers
    assert int(trailers["apus-prompt-tokens"]) > 0 and 0 < int(trailers["apus-generated-tokens"]) < 16 * 180
    assert_ledger_has(rows(server, tenants)["acme", "storyteller"], trailers)


def test_vectors_that_their_deadline_ends_cost_what_was_computed_of_them(start, tenants):
    server = start()
    texts = ["The king had a daughter who was fond of the garden behind the house. " * 3] * 60
    request = text_pb2.EmbedRequest(model="storyteller", texts=texts)
    trailers = trailers_of(server, tenants, "/apus.text.v1.Text/Embed", request, "100m")
    assert trailers["grpc-status"] == "4", trailers
    assert_ledger_has(rows(server, tenants)["acme", "storyteller"], trailers)


def test_a_call_that_is_cancelled_in_an_execution_is_charged_for_it(start, tenants):
    server = start()
    with grpc.secure_channel(server.target, credentials(tenants, "tenant-acme")) as channel:
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer.future(infer_request())
        wait_for(lambda: is_executing(server, tenants), "the execution of the call")
        call.cancel()
        wait_for(lambda: ("acme", "delay") in rows(server, tenants), "the end of the call")
    row = rows(server, tenants)["acme", "delay"]
    assert (row.requests, row.failures) == (1, 1) and 0 < row.compute_microseconds < 2_000_000


def test_a_call_that_a_stop_ends_says_what_it_has_used(start, tenants):
    server = start(drain="500ms")
    with grpc.secure_channel(server.target, credentials(tenants, "tenant-acme")) as channel:
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer.future(infer_request())
        wait_for(lambda: is_executing(server, tenants), "the execution of the call")
        assert server.terminate() == 0, server.errors()
        assert call.code() == grpc.StatusCode.UNAVAILABLE
        trailers = dict(call.trailing_metadata())
    assert int(trailers["apus-compute-us"]) > 0
    # What was written down is there after the next start.
    again = start()
    assert_ledger_has(rows(again, tenants)["acme", "delay"], trailers)


NOTHING = {"apus-queue-us": "0", "apus-compute-us": "0"}


@pytest.mark.parametrize("path, request_message, timeout, code, tenancy", [
    ("/apus.text.v1.Text/Nothing", story(), None, "12", ""),
    ("/no.such.Service/Call", story(), None, "12", ""),
    (GENERATE, story(), "0m", "4", ""),
    (GENERATE, story(model="nothing"), None, "5", ""),
    (GENERATE, story(top_p=7), None, "3", ""),
    (GENERATE, story(), None, "7", "methods: [grpc.health.v1.Health/*]"),
    (GENERATE, story(), None, "7", "models: [karate]"),
    (GENERATE, story(), None, "8", "budget: {period: month, tokens: 10}"),
    (INFER, infer_request(), None, "8", "budget: {period: month, requests: 0}"),
], ids=["method", "service", "late", "model", "argument", "forbidden method", "forbidden model", "tokens", "requests"])
def test_a_refused_call_says_that_it_has_used_nothing(start, tenants, path, request_message, timeout, code, tenancy):
    server = start(tenancy="{tenants: [{name: acme, %s}]}" % tenancy)
    trailers = trailers_of(server, tenants, path, request_message, timeout)
    assert trailers["grpc-status"] == code, trailers
    assert {name: value for name, value in trailers.items() if name.startswith("apus-")} == NOTHING


def test_a_front_end_says_and_writes_down_the_same(platform, tenants):
    whole = platform(1)
    trailers = trailers_of(whole.front, tenants, GENERATE, story(n=16), patience(whole.front, tenants))
    assert trailers["grpc-status"] == "4", trailers
    assert int(trailers["apus-prompt-tokens"]) > 0
    row = rows(whole.front, tenants)["acme", "storyteller"]
    assert (row.requests, row.failures) == (1, 1)
    assert row.prompt_tokens == int(trailers["apus-prompt-tokens"])
    assert row.generated_tokens == int(trailers.get("apus-generated-tokens", 0))
