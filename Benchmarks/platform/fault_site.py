"""The machines of the fault run, as processes in network namespaces: near the callers an etcd and a front end with
tenants and a ledger, at the far end of a cable that can be cut three shards that register in etcd."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Benchmarks/rpc"), str(ROOT / "Tests/Interoperability")]
import support  # noqa: E402

FRONT, SHARDS, PORT = "10.82.0.1", ["10.82.0.2", "10.82.0.3", "10.82.0.4"], 8461
MODELS = ["digits", "karate", "storyteller"]
TENANTS = ("acme", "thrifty", "flood")
LEASE_SECONDS, LOOK_SECONDS = 5, 1
ADMIN_SECONDS = 20


class Server:
    """An `apus serve` that can be killed and started again with the same configuration."""

    def __init__(self, site, name, address, inside, end):
        self.site, self.name, self.address, self.inside = site, name, address, inside
        self.place = site.folder / name
        self.place.mkdir()
        self.metrics_file = self.place / "apus.prom"
        self.relay_port = site.cable.relay(address, PORT, end=end)
        self.process, self.start_count, self.channel = None, 0, None

    def start(self):
        self.start_count += 1
        self.metrics_file.unlink(missing_ok=True)
        command = [*self.inside, self.site.binary, "serve", "--config", self.place / "apus.yaml"]
        self.process = support.Process(
            command, self.place / f"server{self.start_count}.log", ready=rf"\b{re.escape(self.address)}:(\d+)")
        return self

    def is_running(self):
        return self.process is not None and self.process.process.poll() is None

    def kill(self):
        self.process.process.send_signal(signal.SIGKILL)
        self.process.process.wait(30)

    def terminate(self):
        """Ends it as an operator would; gives its exit status, or None when it had to be killed."""
        return self.process.stop(60)

    def log(self):
        """What the present process has logged."""
        return self.process.log.read_text(errors="replace")

    def metrics(self, fresh=False):
        """The metrics as (name, labels) → value; with `fresh`, none written before now."""
        asked = time.time()
        deadline = time.monotonic() + 10
        while True:
            written = self.metrics_file.stat().st_mtime if self.metrics_file.exists() else 0
            if written > (asked if fresh else 0):
                text = self.metrics_file.read_text()
                found = re.findall(r"^(\w+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE)
                return {(name, labels): float(value) for name, labels, value in found}
            if time.monotonic() > deadline:
                return {}
            time.sleep(0.05)

    def admin(self, module, name):
        """A stub of a service, called with the certificate of the role admin."""
        import grpc
        if not self.channel:
            credentials = support.client_credentials(self.site.certificates, "role-admin")
            options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
                       ("grpc.min_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 200)]
            self.channel = grpc.secure_channel(f"localhost:{self.relay_port}", credentials, options)
        return getattr(__import__(f"{module}_grpc", fromlist=[name]), name)(self.channel)

    def hang_up(self):
        if self.channel:
            self.channel.close()
        self.channel = None

    def answered(self, model="karate"):
        """How many requests for a model it has taken since it started; None while it says nothing."""
        import grpc
        from apus.admin.v1 import admin_pb2
        try:
            status = self.admin("apus.admin.v1.admin_pb2", "AdminStub").GetStatus(
                admin_pb2.GetStatusRequest(), timeout=2)
        except grpc.RpcError:
            return None
        return sum(each.counters.requests for each in status.models if each.name == model)


class Site:
    """All of it; `start` it before anything else, and `close` it whatever happened."""

    def __init__(self, folder, binary, budget):
        import etcd
        import namespaces
        self.folder, self.binary, self.budget = folder, binary, budget
        self.cable = namespaces.Cable(FRONT, *SHARDS)
        self.certificates = folder / "certs"
        self.rotation_count = 0
        self.make_certificates()
        (folder / "etcd").mkdir()
        self.etcd = etcd.Etcd(folder / "etcd", self.certificates, FRONT, self.cable.near)
        self.front = Server(self, "front", FRONT, self.cable.near, end=0)
        self.shards = [Server(self, f"shard{number}", address, self.cable.far[number - 1], end=number)
                       for number, address in enumerate(SHARDS, 1)]
        self.callers = []

    # Certificates

    def certs(self, *words):
        return support.run([self.binary, "certs", *words, "--folder", self.certificates])

    def make_certificates(self):
        names = [word for name in ("localhost", "127.0.0.1", FRONT, *SHARDS) for word in ("--server-name", name)]
        self.server_names = names
        support.run([self.binary, "certs", "init", self.certificates, *names])
        self.issue()
        self.certs("crl")

    def issue(self, *options):
        for tenant in TENANTS:
            self.certs("issue", "--tenant", tenant, *options)
        for role in ("router", "admin"):
            self.certs("issue", "--role", role, *options)

    def rotate(self):
        """Puts new certificates in the place of all old ones; gives the folder with those."""
        self.rotation_count += 1
        retired = self.folder / f"retired{self.rotation_count}"
        retired.mkdir()
        for name in ["server", "ca", *[f"tenant-{each}" for each in TENANTS], "role-router", "role-admin"]:
            shutil.copy2(self.certificates / f"{name}.pem", retired)
            if name != "ca":
                shutil.copy2(self.certificates / f"{name}.key", retired)
        self.certs("issue", *self.server_names, "--force")
        self.issue("--force")
        return retired

    def revoke(self, retired):
        self.certs("revoke", *[path for path in sorted(retired.glob("*.pem")) if path.name != "ca.pem"])

    def is_let_in(self, retired, name="tenant-acme"):
        """Whether the front end lets somebody in with a certificate of before."""
        import grpc
        channel = grpc.secure_channel(
            f"localhost:{self.front.relay_port}", support.client_credentials(retired, name),
            [("grpc.use_local_subchannel_pool", 1)])
        with channel:
            try:
                channel.unary_unary("/inference.GRPCInferenceService/ServerLive")(b"", timeout=ADMIN_SECONDS)
            except grpc.RpcError:
                return False
        return True

    # Servers

    def start(self):
        self.etcd.start()
        self.configure_front()
        self.front.start()
        for shard in self.shards:
            self.configure_shard(shard)
            shard.start()

    def tls(self):
        return (f"{{certificate: {self.certificates}/server.pem, key: {self.certificates}/server.key, client_ca: "
                f"{self.certificates}/ca.pem, crl: {self.certificates}/ca.crl, look_every: {LOOK_SECONDS}s}}")

    def client(self, name):
        return (f"certificate: {self.certificates}/{name}.pem, key: {self.certificates}/{name}.key, "
                f"ca: {self.certificates}/ca.pem")

    def configure_front(self):
        lines = [
            f"listen: {FRONT}:{PORT}", "http_listen: off", f"metrics_file: {self.front.metrics_file}",
            "compute_threads: 1", f"tls: {self.tls()}", f"ledger: {{path: {self.front.place}/usage.sqlite}}",
            "tenancy:", "  unlisted: deny", "  tenants:", "    - {name: acme, weight: 4}",
            f"    - {{name: thrifty, budget: {{period: month, tokens: {self.budget}}}}}",
            "    - {name: flood, models: [storyteller], max_concurrency: 3, requests_per_second: 12}",
            "shards:", f"  etcd: {{endpoints: ['{self.etcd.endpoint}'], {self.client('client')}}}",
            *[f"  {each}" for each in self.client("role-router").split(", ")]]
        (self.front.place / "apus.yaml").write_text("\n".join(lines) + "\n")

    def configure_shard(self, shard):
        for model in MODELS:
            shutil.copytree(support.ROOT / "Sources/ApusServer/ExampleModels" / model, shard.place / "models" / model)
        lines = [
            f"listen: {shard.address}:{PORT}", "http_listen: off", f"metrics_file: {shard.metrics_file}",
            "compute_threads: 1", f"tls: {self.tls()}", f"repositories: [{shard.place}/models]",
            f"models: [{', '.join(MODELS)}]", "repository: {control: explicit}",
            f"etcd: {{endpoints: ['{self.etcd.endpoint}'], lease: {LEASE_SECONDS}s, {self.client('client')}}}"]
        (shard.place / "apus.yaml").write_text("\n".join(lines) + "\n")

    def servers(self):
        return [self.front, *self.shards]

    # Load

    def call(self, name, processes, pause):
        """Begins to call; `processes` has how many callers of which tenant each process has."""
        for number, tenants in enumerate(processes):
            output = self.folder / f"calls-{name}-{number}.jsonl"
            settings = {"target": f"{FRONT}:{PORT}", "certificates": str(self.certificates), "tenants": tenants,
                        "seed": number, "pause": pause, "stubs": str(support.BUILD / "stubs"), "output": str(output)}
            with open(self.folder / f"callers-{name}-{number}.log", "wb") as log:
                process = subprocess.Popen(
                    [*self.cable.near, sys.executable, pathlib.Path(__file__).with_name("fault_callers.py"),
                     json.dumps(settings)], stdin=subprocess.PIPE, stderr=log, stdout=log)
            self.callers.append((process, output))

    def end_calls(self, seconds):
        """What has been called, and how many processes of callers did not come to their end in so many seconds, or
        came to a bad one."""
        calls, failed_count = [], 0
        for process, _ in self.callers:
            process.stdin.close()
        deadline = time.monotonic() + seconds
        for process, output in self.callers:
            try:
                failed_count += process.wait(max(0.1, deadline - time.monotonic())) != 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                failed_count += 1
            lines = output.read_text().splitlines() if output.exists() else []
            calls += [json.loads(line) for line in lines if line.endswith("}")]
        self.callers = []
        return calls, failed_count

    def close(self):
        for process, _ in self.callers:
            process.kill()
            process.wait()
        for server in self.servers():
            server.hang_up()
            if server.is_running():
                server.terminate()
        self.etcd.stop()
        self.cable.close()
