"""The process: certificates, configuration errors, drain, and what it prints."""

import pathlib
import platform
import queue
import signal
import threading
import time

import grpc
import pytest

from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from tritonclient.grpc import service_pb2 as inference_pb2
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc
from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from conftest import BINARY, Server, apus, credentials, write_configuration
from http2_peer import framed
from test_http2_rules import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, SETTINGS,
                              WINDOW_UPDATE, Client, frame, headers, number, settings)
from test_metrics import get, metrics_address


def live(target, channel_credentials):
    with grpc.secure_channel(target, channel_credentials) as channel:
        stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
        return stub.ServerLive(inference_pb2.ServerLiveRequest(), timeout=20).live


@pytest.mark.skipif(platform.machine() != "x86_64", reason="OpenBLAS has one kind of kernels for this processor")
@pytest.mark.parametrize("setting, warns", [("OPENBLAS_CORETYPE=Prescott", True), ("--unset=OPENBLAS_CORETYPE", False)])
def test_kernels_of_openblas_that_are_too_old_for_the_processor_are_warned_of(tmp_path, certificates, setting, warns):
    if "avx2" not in pathlib.Path("/proc/cpuinfo").read_text():
        pytest.skip("this processor is as old as the kernels")
    configuration = write_configuration(tmp_path, certificates, log_level="warning")
    server = Server(configuration, tmp_path, inside=("env", setting))
    assert server.terminate() == 0
    assert ("OpenBLAS uses kernels for Prescott" in server.errors()) is warns, server.errors()


def test_a_client_without_a_certificate_is_refused(server, certificates):
    with pytest.raises(grpc.RpcError) as error:
        live(server.target, grpc.ssl_channel_credentials((certificates / "main/ca.pem").read_bytes()))
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_client_of_another_authority_is_refused(server, certificates):
    stranger = certificates / "stranger"
    with pytest.raises(grpc.RpcError) as error:
        live(server.target, grpc.ssl_channel_credentials(
            (certificates / "main/ca.pem").read_bytes(), (stranger / "client.key").read_bytes(),
            (stranger / "client.pem").read_bytes()))
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert live(server.target, credentials(certificates / "main"))


def test_only_an_admin_may_ask_for_the_status(server, certificates):
    with grpc.secure_channel(server.target, credentials(certificates / "main", "tenant-acme")) as channel:
        with pytest.raises(grpc.RpcError) as error:
            admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
    assert error.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_keys_are_secret_and_are_not_overwritten(certificates):
    main = certificates / "main"
    for key in main.glob("*.key"):
        assert key.stat().st_mode & 0o777 == 0o600
    again = apus("certs", "init", main)
    assert again.returncode != 0 and "exists already" in again.stderr


@pytest.mark.parametrize("text, expected", [
    ("listen: 127.0.0.1:0\nthread: 2\n", "apus.yaml:2:1: thread: unknown key"),
    ("listen: nonsense\n", "apus.yaml:1:9: listen: expected HOST:PORT"),
    ("event_loops: many\n", "apus.yaml:1:14: event_loops: expected an integer"),
    ("plaintext: true\nlisten: 0.0.0.0:8461\n", "only a loopback address"),
    ("repositories: [/nowhere]\n", "apus.yaml:1:15: repositories: no such folder: /nowhere"),
    ("tls:\n  certificate: /nowhere\n  key: k\n  client_ca: c\n", "apus.yaml:2:16: tls.certificate: no such file: /nowhere"),
    ("tls:\n  certificate: a\n", "key"),
    ("models: [nothing]\n", "nothing"),
    ("[", "apus.yaml:2:1: is not YAML"),
])
def test_a_wrong_configuration_is_refused_before_anything_listens(tmp_path, text, expected):
    (tmp_path / "apus.yaml").write_text(text)
    result = apus("serve", "--config", "apus.yaml", cwd=tmp_path)
    assert result.returncode != 0
    assert expected in result.stderr, result.stderr


def test_a_missing_configuration_is_named(tmp_path):
    result = apus("serve", "--config", tmp_path / "absent.yaml")
    assert result.returncode != 0 and "absent.yaml: no such file" in result.stderr


@pytest.mark.parametrize("file, content, expected", [
    ("1/model.onnx", b"garbage", "model.onnx"), ("model.yaml", b"platform: magic\n", "model.yaml:1:11"),
    ("model.yaml", b"platform: onnx\nmax_batch: 8\n", "model.yaml:2:1"), ("1/model.onnx", b"", "model.onnx")])
def test_a_broken_model_stops_the_start_with_its_file(tmp_path, certificates, file, content, expected):
    configuration = write_configuration(tmp_path, certificates)
    broken = tmp_path / "models/broken"
    (broken / "1").mkdir(parents=True)
    (broken / "model.yaml").write_text("platform: onnx\n")
    (broken / file).write_bytes(content)
    result = apus("serve", "--config", configuration, cwd=tmp_path)
    assert result.returncode != 0
    assert expected in result.stderr, result.stderr


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_ends_with_0(tmp_path, certificates, sig):
    server = Server(write_configuration(tmp_path, certificates), tmp_path)
    from apus.text.v1 import text_pb2, text_pb2_grpc
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        call = text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(
            model="storyteller", prompt="Once", max_tokens=200, ignore_end_of_text=True))
        messages = [next(call)]
        server.process.send_signal(sig)
        messages += list(call)
    assert messages[-1].usage.generated_tokens == 200, "the running call was cut off"
    assert server.process.wait(60) == 0, server.errors()


def test_the_time_for_a_drain_ends_calls_that_do_not_end(tmp_path, certificates):
    server = Server(write_configuration(tmp_path, certificates, drain="1s"), tmp_path)
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        # A stream whose client asks for the list of services, and then says nothing more.
        requests = queue.Queue()
        requests.put(reflection_pb2.ServerReflectionRequest(list_services="").SerializeToString())
        call = channel.stream_stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")(
            iter(requests.get, None), timeout=60)
        next(call)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as error:
            next(call)
        seconds = time.monotonic() - begin
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE and 0.9 < seconds < 10
    assert server.process.wait(60) == 0, server.errors()


def test_S170_whoever_watches_hears_of_the_drain_before_calls_are_refused(tmp_path, certificates):
    server = Server(write_configuration(tmp_path, certificates), tmp_path)
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        server.process.send_signal(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.RpcError) as error:
            next(watch)
        assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert server.process.wait(60) == 0, server.errors()


def grpc_request(stream, path, message):
    """The frames of a call with one message."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
              ("te", "trailers"), ("content-type", "application/grpc")]
    return headers(fields, END_HEADERS, stream) + frame(DATA, END_STREAM, stream, framed(message.SerializeToString()))


def test_S170_frame_by_frame_readiness_turns_then_goaway_comes_and_then_the_last_call_ends(tmp_path, certificates):
    """Frames instead of h2: that takes a connection for closed with the first GOAWAY, whatever is still to come."""
    from apus.text.v1 import text_pb2
    token_count, health, watched, told, asked = 400, "/grpc.health.v1.Health/", 1, 3, 5
    server = Server(write_configuration(tmp_path, certificates, plaintext="true", http_listen="127.0.0.1:0"), tmp_path)
    # The window of each stream is so small that the text cannot end before there is more.
    client = Client(("127.0.0.1", int(server.target.rsplit(":", 1)[1])), PREFACE + settings((4, 100)))
    frames, seen = client.frames(), []

    def read_until(is_it):
        """Takes what comes until something of that kind has, and answers no PING."""
        for kind, flags, stream, payload in frames:
            seen.append((kind, flags, stream, dict(client.decoder.decode(payload)) if kind == HEADERS else payload))
            if is_it(*seen[-1]):
                return seen[-1][3]
        raise AssertionError(f"the connection has ended: {seen}")

    def statuses(stream):
        """What the answers on a stream say, each of them in one frame."""
        return [health_pb2.HealthCheckResponse.FromString(payload[5:]).status
                for kind, _, of, payload in seen if (kind, of) == (DATA, stream) and payload]
    client.socket.sendall(
        frame(SETTINGS, ACK) + grpc_request(watched, health + "Watch", health_pb2.HealthCheckRequest())
        + grpc_request(told, "/apus.text.v1.Text/Generate", text_pb2.GenerateRequest(
            model="storyteller", prompt="Once", max_tokens=token_count, ignore_end_of_text=True)))
    read_until(lambda kind, _, stream, payload: (kind, stream) == (DATA, told))
    if not statuses(watched):
        read_until(lambda kind, _, stream, payload: (kind, stream) == (DATA, watched))
    assert get(metrics_address(server), "/readyz")[0] == 200

    server.process.send_signal(signal.SIGTERM)
    notice = read_until(lambda kind, *_: kind == GOAWAY)
    # No call that is on its way is lost: all identifiers there are, and no error.
    assert (int.from_bytes(notice[:4], "big"), int.from_bytes(notice[4:8], "big")) == (2**31 - 1, 0)
    assert get(metrics_address(server), "/readyz")[0] == 503, "readiness has turned before"
    # The server does not know yet that this client does, and takes a call; that hears the same.
    client.socket.sendall(grpc_request(asked, health + "Check", health_pb2.HealthCheckRequest()))
    read_until(lambda kind, flags, stream, _: stream == asked and flags & END_STREAM)
    assert statuses(asked) == [health_pb2.HealthCheckResponse.NOT_SERVING]
    ping, = [payload for kind, flags, _, payload in seen if kind == PING and not flags & ACK]
    client.socket.sendall(frame(PING, ACK, 0, ping))
    final = read_until(lambda kind, *_: kind == GOAWAY)
    assert (int.from_bytes(final[:4], "big"), int.from_bytes(final[4:8], "big"), final[8:]) == (asked, 0, b"shutdown")
    assert statuses(watched) == [health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING]
    assert not any(stream == told and flags & END_STREAM for _, flags, stream, _ in seen), "it goes on meanwhile"
    client.socket.sendall(frame(WINDOW_UPDATE, 0, told, number(1 << 20)))
    trailers = read_until(lambda kind, flags, stream, _: (kind, stream) == (HEADERS, told) and flags & END_STREAM)
    assert trailers["grpc-status"] == "0" and trailers["apus-generated-tokens"] == str(token_count)
    # Behind the last call the connection ends, and the process with it.
    assert [kind for kind, *_ in frames if kind in (DATA, HEADERS)] == []
    assert server.process.wait(60) == 0, server.errors()


def test_first_start_makes_certificates_and_prints_how_to_call(tmp_path):
    configuration = tmp_path / "apus.yaml"
    configuration.write_text("listen: 127.0.0.1:0\n")
    server = Server(configuration, tmp_path)
    try:
        made = sorted(path.name for path in (tmp_path / "Certs/local").iterdir())
        assert made == ["ca.key", "ca.pem", "client.key", "client.pem", "server.key", "server.pem"]
        assert live(server.target, credentials(tmp_path / "Certs/local"))
        port = server.target.split(":")[1]
        answer = apus("call", "graph", "--model", "karate", "--nodes", "0,33", "--target", f"127.0.0.1:{port}", cwd=tmp_path)
        assert answer.returncode == 0 and "Mr. Hi" in answer.stdout and "Officer" in answer.stdout, answer.stderr
        words = apus("call", "text", "--model", "storyteller", "Once upon", "--max-tokens", "8",
                     "--target", f"127.0.0.1:{port}", cwd=tmp_path)
        assert words.returncode == 0 and words.stdout.strip(), words.stderr
        unknown = apus("call", "text", "--model", "nobody", "Once", "--target", f"127.0.0.1:{port}", cwd=tmp_path)
        assert unknown.returncode != 0 and "NOT_FOUND" in unknown.stderr and "nobody" in unknown.stderr
    finally:
        assert server.terminate() == 0, server.errors()


def test_calling_nobody_says_so(tmp_path):
    assert apus("certs", "init", tmp_path / "Certs/local").returncode == 0
    result = apus("call", "text", "--model", "storyteller", "Once", "--target", "127.0.0.1:1", cwd=tmp_path)
    assert result.returncode != 0 and "127.0.0.1:1" in result.stderr
