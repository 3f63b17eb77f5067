"""What Triton has beside the core of the Open Inference Protocol, as tritonclient speaks it, over mutual TLS."""

import asyncio
import json
import mmap
import os
import queue
import time
import uuid

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.grpc.aio as triton_aio
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from conftest import Server, apus, write_configuration

SHARED = os.path.isdir("/dev/shm")


def files(certificates, name):
    main = certificates / "main"
    return dict(ssl=True, root_certificates=str(main / "ca.pem"), private_key=str(main / f"{name}.key"),
                certificate_chain=str(main / f"{name}.pem"))


@pytest.fixture(scope="module")
def extended(tmp_path_factory, certificates):
    """A server that admins load models into, with shared memory, and with a tenant that may call one model only."""
    directory = tmp_path_factory.mktemp("extended")
    configuration = write_configuration(
        directory, certificates, repository="{control: explicit}", shared_memory="true",
        models="[digits, storyteller, identity, delay]",
        tenancy="{tenants: [{name: acme, models: [digits, delay]}]}",
        tracing=f"{{file: {directory / 'spans.jsonl'}, sample: 0}}")
    server = Server(configuration, directory)
    yield server, directory / "models"
    assert server.terminate() == 0, server.errors()


def connect(server, certificates, name):
    return triton.InferenceServerClient(server.target, **files(certificates, name))


@pytest.fixture(scope="module")
def client(extended, certificates):
    with connect(extended[0], certificates, "client") as client:
        yield client


@pytest.fixture(scope="module")
def acme(extended, certificates):
    with connect(extended[0], certificates, "tenant-acme") as client:
        yield client


@pytest.fixture(scope="module")
def admin(extended, certificates):
    with connect(extended[0], certificates, "role-admin") as client:
        yield client


def tensor(name, array):
    value = triton.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
    value.set_data_from_numpy(array)
    return value


def image(count=1):
    return tensor("image", np.zeros((count, 1, 28, 28), np.float32))


def refused(status, words, call, *arguments, **options):
    with pytest.raises(InferenceServerException) as error:
        call(*arguments, **options)
    assert status in error.value.status() and words in error.value.message(), error.value


def index(client):
    return {(model.name, model.version): model for model in client.get_model_repository_index().models}


EXTENSIONS = ["binary_tensor_data", "classification", "logging", "model_configuration", "model_repository",
              "model_repository(unload_dependents)", "parameters", "schedule_policy", "sequence", "statistics"]
"""Of every server, whatever its configuration."""


def test_metadata_lists_the_extensions_that_work_and_no_others(client, server, certificates):
    assert sorted(client.get_server_metadata().extensions) == sorted(EXTENSIONS + ["system_shared_memory", "trace"])
    with connect(server, certificates, "client") as plain:
        assert sorted(plain.get_server_metadata().extensions) == sorted(EXTENSIONS)


def test_a_configuration_has_what_clients_look_for(client):
    config = client.get_model_config("digits").config
    assert config.max_batch_size == 64 and config.input[0].name == "image" and list(config.input[0].dims) == [1, 28, 28]
    assert config.HasField("dynamic_batching") and not config.model_transaction_policy.decoupled
    assert client.get_model_config("storyteller", "1").config.model_transaction_policy.decoupled
    assert client.get_model_config("digits", as_json=True)["config"]["input"][0]["data_type"] == "TYPE_FP32"
    refused("NOT_FOUND", "Request for unknown model: 'nowhere' is not found", client.get_model_config, "nowhere")


def test_statistics_grow_by_what_was_asked(client):
    def read():
        return client.get_inference_statistics("digits").model_stats[0]
    before = read()
    for count in (1, 3):
        client.infer("digits", [image(count)])
    refused("INVALID_ARGUMENT", "", client.infer, "digits", [tensor("image", np.zeros((1, 1, 2, 2), np.float32))])
    after = read()
    assert after.version == "1" and after.inference_count - before.inference_count == 4
    assert after.execution_count - before.execution_count == 2
    success = after.inference_stats.success.count - before.inference_stats.success.count
    assert success == 2
    for part in ("queue", "compute_input", "compute_infer", "compute_output"):
        assert getattr(after.inference_stats, part).count == after.inference_stats.success.count
    assert after.inference_stats.compute_infer.ns > before.inference_stats.compute_infer.ns
    assert {1, 3} <= {batch.batch_size for batch in after.batch_stats}
    assert abs(after.last_inference / 1000 - time.time()) < 60
    everything = client.get_inference_statistics().model_stats
    assert {stats.name for stats in everything} >= {"digits", "identity", "storyteller", "delay"}
    assert next(s for s in everything if s.name == "storyteller").memory_usage[0].byte_size > 0


def test_a_tenant_learns_about_its_models_only(acme):
    assert {stats.name for stats in acme.get_inference_statistics().model_stats} == {"digits", "delay"}
    assert {model.name for model in acme.get_model_repository_index().models} == {"digits", "delay"}
    refused("PERMISSION_DENIED", "may not call", acme.get_model_config, "storyteller")
    refused("PERMISSION_DENIED", "may not call", acme.get_inference_statistics, "storyteller")


def test_admins_load_and_unload_and_nobody_else(client, admin):
    assert index(client)["karate", "1"].state == "UNAVAILABLE"
    refused("PERMISSION_DENIED", "role admin", client.load_model, "karate")
    refused("PERMISSION_DENIED", "role admin", client.unload_model, "digits")
    admin.load_model("karate")
    assert client.is_model_ready("karate") and index(admin)["karate", "1"].state == "READY"
    admin.unload_model("karate", unload_dependents=True)
    assert not client.is_model_ready("karate")
    assert index(client)["karate", "1"].reason == "unloaded"
    refused("NOT_FOUND", "Request for unknown model: 'karate' is not found", client.infer, "karate", [image()])
    refused("NOT_FOUND", "failed to load 'nowhere', failed to poll from model repository", admin.load_model, "nowhere")
    refused("INVALID_ARGUMENT", "'config' is not supported", admin.load_model, "karate", config="{}")
    refused("INVALID_ARGUMENT", "'file:1/model.onnx' is not supported", admin.load_model, "karate",
            files={"file:1/model.onnx": b"x"})
    # What runs a model is for tenants still.
    refused("PERMISSION_DENIED", "", admin.infer, "digits", [image()])


def test_the_command_line_loads_and_unloads(extended, client, certificates):
    server, _ = extended
    connection = ["--target", server.target.replace("localhost", "127.0.0.1"), "--certs", certificates / "main"]
    as_admin = ["--identity", "role-admin", *connection]
    loaded = apus("models", "load", "karate", *as_admin)
    assert loaded.returncode == 0 and "karate is served" in loaded.stderr, loaded.stderr
    assert client.is_model_ready("karate")
    unloaded = apus("models", "unload", "karate", *as_admin)
    assert unloaded.returncode == 0 and "no longer" in unloaded.stderr and not client.is_model_ready("karate")
    for arguments, words in [(("load", "nowhere", *as_admin), "failed to load 'nowhere'"),
                             (("load", "karate", *connection), "apus models load karate --identity role-admin"),
                             (("load", "karate", "--timeout", "soon", *as_admin), "--timeout")]:
        refusal = apus("models", *arguments)
        assert refusal.returncode != 0 and words in refusal.stderr and refusal.stdout == "", refusal.stderr


def test_a_broken_version_leaves_the_old_one_serving_and_says_why(extended, client, admin):
    server, models = extended
    (models / "fragile/1").mkdir(parents=True)
    (models / "fragile/model.yaml").write_text("platform: identity\naliases: {fragile-latest: latest}\n")
    admin.load_model("fragile")
    ask = lambda name: client.infer(name, [tensor("x", np.ones(1, np.float32))]).get_response().model_version
    assert ask("fragile") == "1" and ask("fragile-latest") == "1"
    (models / "fragile/2").mkdir()
    (models / "fragile/model.yaml").write_text("platform: onnx\naliases: {fragile-latest: latest}\n")
    refused("FAILED_PRECONDITION", "failed to load 'fragile', ", admin.load_model, "fragile")
    assert ask("fragile") == "1"
    entries = index(admin)
    assert entries["fragile", "1"].state == "READY" and entries["fragile", "2"].state == "UNAVAILABLE"
    assert "model.onnx" in entries["fragile", "2"].reason
    assert "model not loaded: what was served before still is" in server.errors()
    (models / "fragile/model.yaml").write_text("platform: identity\naliases: {fragile-latest: latest}\n")
    admin.load_model("fragile")
    assert ask("fragile") == "2" and ask("fragile-latest") == "2"
    assert ("fragile", "1") not in {key for key, model in index(admin).items() if model.state == "READY"}


def test_a_load_that_comes_with_calls_disturbs_none_of_them(extended, client, admin):
    _, models = extended
    (models / "busy/1").mkdir(parents=True)
    (models / "busy/model.yaml").write_text("platform: delay\ndelay: 20ms\nmax_batch_size: 1\n")
    admin.load_model("busy")
    answers = queue.Queue()
    for _ in range(30):
        client.async_infer("busy", [tensor("x", np.ones((1, 1), np.float32))],
                           lambda result, error: answers.put(error))
    (models / "busy/2").mkdir()
    admin.load_model("busy")
    assert [answers.get(timeout=60) for _ in range(30)] == [None] * 30
    assert client.get_model_metadata("busy").versions == ["2"]


def test_sequences_priorities_and_timeouts(client):
    x = [tensor("x", np.ones((1, 1), np.float32))]
    response = client.infer("delay", x, sequence_id=7, sequence_start=True, priority=2).get_response()
    assert response.parameters["sequence_id"].int64_param == 7
    assert client.infer("delay", x, sequence_id="seven").get_response().parameters["sequence_id"].string_param == "seven"
    assert client.infer("delay", x, timeout=60_000_000).get_response().model_name == "delay"
    answers = queue.Queue()
    for _ in range(40):
        client.async_infer("delay", x, lambda result, error: answers.put(error), timeout=1)
    errors = [error for error in (answers.get(timeout=60) for _ in range(40)) if error]
    assert errors and all("DEADLINE_EXCEEDED" in e.status() and "Request timeout expired" in e.message() for e in errors)
    refused("INVALID_ARGUMENT", "'timeout' parameter", client.infer, "delay", x, timeout=-1)
    refused("INVALID_ARGUMENT", "'triton_' are reserved", client.infer, "delay", x, parameters={"triton_x": 1})


def test_the_highest_classes_come_instead_of_all_values(client):
    output = triton.InferRequestedOutput("probabilities", class_count=2)
    result = client.infer("digits", [image(3)], outputs=[output]).as_numpy("probabilities")
    assert result.shape == (3, 2)
    value, number, label = result[0][0].decode().split(":")
    assert 0 <= float(value) <= 1 and 0 <= int(number) <= 9 and label


def streamed(client, requests, headers=None):
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)), headers=headers)
    for arguments in requests:
        client.async_stream_infer(**arguments)
    client.stop_stream()
    return [answers.get() for _ in range(answers.qsize())]


def test_a_stream_of_plain_requests_is_answered_in_their_order(client):
    x = [tensor("x", np.ones((1, 1), np.float32))]
    answers = streamed(client, [
        dict(model_name=("delay", "identity")[number % 2], inputs=x, request_id=str(number),
             enable_empty_final_response=True) for number in range(20)])
    responses = [result.get_response() for result, error in answers if not error]
    assert [response.id for response in responses] == [str(number) for number in range(20)]
    assert all(response.parameters["triton_final_response"].bool_param for response in responses)


def test_an_error_ends_a_stream_only_when_its_caller_says_so(client):
    bad = dict(model_name="digits", inputs=[tensor("x", np.ones(1, np.float32))], request_id="bad")
    good = dict(model_name="digits", inputs=[image()], request_id="good")
    answers = streamed(client, [bad, good])
    assert answers[0][1] is not None and answers[0][1].status() is None
    assert answers[1][0].get_response().id == "good"
    answers = streamed(client, [bad, good], headers={"triton_grpc_error": "true"})
    assert len(answers) == 1 and "INVALID_ARGUMENT" in answers[0][1].status()


def test_trace_settings_decide_which_calls_are_recorded(extended, client, admin):
    file = extended[1].parent / "spans.jsonl"
    one = {"inputs": [tensor("x", np.ones(1, np.float32))]}

    def recorded(model):
        """How many calls of a model have a span; a call of digits, always recorded, goes behind all that were made."""
        marks = count("digits")
        admin.update_trace_settings("digits", {"trace_level": ["TIMESTAMPS"], "trace_rate": "1"})
        client.infer("digits", [image()])
        deadline = time.monotonic() + 30
        while count("digits") == marks:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return count(model)

    def count(model):
        spans = (span for line in file.read_text().split("\n")[:-1] for group in json.loads(line)["resourceSpans"]
                 for scope in group["scopeSpans"] for span in scope["spans"])
        return sum(1 for span in spans if span["name"].endswith("/ModelInfer") and
                   {"key": "apus.model", "value": {"stringValue": model}} in span["attributes"])

    file.touch()
    before = recorded("identity")
    client.infer("identity", **one)
    assert recorded("identity") == before, "as configured"
    admin.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"], "trace_rate": "2"})
    for _ in range(6):
        client.infer("identity", **one)
        client.get_model_metadata("identity")
    assert recorded("identity") == before + 3
    changed = admin.update_trace_settings("identity", {"trace_rate": "1", "trace_count": "2"})
    assert changed.settings["trace_level"].value == ["TIMESTAMPS"]
    for _ in range(3):
        client.infer("identity", **one)
    assert recorded("identity") == before + 5
    assert client.get_trace_settings("identity").settings["trace_count"].value == ["0"]
    assert client.get_trace_settings().settings["trace_count"].value == ["-1"]
    admin.update_trace_settings("identity", {"trace_level": ["OFF"], "trace_count": None})
    client.infer("identity", headers={"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, **one)
    assert recorded("identity") == before + 5, "off for those, too, who bring a trace"
    admin.update_trace_settings("identity", {"trace_level": None, "trace_rate": None})
    for _ in range(2):
        client.infer("identity", **one)
    assert recorded("identity") == before + 6, "one of two again, as for all"
    refused("UNIMPLEMENTED", "no tensors", admin.update_trace_settings, settings={"trace_level": ["TENSORS"]})
    refused("UNIMPLEMENTED", "always 0", admin.update_trace_settings, settings={"log_frequency": "50"})
    for model in ("digits", None):
        admin.update_trace_settings(model, {"trace_level": None, "trace_rate": None})
    assert client.get_trace_settings().settings["trace_level"].value == ["OFF"]


def test_a_server_without_spans_takes_no_trace_settings(server, certificates):
    with connect(server, certificates, "role-admin") as admin:
        assert "trace" not in admin.get_server_metadata().extensions
        assert admin.get_trace_settings().settings["trace_level"].value == ["OFF"]
        refused("FAILED_PRECONDITION", "'tracing' in its configuration", admin.update_trace_settings,
                settings={"trace_level": ["TIMESTAMPS"]})
        refused("INVALID_ARGUMENT", "unknown trace setting", admin.update_trace_settings, settings={"speed": "5"})


def test_trace_and_log_settings_are_for_all_to_see_and_for_admins_to_change(extended, client, admin):
    server, _ = extended
    assert client.get_trace_settings().settings["trace_level"].value == ["OFF"]
    refused("PERMISSION_DENIED", "role admin", client.update_trace_settings, settings={"trace_rate": "5"})
    changed = admin.update_trace_settings(settings={"trace_level": ["TIMESTAMPS"], "trace_rate": "5"})
    assert changed.settings["trace_rate"].value == ["5"]
    assert admin.update_trace_settings("digits", {"trace_rate": "6"}).settings["trace_rate"].value == ["6"]
    assert admin.update_trace_settings(settings={"trace_rate": None}).settings["trace_rate"].value == ["1000"]
    admin.update_trace_settings(settings={"trace_level": None})
    admin.update_trace_settings("digits", {"trace_rate": None})
    refused("NOT_FOUND", "unknown model", admin.get_trace_settings, "nowhere")
    refused("INVALID_ARGUMENT", "unknown trace setting", admin.update_trace_settings, settings={"speed": "5"})

    assert client.get_log_settings().settings["log_info"].bool_param
    refused("PERMISSION_DENIED", "role admin", client.update_log_settings, {"log_info": False})
    refused("UNIMPLEMENTED", "log file", admin.update_log_settings, {"log_file": "x"})
    admin.update_log_settings({"log_verbose_level": 1})
    client.infer("identity", [tensor("x", np.ones(1, np.float32))])
    assert "debug call" in server.errors()
    settings = admin.update_log_settings({"log_verbose_level": 0, "log_info": False}).settings
    assert not settings["log_info"].bool_param
    before = server.errors()
    refused("INVALID_ARGUMENT", "", client.infer, "digits", [tensor("x", np.ones(1, np.float32))])
    assert server.errors() == before, "info lines are not written any more"
    admin.update_log_settings({"log_info": True, "log_warning": False})
    refused("INVALID_ARGUMENT", "", client.infer, "digits", [tensor("x", np.ones(1, np.float32))])
    assert server.errors() != before, "and are again, without warnings too"
    admin.update_log_settings({"log_warning": True})


@pytest.mark.skipif(not SHARED, reason="no /dev/shm")
def test_tensors_go_through_shared_memory(client, admin):
    key = f"/apus-interop-{uuid.uuid4()}"
    path = "/dev/shm" + key
    data = np.arange(16, dtype=np.float32)
    with open(path, "w+b") as file:
        try:
            file.truncate(256)
            memory = mmap.mmap(file.fileno(), 256)
            memory[64:128] = data.tobytes()
            refused("PERMISSION_DENIED", "role admin", client.register_system_shared_memory, "in", key, 128)
            # Whose they are, an admin says; its own are nobody else's.
            admin.register_system_shared_memory("own", key, 256)
            whose = {"apus-region-tenant": "local"}
            admin.register_system_shared_memory("in", key, 128, headers=whose)
            admin.register_system_shared_memory("out", key, 128, offset=128, headers=whose)
            refused("ALREADY_EXISTS", "already in manager", admin.register_system_shared_memory, "in", key, 128, 0, whose)
            refused("INVALID_ARGUMENT", "256 bytes", admin.register_system_shared_memory, "big", key, 257)
            refused("INVALID_ARGUMENT", "apus-region-tenant", admin.register_system_shared_memory, "x", key, 1, 0,
                    {"apus-region-tenant": "No Name"})
            assert set(client.get_system_shared_memory_status().regions) == {"in", "out"}
            assert list(admin.get_system_shared_memory_status().regions) == ["own"]
            assert client.get_system_shared_memory_status().regions["out"].offset == 128
            given = triton.InferInput("x", [16], "FP32")
            given.set_shared_memory("in", 64, offset=64)
            wanted = triton.InferRequestedOutput("x")
            wanted.set_shared_memory("out", 64)
            result = client.infer("identity", [given], outputs=[wanted])
            assert result.get_output("x").parameters["shared_memory_region"].string_param == "out"
            assert memory[128:192] == data.tobytes()
            given.set_shared_memory("in", 64, offset=65)
            refused("INVALID_ARGUMENT", "Invalid offset", client.infer, "identity", [given])
            given.set_shared_memory("in", 60, offset=64)
            refused("INVALID_ARGUMENT", "64 bytes by its shape", client.infer, "identity", [given])
            given.set_shared_memory("own", 64)
            refused("NOT_FOUND", "Unable to find", client.infer, "identity", [given])
            given.set_shared_memory("other", 64)
            refused("NOT_FOUND", "Unable to find", client.infer, "identity", [given])
            # Who made the object makes it shorter: that is its own loss.
            given.set_shared_memory("in", 64, offset=64)
            file.truncate(100)
            refused("INVALID_ARGUMENT", "shorter than when it was registered", client.infer, "identity", [given])
            assert client.is_server_live()
            admin.unregister_system_shared_memory("in", headers=whose)
            assert list(client.get_system_shared_memory_status().regions) == ["out"]
            admin.unregister_system_shared_memory(headers=whose)
            assert not client.get_system_shared_memory_status().regions
        finally:
            os.unlink(path)
    for call in (admin.get_cuda_shared_memory_status, admin.unregister_cuda_shared_memory):
        refused("UNIMPLEMENTED", "CUDA", call)


def test_the_asyncio_client_speaks_all_of_it_too(extended, certificates):
    server, _ = extended

    async def run():
        async with triton_aio.InferenceServerClient(server.target, **files(certificates, "client")) as client, \
                triton_aio.InferenceServerClient(server.target, **files(certificates, "role-admin")) as admin:
            assert (await client.get_model_config("digits")).config.max_batch_size == 64
            await admin.load_model("karate")
            assert await client.is_model_ready("karate")
            await admin.unload_model("karate")
            assert not await client.is_model_ready("karate")
            stats = (await client.get_inference_statistics("digits")).model_stats[0]
            assert stats.inference_stats.success.count == stats.inference_stats.compute_infer.count
            assert "log_info" in (await client.get_log_settings()).settings
            assert "trace_rate" in (await client.get_trace_settings()).settings

            async def requests():
                for name in ("a", "b"):
                    yield dict(model_name="storyteller", request_id=name, inputs=[
                        tensor("text_input", np.array([b"Once upon"], dtype=object)),
                        tensor("max_tokens", np.array([6], np.int32)), tensor("stream", np.array([True]))])
            finals = []
            async for result, error in client.stream_infer(requests()):
                assert error is None
                response = result.get_response()
                if response.parameters["triton_final_response"].bool_param:
                    finals.append(response.id)
            assert finals == ["a", "b"]
    asyncio.run(run())


def test_a_polled_repository_serves_what_lies_there(tmp_path, certificates):
    server = Server(write_configuration(tmp_path, certificates, repository="{control: poll, poll_every: 50ms}",
                                        models="[digits, late, identity]"), tmp_path)
    with connect(server, certificates, "client") as client, connect(server, certificates, "role-admin") as admin:
        assert client.is_model_ready("digits") and not client.is_model_ready("karate")
        refused("FAILED_PRECONDITION", "explicit model load / unload is not allowed if polling is enabled",
                admin.load_model, "digits")

        def versions(name="late"):
            return [m.version for m in client.get_model_repository_index().models
                    if m.name == name and m.state == "READY"]

        def becomes(expected):
            deadline = time.monotonic() + 60
            while versions() != expected:
                assert time.monotonic() < deadline, client.get_model_repository_index()
                time.sleep(0.02)
        late = tmp_path / "models/late"
        (late / "1").mkdir(parents=True)
        (late / "model.yaml").write_text("platform: identity\nversions: {latest: 2}\n")
        becomes(["1"])
        for version in ("2", "3"):
            (late / version).mkdir()
        becomes(["2", "3"])
        (late / "model.yaml").write_text("platform: identity\nversions: [1]\n")
        becomes(["1"])
        (late / "model.yaml").write_text("platform: onnx\nversions: [2]\n")
        deadline = time.monotonic() + 60
        while not any(m.name == "late" and m.reason and "model.onnx" in m.reason
                      for m in admin.get_model_repository_index().models):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert versions() == ["1"]
        reasons = [m.reason for m in client.get_model_repository_index().models if m.name == "late"]
        assert any("could not be loaded" in reason for reason in reasons)
        assert not any(str(tmp_path) in reason for reason in reasons), "paths of the server are not for tenants"
        (late / "model.yaml").unlink()
        for version in ("1", "2", "3"):
            (late / version).rmdir()
        late.rmdir()
        becomes([])
    assert server.terminate() == 0, server.errors()


def test_a_server_whose_repository_is_not_live_loads_and_unloads_nothing(server, certificates):
    with connect(server, certificates, "role-admin") as admin:
        refused("FAILED_PRECONDITION", "explicit model load / unload is not allowed", admin.load_model, "digits")
        refused("FAILED_PRECONDITION", "explicit model load / unload is not allowed", admin.unload_model, "digits")
        refused("UNIMPLEMENTED", "shared memory is off", admin.get_system_shared_memory_status)
        assert index(admin)["digits", "1"].state == "READY"


def test_shared_memory_and_plaintext_only_on_loopback(tmp_path, certificates):
    path = write_configuration(tmp_path, certificates, shared_memory="true")
    path.write_text(path.read_text().replace("127.0.0.1:0", "0.0.0.0:0"))
    outcome = apus("serve", "--config", path)
    assert outcome.returncode != 0 and "shared_memory: only on a loopback address" in outcome.stderr
