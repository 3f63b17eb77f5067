"""A ledger in PostgreSQL that servers share: a real database, of the packages of the system, which is made for the test,
restarted, stopped and killed."""

import concurrent.futures
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import grpc
import pytest

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from conftest import Server, apus, credentials, write_configuration
from test_ledger import connect, generate, usage

PROGRAMS = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))


def owner():
    """Who the database runs as: it refuses root. None when there is nobody."""
    if os.getuid():
        return pwd.getpwuid(os.getuid()).pw_name
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


pytestmark = pytest.mark.skipif(not PROGRAMS or owner() is None, reason="PostgreSQL is not installed (apt: postgresql)")


class Database:
    """A PostgreSQL in a folder of its own, reached by a socket in it."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="apus-pg-", dir="/tmp"))
        self.folder.chmod(0o755)
        shutil.chown(self.folder, owner())
        self.data = self.folder / "data"
        self.run("initdb", "-D", self.data, "-A", "trust", "-U", "apus", "-E", "UTF8", "--no-sync")
        with open(self.data / "postgresql.conf", "a") as settings:
            settings.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\nfsync = off\n"
                           "shared_buffers = 16MB\n")
        self.start()
        self.parameters = f"host={self.folder} user=apus dbname=postgres"

    def run(self, program, *arguments):
        # Not by the options of `subprocess`: with them it forks, which gRPC's threads do not survive.
        who = [] if os.getuid() else ["runuser", "-u", owner(), "--"]
        output = self.folder / "output"
        with open(output, "w") as file:
            # A file: the server that is started keeps what it is given open.
            outcome = subprocess.run([*who, PROGRAMS[-1].parent / program, *map(str, arguments)], cwd="/", timeout=60,
                                     stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        assert outcome.returncode == 0, output.read_text()
        return output.read_text()

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", self.folder / "log", "start")

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.data, "-w", "-m", mode, "stop")

    def query(self, sql):
        return [line.split("|") for line in
                self.run("psql", "-h", self.folder, "-U", "apus", "-d", "postgres", "-At", "-c", sql).splitlines()]

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def cluster():
    database = Database()
    yield database
    database.close()


@pytest.fixture
def database(cluster):
    cluster.query("DROP TABLE IF EXISTS apus_usage, apus_usage_moved, apus_usage_moved_up_to, apus_usage_version, "
                  "apus_budget_advance")
    return cluster


@pytest.fixture(scope="module")
def tenants(certificates):
    for name in ("acme", "beta"):
        apus("certs", "issue", "--tenant", name, "--folder", certificates / "main")
    return certificates


@pytest.fixture
def start(tmp_path, tenants, database):
    """A function that starts the server of a name, the same one every time; what still runs is ended."""
    servers = []

    def start(name, parameters=database.parameters, **extra):
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        configuration = write_configuration(
            place, tenants, ledger=f"{{postgres: '{parameters}', journal: {place / 'usage.journal'}, write_every: 50ms}}",
            **extra)
        servers.append(Server(configuration, place))
        return servers[-1]
    yield start
    for server in servers:
        if server.process.poll() is None:
            assert server.terminate() == 0, server.errors()


def predict(channel):
    _, call = graph_pb2_grpc.GraphStub(channel).Predict.with_call(
        graph_pb2.PredictRequest(model="karate", nodes=[0, 1]), timeout=60)
    return int(dict(call.trailing_metadata())["apus-nodes"])


class Load:
    """Callers of a server until they are stopped or it is gone, and the nodes that they were told of."""

    def __init__(self, pool, server, folder, callers=4):
        self.told, self.lock, self.stopped, self.callers = 0, threading.Lock(), threading.Event(), callers
        self.count = 0
        self.futures = [pool.submit(self.call_on, server, folder) for _ in range(callers)]

    def call_on(self, server, folder):
        with connect(server, folder, "tenant-acme") as channel:
            while not self.stopped.is_set():
                try:
                    nodes = predict(channel)
                except grpc.RpcError:
                    return
                with self.lock:
                    self.told += nodes
                    self.count += 1

    def wait(self, count):
        wait_for(lambda: self.count >= count)

    def stop(self):
        self.stopped.set()
        for future in self.futures:
            future.result()


def wait_for(condition, seconds=60):
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds
        time.sleep(0.02)


def test_two_servers_add_to_one_ledger_and_one_of_them_is_killed(start, tenants, database):
    first, second = start("first"), start("second")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        loads = [Load(pool, server, tenants) for server in (first, second)]
        for load in loads:
            load.wait(150)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(30)
        for load in loads:
            load.stop()
    again = start("first")
    rows = usage(again, tenants)
    told = sum(load.count for load in loads)
    # Beyond what callers were told there may be the calls that the killed server had in flight, and nothing else.
    assert told <= rows["acme", ""].requests <= told + loads[0].callers
    assert rows["acme", ""].nodes == 2 * rows["acme", ""].requests
    assert usage(second, tenants) == rows
    # Nothing is counted a second time by a third start.
    assert again.terminate() == 0
    assert usage(start("first"), tenants) == rows
    assert database.query("SELECT count(DISTINCT journal) FROM apus_usage_moved_up_to") == [["2"]]


def test_a_database_that_is_away_loses_and_repeats_nothing(start, tenants, database):
    server = start("first", http_listen="127.0.0.1:0", metrics_file="apus.prom")
    metrics = pathlib.Path(server.log.name).parent / "apus.prom"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        load = Load(pool, server, tenants)
        load.wait(50)
        # Under load: connections break in the middle of whatever they do.
        for _ in range(3):
            database.stop("immediate")
            count = load.count
            load.wait(count + 50)
            database.start()
            count = load.count
            load.wait(count + 50)
        database.stop("immediate")
        wait_for(lambda: "apus_ledger_write_ok 0" in metrics.read_text())
        database.start()
        load.stop()
    wait_for(lambda: "apus_ledger_write_ok 1" in metrics.read_text())
    assert "ledger not written, kept in its journal" in server.errors()
    assert "ledger written again" in server.errors()
    row = usage(server, tenants)["acme", ""]
    assert (row.requests, row.nodes, row.failures) == (load.count, load.told, 0)


def test_a_database_that_hangs_holds_up_no_call(start, tenants, database):
    server = start("first")
    head = int((database.data / "postmaster.pid").read_text().split()[0])
    workers = [int(each) for each in pathlib.Path(f"/proc/{head}/task/{head}/children").read_text().split()]
    try:
        for process in [head, *workers]:
            os.kill(process, signal.SIGSTOP)
        with connect(server, tenants, "tenant-acme") as channel:
            for _ in range(100):
                begin = time.monotonic()
                predict(channel)
                assert time.monotonic() - begin < 5
    finally:
        for process in [head, *workers]:
            os.kill(process, signal.SIGCONT)
    wait_for(lambda: usage_or_none(server, tenants) == 100)


def usage_or_none(server, tenants):
    try:
        return usage(server, tenants)["acme", ""].requests
    except (grpc.RpcError, KeyError):
        return None


def test_a_server_starts_while_its_database_is_away(start, tenants, database):
    database.stop()
    try:
        server = start("first")
        with connect(server, tenants, "tenant-acme") as channel:
            predict(channel)
        assert "ledger not written" in server.errors()
    finally:
        database.start()
    wait_for(lambda: usage_or_none(server, tenants) == 1)


def test_a_budget_is_shared_by_those_who_share_a_ledger(start, tenants, database):
    budget = "{tenants: [{name: beta, budget: {period: month, tokens: 100}}]}"
    first, second = start("first", tenancy=budget), start("second", tenancy=budget)

    def spent(server):
        with connect(server, tenants, "role-admin") as channel:
            statuses = admin_pb2_grpc.AdminStub(channel).ListTenants(admin_pb2.ListTenantsRequest()).tenants
        return next(each.budget[0].spent for each in statuses if each.name == "beta")
    with connect(first, tenants, "tenant-beta") as channel, connect(second, tenants, "tenant-beta") as other:
        used = [tokens(generate(channel, max_tokens=30)), tokens(generate(other, max_tokens=20))]
        # Each hears of what the other has spent, and counts its own at once and once.
        for server in (first, second):
            wait_for(lambda: spent(server) == sum(used))
        with pytest.raises(grpc.RpcError) as refusal:
            generate(channel, max_tokens=50)
        assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert f"used {sum(used)} of the 100 tokens" in refusal.value.details()
    # One that starts anew knows it before its first call.
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(30)
    again = start("first", tenancy=budget)
    with connect(again, tenants, "tenant-beta") as channel:
        with pytest.raises(grpc.RpcError) as refusal:
            generate(channel, max_tokens=50)
    assert f"used {sum(used)} of the 100 tokens" in refusal.value.details()


def reason(refusal):
    """Why a call was refused, as programs read it."""
    details = dict(refusal.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    return next((each for each in (b"BUDGET_ADVANCE", b"BUDGET_UNKNOWN", b"BUDGET_EXHAUSTED") if each in details), None)


class Spender:
    """Callers of a front end that call again when they are told to, until there is nothing to wait for or it is gone;
    what calls have cost, as their trailers say, and why others were refused."""

    def __init__(self, pool, server, folder, callers):
        self.lock, self.spent, self.reasons = threading.Lock(), 0, []
        self.futures = [pool.submit(self.spend, server, folder) for _ in range(callers)]

    def spend(self, server, folder):
        with connect(server, folder, "tenant-beta") as channel:
            while True:
                try:
                    cost = tokens(generate(channel, max_tokens=20))
                    with self.lock:
                        self.spent += cost
                except grpc.RpcError as refusal:
                    if refusal.code() == grpc.StatusCode.UNAVAILABLE:
                        return
                    assert refusal.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, refusal
                    self.reasons.append(reason(refusal))
                    advice = int(dict(refusal.trailing_metadata())["grpc-retry-pushback-ms"])
                    if advice < 0:
                        return
                    time.sleep(advice / 1000)

    def wait(self):
        for future in self.futures:
            future.result()


@pytest.fixture
def fronts(start, tmp_path, tenants, database):
    """A function that starts the front end of a name, all before one shard and with one budget of so many tokens."""
    main = tenants / "main"
    (tmp_path / "shard").mkdir()
    shard = Server(write_configuration(tmp_path / "shard", tenants), tmp_path / "shard")
    address = shard.target.replace("localhost", "127.0.0.1")
    shards = (f"{{addresses: ['{address}'], certificate: {main / 'role-router.pem'}, key: {main / 'role-router.key'}, "
              f"ca: {main / 'ca.pem'}}}")

    def start_front(name, limit):
        policies = f"{{tenants: [{{name: beta, budget: {{period: month, tokens: {limit}}}}}]}}"
        front = start(name, models="[]", tenancy=policies, shards=shards)
        wait_for(lambda: "shard there" in front.errors())
        return front
    yield start_front
    assert shard.terminate() == 0, shard.errors()


def used_of_budget(database):
    return int(database.query("SELECT coalesce(sum(prompt_tokens + generated_tokens), 0) FROM apus_usage")[0][0])


def given_of_budget(database):
    """What is spent and what is set aside, in one look: never more than the budget."""
    return int(database.query(
        "SELECT (SELECT coalesce(sum(prompt_tokens + generated_tokens), 0) FROM apus_usage) + coalesce(sum(tokens), 0) "
        "FROM apus_budget_advance WHERE extract(epoch FROM now()) BETWEEN begins AND ends - 1")[0][0])


def test_front_ends_that_share_a_ledger_spend_a_budget_once(fronts, tenants, database):
    limit, callers = 12_000, 6
    servers = [fronts(name, limit) for name in ("first", "second", "third")]
    with concurrent.futures.ThreadPoolExecutor(4 * callers) as pool:
        spenders = [Spender(pool, front, tenants, callers) for front in servers]

        def told():
            return sum(each.spent for each in spenders)
        wait_for(lambda: told() > limit / 4)
        # In the middle of whatever they do: one is killed, and then the database goes away.
        servers[0].process.send_signal(signal.SIGKILL)
        servers[0].process.wait(30)
        spenders[0].wait()
        wait_for(lambda: told() > limit / 3)
        assert given_of_budget(database) <= limit
        database.stop("immediate")
        # What is set aside for them is spent, and no more.
        wait_for(lambda: all(each.reasons.count(b"BUDGET_ADVANCE") > callers for each in spenders[1:]))
        assert told() <= limit
        database.start()
        spenders.append(Spender(pool, fronts("first", limit), tenants, callers))
        while not all(future.done() for each in spenders for future in each.futures):
            assert given_of_budget(database) <= limit
        for each in spenders:
            each.wait()
    assert all(each.reasons[-1] == b"BUDGET_EXHAUSTED" for each in spenders[1:])
    assert 0.9 * limit <= told() <= limit, told()
    # Beyond what callers were told the ledger may have the calls that were on their way to callers of the one killed.
    wait_for(lambda: used_of_budget(database) >= told())
    assert used_of_budget(database) <= limit

    def account(front):
        with connect(front, tenants, "role-admin") as channel:
            statuses = admin_pb2_grpc.AdminStub(channel).ListTenants(admin_pb2.ListTenantsRequest()).tenants
        budget = next(each.budget[0] for each in statuses if each.name == "beta")
        return budget.spent, budget.reserved
    for front in servers[1:]:
        wait_for(lambda: account(front) == (used_of_budget(database), 0))


def test_a_server_without_its_database_refuses_who_has_a_budget_and_nobody_else(start, tenants, database):
    budget = "{tenants: [{name: beta, budget: {period: month, tokens: 100}}]}"
    database.stop()
    try:
        server = start("first", tenancy=budget)
        with connect(server, tenants, "tenant-acme") as channel, connect(server, tenants, "tenant-beta") as beta:
            predict(channel)
            with pytest.raises(grpc.RpcError) as refusal:
                generate(beta, max_tokens=5)
            assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert reason(refusal.value) == b"BUDGET_UNKNOWN"
            assert "the ledger cannot be read" in refusal.value.details()
            # What no budget counts goes on.
            predict(beta)
    finally:
        database.start()
    with connect(server, tenants, "tenant-beta") as channel:
        wait_for(lambda: reason_or_none(channel) is None)


def reason_or_none(channel):
    try:
        generate(channel, max_tokens=5)
    except grpc.RpcError as refusal:
        return reason(refusal)
    return None


def test_what_was_set_aside_for_a_server_that_is_gone_is_free_after_a_day(start, tenants, database):
    budget = "{tenants: [{name: beta, budget: {period: month, tokens: 200}}]}"
    first, second = start("first", tenancy=budget), start("second", tenancy=budget)
    with connect(first, tenants, "tenant-beta") as channel:
        used = tokens(generate(channel, max_tokens=20))
    wait_for(lambda: used_of_budget(database) == used)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(30)
    # The one that has used something; it might have had all the rest.
    gone = database.query("SELECT journal FROM apus_usage_moved_up_to WHERE id > 0")[0][0]
    database.query(f"UPDATE apus_budget_advance SET tokens = {200 - used} WHERE journal = '{gone}'")
    with connect(second, tenants, "tenant-beta") as channel:
        assert reason_or_none(channel) == b"BUDGET_ADVANCE"
        database.query(f"UPDATE apus_budget_advance SET renewed = renewed - interval '1 day' WHERE journal = '{gone}'")
        assert reason_or_none(channel) is None
    # A server that ends gives back what it has not spent.
    assert second.terminate() == 0, second.errors()
    assert database.query("SELECT sum(tokens) FROM apus_budget_advance WHERE renewed > now() - interval '1 hour'") \
        == [["0"]]


@pytest.mark.parametrize("version", [1, 2])
def test_tables_of_earlier_versions_are_taken_over(start, tenants, database, version):
    server = start("first")
    with connect(server, tenants, "tenant-acme") as channel:
        predict(channel)
    assert server.terminate() == 0, server.errors()
    database.query("DROP TABLE apus_budget_advance")
    if version == 1:
        database.query("CREATE TABLE apus_usage_moved AS SELECT * FROM apus_usage_moved_up_to")
        database.query("DROP TABLE apus_usage_moved_up_to")
    database.query(f"UPDATE apus_usage_version SET version = {version}")
    server = start("first", tenancy="{tenants: [{name: acme, budget: {period: month, nodes: 3}}]}")
    with connect(server, tenants, "tenant-acme") as channel:
        with pytest.raises(grpc.RpcError) as refusal:
            predict(channel)
    assert reason(refusal.value) == b"BUDGET_EXHAUSTED"
    assert usage(server, tenants)["acme", ""].nodes == 2
    assert database.query("SELECT version FROM apus_usage_version") == [["3"]]


def tokens(trailers):
    return int(trailers["apus-prompt-tokens"]) + int(trailers["apus-generated-tokens"])


def test_what_is_wrong_in_the_configuration_is_said_with_its_line(tmp_path, tenants):
    def errors(ledger):
        return apus("serve", "--config", write_configuration(tmp_path, tenants, ledger=ledger)).stderr
    assert "journal: is required" in errors("{postgres: host=/tmp}")
    assert "cannot be read as a connection" in errors("{postgres: 'hots=/tmp', journal: j}")
    assert "beside postgres the file is called journal" in errors("{postgres: host=/tmp, path: j}")
