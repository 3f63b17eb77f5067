"""A front end and two shards at the two ends of a bad cable: a slow one that loses packets, and one that is cut.

The bounds are stated where they are asserted; those of time have a second for a machine that does other things.
"""

import concurrent.futures
import threading
import time

import grpc
import pytest

import namespaces
from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from conftest import Server, credentials, write_configuration

obstacle = namespaces.obstacle()
pytestmark = pytest.mark.skipif(obstacle is not None, reason=str(obstacle))
FRONT, SHARDS = "10.79.0.1", ["10.79.0.2", "10.79.0.3"]
PORT = 8461
REPORT_AGE, SLACK = 2.0, 1.0


class Site:
    """The front end is near, the shards are far, one at each address."""

    def __init__(self, path, certificates):
        self.certificates, self.main = certificates, certificates / "main"
        self.cable = namespaces.Cable(FRONT, *SHARDS)
        self.shards, self.admins = [], []
        for index, address in enumerate(SHARDS):
            place = path / address
            place.mkdir()
            configuration = write_configuration(place, certificates)
            text = configuration.read_text().replace("127.0.0.1:0", f"{address}:{PORT}")
            configuration.write_text(text)
            self.shards.append(Server(configuration, place, host=address, inside=self.cable.far[index]))
            # Seen from the far end: what is done to the cable does not hide what a shard has done.
            port = self.cable.relay(address, PORT, end=1 + index)
            self.admins.append(grpc.secure_channel(f"localhost:{port}", credentials(self.main, "role-admin")))
        place = path / "front"
        place.mkdir()
        main = self.main
        lines = [f"listen: {FRONT}:{PORT}", "http_listen: off", "tls:", f"  certificate: {main / 'server.pem'}",
                 f"  key: {main / 'server.key'}", f"  client_ca: {main / 'ca.pem'}",
                 "shards:", f"  addresses: [{', '.join(f'{each}:{PORT}' for each in SHARDS)}]",
                 f"  certificate: {main / 'role-router.pem'}", f"  key: {main / 'role-router.key'}",
                 f"  ca: {main / 'ca.pem'}", "  server_name: localhost"]
        (place / "apus.yaml").write_text("\n".join(lines) + "\n")
        self.front = Server(place / "apus.yaml", place, host=FRONT, inside=self.cable.near)
        port = self.cable.relay(FRONT, PORT)
        self.channel = grpc.secure_channel(f"localhost:{port}", credentials(self.main, "tenant-acme"))
        self.wait(lambda: self.front.errors().count("shard there") == len(SHARDS))

    def wait(self, condition, seconds=30):
        """Seconds until the condition holds."""
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < seconds, self.front.errors()
            time.sleep(0.02)
        return time.monotonic() - begin

    def answered(self, index):
        """How many calls a shard has answered."""
        from apus.admin.v1 import admin_pb2, admin_pb2_grpc
        status = admin_pb2_grpc.AdminStub(self.admins[index]).GetStatus(admin_pb2.GetStatusRequest(), timeout=30)
        return next(each.counters.requests for each in status.models if each.name == "karate")

    def close(self):
        for channel in [self.channel, *self.admins]:
            channel.close()
        try:
            for each in [self.front, *self.shards]:
                assert each.terminate() == 0, each.errors()
        finally:
            self.cable.close()


@pytest.fixture
def site(tmp_path, certificates):
    site = Site(tmp_path, certificates)
    yield site
    site.close()


class Call:
    """A call that has ended: when it began, how long it took, and its status."""

    def __init__(self, channel, timeout):
        self.begin = time.monotonic()
        try:
            graph_pb2_grpc.GraphStub(channel).Predict(
                graph_pb2.PredictRequest(model="karate", nodes=[0, 33]), timeout=timeout)
            self.code = grpc.StatusCode.OK
        except grpc.RpcError as error:
            self.code = error.code()
        self.seconds = time.monotonic() - self.begin


class Load:
    """Callers that call one after the other until they are stopped."""

    def __init__(self, channel, timeout, caller_count=6):
        self.channel, self.timeout = channel, timeout
        self.calls, self.stop = [], threading.Event()
        self.pool = concurrent.futures.ThreadPoolExecutor(caller_count)
        self.callers = [self.pool.submit(self.call) for _ in range(caller_count)]

    def call(self):
        while not self.stop.is_set():
            self.calls.append(Call(self.channel, self.timeout))

    def end(self):
        self.stop.set()
        for caller in self.callers:
            caller.result()
        self.pool.shutdown()
        return self.calls


def test_over_a_slow_cable_that_loses_packets_calls_succeed_and_deadlines_hold(site):
    site.cable.say("delay 0.02")
    site.cable.say("loss 0.02")
    load = Load(site.channel, timeout=20)
    site.wait(lambda: len(load.calls) >= 300, seconds=60)
    calls = load.end()
    assert {call.code for call in calls} == {grpc.StatusCode.OK}
    times = sorted(call.seconds for call in calls)
    # There and back is 40 ms, so the cable is what it says; TCP asks again for what was lost after some 250 ms.
    assert times[0] > 0.04 and times[len(times) // 2] < 1 and times[-1] < 15, times[-5:]
    # Less time than the way takes.
    for _ in range(20):
        call = Call(site.channel, timeout=0.03)
        assert call.code == grpc.StatusCode.DEADLINE_EXCEEDED and call.seconds < 0.03 + SLACK
    assert Call(site.channel, timeout=20).code == grpc.StatusCode.OK


def test_when_one_shard_is_cut_off_the_other_takes_over_and_load_returns_with_the_cable(site):
    # So long that an old connection would take seconds more to notice that the cable is whole again.
    timeout, seconds = 2.5, 8
    load = Load(site.channel, timeout)
    site.wait(lambda: min(site.answered(index) for index in range(2)) > 20)
    site.cable.say(f"cut {SHARDS[0]}")
    time_cut = time.monotonic()
    site.wait(lambda: time.monotonic() > time_cut + seconds)
    before = site.answered(0)
    site.cable.say("heal")
    time_healed = time.monotonic()
    # A new connection is tried at least every second or so; then the shard says that it is there.
    returned_after = site.wait(lambda: site.answered(0) > before)
    site.wait(lambda: time.monotonic() > time_healed + 1)
    calls = load.end()
    assert returned_after < 2 + SLACK
    for call in calls:
        # Nothing hangs, whatever becomes of it.
        assert call.seconds < timeout + SLACK, call.code
        if call.begin > time_cut + REPORT_AGE + SLACK:
            # The silence has been noticed: the other one has taken over.
            assert call.code == grpc.StatusCode.OK
        elif call.code != grpc.StatusCode.OK:
            # On its way to the shard when that was cut off, or sent before the silence was noticed.
            assert call.code == grpc.StatusCode.DEADLINE_EXCEEDED and call.begin + call.seconds > time_cut
    assert sum(call.code != grpc.StatusCode.OK for call in calls) > 0, "nothing was cut"
    assert sum(time_cut < call.begin < time_healed and call.code == grpc.StatusCode.OK for call in calls) > 50


def test_when_every_shard_is_cut_off_callers_hear_so_at_once(site):
    assert Call(site.channel, timeout=20).code == grpc.StatusCode.OK
    for address in SHARDS:
        site.cable.say(f"cut {address}")
    site.wait(lambda: site.front.errors().count("shard lost") == len(SHARDS), seconds=REPORT_AGE + 2 * SLACK)
    call = Call(site.channel, timeout=20)
    assert call.code == grpc.StatusCode.UNAVAILABLE and call.seconds < SLACK
    site.cable.say("heal")
    assert site.wait(lambda: Call(site.channel, timeout=20).code == grpc.StatusCode.OK) < 2 + SLACK
