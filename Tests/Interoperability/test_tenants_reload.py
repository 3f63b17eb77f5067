"""Every key of the section `tenancy`, changed while a server runs and changed back: what callers see of it each time.

Each change has a tenant of its own, so that what was used for one does not count for another; its one connection stays,
so that what the server has remembered of it has to be forgotten.
"""

import contextlib
import dataclasses
import queue
import signal
import time
import typing

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as inference_pb2
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.vision.v1 import vision_pb2, vision_pb2_grpc
from conftest import EXAMPLES, Server, apus, credentials, write_configuration
from recording_shard import RecordingShard
from test_shards import Platform
from test_tenants import generate, reason

PICTURE = (EXAMPLES / "digits/samples/seven.png").read_bytes()


def outcome(call, *arguments, **options):
    """What came of a call: OK, or the reason that its error gives."""
    try:
        call(*arguments, **options)
        return "OK"
    except grpc.RpcError as error:
        return reason(error)


def predict(site, tenant, **more):
    request = graph_pb2.PredictRequest(model="karate", nodes=[0], **more)
    return outcome(graph_pb2_grpc.GraphStub(site.channel(tenant)).Predict, request, timeout=60)


def predict_twice(site, tenant):
    """What came of the second call."""
    predict(site, tenant)
    return predict(site, tenant)


def predict_with_edges(site, tenant):
    features = np.zeros((2, 34), np.float32)
    return predict(site, tenant, graph=graph_pb2.FeatureGraph(
        node_count=2, feature_count=34, features=features.tobytes(), edge_sources=[0, 1], edge_targets=[1, 0]))


def classify(site, tenant):
    request = vision_pb2.ClassifyRequest(model="digits", encoded=PICTURE)
    return outcome(vision_pb2_grpc.VisionStub(site.channel(tenant)).Classify, request, timeout=60)


def tell(site, tenant):
    return outcome(generate, site.channel(tenant), max_tokens=1)


def tell_twice(site, tenant):
    """What came of the second call."""
    tell(site, tenant)
    return tell(site, tenant)


def inspect(site, tenant):
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(site.channel(tenant))
    return outcome(stub.ModelMetadata, inference_pb2.ModelMetadataRequest(name="karate"), timeout=60)


def period(site, tenant):
    """By what the refusal of a text counts, in the words of its message."""
    with pytest.raises(grpc.RpcError) as refusal:
        generate(site.channel(tenant), max_tokens=1)
    assert reason(refusal.value) == "BUDGET_EXHAUSTED"
    return refusal.value.details().partition(" tokens of its ")[2].partition(",")[0]


def predict_beside_another(site, tenant):
    """What comes of a call while there is another one, which waits for more to be said."""
    requests = queue.SimpleQueue()
    call = site.channel(tenant).stream_unary("/apus.text.v1.Text/EmbedMany").future(
        iter(requests.get, None), timeout=60)
    site.wait(lambda: site.listed(tenant).calls_in_progress == 1)
    try:
        return predict(site, tenant)
    finally:
        call.cancel()
        requests.put(None)
        site.wait(lambda: site.listed(tenant).calls_in_progress == 0)


def weight(site, tenant):
    return site.listed(tenant).weight


@dataclasses.dataclass(frozen=True)
class Change:
    """The key, what the file says of its tenant before and after, and what `look` sees then."""
    key: str
    before: str
    after: str
    look: typing.Callable
    was: object
    becomes: object = "OK"

    @property
    def tenant(self):
        return "key-" + self.key.replace("_", "-")


def limits(unit, look, few, many):
    """A budget of a unit that does not suffice, and one that does."""
    budget = "budget: {period: month, %s: %d}"
    return Change(f"budget.{unit}", budget % (unit, few), budget % (unit, many), look, "BUDGET_EXHAUSTED")


CHANGES = [
    Change("models", "models: [digits]", "models: [karate]", predict, "MODEL_NOT_ALLOWED"),
    Change("methods", "methods: [apus.text.v1.Text/*]", "methods: [apus.graph.v1.Graph/Predict]", predict,
           "METHOD_NOT_ALLOWED"),
    Change("actions", "actions: [infer]", "actions: [infer, inspect]", inspect, "METHOD_NOT_ALLOWED"),
    Change("roles", "roles: [painters]", "roles: [painters, counters]", predict, "MODEL_NOT_ALLOWED"),
    Change("weight", "weight: 2", "weight: 7", weight, 2, 7),
    Change("max_concurrency", "max_concurrency: 1", "max_concurrency: 2", predict_beside_another, "TENANT_CONCURRENCY"),
    Change("requests_per_second", "requests_per_second: 0.001", "requests_per_second: 100000", predict_twice,
           "REQUEST_RATE"),
    Change("request_burst", "requests_per_second: 0.001, request_burst: 1",
           "requests_per_second: 0.001, request_burst: 3", predict_twice, "REQUEST_RATE"),
    Change("tokens_per_second", "tokens_per_second: 0.001", "tokens_per_second: 100000", tell_twice, "TOKEN_RATE"),
    Change("token_burst", "tokens_per_second: 0.001, token_burst: 1", "tokens_per_second: 0.001, token_burst: 1000",
           tell_twice, "TOKEN_RATE"),
    limits("requests", predict_twice, 1, 3),
    limits("tokens", tell, 0, 1000),
    limits("images", classify, 0, 2),
    limits("nodes", predict, 0, 2),
    limits("edges", predict_with_edges, 0, 4),
    Change("budget.period", "budget: {period: month, tokens: 0}", "budget: {period: hour, tokens: 0}", period,
           "month", "hour"),
]


class Site:
    """A server, whose section `tenancy` is `tenancy` once it is written and read."""

    def __init__(self, path, certificates):
        self.main, self.channels = certificates / "main", {}
        self.tenancy = {
            "roles": "[{name: painters, models: [digits]}, {name: counters, models: [karate]}]",
            "tenants": {change.tenant: change.before for change in CHANGES},
        }
        self.configuration = write_configuration(path, certificates)
        self.lines = self.configuration.read_text()
        self.write()
        self.server = Server(self.configuration, path)
        self.admin = grpc.secure_channel(self.server.target, credentials(self.main, "role-admin"))

    def write(self):
        tenants = ", ".join(f"{{name: {name}, {policy}}}" for name, policy in self.tenancy["tenants"].items())
        section = {**self.tenancy, "tenants": f"[{tenants}]"}
        self.configuration.write_text(
            self.lines + "tenancy:\n" + "".join(f"  {key}: {value}\n" for key, value in section.items()))

    def reload(self, told="tenants reloaded"):
        """Has the server read the file as it is now, and waits until it has said what came of it."""
        count = self.server.errors().count(told)
        self.write()
        self.server.process.send_signal(signal.SIGHUP)
        self.wait(lambda: self.server.errors().count(told) > count)

    @contextlib.contextmanager
    def section(self, **values):
        """The section with other values, until the block ends."""
        before = dict(self.tenancy)
        self.tenancy.update(values)
        self.reload()
        try:
            yield
        finally:
            self.tenancy = before
            self.reload()

    def wait(self, condition):
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < 30, self.server.errors()
            time.sleep(0.02)

    def channel(self, tenant):
        """The one connection in the name of a tenant."""
        if tenant not in self.channels:
            # It may be there from before.
            apus("certs", "issue", "--tenant", tenant, "--folder", self.main)
            self.channels[tenant] = grpc.secure_channel(self.server.target, credentials(self.main, f"tenant-{tenant}"))
        return self.channels[tenant]

    def listed(self, tenant):
        """What an admin is told of a tenant that is listed or has called."""
        admin = admin_pb2_grpc.AdminStub(self.admin)
        return next(each for each in admin.ListTenants(admin_pb2.ListTenantsRequest()).tenants if each.name == tenant)

    def close(self):
        for channel in [self.admin, *self.channels.values()]:
            channel.close()
        assert self.server.terminate() == 0, self.server.errors()


@pytest.fixture(scope="module")
def site(tmp_path_factory, certificates):
    site = Site(tmp_path_factory.mktemp("reload"), certificates)
    yield site
    site.close()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.key)
def test_a_key_of_a_tenant_holds_as_soon_as_the_file_is_read_again(site, change):
    tenants = site.tenancy["tenants"]
    assert change.look(site, change.tenant) == change.was
    with site.section(tenants={**tenants, change.tenant: change.after}):
        assert change.look(site, change.tenant) == change.becomes
    # What was allowed in between is so no longer.
    assert change.look(site, change.tenant) == change.was


def test_what_is_said_of_tenants_that_are_not_listed_holds_as_soon_as_the_file_is_read_again(site):
    tenant = "key-nobody"
    assert predict(site, tenant) == "OK"
    with site.section(unlisted="deny"):
        assert predict(site, tenant) == "UNKNOWN_TENANT"
    with site.section(unlisted_limits="{models: [digits]}"):
        assert predict(site, tenant) == "MODEL_NOT_ALLOWED"
    assert predict(site, tenant) == "OK"


def test_tenants_and_roles_come_and_go_as_soon_as_the_file_is_read_again(site):
    tenant, tenants = "key-new", site.tenancy["tenants"]
    assert predict(site, tenant) == "OK" and not site.listed(tenant).listed
    with site.section(tenants={**tenants, tenant: "roles: [painters]"}):
        assert predict(site, tenant) == "MODEL_NOT_ALLOWED" and site.listed(tenant).listed
        assert list(site.listed(tenant).models) == ["digits"]
        with site.section(roles="[{name: painters, models: [karate]}, {name: counters}]"):
            assert predict(site, tenant) == "OK" and list(site.listed(tenant).models) == ["karate"]
        assert predict(site, tenant) == "MODEL_NOT_ALLOWED"
    assert predict(site, tenant) == "OK" and not site.listed(tenant).listed


def test_another_trust_domain_is_refused_and_changes_nothing(site):
    before = dict(site.tenancy)
    site.tenancy.update(trust_domain="elsewhere.local", unlisted="deny")
    try:
        site.reload("tenants not reloaded")
        assert "trust_domain: cannot change while the server runs" in site.server.errors()
        assert predict(site, "key-nobody") == "OK"
    finally:
        site.tenancy = before
        site.reload()


def test_a_file_that_has_changed_is_read_without_a_signal(tmp_path, certificates):
    configuration = write_configuration(tmp_path, certificates, tenancy="{tenants: [{name: acme, models: [digits]}]}")
    configuration.write_text(configuration.read_text().replace("tls:\n", "tls:\n  look_every: 100ms\n"))
    server = Server(configuration, tmp_path)
    request = graph_pb2.PredictRequest(model="karate", nodes=[0])
    try:
        with grpc.secure_channel(server.target, credentials(certificates / "main", "tenant-acme")) as channel:
            predict = graph_pb2_grpc.GraphStub(channel).Predict
            assert outcome(predict, request) == "MODEL_NOT_ALLOWED"
            configuration.write_text(configuration.read_text().replace("models: [digits]", "models: [karate]"))
            deadline = time.monotonic() + 30
            while outcome(predict, request) != "OK":
                assert time.monotonic() < deadline, server.errors()
    finally:
        assert server.terminate() == 0, server.errors()


@pytest.mark.parametrize("key, header, was, becomes", [
    ("weight", "apus-tenant-weight", 2, 7), ("highest_priority", "apus-priority-ceiling", 6, 1)])
def test_shards_hear_of_a_changed_tenant_with_its_next_call(tmp_path, certificates, key, header, was, becomes):
    whole = Platform(tmp_path, certificates, 1, limits=f", {key}: {was}")
    shard = RecordingShard(certificates / "main", [("karate", "graph")], whole.ports[0])
    configuration = tmp_path / "front/apus.yaml"
    text = configuration.read_text()

    def heard():
        """What the shard is told by a call."""
        graph_pb2_grpc.GraphStub(whole.channel).Predict(graph_pb2.PredictRequest(model="karate"), timeout=60)
        value, = [value for name, value in shard.asked[-1].metadata if name == header]
        return int(value)
    try:
        whole.wait(lambda: "shard there" in whole.front.errors())
        assert heard() == was
        for count, value in enumerate([becomes, was], start=1):
            configuration.write_text(text.replace(f"{key}: {was}", f"{key}: {value}"))
            whole.front.process.send_signal(signal.SIGHUP)
            whole.wait(lambda: whole.front.errors().count("tenants reloaded") == count)
            assert heard() == value
    finally:
        shard.close()
        whole.close()
