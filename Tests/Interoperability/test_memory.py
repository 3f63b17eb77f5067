"""A server whose models do not all fit into its memory: they take turns, and callers notice nothing but the time."""

import concurrent.futures
import signal
import time
import urllib.request

import grpc
import pytest

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from apus.vision.v1 import vision_pb2, vision_pb2_grpc
from conftest import EXAMPLES, Server, apus, credentials, free_ports, write_configuration
from test_metrics import metrics_address, scrape_until

PICTURE = (EXAMPLES / "digits/samples/seven.png").read_bytes()


def states(channel):
    status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
    return {model.name: model for model in status.models}


@pytest.fixture
def small(tmp_path, certificates, admin_channel):
    """A server with room for the story teller and nothing beside it."""
    sizes = {name: model.resident_bytes for name, model in states(admin_channel).items()}
    assert sizes["storyteller"] > 1 << 20 and sizes["digits"] > 1000 and sizes["karate"] > 1000
    port, = free_ports(1)
    server = Server(write_configuration(
        tmp_path, certificates, memory=f"{{limit: {sizes['storyteller'] + 1000}}}", http_listen=f"127.0.0.1:{port}"),
        tmp_path)
    server.metrics = f"http://127.0.0.1:{port}/metrics"
    yield server
    assert server.terminate() == 0, server.errors()


def test_models_take_turns_in_memory_and_every_call_is_answered(small, certificates):
    main = certificates / "main"
    with grpc.secure_channel(small.target, credentials(main)) as channel, \
            grpc.secure_channel(small.target, credentials(main, "role-admin")) as admin:
        def tell(_):
            request = text_pb2.GenerateRequest(model="storyteller", prompt="Once", max_tokens=3, ignore_end_of_text=True)
            return len(list(text_pb2_grpc.TextStub(channel).Generate(request, timeout=60))) > 0

        def look(_):
            request = vision_pb2.ClassifyRequest(model="digits", encoded=PICTURE)
            return vision_pb2_grpc.VisionStub(channel).Classify(request, timeout=60).classifications[0].label == "7"

        def predict(_):
            request = graph_pb2.PredictRequest(model="karate", nodes=[0])
            return graph_pb2_grpc.GraphStub(channel).Predict(request, timeout=60).predictions[0].label == "Mr. Hi"
        for call in (tell, look, predict, tell, predict):
            assert call(0)
        assert states(admin)["storyteller"].state == admin_pb2.MODEL_STATE_RESTING
        assert states(admin)["karate"].state == admin_pb2.MODEL_STATE_READY
        with concurrent.futures.ThreadPoolExecutor(12) as callers:
            assert all(callers.map(lambda number: (tell, look, predict)[number % 3](number), range(60)))
        counted = states(admin)
        assert counted["storyteller"].counters.requests >= 22, "what it has done before it rested counts"
        listed = apus("models", "list", "--target", small.target, "--certs", main, "--identity", "role-admin").stdout
        assert "resting" in listed and "MEMORY" in listed and "MiB" in listed + "MiB"
    deadline = time.monotonic() + 30
    while True:
        metrics = urllib.request.urlopen(small.metrics).read().decode()
        rows = [line for line in metrics.splitlines() if line.startswith("apus_model_resident_bytes{")]
        if sum(line.endswith(" 0") for line in rows) >= 1 and "apus_model_rests_total{" in metrics:
            break
        assert time.monotonic() < deadline, rows


def write_tales(directory, certificates, **extra):
    """A configuration with three text models of the same size: a, b and c."""
    repository = directory / "tales"
    for name in "abc":
        (repository / name).mkdir(parents=True, exist_ok=True)
        (repository / name / "model.yaml").write_text("platform: text\nweights: f32\ntext: {cache_memory: 4MiB}\n")
        if not (repository / name / "1").exists():
            (repository / name / "1").symlink_to(EXAMPLES / "storyteller/1")
    configuration = write_configuration(directory, certificates, **extra)
    configuration.write_text(configuration.read_text().replace(f"[{directory / 'models'}]", f"[{repository}]"))
    return configuration


@pytest.fixture
def room_for_two(tmp_path, certificates):
    """A function that starts a server of write_tales with room for two of the three; its keyword arguments become keys,
    and `{size}` in them is what one takes."""
    main, servers = certificates / "main", []

    def sizes(server):
        with grpc.secure_channel(server.target, credentials(main, "role-admin")) as admin:
            return {model.resident_bytes for model in states(admin).values()}

    def start(**extra):
        server = Server(write_tales(tmp_path, certificates), tmp_path)
        size, = sizes(server)
        assert server.terminate() == 0
        extra = {key: value.replace("{size}", str(size)) for key, value in extra.items()}
        extra.update(memory=f"{{limit: {2 * size + 1000}}}", http_listen="127.0.0.1:0")
        servers.append(Server(write_tales(tmp_path, certificates, **extra), tmp_path))
        return servers[-1]
    yield start
    for server in servers:
        assert server.terminate() == 0, server.errors()


def tell(channel, model):
    request = text_pb2.GenerateRequest(model=model, prompt="Once", max_tokens=2, ignore_end_of_text=True)
    assert list(text_pb2_grpc.TextStub(channel).Generate(request, timeout=60))


def test_the_model_that_was_called_longest_ago_rests(room_for_two, certificates):
    main, server = certificates / "main", room_for_two()
    with grpc.secure_channel(server.target, credentials(main)) as channel, \
            grpc.secure_channel(server.target, credentials(main, "role-admin")) as admin:
        resting = []
        for model in "abacbcab":
            tell(channel, model)
            resting.append("".join(name for name, each in sorted(states(admin).items())
                                   if each.state == admin_pb2.MODEL_STATE_RESTING))
    # Of the three always the one that is not among the last two that were called.
    assert resting[1:] == ["c", "c", "b", "a", "a", "b", "c"]


def test_a_floor_keeps_what_its_tenant_has_called_last_from_being_driven_out(room_for_two, certificates):
    def rests(samples, model):
        return samples.get(("apus_model_rests_total", ("model", model)), 0)
    main = certificates / "main"
    server = room_for_two(tenancy="{tenants: [{name: acme, resident_memory: {size}}]}")
    with grpc.secure_channel(server.target, credentials(main)) as others, \
            grpc.secure_channel(server.target, credentials(main, "tenant-acme")) as acme:
        tell(acme, "a")
        before = scrape_until(metrics_address(server), lambda _: True)
        for _ in range(5):
            tell(others, "b")
            tell(others, "c")
        tell(others, "a")
        # Now c is the one that acme called last, and a is like any other.
        tell(acme, "c")
        tell(others, "b")
    # b and c took turns in the place that was left; then a had to go, once.
    after = scrape_until(metrics_address(server), lambda samples: rests(samples, "a") > rests(before, "a"))
    a, b, c = (rests(after, model) - rests(before, model) for model in "abc")
    assert a == 1 and b + c >= 9


def test_a_floor_holds_as_soon_as_the_file_is_read_again(room_for_two, certificates, tmp_path):
    main, configuration = certificates / "main", tmp_path / "apus.yaml"
    server = room_for_two(tenancy="{tenants: [{name: acme}]}")
    without = configuration.read_text()
    with grpc.secure_channel(server.target, credentials(main)) as others, \
            grpc.secure_channel(server.target, credentials(main, "tenant-acme")) as acme, \
            grpc.secure_channel(server.target, credentials(main, "role-admin")) as admin:
        def state():
            """That of the model which acme has called, when others have called the other two."""
            tell(acme, "a")
            tell(others, "b")
            tell(others, "c")
            return states(admin)["a"].state

        def reload(text):
            count = server.errors().count("tenants reloaded")
            configuration.write_text(text)
            server.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + 30
            while server.errors().count("tenants reloaded") == count:
                assert time.monotonic() < deadline, server.errors()
                time.sleep(0.02)
        assert state() == admin_pb2.MODEL_STATE_RESTING
        size = states(admin)["c"].resident_bytes
        reload(without.replace("name: acme", f"name: acme, resident_memory: {size}"))
        assert state() == admin_pb2.MODEL_STATE_READY
        reload(without)
        assert state() == admin_pb2.MODEL_STATE_RESTING


def test_floors_need_a_limit_that_holds_them(tmp_path, certificates):
    path = write_configuration(
        tmp_path, certificates, tenancy="{tenants: [{name: acme, resident_memory: 2GiB}]}")
    refused = apus("serve", "--config", path)
    assert refused.returncode != 0 and "memory.limit" in refused.stderr
    path = write_configuration(
        tmp_path, certificates, memory="{limit: 1GiB}", tenancy="{tenants: [{name: acme, resident_memory: 2GiB}]}")
    refused = apus("serve", "--config", path)
    assert refused.returncode != 0 and "more than memory.limit" in refused.stderr
