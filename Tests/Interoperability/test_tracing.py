"""Traces across a caller with OpenTelemetry's own SDK, a front end and a shard: what a collector gets by OTLP, written with
the classes of opentelemetry-proto, and what stands in a file of spans."""

import concurrent.futures
import re
import threading
import time

import grpc
import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import Server, apus, credentials, free_ports, write_configuration
from faulty_shard import FaultyShard
from test_metrics import Samples, get, metrics_address
from tritonclient.grpc import service_pb2 as inference_pb2, service_pb2_grpc as inference_pb2_grpc

SERVER, CLIENT, INTERNAL = (trace_pb2.Span.SPAN_KIND_SERVER, trace_pb2.Span.SPAN_KIND_CLIENT,
                            trace_pb2.Span.SPAN_KIND_INTERNAL)


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """The receiving end of OTLP, on a port of its own that it can leave and come back to."""

    def __init__(self, port=0, server_credentials=None):
        self.requests, self.metadata, self.answers = [], [], []
        self.lock = threading.Lock()
        self.port, self.credentials, self.server = port, server_credentials, None
        self.start()

    def start(self):
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self.server)
        address = f"127.0.0.1:{self.port}"
        self.port = (self.server.add_secure_port(address, self.credentials) if self.credentials
                     else self.server.add_insecure_port(address))
        self.server.start()

    def stop(self):
        self.server.stop(0).wait()

    def Export(self, request, context):
        with self.lock:
            answer = self.answers.pop(0) if self.answers else None
            self.metadata.append(dict(context.invocation_metadata()))
            if not isinstance(answer, grpc.StatusCode):
                self.requests.append(request)
        if isinstance(answer, grpc.StatusCode):
            context.abort(answer, "as the test wants it")
        return answer or trace_service_pb2.ExportTraceServiceResponse()

    def spans(self):
        """(service, span) of all that came."""
        with self.lock:
            return [each for request in self.requests for each in spans_of(request)]

    def wait(self, is_there, seconds=30):
        """The spans, once `is_there` holds of them."""
        deadline = time.monotonic() + seconds
        while not is_there(spans := self.spans()):
            assert time.monotonic() < deadline, [(service, span.name, span.kind) for service, span in spans]
            time.sleep(0.02)
        return spans


def spans_of(request):
    for resource_spans in request.resource_spans:
        resource = attributes(resource_spans.resource)
        assert resource["service.version"] and resource["service.instance.id"]
        for scope_spans in resource_spans.scope_spans:
            assert scope_spans.scope.name == "apus"
            for span in scope_spans.spans:
                yield resource["service.name"], span


def attributes(something):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in something.attributes}


@pytest.fixture
def collector():
    """Starts collectors; named before `serve`, so that they outlive the servers, which send what is left at their end."""
    collectors = []

    def make(**options):
        collectors.append(Collector(**options))
        return collectors[-1]
    yield make
    for each in collectors:
        each.stop()


@pytest.fixture
def serve(tmp_path, certificates):
    """Starts servers; `tracing` goes into their configuration."""
    servers = []

    def make(tracing, name="server", front_of=None, **extra):
        directory = tmp_path / name
        directory.mkdir()
        configuration = write_configuration(directory, certificates, http_listen="127.0.0.1:0", tracing=tracing, **extra)
        if front_of:
            main = certificates / "main"
            text = re.sub(r"repositories: .*\n", "", configuration.read_text())
            configuration.write_text(
                text + f"models: []\nrepositories: [{directory / 'none'}]\nshards: {{addresses: [127.0.0.1:{front_of}], "
                f"certificate: {main / 'role-router.pem'}, key: {main / 'role-router.key'}, ca: {main / 'ca.pem'}}}\n")
            (directory / "none").mkdir()
        servers.append(Server(configuration, directory))
        return servers[-1]
    yield make
    for server in servers:
        if server.process.poll() is None:
            assert server.terminate() == 0, server.errors()


def open_channel(server, certificates, name="tenant-acme"):
    return grpc.secure_channel(server.target, credentials(certificates / "main", name))


class Caller:
    """A program with OpenTelemetry's SDK, which calls within a span of its own."""

    def __init__(self, sampler=ALWAYS_ON):
        self.tracer = TracerProvider(sampler=sampler).get_tracer("caller")

    def call(self, body, state=None):
        """Runs `body` with the headers of a new span, and returns that span's context with what it returned."""
        with self.tracer.start_as_current_span("call") as span:
            headers = {}
            TraceContextTextMapPropagator().inject(headers)
            if state:
                headers["tracestate"] = state
            return span.get_span_context(), body(list(headers.items()))


def generate(channel, metadata=(), **fields):
    fields = {"model": "storyteller", "prompt": "Once upon a time", "max_tokens": 12, "ignore_end_of_text": True, **fields}
    call = text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(**fields), timeout=60, metadata=metadata)
    return "".join(each.text for each in call)


def predict(channel, metadata=(), model="karate"):
    request = graph_pb2.PredictRequest(model=model, nodes=[0, 33])
    return graph_pb2_grpc.GraphStub(channel).Predict(request, timeout=60, metadata=metadata)


def by_name(spans, trace_id):
    """The spans of a trace by service, name and kind; no two of them are alike."""
    found = {}
    for service, span in spans:
        if span.trace_id == trace_id.to_bytes(16, "big"):
            key = (service, span.name, span.kind)
            assert key not in found, key
            found[key] = span
    return found


def in_order(*spans):
    for span in spans:
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        assert abs(span.start_time_unix_nano - time.time_ns()) < 600e9


def test_a_trace_goes_from_the_caller_through_a_front_end_to_a_shard(collector, serve, certificates):
    receiver = collector()
    otlp = f"{{endpoint: 127.0.0.1:{receiver.port}, plaintext: true, compression: gzip}}"
    shard = serve(f"{{sample: 0, service_name: shard, otlp: {otlp}}}", "shard")
    port = int(shard.target.split(":")[1])
    front = serve(f"{{sample: 0, service_name: front, otlp: {otlp}}}", "front", front_of=port, access_log="all")
    deadline = time.monotonic() + 30
    while "shard there" not in front.errors():
        assert time.monotonic() < deadline, front.errors()
        time.sleep(0.02)
    with open_channel(front, certificates) as channel:
        context, text = Caller().call(lambda headers: generate(channel, headers), state="vendor=x1,other=y")
        name = "apus.text.v1.Text/Generate"
        spans = by_name(receiver.wait(lambda spans: sum(span.kind == SERVER for _, span in spans) == 2), context.trace_id)
    assert text and set(spans) == {
        ("front", name, SERVER), ("front", name, CLIENT), ("shard", name, SERVER), ("shard", "queue", INTERNAL),
        ("shard", "compute", INTERNAL), ("shard", "prefill", INTERNAL)}
    entry, hop, work = spans["front", name, SERVER], spans["front", name, CLIENT], spans["shard", name, SERVER]
    queue, compute = spans["shard", "queue", INTERNAL], spans["shard", "compute", INTERNAL]
    prefill = spans["shard", "prefill", INTERNAL]
    assert entry.parent_span_id == context.span_id.to_bytes(8, "big") and entry.flags == 0x301
    assert hop.parent_span_id == entry.span_id and hop.flags == 0x101
    assert work.parent_span_id == hop.span_id and work.flags == 0x301
    assert queue.parent_span_id == compute.parent_span_id == work.span_id and prefill.parent_span_id == compute.span_id
    assert len({span.span_id for span in spans.values()}) == 6
    assert {span.trace_state for span in spans.values()} == {"vendor=x1,other=y"}
    in_order(*spans.values())
    # All on one machine, so their clocks agree.
    assert entry.start_time_unix_nano <= hop.start_time_unix_nano <= work.start_time_unix_nano
    assert work.start_time_unix_nano <= queue.start_time_unix_nano
    assert queue.end_time_unix_nano == compute.start_time_unix_nano == prefill.start_time_unix_nano
    assert prefill.end_time_unix_nano < compute.end_time_unix_nano

    about = attributes(entry)
    assert about["rpc.system"] == "grpc" and about["rpc.service"] == "apus.text.v1.Text"
    assert about["rpc.method"] == "Generate" and about["rpc.grpc.status_code"] == 0
    assert about["apus.tenant"] == "acme" and about["apus.model"] == "storyteller"
    assert about["apus.shard"] == f"127.0.0.1:{port}" and about["apus.generated_tokens"] == 12
    assert attributes(hop)["apus.shard"] == about["apus.shard"]
    assert attributes(work)["apus.model_version"] == "1" and attributes(work)["apus.compute_us"] > 0
    assert entry.status.code == trace_pb2.Status.STATUS_CODE_UNSET
    # The line in the log leads to the trace.
    line = next(line for line in front.errors().splitlines() if " call " in line and "Generate" in line)
    assert f"trace={context.trace_id:032x}" in line and f"shard=127.0.0.1:{port}" in line


def test_every_attempt_has_a_span_of_its_own(collector, serve, certificates):
    contexts = []

    def fail(asked, call):
        contexts.append(dict(call.invocation_metadata())["traceparent"])
        call.abort(grpc.StatusCode.UNAVAILABLE, "broken")
    # It says that it is quick: calls go to the one that takes the least time, and the other's is measured.
    receiver, broken = collector(), FaultyShard(certificates / "main", service_microseconds=1)
    broken.answer = fail
    otlp = f"{{endpoint: 127.0.0.1:{receiver.port}, plaintext: true}}"
    shard = serve(f"{{sample: 0, service_name: shard, otlp: {otlp}}}", "shard")
    port = int(shard.target.split(":")[1])
    front = serve(f"{{sample: 0, service_name: front, otlp: {otlp}}}", "front", front_of=f"{port}, 127.0.0.1:{broken.port}")
    deadline = time.monotonic() + 30
    while front.errors().count("shard there") < 2:
        assert time.monotonic() < deadline, front.errors()
        time.sleep(0.02)
    with open_channel(front, certificates) as channel:
        while not contexts:
            context, _ = Caller().call(lambda headers: predict(channel, headers))
            assert time.monotonic() < deadline, "the broken shard is never asked"
    broken.close()
    mine = lambda spans: [span for service, span in spans if service == "front"
                          and span.trace_id == context.trace_id.to_bytes(16, "big")]
    spans = mine(receiver.wait(lambda spans: len(mine(spans)) == 3))
    entry, = [span for span in spans if span.kind == SERVER]
    first, second = sorted((span for span in spans if span.kind == CLIENT), key=lambda span: span.start_time_unix_nano)
    assert first.parent_span_id == second.parent_span_id == entry.span_id != first.span_id != second.span_id
    assert attributes(first)["rpc.grpc.status_code"] == 14 and attributes(first)["apus.shard"].endswith(str(broken.port))
    assert first.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert contexts == [f"00-{context.trace_id:032x}-{first.span_id.hex()}-01"]
    assert attributes(second)["rpc.grpc.status_code"] == 0 and attributes(second)["apus.attempt"] == 2
    assert attributes(entry)["apus.shard"] == attributes(second)["apus.shard"] == f"127.0.0.1:{port}"
    assert attributes(entry)["rpc.grpc.status_code"] == 0


def test_who_is_not_recorded_leaves_no_span_and_the_shard_does_not_decide_anew(collector, serve, certificates):
    receiver = collector()
    otlp = f"{{endpoint: 127.0.0.1:{receiver.port}, plaintext: true}}"
    # The shard would record everything that nobody has decided about.
    shard = serve(f"{{sample: 1, service_name: shard, otlp: {otlp}}}", "shard")
    front = serve(f"{{sample: 0, service_name: front, otlp: {otlp}}}", "front",
                  front_of=int(shard.target.split(":")[1]))
    deadline = time.monotonic() + 30
    while "shard there" not in front.errors():
        assert time.monotonic() < deadline, front.errors()
        time.sleep(0.02)
    with open_channel(front, certificates) as channel:
        predict(channel)
        Caller(ALWAYS_OFF).call(lambda headers: predict(channel, headers))
        predict(channel, [("traceparent", "00-" + "0" * 32 + "-00f067aa0ba902b7-01"), ("tracestate", "a=1")])
        recorded, _ = Caller().call(lambda headers: predict(channel, headers))
    traces = lambda spans: {span.trace_id for _, span in spans if "Predict" in span.name}
    assert traces(receiver.wait(lambda spans: len(traces(spans)) > 0 and {service for service, span in spans
                                                                      if "Predict" in span.name} == {"front", "shard"})) == {
        recorded.trace_id.to_bytes(16, "big")}


def test_failed_refused_and_cancelled_calls_have_their_status(collector, serve, certificates):
    receiver = collector()
    server = serve(f"{{sample: 1, otlp: {{endpoint: 127.0.0.1:{receiver.port}, plaintext: true}}}}", access_log="all")
    with open_channel(server, certificates) as channel:
        with pytest.raises(grpc.RpcError):
            predict(channel, model="nobody")
        with pytest.raises(grpc.RpcError):  # Its handler never begins.
            request = graph_pb2.PredictRequest(model="karate", nodes=[0]).SerializeToString()
            channel.stream_unary("/apus.graph.v1.Graph/Predict")(iter([request, request]), timeout=20)
        call = text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(
            model="storyteller", prompt="Once", max_tokens=100, ignore_end_of_text=True))
        next(call)
        call.cancel()
        stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = inference_pb2.ModelInferRequest(model_name="identity", model_version="1")
        request.inputs.add(name="x", datatype="FP32", shape=[1]).contents.fp32_contents.append(1)
        stub.ModelInfer(request, timeout=20)
    spans = receiver.wait(lambda spans: sum(span.kind == SERVER for _, span in spans) == 4)
    codes = {}
    for _, span in spans:
        if span.kind == SERVER:
            about = attributes(span)
            codes.setdefault(about["rpc.grpc.status_code"], []).append((span, about))
    assert set(codes) == {0, grpc.StatusCode.NOT_FOUND.value[0], grpc.StatusCode.INTERNAL.value[0],
                          grpc.StatusCode.CANCELLED.value[0]}
    (missing, about), = codes[5]
    assert about["error.type"] == "unknown_model" and missing.status.code == trace_pb2.Status.STATUS_CODE_UNSET
    (broken, about), = codes[13]
    assert about["error.type"] == "cardinality" and broken.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert about["apus.tenant"] == "acme" and broken.start_time_unix_nano <= broken.end_time_unix_nano
    (cancelled, about), = codes[1]
    assert about["apus.model"] == "storyteller" and about["apus.prompt_tokens"] > 0
    (_, about), = codes[0]
    assert about["apus.model"] == "identity" and about["apus.model_version"] == "1"
    # One line each, and no more.
    lines = [line for line in server.errors().splitlines() if " call " in line]
    assert sorted(re.search(r" status=(\w+)", line).group(1) for line in lines) == [
        "CANCELLED", "INTERNAL", "NOT_FOUND", "OK"]


def test_a_collector_that_is_away_costs_no_call_and_gets_the_spans_when_it_is_back(collector, serve, certificates):
    receiver = collector()
    server = serve(f"{{sample: 1, otlp: {{endpoint: 127.0.0.1:{receiver.port}, plaintext: true}}}}")
    with open_channel(server, certificates) as channel:
        predict(channel)
        receiver.wait(lambda spans: sum(span.kind == SERVER for _, span in spans) == 1)
        receiver.stop()
        for _ in range(5):
            predict(channel)
        deadline = time.monotonic() + 30
        while "spans not exported" not in server.errors():
            assert time.monotonic() < deadline, server.errors()
            time.sleep(0.02)
        predict(channel)
        receiver.answers = [grpc.StatusCode.UNAVAILABLE]
        receiver.start()
        receiver.wait(lambda spans: sum(span.kind == SERVER for _, span in spans) == 7)
        while "spans exported again" not in server.errors():
            assert time.monotonic() < deadline + 30, server.errors()
            time.sleep(0.02)
        # An error that will not pass, and one for a part of a batch.
        receiver.answers = [grpc.StatusCode.INVALID_ARGUMENT]
        predict(channel)
        samples = wait_for(server, lambda samples: samples.get(dropped("failed"), 0) > 0)
        assert samples[dropped("failed")] >= 3 and samples[dropped("queue_full")] == 0
        rejection = trace_service_pb2.ExportTraceServiceResponse()
        rejection.partial_success.rejected_spans = 1
        receiver.answers = [rejection]
        predict(channel)
        wait_for(server, lambda samples: samples.get(dropped("rejected"), 0) == 1)


def dropped(reason):
    return ("apus_spans_dropped_total", ("destination", "collector"), ("reason", reason))


def wait_for(server, is_there):
    deadline = time.monotonic() + 30
    while not is_there(samples := Samples(get(metrics_address(server))[2])):
        assert time.monotonic() < deadline, samples
        time.sleep(0.05)
    return samples


def test_what_is_left_is_sent_when_the_server_drains_and_not_waited_for_in_vain(collector, serve, certificates):
    receiver = collector()
    server = serve(f"{{sample: 1, otlp: {{endpoint: 127.0.0.1:{receiver.port}, plaintext: true}}}}")
    with open_channel(server, certificates) as channel:
        for _ in range(20):
            predict(channel)
    assert server.terminate() == 0, server.errors()
    assert sum(span.kind == SERVER for _, span in receiver.spans()) == 20
    hanging, = free_ports(1)
    silent = serve(f"{{sample: 1, otlp: {{endpoint: 127.0.0.1:{hanging}, plaintext: true}}}}", "silent")
    with open_channel(silent, certificates) as channel:
        predict(channel)
    begin = time.monotonic()
    assert silent.terminate() == 0 and time.monotonic() - begin < 20


def test_a_collector_behind_mutual_tls_is_told_who_sends(collector, serve, certificates):
    main = certificates / "main"
    read = lambda name: (main / name).read_bytes()
    receiver = collector(server_credentials=grpc.ssl_server_credentials(
        [(read("server.key"), read("server.pem"))], read("ca.pem"), require_client_auth=True))
    server = serve(
        f"{{sample: 1, otlp: {{endpoint: 127.0.0.1:{receiver.port}, server_name: localhost, ca: {main / 'ca.pem'}, "
        f"certificate: {main / 'role-router.pem'}, key: {main / 'role-router.key'}}}}}")
    with open_channel(server, certificates) as channel:
        predict(channel)
    receiver.wait(lambda spans: len(spans) >= 3)


def test_a_file_of_spans_is_lines_of_otlp_json(serve, certificates, tmp_path):
    path = tmp_path / "spans.jsonl"
    server = serve(f"{{sample: 1, file: {path}}}")
    with open_channel(server, certificates) as channel:
        context, _ = Caller().call(lambda headers: generate(channel, headers), state="a=1")
        predict(channel)
    assert server.terminate() == 0, server.errors()
    spans = []
    for line in path.read_text().splitlines():
        # Protobuf's own JSON has bytes in base64 where OTLP has hexadecimal digits.
        line = re.sub(r'"(traceId|spanId|parentSpanId)":"([0-9a-f]+)"',
                      lambda found: f'"{found[1]}":"{__import__("base64").b64encode(bytes.fromhex(found[2])).decode()}"', line)
        request = json_format.Parse(line, trace_service_pb2.ExportTraceServiceRequest())
        spans += spans_of(request)
    found = by_name(spans, context.trace_id)
    entry = found["apus", "apus.text.v1.Text/Generate", SERVER]
    assert entry.parent_span_id == context.span_id.to_bytes(8, "big") and entry.trace_state == "a=1"
    assert found["apus", "compute", INTERNAL].parent_span_id == entry.span_id
    assert attributes(entry)["apus.generated_tokens"] == 12 and entry.flags == 0x301
    assert sum(span.name == "apus.graph.v1.Graph/Predict" for _, span in spans) == 1


def test_apus_call_joins_a_trace(serve, certificates, tmp_path):
    path = tmp_path / "spans.jsonl"
    server = serve(f"{{sample: 0, file: {path}}}")
    call = ["call", "graph", "--model", "karate", "--nodes", "0", "--target", server.target, "--certs", certificates / "main"]
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    result = apus(*call, "--traceparent", f"00-{trace}-{span}-01")
    assert result.returncode == 0, result.stderr
    assert apus(*call).returncode == 0
    refused = apus(*call, "--traceparent", "00-nonsense")
    assert refused.returncode != 0 and "traceparent: expected 00-TRACE-SPAN-FLAGS" in refused.stderr
    assert server.terminate() == 0, server.errors()
    text = path.read_text()
    assert text.count('"kind":2') == 1 and f'"traceId":"{trace}"' in text and f'"parentSpanId":"{span}"' in text


@pytest.mark.parametrize("text, expected", [
    ("tracing: {}\n", "tracing.file: is required, or otlp"),
    ("tracing: {sample: 2, file: a}\n", "tracing.sample: expected"),
    ("tracing: {otlp: {plaintext: true}}\n", "tracing.otlp.endpoint: is required"),
    ("tracing: {otlp: {endpoint: collector}}\n", "tracing.otlp.endpoint: expected HOST:PORT"),
    ("tracing: {otlp: {endpoint: 10.0.0.1:4317, plaintext: true}}\n", "only a loopback address"),
    ("tracing: {otlp: {endpoint: 10.0.0.1:4317}}\n", "tracing.otlp.ca: is required"),
    ("tracing: {otlp: {endpoint: 10.0.0.1:4317, ca: /nowhere/ca.pem}}\n", "no such file: /nowhere/ca.pem"),
    ("tracing: {otlp: {endpoint: 10.0.0.1:4317, ca: apus.yaml, key: apus.yaml}}\n", "certificate and key go together"),
    ("tracing: {file: a, otpl: {}}\n", "unknown key"),
    ("access_log: loud\n", "access_log: expected"),
])
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path, text, expected):
    (tmp_path / "apus.yaml").write_text(text)
    result = apus("serve", "--config", "apus.yaml", cwd=tmp_path)
    assert result.returncode != 0 and "apus.yaml:" in result.stderr and expected in result.stderr, result.stderr


def test_a_file_that_cannot_be_written_stops_the_start(tmp_path, certificates):
    configuration = write_configuration(tmp_path, certificates, tracing="{file: /nowhere/spans.jsonl}")
    result = apus("serve", "--config", configuration, cwd=tmp_path)
    assert result.returncode != 0
    assert "tracing: cannot open /nowhere/spans.jsonl: No such file" in result.stderr, result.stderr
