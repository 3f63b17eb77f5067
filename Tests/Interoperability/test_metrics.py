"""What a server counts, scraped over HTTP as Prometheus does and read by Prometheus' own parser."""

import http.client
import queue
import signal
import socket
import time

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tritonclient.grpc import service_pb2 as inference_pb2
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc
from conftest import Server, apus, credentials, write_configuration

INFER = "inference.GRPCInferenceService/ModelInfer"
LIVE = "inference.GRPCInferenceService/ServerLive"


def metrics_address(server):
    """The host and port of a server's listener for probes, from what it printed."""
    line = next(line for line in server.banner.splitlines() if line.startswith("Metrics: http://"))
    host, port = line.removeprefix("Metrics: http://").removesuffix("/metrics").split(":")
    return host, int(port)


def get(address, path="/metrics", method="GET"):
    connection = http.client.HTTPConnection(*address, timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


class Samples(dict):
    """Values by name and sorted labels, and the families' types."""

    def __init__(self, text):
        super().__init__()
        self.types = {}
        for family in text_string_to_metric_families(text):
            self.types[family.name] = family.type
            for sample in family.samples:
                self[(sample.name, *sorted(sample.labels.items()))] = sample.value

    def of(self, name, **labels):
        """The value of a sample, or 0 when nothing was recorded; `method` and `status` are gRPC's."""
        pairs = [(key if key == "le" else f"grpc_{key}", value) for key, value in labels.items()]
        return self.get((name, *sorted(pairs)), 0)


def scrape_until(address, is_there):
    """Scrapes until `is_there` holds: a call is counted after its client has the answer, and texts are kept a moment."""
    deadline = time.monotonic() + 30
    while True:
        status, headers, text = get(address)
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
        samples = Samples(text)
        if is_there(samples):
            return samples
        assert time.monotonic() < deadline, text
        time.sleep(0.05)


@pytest.fixture(scope="module")
def scraped(tmp_path_factory, certificates):
    """A server of its own, whose counts start at zero."""
    directory = tmp_path_factory.mktemp("metrics")
    server = Server(write_configuration(directory, certificates, http_listen="127.0.0.1:0"), directory)
    yield server
    assert server.terminate() == 0, server.errors()


def infer_request(values):
    request = inference_pb2.ModelInferRequest(model_name="identity")
    tensor = request.inputs.add(name="x", datatype="FP32", shape=[len(values)])
    tensor.contents.fp32_contents.extend(values)
    return request


def test_B172_calls_are_counted_by_method_and_status_with_times_and_sizes(scraped, certificates):
    address = metrics_address(scraped)
    requests = [infer_request([0.5] * count) for count in (10, 10, 1000)]
    missing = inference_pb2.ModelInferRequest(model_name="nobody")
    with grpc.secure_channel(scraped.target, credentials(certificates / "main")) as channel:
        stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
        answers = [stub.ModelInfer(request, timeout=20) for request in requests]
        assert stub.ServerLive(inference_pb2.ServerLiveRequest(), timeout=20).live
        with pytest.raises(grpc.RpcError) as error:
            stub.ModelInfer(missing, timeout=20)
        assert error.value.code() == grpc.StatusCode.NOT_FOUND
        for number in range(3):
            with pytest.raises(grpc.RpcError) as error:
                channel.unary_unary(f"/invented.Service{number}/Method")(b"", timeout=20)
            assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED
    prefix = "grpc_server_call"
    samples = scrape_until(address, lambda samples: samples.of(
        f"{prefix}_duration_seconds_count", method="other", status="UNIMPLEMENTED") == 3)

    assert samples.of(f"{prefix}_started_total", method=INFER) == 4
    assert samples.of(f"{prefix}_started_total", method=LIVE) == 1
    assert samples.of(f"{prefix}_started_total", method="other") == 3
    for name in ("duration_seconds", "sent_total_compressed_message_size_bytes",
                 "rcvd_total_compressed_message_size_bytes"):
        assert samples.types[f"{prefix}_{name}"] == "histogram"
        assert samples.of(f"{prefix}_{name}_count", method=INFER, status="OK") == 3
        assert samples.of(f"{prefix}_{name}_count", method=INFER, status="NOT_FOUND") == 1
        assert samples.of(f"{prefix}_{name}_count", method=LIVE, status="OK") == 1
    received = f"{prefix}_rcvd_total_compressed_message_size_bytes"
    assert samples.of(f"{received}_sum", method=INFER, status="OK") == sum(map(len, map(serialized, requests)))
    assert samples.of(f"{received}_sum", method=INFER, status="NOT_FOUND") == len(serialized(missing))
    assert samples.of(f"{received}_bucket", method=INFER, status="OK", le="1024.0") == 2
    assert samples.of(f"{received}_bucket", method=INFER, status="OK", le="+Inf") == 3
    sent = f"{prefix}_sent_total_compressed_message_size_bytes"
    # The answers are written in other words than Python would: their length is the server's.
    assert samples.of(f"{sent}_sum", method=INFER, status="OK") >= 4 * (10 + 10 + 1000)
    assert len(answers) == 3
    seconds = samples.of(f"{prefix}_duration_seconds_sum", method=INFER, status="OK")
    assert 0 < seconds < 60, "a call that is answered in the turn in which it came takes time nonetheless"
    assert samples.of(f"{prefix}_duration_seconds_bucket", method=INFER, status="OK", le="0.0") == 0


def serialized(message):
    return message.SerializeToString()


def test_B172_methods_that_clients_invent_are_one(scraped):
    """The label has the names of registered methods and `other`, and nothing that a client sent."""
    samples = Samples(get(metrics_address(scraped))[2])
    methods = {dict(key[1:]).get("grpc_method") for key in samples} - {None}
    assert not [method for method in methods if "invented" in method]


def test_what_the_server_holds_is_scraped_too(scraped, certificates):
    with grpc.secure_channel(scraped.target, credentials(certificates / "main")) as channel:
        grpc.channel_ready_future(channel).result(20)
        scrape_until(metrics_address(scraped), lambda samples: samples.of("apus_connections_open") == 1)


def test_the_server_says_whether_it_takes_calls(scraped):
    address = metrics_address(scraped)
    assert get(address, "/readyz")[0::2] == (200, "serving\n")
    assert get(address, "/healthz")[0::2] == (200, "alive\n")
    assert get(address, "/nothing")[0] == 404
    assert get(address, "/metrics", "DELETE")[0] == 405
    assert get(address, "/metrics", "HEAD")[0::2] == (200, "")


def test_a_server_that_drains_says_so_until_its_last_call_has_ended(tmp_path, certificates):
    server = Server(write_configuration(tmp_path, certificates, http_listen="127.0.0.1:0"), tmp_path)
    address = metrics_address(server)
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        # A stream whose client says nothing more runs until its client ends it.
        method = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
        call = channel.stream_stream(f"/{method}")(iter(queue.Queue().get, None))
        scrape_until(address, lambda samples: samples.of("grpc_server_call_started_total", method=method) == 1)
        server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while get(address, "/readyz")[0::2] != (503, "draining\n"):
            assert time.monotonic() < deadline
        assert get(address, "/healthz")[0] == 200, "whoever restarts what is not healthy would end the call"
        assert Samples(get(address)[2]).of("apus_calls_running") == 1
        call.cancel()
        assert server.process.wait(60) == 0, server.errors()


def test_scrapers_that_are_slow_or_hostile_hurt_nobody(scraped, certificates):
    address = metrics_address(scraped)
    idle = [socket.create_connection(address, timeout=20) for _ in range(40)]
    try:
        for number, connection in enumerate(idle):
            try:
                connection.sendall(b"GET /met" if number % 2 else b"\x16\x03\x01\x00")
            except OSError:
                pass  # It was closed for a newer one.
        assert get(address)[0] == 200
        with grpc.secure_channel(scraped.target, credentials(certificates / "main")) as channel:
            stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
            assert stub.ServerLive(inference_pb2.ServerLiveRequest(), timeout=20).live
        # The server leaves the oldest alone no longer than it must: all but sixteen are closed already.
        for connection in idle[:24]:
            try:
                assert connection.recv(1) == b""
            except ConnectionResetError:
                pass
    finally:
        for connection in idle:
            connection.close()
    assert get(address, "/healthz")[0] == 200


@pytest.mark.parametrize("text, expected", [
    ("http_listen: nonsense\n", "apus.yaml:1:14: http_listen: expected HOST:PORT"),
    ("http_listen: 127.0.0.1\n", "apus.yaml:1:14: http_listen: expected HOST:PORT"),
    ("http_listen: [1]\n", "apus.yaml:1:14: http_listen: expected text"),
])
def test_a_wrong_address_is_refused_with_its_place(tmp_path, text, expected):
    (tmp_path / "apus.yaml").write_text(text)
    result = apus("serve", "--config", "apus.yaml", cwd=tmp_path)
    assert result.returncode != 0 and expected in result.stderr, result.stderr


def test_an_address_that_is_taken_stops_the_start_with_its_key(tmp_path, certificates, scraped):
    host, port = metrics_address(scraped)
    configuration = write_configuration(tmp_path, certificates, http_listen=f"{host}:{port}")
    result = apus("serve", "--config", configuration, cwd=tmp_path)
    assert result.returncode != 0
    assert f"http_listen: cannot listen on {host}:{port}" in result.stderr, result.stderr


def test_off_is_off(tmp_path, certificates):
    server = Server(write_configuration(tmp_path, certificates, http_listen="off"), tmp_path)
    try:
        assert "Metrics:" not in server.banner
    finally:
        assert server.terminate() == 0, server.errors()
