"""Shards that register themselves in a real etcd, and a front end that finds them there: they come, drain, are killed
and forgotten while calls go on, and etcd itself comes late, goes away and loses its data."""

import concurrent.futures
import contextlib
import signal
import threading
import time

import grpc
import pytest

import etcd as etcd_process
import namespaces
from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from conftest import EXAMPLES, Server, apus, credentials, free_ports, write_configuration
from test_metrics import Samples, get, metrics_address

pytestmark = pytest.mark.skipif(not etcd_process.BINARY or not etcd_process.CONTROL,
                                reason="no etcd: packages etcd-server and etcd-client")
LEASE_SECONDS = 2


class Cluster:
    """An etcd, and servers that know each other through it."""

    def __init__(self, path, certificates, secure=False, dead_endpoint=False, flags=(), lease=LEASE_SECONDS):
        self.lease = lease
        self.path, self.certificates, self.main = path, certificates, certificates / "main"
        self.etcd = etcd_process.Etcd(path, self.main if secure else None, flags=flags)
        dead = [f"127.0.0.1:{free_ports(1)[0]}"] if dead_endpoint else []
        self.where = [f"endpoints: [{', '.join([*dead, self.etcd.endpoint])}]"]
        if secure:
            self.where += [f"certificate: {self.main / 'client.pem'}", f"key: {self.main / 'client.key'}",
                           f"ca: {self.main / 'ca.pem'}"]
        else:
            self.where += ["plaintext: true"]
        self.shards, self.front, self.channel = [], None, None

    def start_front(self):
        place = self.path / "front"
        place.mkdir()
        main = self.main
        lines = ["listen: 127.0.0.1:0", "http_listen: 127.0.0.1:0", "tls:", f"  certificate: {main / 'server.pem'}",
                 f"  key: {main / 'server.key'}", f"  client_ca: {main / 'ca.pem'}",
                 "shards:", f"  certificate: {main / 'role-router.pem'}", f"  key: {main / 'role-router.key'}",
                 f"  ca: {main / 'ca.pem'}", "  etcd:", *[f"    {line}" for line in self.where]]
        (place / "apus.yaml").write_text("\n".join(lines) + "\n")
        self.front = Server(place / "apus.yaml", place)
        self.channel = grpc.secure_channel(self.front.target, credentials(main, "tenant-acme"))
        return self

    def start_shard(self, where=None):
        """`where` is how it finds etcd, if not as everybody does."""
        place = self.path / f"shard{len(self.shards)}"
        place.mkdir(exist_ok=True)
        settings = "{" + ", ".join([*(where or self.where), f"lease: {self.lease}s"]) + "}"
        shard = Server(write_configuration(place, self.certificates, etcd=settings), place)
        shard.name = shard.target.replace("localhost", "127.0.0.1")
        self.shards.append(shard)
        return shard

    def logged(self, text):
        return self.front.errors().count(text)

    def sample(self, name, **labels):
        """A metric of the front end; 0 when it is not there."""
        _, _, text = get(metrics_address(self.front))
        return Samples(text).get((name, *sorted(labels.items())), 0)

    def serves(self):
        try:
            predict(self.channel)
            return True
        except grpc.RpcError:
            return False

    def close(self):
        if self.channel:
            self.channel.close()
        for each in [self.front, *self.shards]:
            if each and each.process.poll() is None:
                assert each.terminate() == 0, each.errors()
        self.etcd.stop()


@pytest.fixture
def cluster(tmp_path, certificates):
    clusters = []

    def make(**options):
        clusters.append(Cluster(tmp_path, certificates, **options))
        return clusters[-1]
    yield make
    for each in clusters:
        each.close()


def predict(channel):
    return graph_pb2_grpc.GraphStub(channel).Predict(
        graph_pb2.PredictRequest(model="karate", nodes=[0, 33]), timeout=30)


def generate(channel):
    from apus.text.v1 import text_pb2, text_pb2_grpc
    request = text_pb2.GenerateRequest(
        model="storyteller", prompt="Once upon a time", max_tokens=16, ignore_end_of_text=True)
    messages = list(text_pb2_grpc.TextStub(channel).Generate(request, timeout=30))
    assert messages[-1].usage.generated_tokens == 16


def wait(condition, seconds=30, why=lambda: ""):
    """Seconds until the condition holds."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, why()
        time.sleep(0.02)
    return time.monotonic() - begin


@contextlib.contextmanager
def load(channel, texts=False, workers=6):
    """Calls without end, every third of a text that streams if that is wanted; what failed is asserted to be nothing.
    Gives the count of those that were answered."""
    stop, failures, count, lock = threading.Event(), [], [0], threading.Lock()

    def call(index):
        while not stop.is_set():
            try:
                generate(channel) if texts and index % 3 == 0 else predict(channel)
                with lock:
                    count[0] += 1
            except grpc.RpcError as error:
                failures.append(error)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        calls = [pool.submit(call, index) for index in range(workers)]
        try:
            yield count
        finally:
            stop.set()
        for each in calls:
            each.result()
    assert not failures, failures[0]


def answered(shard, main):
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    with grpc.secure_channel(shard.target, credentials(main, "role-admin")) as channel:
        status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
    return next(each.counters.requests for each in status.models if each.name == "karate")


def test_shards_come_drain_and_are_killed_under_load(cluster):
    whole = cluster()
    whole.etcd.start()
    whole.start_front()
    first = whole.start_shard()
    wait(whole.serves)
    with load(whole.channel) as count:
        # The banner is there before the key is.
        second = whole.start_shard()
        assert wait(lambda: answered(second, whole.main) > 0) < 2
        # One that drains is gone before its process is.
        second.process.send_signal(signal.SIGTERM)
        assert wait(lambda: whole.etcd.shards() == [first.name]) < 1.5
        wait(lambda: whole.logged("shard gone") == 1)
        assert second.process.wait(30) == 0, second.errors()
        # One that is killed is gone with its lease, which etcd looks at twice a second.
        third = whole.start_shard()
        wait(lambda: whole.logged("shard there") == 3, why=whole.front.errors)
        third.process.send_signal(signal.SIGKILL)
        assert third.name in whole.etcd.shards()
        wait(lambda: whole.sample("apus_shard_ready", shard=third.name) == 0)
        assert whole.sample("apus_shards", state="away") == 1 and whole.sample("apus_shards", state="ready") == 1
        assert wait(lambda: whole.logged("shard gone") == 2, why=whole.front.errors) < LEASE_SECONDS + 1.5
        assert whole.sample("apus_shards", state="away") == 0 and whole.sample("apus_shards", state="ready") == 1
        assert whole.sample("apus_shard_ready", shard=first.name) == 1
        before = count[0]
        wait(lambda: count[0] > before + 20)


def test_replacing_every_shard_under_load_fails_nothing(cluster):
    whole = cluster()
    whole.etcd.start()
    whole.start_front()
    old = [whole.start_shard() for _ in range(2)]
    wait(lambda: whole.logged("shard there") == 2, why=whole.front.errors)
    with load(whole.channel, texts=True) as count:
        for number, shard in enumerate(old):
            # At an address of its own, so that etcd is all that tells of it.
            whole.start_shard()
            wait(lambda: whole.logged("shard there") == 3 + number, why=whole.front.errors)
            assert shard.terminate() == 0, shard.errors()
            wait(lambda: whole.logged("shard gone") == 1 + number, why=whole.front.errors)
            before = count[0]
            wait(lambda: count[0] > before + 50)


def test_an_etcd_that_restarts_compacts_and_forgets_under_load_fails_nothing(cluster):
    whole = cluster()
    whole.etcd.start()
    whole.start_front()
    names = sorted(whole.start_shard().name for _ in range(2))
    wait(lambda: whole.logged("shard there") == 2)
    with load(whole.channel) as count:
        for number in range(5):
            whole.etcd.control("put", "elsewhere", str(number))
        whole.etcd.control("compact", "5")
        whole.etcd.stop()
        wait(lambda: whole.logged("those known stay") == 1, why=whole.front.errors)
        # Away for longer than the leases last.
        before = count[0]
        time_gone = time.monotonic() + LEASE_SECONDS + 1
        wait(lambda: count[0] > before + 50 and time.monotonic() > time_gone)
        whole.etcd.start()
        wait(lambda: whole.logged("etcd tells which shards there are") == 2)
        wait(lambda: whole.etcd.shards() == names)
        # Back without its data, it is told everything anew.
        whole.etcd.stop(keeping_data=False)
        whole.etcd.start()
        wait(lambda: whole.logged("etcd tells which shards there are") == 3)
        wait(lambda: whole.etcd.shards() == names)
        # And a shard that joins after all that is found.
        third = whole.start_shard()
        wait(lambda: answered(third, whole.main) > 0)
    assert whole.logged("shard gone") == 0 and whole.logged("shard lost") == 0


def test_a_shard_whose_way_to_etcd_is_cut_stays_as_long_as_it_answers(cluster):
    whole = cluster()
    whole.etcd.start()
    whole.start_front()
    way = namespaces.Relay(None, "127.0.0.1", whole.etcd.port)
    shard = whole.start_shard([f"endpoints: [127.0.0.1:{way.port}]", "plaintext: true"])
    wait(whole.serves)
    with load(whole.channel) as count:
        way.close()
        # Its lease ends, and etcd tells the front end so.
        wait(lambda: whole.logged("but answers: it stays") == 1, why=whole.front.errors)
        assert whole.etcd.shards() == [] and "not registered in etcd" in shard.errors()
        before = count[0]
        wait(lambda: count[0] > before + 50)
    assert whole.logged("shard gone") == 0 and whole.sample("apus_shard_ready", shard=shard.name) == 1
    # Once it is silent, nothing speaks for it any more.
    shard.process.send_signal(signal.SIGKILL)
    assert wait(lambda: whole.logged("shard gone") == 1, why=whole.front.errors) < 2


def test_a_front_end_and_a_shard_may_start_before_an_etcd_that_wants_certificates(cluster):
    # Of its two servers, the first is never there.
    whole = cluster(secure=True, dead_endpoint=True)
    whole.start_front()
    shard = whole.start_shard()
    wait(lambda: "not registered in etcd" in shard.errors() and whole.logged("those known stay"))
    # Which models there are is not known yet: callers hear to come again, not that there is none.
    with pytest.raises(grpc.RpcError) as failure:
        predict(whole.channel)
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
    whole.etcd.start()
    wait(whole.serves, why=whole.front.errors)
    # A key that somebody removes is written again.
    whole.etcd.control("del", f"/apus/shards/{shard.name}")
    wait(lambda: "etcd has forgotten this shard" in shard.errors())
    wait(lambda: whole.etcd.shards() == [shard.name])
    wait(whole.serves)
    # What is no address is said once, and does no harm.
    whole.etcd.control("put", "/apus/shards/nonsense", "")
    wait(lambda: whole.logged("no HOST:PORT") == 1)
    assert whole.serves()


def identity(path, user, password):
    """The keys of a user, whose password stands in a file as an editor leaves it."""
    file = path / f"{user}.password"
    file.write_text(password + "\n")
    return [f"user: {user}", f"password_file: {file}"]


def test_tokens_of_an_etcd_with_users_are_renewed_whatever_becomes_of_them(cluster):
    # Renewals of the lease are further apart than a token lasts, so that each finds it gone.
    whole = cluster(flags=["--auth-token=simple", "--auth-token-ttl=1"], lease=8)
    etcd = whole.etcd.start()
    etcd.require_users(shard="one-two", front="three-four")
    whole.where += identity(whole.path, "front", "three-four")
    whole.start_front()
    where = [*whole.where[:-2], *identity(whole.path, "shard", "one-two")]
    first = whole.start_shard(where)
    wait(whole.serves, why=whole.front.errors)
    count = etcd.answered("Authenticate")
    wait(lambda: etcd.answered("Authenticate") >= count + 2, why=first.errors)
    assert etcd.shards() == [first.name]
    # No token survives a restart, neither the shard's nor that of the watch.
    etcd.stop()
    wait(lambda: whole.logged("those known stay"), why=whole.front.errors)
    etcd.start()
    second = whole.start_shard(where)
    wait(lambda: whole.logged("shard there") == 2, why=whole.front.errors)
    assert etcd.shards() == sorted([first.name, second.name])
    # The role is enough to leave, too.
    assert second.terminate() == 0
    assert etcd.shards() == [first.name], second.errors()
    for each in (first, whole.front):
        errors = each.errors()
        assert "does not let in" not in errors and "denied" not in errors and "forgotten" not in errors, errors
        assert not any(secret in errors for secret in ("one-two", "three-four")), errors


def test_a_wrong_password_is_said_and_mended_without_a_restart(cluster):
    whole = cluster()
    etcd = whole.etcd.start()
    etcd.require_users(shard="one-two")
    shard = whole.start_shard([*whole.where, *identity(whole.path, "shard", "five-six")])
    wait(lambda: "not registered in etcd" in shard.errors(), why=shard.errors)
    assert "etcd does not let in user 'shard': etcdserver: authentication failed" in shard.errors()
    # Tries go on, and are not told again.
    refused = etcd.answered("Authenticate", "InvalidArgument")
    wait(lambda: etcd.answered("Authenticate", "InvalidArgument") > refused)
    assert shard.errors().count("not registered in etcd") == 1 and "five-six" not in shard.errors()
    identity(whole.path, "shard", "one-two")
    wait(lambda: etcd.shards() == [shard.name], why=shard.errors)
    assert "one-two" not in shard.errors()


def test_users_without_a_right_and_servers_without_a_user_are_told_what_they_lack(cluster):
    whole = cluster()
    whole.etcd.start().require_users()
    without_user = whole.start_shard()
    without_right = whole.start_shard([*whole.where, *identity(whole.path, "nobody", "nothing")])
    wait(lambda: "etcd wants a user and a password" in without_user.errors(), why=without_user.errors)
    wait(lambda: "PERMISSION_DENIED: etcdserver: permission denied" in without_right.errors(),
         why=without_right.errors)


def test_a_password_may_come_from_the_environment_and_users_be_required_later(cluster, monkeypatch):
    monkeypatch.setenv("APUS_ETCD_PASSWORD", "one-two")
    whole = cluster(lease=5)
    etcd = whole.etcd.start()
    shard = whole.start_shard([*whole.where, "user: shard"])
    wait(lambda: etcd.shards() == [shard.name], why=shard.errors)
    etcd.require_users(shard="one-two")
    wait(lambda: etcd.answered("Authenticate") == 1, why=shard.errors)
    # Whoever is refused would be gone by then.
    gone = whole.lease + 1.5
    begin = time.monotonic()
    wait(lambda: time.monotonic() - begin > gone or etcd.shards() != [shard.name])
    assert etcd.shards() == [shard.name] and "not registered" not in shard.errors(), shard.errors()


@pytest.mark.parametrize("lines, complaint", [
    (["etcd: {endpoints: [127.0.0.1:2379], plaintext: true, user: a}"],
     "etcd.password_file: is required with user, or APUS_ETCD_PASSWORD in the environment"),
    (["etcd: {endpoints: [127.0.0.1:2379], plaintext: true, password_file: /dev/null}"],
     "etcd.user: is required with password_file"),
    (["etcd: {endpoints: [127.0.0.1:2379], plaintext: true, user: a, password_file: nowhere}"],
     "etcd.password_file: no such file: nowhere"),
    (["etcd: {endpoints: [127.0.0.1:2379], plaintext: true, user: a, password_file: /dev/null, password: b}"],
     "etcd.password: "),
    (["etcd: {endpoints: [], plaintext: true}"], "etcd.endpoints: is required"),
    (["etcd: {endpoints: [10.0.0.1:2379], plaintext: true}"], "etcd.plaintext: only loopback addresses"),
    (["etcd: {endpoints: [127.0.0.1:2379]}"], "etcd.ca: is required"),
    (["etcd: {endpoints: [127.0.0.1:2379], plaintext: true, lease: 1s}"], "etcd.lease: expected a duration"),
    (["etcd: {endpoints: [127.0.0.1:2379], plaintext: true, prefix: ''}"], "etcd.prefix: may not be empty"),
    (["listen: 0.0.0.0:8461", "etcd: {endpoints: [127.0.0.1:2379], plaintext: true}"], "etcd.advertise: is required"),
    (["etcd: {endpoints: [127.0.0.1:2379], plaintext: true, advertise: 0.0.0.0:8461}"],
     "etcd.advertise: expected where"),
    (["shards: {ca: ca.pem}"], "shards.addresses: is required, or etcd"),
    (["shards: {addresses: [10.0.0.1:8461], affinity: sometimes}"], "shards.affinity: expected off"),
    (["etcd: {endpoints: [127.0.0.1:2379], ca: nowhere.pem, certificate: a.pem, key: a.key}"],
     "etcd.certificate: no such file: a.pem"),
])
def test_a_configuration_that_cannot_work_says_why(tmp_path, lines, complaint):
    (tmp_path / "apus.yaml").write_text("\n".join(lines) + "\n")
    outcome = apus("serve", "--config", tmp_path / "apus.yaml")
    assert outcome.returncode != 0 and complaint in outcome.stderr, outcome.stderr


def test_a_model_whose_only_shard_is_gone_is_unavailable_and_one_that_nobody_had_is_unknown(cluster):
    whole = cluster()
    whole.etcd.start()
    whole.start_front()
    place = whole.path / "shard0" / "models" / "lonely"
    place.parent.mkdir(parents=True)
    place.symlink_to(EXAMPLES / "karate")
    shards = [whole.start_shard(), whole.start_shard()]
    deadline = time.monotonic() + 30

    def wait(condition):
        while not condition():
            assert time.monotonic() < deadline, whole.front.errors()
            time.sleep(0.02)

    def outcome(model):
        try:
            graph_pb2_grpc.GraphStub(whole.channel).Predict(
                graph_pb2.PredictRequest(model=model, nodes=[0]), timeout=30)
            return "OK", {}
        except grpc.RpcError as error:
            return error.code().name, dict(error.trailing_metadata())
    wait(lambda: whole.logged("shard there") == 2)
    assert outcome("lonely")[0] == "OK" and outcome("nobody")[0] == "NOT_FOUND"
    shards[0].process.send_signal(signal.SIGKILL)
    shards[0].process.wait(30)
    # Its lease is over, and nobody but the front end's memory knows of it.
    wait(lambda: whole.logged("shard gone") == 1)
    code, trailers = outcome("lonely")
    assert code == "UNAVAILABLE" and int(trailers["grpc-retry-pushback-ms"]) > 0
    assert outcome("nobody")[0] == "NOT_FOUND" and outcome("karate")[0] == "OK"
