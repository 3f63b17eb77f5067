"""A front end before shards that do badly: what it does with those that fail, hang, come anew, are busy or move, counted
at the shards. The front end is `apus serve`; the shards are servers of grpcio (`faulty_shard.py`) over mutual TLS."""

import concurrent.futures
import os
import subprocess
import threading
import time

import grpc
import pytest

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import Server, credentials, free_ports
from faulty_shard import FaultyShard, answers, ends_with, hangs, loses
from test_metrics import Samples, get, metrics_address, scrape_until

WINDOW, EJECTION = 5.0, 10.0
"""Seconds: how often shards are compared, and how long one that stands out is left alone."""
SLOW_START = 5.0
LEAD = 4
"""How many requests busier than the least busy shard the one that a prompt prefers may be."""
MESSAGE_SIZE, MESSAGE_COUNT = 64 << 10, 500


class Front:
    """A front end, and a channel to it; `addresses` are those of its shards, be they there or not."""

    def __init__(self, path, certificates, addresses, more=(), inside=()):
        """`more` are lines of the section `shards`, `inside` is what runs the front end in a place of its own."""
        main = certificates / "main"
        lines = ["listen: 127.0.0.1:0", "http_listen: 127.0.0.1:0", "tls:", f"  certificate: {main / 'server.pem'}",
                 f"  key: {main / 'server.key'}", f"  client_ca: {main / 'ca.pem'}", "shards:",
                 f"  addresses: [{', '.join(addresses)}]", f"  certificate: {main / 'role-router.pem'}",
                 f"  key: {main / 'role-router.key'}", f"  ca: {main / 'ca.pem'}", *[f"  {line}" for line in more]]
        (path / "apus.yaml").write_text("\n".join(lines) + "\n")
        self.server = Server(path / "apus.yaml", path, inside=inside)
        self.channel = grpc.secure_channel(self.server.target, credentials(main))
        self.stub = graph_pb2_grpc.GraphStub(self.channel)

    def predict(self, timeout=20):
        """The status of a call."""
        try:
            self.stub.Predict(graph_pb2.PredictRequest(model="karate", nodes=[0]), timeout=timeout)
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()

    def shards(self, state):
        """How many shards are at something."""
        return Samples(get(metrics_address(self.server))[2])[("apus_shards", ("state", state))]

    def wait_for_shards(self, count, state):
        scrape_until(metrics_address(self.server), lambda samples: samples["apus_shards", ("state", state)] == count)

    def close(self):
        self.channel.close()
        assert self.server.terminate() == 0, self.server.errors()


@pytest.fixture
def make_shard(certificates):
    shards = []

    def make(port=0, **said):
        shards.append(FaultyShard(certificates / "main", port, **said))
        return shards[-1]
    yield make
    for shard in shards:
        shard.close()


@pytest.fixture
def make_front(tmp_path, certificates, make_shard):
    """A function that makes a front end of shards that are there; those at `later` come later, or not at all."""
    fronts = []

    def make(*shards, later=()):
        fronts.append(Front(tmp_path, certificates, [shard.address for shard in shards] + list(later)))
        fronts[-1].wait_for_shards(len(shards), "ready")
        return fronts[-1]
    yield make
    for front in fronts:
        front.close()


class Load:
    """Callers that call one after the other until the block ends, and the statuses that they got, with their times."""

    def __init__(self, front, caller_count):
        self.front, self.statuses, self.stop = front, [], threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(caller_count)
        self.callers = [self.pool.submit(self.call) for _ in range(caller_count)]

    def call(self):
        while not self.stop.is_set():
            status = self.front.predict()
            self.statuses.append((time.monotonic(), status))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        for caller in self.callers:
            caller.result()
        self.pool.shutdown()


def wait(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_shard_that_fails_more_than_the_others_is_left_alone_and_comes_back(make_front, make_shard):
    bad, next_bad, good = (make_shard() for _ in range(3))
    front = make_front(bad, next_bad, good)
    # Never five in a row, so no circuit breaker sees it; a twelfth of all calls, so there is a retry for each.
    bad.answer = loses(1, of=4)
    with Load(front, caller_count=1) as load:
        front.wait_for_shards(1, "outlier")
        lost = [status for _, status in load.statuses if status != grpc.StatusCode.OK]
        next_bad.answer = loses(1, of=4)
        asked = bad.count()
        ejected_at = max(each.time for each in bad.asked)
        wait(lambda: bad.count() > asked)
    # Calls that were on their way when it was put aside came within a second.
    returned_at = min(each.time for each in bad.asked if each.time > ejected_at + 1)
    assert not lost, f"{len(lost)} calls: {lost[0]}"
    assert bad.count(ejected_at + 1, ejected_at + EJECTION - 0.5) == 0
    assert EJECTION - 0.5 < returned_at - ejected_at < EJECTION + 5
    # The next one stands out just as much, and is asked all the time: never more than half are left alone.
    for begin in (ejected_at + 1, ejected_at + WINDOW + 1):
        assert next_bad.count(begin, begin + 3) >= 5


def test_shards_that_fail_alike_all_go_on_and_retries_end_with_their_budget(make_front, make_shard):
    shards = [make_shard() for _ in range(2)]
    front = make_front(*shards)
    for shard in shards:
        shard.answer = loses(4, of=5)
    call_count = 300
    statuses = [front.predict() for _ in range(call_count)]
    retries = sum(shard.count() for shard in shards) - call_count
    failures = sum(each.number % 5 < 4 for shard in shards for each in shard.asked)
    # Ten before there is any call, then one for ten calls.
    assert 10 <= retries <= 10 + call_count / 10
    assert set(statuses) == {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
    assert statuses.count(grpc.StatusCode.UNAVAILABLE) == failures - retries
    assert front.shards("ready") == 2 and min(shard.count() for shard in shards) > call_count / 4


def test_a_circuit_breaker_opens_by_silence_and_absence_and_by_nothing_else(make_front, make_shard):
    shard = make_shard()
    front = make_front(shard)
    for code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL,
                 grpc.StatusCode.FAILED_PRECONDITION):
        shard.answer = ends_with(code)
        assert [front.predict() for _ in range(10)] == [code] * 10
    assert shard.count() == 40
    # Deadlines that nobody can meet are their caller's business.
    shard.answer = hangs
    assert {front.predict(timeout=0.05) for _ in range(10)} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    shard.answer, asked = answers, shard.count()
    assert front.predict() == grpc.StatusCode.OK and shard.count() == asked + 1

    shard.answer = ends_with(grpc.StatusCode.UNAVAILABLE)
    assert [front.predict() for _ in range(5)] == [grpc.StatusCode.UNAVAILABLE] * 5
    opened_at, asked = time.monotonic(), shard.count()
    refused, tried_until = [], []

    def fail_at_last(_, context):
        """Each of the two that are let through as tries goes on until many others have come."""
        if len(tried_until) == 2:
            return
        count = len(refused)
        wait(lambda: len(refused) > count + 50)
        tried_until.append(time.monotonic())
        if len(tried_until) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "still away")
    shard.answer = fail_at_last
    with Load(front, caller_count=3) as load:
        refused = load.statuses
        wait(lambda: len(tried_until) == 2)
        wait(lambda: load.statuses[-1][1] == grpc.StatusCode.OK)
        shard.answer = answers
    first, second = shard.asked[asked:asked + 2]
    # A second, then two; and one call for each try, whoever else waits.
    assert first.time - opened_at > 0.9 and second.time - tried_until[0] > 1.9
    assert all(status == grpc.StatusCode.UNAVAILABLE for at, status in load.statuses if at < tried_until[1])

    shard.answer = hangs
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        ends = list(pool.map(lambda _: front.predict(timeout=1.5), range(5)))
    assert set(ends) == {grpc.StatusCode.DEADLINE_EXCEEDED}
    asked = shard.count()
    assert front.predict() == grpc.StatusCode.UNAVAILABLE and shard.count() == asked


def generate(front, prompt, **options):
    request = text_pb2.GenerateRequest(model="storyteller", prompt=prompt, max_tokens=4)
    return text_pb2_grpc.TextStub(front.channel).Generate(request, timeout=60, **options)


def test_a_shard_that_has_just_come_is_spared_and_prompts_leave_a_busy_one(make_front, make_shard):
    old = make_shard()
    port, = free_ports(1)
    front = make_front(old, later=[f"127.0.0.1:{port}"])
    with Load(front, caller_count=1):
        # The old one is spared no more.
        wait(lambda: old.count(begin=old.reported_at + SLOW_START + 0.5) > 0)
        new = make_shard(port)
        wait(lambda: new.reported_at and old.count(begin=new.reported_at + SLOW_START + 2.5) > 0)
    joined_at = new.reported_at

    def share(begin, end):
        counts = [shard.count(joined_at + begin, joined_at + end) for shard in (new, old)]
        return counts[0] / sum(counts)
    assert new.asked[0].time - joined_at < 2
    assert share(0, 1) < 0.25 and 0.4 < share(SLOW_START + 1, SLOW_START + 2.5) < 0.6

    # Prompts that begin alike follow each other, and no further than the lead: two reports may lie between.
    for shard in (old, new):
        shard.answer = hangs
    counts = [shard.count() for shard in (old, new)]
    calls = []
    for number in range(12):
        calls.append(generate(front, "Once upon a time there was a king who asked for the same thing every day"))
        wait(lambda: old.count() + new.count() == sum(counts) + number + 1)
    more, less = sorted((shard.count() - count for shard, count in zip((old, new), counts)), reverse=True)
    assert LEAD < more < less + LEAD + 3 and less >= 2
    for call in calls:
        call.cancel()


def test_the_shard_with_the_least_wait_gets_the_calls(make_front, make_shard):
    idle = make_shard()
    port, = free_ports(1)
    front = make_front(idle, later=[f"127.0.0.1:{port}"])
    busy = make_shard(port, wait_microseconds=500_000)
    front.wait_for_shards(2, "ready")
    assert [front.predict() for _ in range(100)] == [grpc.StatusCode.OK] * 100
    assert (idle.count(), busy.count()) == (100, 0)


def test_a_slow_reader_holds_back_the_shard_through_both_hops(make_front, make_shard, certificates):
    shard = make_shard()
    front = make_front(shard)
    written = []

    def texts(request, context):
        for number in range(MESSAGE_COUNT):
            written.append(number)
            yield text_pb2.GenerateResponse(text="x" * MESSAGE_SIZE, tokens=[number])
    shard.texts = texts
    # As long as somebody reads, this client takes all that comes.
    options = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 64 << 10)]
    before = front.server.resident_bytes()
    with grpc.secure_channel(front.server.target, credentials(certificates / "main"), options) as channel:
        call = text_pb2_grpc.TextStub(channel).Generate(
            text_pb2.GenerateRequest(model="storyteller", prompt="Once", max_tokens=4), timeout=60)
        assert next(call).tokens == [0]
        seen = []

        def stands_still():
            """Whether nothing was written for a second."""
            seen.append((time.monotonic(), len(written)))
            return seen[-1][0] - next(at for at, count in seen if count == len(written)) > 1
        wait(stands_still)
        assert len(written) * MESSAGE_SIZE < 8 << 20, "of 32 MB that nobody reads"
        assert front.server.resident_bytes() - before < 16 << 20
        assert [message.tokens[0] for message in call] == list(range(1, MESSAGE_COUNT))


@pytest.mark.skipif(os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"]).returncode != 0,
                    reason="a file of hosts of its own needs root")
def test_a_name_stands_for_all_its_addresses_and_is_looked_up_again(tmp_path, certificates, make_shard):
    port, = free_ports(1)
    shards = [make_shard(port, host=f"127.0.0.{number}") for number in (2, 3)]
    hosts = tmp_path / "hosts"

    def say(*addresses):
        # In place: it is this file that is seen as /etc/hosts, whatever lies here under its name.
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{address} shards.test\n" for address in addresses))
        return time.monotonic()
    say("127.0.0.2")
    front = Front(tmp_path, certificates, [f"shards.test:{port}"],
                  more=["server_name: localhost", "look_up_every: 200ms"],
                  inside=["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)])
    try:
        front.wait_for_shards(1, "ready")
        with Load(front, caller_count=3) as load:
            wait(lambda: shards[0].count() > 20)
            assert shards[1].count() == 0
            said_at = say("127.0.0.2", "127.0.0.3")
            wait(lambda: shards[1].count() > 20)
            assert shards[1].asked[0].time - said_at < 2
            said_at = say("127.0.0.3")
            wait(lambda: "shard gone" in front.server.errors())
            gone_at = time.monotonic()
            wait(lambda: shards[1].count(begin=gone_at) > 50)
        assert {status for _, status in load.statuses} == {grpc.StatusCode.OK}
        # Those that were on their way when it was let go.
        assert shards[0].count(begin=gone_at) <= 3 and gone_at - said_at < 2
    finally:
        front.close()
