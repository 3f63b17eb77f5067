"""The engine of one server between tenants that want more of it than there is: who goes first, who has how much, who is
told that it is too late, and that nothing is computed for nobody. grpcio is the client."""

import concurrent.futures
import queue
import statistics
import threading
import time

import grpc
import pytest

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import Server, apus, credentials, write_configuration
from test_metrics import metrics_address, scrape_until
from test_tenants import infer_request, pushback, reason
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc

WEIGHTS = {"large": 600, "medium": 200, "small": 1, "flood": 1, "light": 1}
AGE_MAX = 2.0
"""Seconds after which a tenant that has had nothing goes first."""
SLOW = 0.08
"""Seconds that the model `slow` takes for each request."""
MODELS = {
    "single": ["platform: delay", "delay: 10ms", "max_batch_size: 1", "queue_capacity: 200"],
    "slow": ["platform: delay", f"delay: {SLOW * 1000:.0f}ms", "max_batch_size: 1", "queue_capacity: 64"],
    "tight": ["platform: delay", "delay: 50ms", "max_batch_size: 1", "queue_capacity: 4"],
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory, certificates):
    """A server with MODELS and the tenants of WEIGHTS, and a function that opens a channel in somebody's name."""
    directory = tmp_path_factory.mktemp("fair")
    for name in WEIGHTS:
        apus("certs", "issue", "--tenant", name, "--folder", certificates / "main")
    tenants = ", ".join(f"{{name: {name}, weight: {weight}}}" for name, weight in WEIGHTS.items())
    configuration = write_configuration(
        directory, certificates, tenancy=f"{{tenants: [{tenants}]}}", http_listen="127.0.0.1:0")
    for name, lines in MODELS.items():
        (directory / "models" / name / "1").mkdir(parents=True)
        (directory / "models" / name / "model.yaml").write_text("\n".join(lines) + "\n")
    server = Server(configuration, directory)
    channels = {}

    def channel(name):
        if name not in channels:
            channels[name] = grpc.secure_channel(server.target, credentials(certificates / "main", name))
        return channels[name]
    yield server, channel
    for each in channels.values():
        each.close()
    assert server.terminate() == 0, server.errors()


def infer(channel, model, timeout=60):
    """The trailers of a call; raises what it raised."""
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
    _, call = stub.ModelInfer.with_call(infer_request(model), timeout=timeout)
    return dict(call.trailing_metadata())


def counters(channel, model):
    status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
    return next(each.counters for each in status.models if each.name == model)


def outcome(call, *arguments, **options):
    """What came of a call: None, or its error."""
    try:
        call(*arguments, **options)
    except grpc.RpcError as error:
        return error


class Flood:
    """Callers that each do the same thing again and again, until the block ends."""

    def __init__(self, *works):
        self.stop, self.pool = threading.Event(), concurrent.futures.ThreadPoolExecutor(len(works))
        self.callers = [self.pool.submit(self.run, work) for work in works]

    def run(self, work):
        while not self.stop.is_set():
            work()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        for caller in self.callers:
            caller.result()
        self.pool.shutdown()


class Backlog:
    """Keeps so many calls of a model under way that its queue does not run empty, until the block ends."""

    def __init__(self, channel, model, depth):
        self.stub, self.model = inference_pb2_grpc.GRPCInferenceServiceStub(channel), model
        self.is_over, self.codes, self.left = False, set(), threading.Semaphore(0)
        self.depth = depth

    def send(self):
        self.stub.ModelInfer.future(infer_request(self.model), timeout=60).add_done_callback(self.go_on)

    def go_on(self, call):
        self.codes.add(call.code())
        if self.is_over:
            self.left.release()
        else:
            self.send()

    def __enter__(self):
        for _ in range(self.depth):
            self.send()
        return self

    def __exit__(self, *_):
        self.is_over = True
        for _ in range(self.depth):
            assert self.left.acquire(timeout=60)


def test_tenants_get_time_by_weight_and_the_smallest_is_not_forgotten(shared):
    server, channel = shared
    address = metrics_address(server)

    def compute(samples, name):
        return samples.get(("apus_tenant_compute_seconds_total", ("tenant", name)), 0)
    large, medium = (Backlog(channel(f"tenant-{name}"), "single", 48) for name in ("large", "medium"))
    with large, medium:
        begin = scrape_until(address, lambda samples: compute(samples, "large") and compute(samples, "medium"))
        # The index is of ten seconds each; before the first ones are over it is 1.
        end = scrape_until(address, lambda samples: samples["apus_engine_fairness_index",] != 1)
        of_large, of_medium = (compute(end, name) - compute(begin, name) for name in ("large", "medium"))
        # Their weights are as three to one.
        assert 2.5 < of_large / of_medium < 3.5, (of_large, of_medium)
        assert end["apus_engine_fairness_index",] > 0.95
        # By its weight alone it would have its second turn when the others have had 801 times as much: after 8 s.
        waits = [int(infer(channel("tenant-small"), "single")["apus-queue-us"]) / 1e6 for _ in range(3)]
    assert large.codes == medium.codes == {grpc.StatusCode.OK}
    assert max(waits) < AGE_MAX + 1
    assert max(waits) > AGE_MAX / 2, "it was never behind: nothing was tried"


def test_a_flood_of_long_prompts_lets_first_tokens_of_others_through(shared):
    _, channel = shared
    begun, numbers = queue.SimpleQueue(), iter(range(10**9))

    def tell(name, prompt, max_tokens):
        """Reads a text to its end; gives how many texts of the flood had begun when its first token came."""
        stream = iter(text_pb2_grpc.TextStub(channel(name)).Generate(text_pb2.GenerateRequest(
            model="storyteller", prompt=prompt, max_tokens=max_tokens, ignore_end_of_text=True), timeout=120))
        next(stream)
        count = begun.qsize()
        if name == "tenant-flood":
            begun.put(None)
        list(stream)
        return count

    def flood():
        # No two are alike, so that the cache spares nothing.
        number = next(numbers)
        tell("tenant-flood", "In the year " + " ".join(f"{number}-{index} knights" for index in range(45)), 16)
    callers, overtaken_by = 24, []
    with Flood(*[flood] * callers):
        deadline = time.monotonic() + 60
        while begun.qsize() < callers:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for _ in range(13):
            before = begun.qsize()
            overtaken_by.append(tell("tenant-light", "Once upon a time", 8) - before)
    # By those that the steps hold which are under way, five or six; in the order of arrival it would be fifteen.
    assert statistics.median(overtaken_by) <= 10, overtaken_by


def test_what_is_due_first_goes_first_among_the_requests_of_a_tenant(shared):
    _, channel = shared
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel("tenant-light"))
    order = queue.Queue()

    def send(name, timeout):
        call = stub.ModelInfer.future(infer_request("single"), timeout=timeout)
        call.add_done_callback(lambda call: order.put((name, call.code())))
    for _ in range(60):
        send("usual", 60)
    # The others have begun to be answered, so all of them have been sent.
    first = order.get(timeout=60)
    # Sooner than those that have no deadline, which are due two seconds after they came.
    send("due", 1.2)
    ends = [first] + [order.get(timeout=60) for _ in range(60)]
    assert {code for _, code in ends} == {grpc.StatusCode.OK}
    assert [name for name, _ in ends].index("due") < 40, "in the order of arrival it is the last one"


def test_hopeless_and_expired_calls_are_told_so_and_nothing_is_computed_for_them(shared, certificates):
    server, channel = shared
    address, light, admin = metrics_address(server), channel("tenant-light"), channel("role-admin")
    # So often that the engine relies on what it takes.
    for _ in range(30):
        infer(light, "slow")
    before = counters(admin, "slow")
    errors = [outcome(infer, light, "slow", timeout=SLOW / 2) for _ in range(8)]
    assert {error.code() for error in errors} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    # Told before the time was over, as far as this machine was awake.
    assert sum("sooner than the model can answer" in error.details() for error in errors) >= 4
    assert counters(admin, "slow").executions == before.executions

    # Of twenty that come at once, those whose time is up leave the queue; what was computed was for somebody, but for
    # the one that was being computed.
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        ends = list(pool.map(lambda _: outcome(infer, light, "slow", timeout=SLOW * 4), range(20)))
    answered = ends.count(None)
    assert 1 <= answered <= 4
    assert {error.code() for error in ends if error} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    infer(light, "slow")
    after = counters(admin, "slow")
    assert after.executions - before.executions - 1 - answered <= 1 and after.queue_depth == 0

    # A text whose time is over gives back its pages, is written no further, and is counted as wasted.
    wasted = ("apus_model_wasted_compute_seconds_total", ("model", "storyteller"), ("version", "1"))
    begin = scrape_until(address, lambda samples: wasted in samples)[wasted]
    call = text_pb2_grpc.TextStub(light).Generate(text_pb2.GenerateRequest(
        model="storyteller", prompt="Once", max_tokens=480, n=16, temperature=1, ignore_end_of_text=True), timeout=0.3)
    with pytest.raises(grpc.RpcError) as error:
        list(call)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    scrape_until(address, lambda samples: samples[wasted] > begin)
    deadline = time.monotonic() + 10
    while counters(admin, "storyteller").cache_pages_used > 0:
        assert time.monotonic() < deadline
    generated = counters(admin, "storyteller").generated_tokens
    for _ in range(5):
        list(text_pb2_grpc.TextStub(light).Generate(text_pb2.GenerateRequest(
            model="storyteller", prompt="Once", max_tokens=4, ignore_end_of_text=True)))
    assert counters(admin, "storyteller").generated_tokens == generated + 5 * 4


def test_a_full_queue_is_resource_exhausted_with_its_reason_and_when_to_come_again(shared):
    _, channel = shared
    light, call_count, capacity = channel("tenant-light"), 24, 4
    with concurrent.futures.ThreadPoolExecutor(call_count) as pool:
        ends = list(pool.map(lambda _: outcome(infer, light, "tight"), range(call_count)))
    refused = [error for error in ends if error]
    assert capacity <= call_count - len(refused) and len(refused) >= call_count / 4
    for error in refused:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and reason(error) == "QUEUE_FULL"
        assert pushback(error) > 0
