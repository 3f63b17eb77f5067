"""What the measurements of the RPC layer share: a server to measure, a request to send it, tools to send it with."""

import contextlib
import os
import pathlib
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "Benchmarks/rpc"
BUILD = ROOT / ".build/benchmarks"
BINARY = ROOT / ".build/release/apus"
PATH = "/inference.GRPCInferenceService/ModelInfer"
PAYLOAD_BYTE_COUNT = 1024


def environment(**extra):
    """The environment of whatever is measured: OpenBLAS chooses its kernels by the processor."""
    kept = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    return kept | {key: str(value) for key, value in extra.items()}


def stubs():
    """The Python messages of the services that are called, as modules."""
    folder = BUILD / "stubs"
    if str(folder) not in sys.path:
        from grpc_tools import protoc
        folder.mkdir(parents=True, exist_ok=True)
        include = ROOT / "Proto"
        names = ("inference.proto", "inference_config.proto",
                 *[f"apus/{name}/v1/{name}.proto" for name in ("admin", "graph", "text", "vision")])
        files = [str(include / name) for name in names]
        code = protoc.main(["protoc", f"-I{include}", f"--python_out={folder}", f"--grpc_python_out={folder}", *files])
        if code != 0:
            raise SystemExit("the protos do not compile")
        sys.path.insert(0, str(folder))
    import inference_pb2
    return inference_pb2


def infer_request(byte_count=PAYLOAD_BYTE_COUNT):
    """A ModelInferRequest for the model `identity` with one FP32 tensor of `byte_count` raw bytes."""
    messages = stubs()
    request = messages.ModelInferRequest(model_name="identity", id="1")
    tensor = request.inputs.add(name="input", datatype="FP32")
    tensor.shape.append(byte_count // 4)
    request.raw_input_contents.append(bytes(index % 64 for index in range(byte_count)))
    return request


def framed(message):
    """A message behind its gRPC prefix: not compressed, length."""
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


def body_file(folder):
    path = folder / "infer.bin"
    path.write_bytes(framed(infer_request()))
    return path


def certificates(folder, binary=BINARY):
    """A folder of certificates: an authority, a server, the tenant `local`, an admin and a router."""
    run([binary, "certs", "init", folder])
    for role in ("admin", "router"):
        run([binary, "certs", "issue", "--role", role, "--folder", folder])
    return folder


def run(command, **options):
    """Runs a command to its end and returns what it printed; its errors end the program."""
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, env=environment(), **options)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{result.stdout}{result.stderr}")
    return result.stdout


def pinned(command, core):
    """The command on one core, or anywhere when `core` is None."""
    return [str(word) for word in (["taskset", "-c", str(core)] if core is not None else []) + list(command)]


class Process:
    """A server under measurement: started, asked for its use of the processor and memory, ended."""

    def __init__(self, command, log, ready=r"\b127\.0\.0\.1:(\d+)", core=None, patience=180, **variables):
        self.log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                pinned(command, core), stdout=subprocess.PIPE, stderr=errors, cwd=log.parent,
                env=environment(**variables))
        self.pid = self.process.pid
        banner = ""
        deadline = time.monotonic() + patience
        while not (match := re.search(ready, banner)):
            readable, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            chunk = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            if not chunk:
                self.process.kill()
                raise SystemExit(f"{command[0]} did not start:\n{banner}\n{log.read_text()}")
            banner += chunk.decode()
        self.port = int(match.group(1))

    def processor_seconds(self):
        """User and system time of all threads so far, in steps of the kernel's tick."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_bytes(self):
        return int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def descriptor_count(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def stop(self, patience=30):
        """Ends the process as an operator would; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None


def write_configuration(folder, certificate_folder=None, event_loops=1, models=None, **extra):
    """An `apus serve` configuration with the model `identity` and those in `models`, as name → lines of model.yaml.

    Without a certificate folder it serves in the clear.
    """
    repository = folder / "models"
    for name, lines in ({"identity": ["platform: identity"]} | (models or {})).items():
        (repository / name / "1").mkdir(parents=True, exist_ok=True)
        (repository / name / "model.yaml").write_text("\n".join(lines) + "\n")
    lines = ["listen: 127.0.0.1:0", f"event_loops: {event_loops}", "compute_threads: 1",
             f"repositories: [{repository}]", *[f"{key}: {value}" for key, value in extra.items()]]
    if certificate_folder:
        lines += ["tls:", f"  certificate: {certificate_folder}/server.pem", f"  key: {certificate_folder}/server.key",
                  f"  client_ca: {certificate_folder}/ca.pem"]
    else:
        lines.append("plaintext: true")
    path = folder / "apus.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


@contextlib.contextmanager
def apus(folder, binary=BINARY, certificate_folder=None, event_loops=1, wrapper=(), core=None, variables=None,
         configuration=None):
    """A running `apus serve` in `folder`, behind `wrapper` (valgrind, say) if given."""
    folder.mkdir(parents=True, exist_ok=True)
    path = write_configuration(folder, certificate_folder, event_loops, **(configuration or {}))
    server = Process([*wrapper, binary, "serve", "--config", path], folder / "server.log", core=core,
                     **(variables or {}))
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def front_end(folder, shard, certificate_folder=None, binary=BINARY, wrapper=(), variables=None):
    """A running `apus serve` without models of its own, before the server `shard`; behind `wrapper` if given.

    The certificates are those of `certificates` and that of a router.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["listen: 127.0.0.1:0", "http_listen: off", "event_loops: 1", "compute_threads: 1", "shards:",
             f"  addresses: [127.0.0.1:{shard.port}]"]
    if certificate_folder:
        lines += [f"  certificate: {certificate_folder}/role-router.pem", f"  key: {certificate_folder}/role-router.key",
                  f"  ca: {certificate_folder}/ca.pem", "tls:", f"  certificate: {certificate_folder}/server.pem",
                  f"  key: {certificate_folder}/server.key", f"  client_ca: {certificate_folder}/ca.pem"]
    else:
        lines += ["  plaintext: true", "plaintext: true"]
    (folder / "apus.yaml").write_text("\n".join(lines) + "\n")
    server = Process([*wrapper, binary, "serve", "--config", folder / "apus.yaml"], folder / "server.log",
                     **(variables or {}))
    try:
        yield server
    finally:
        server.stop()


def check_answers(target, certificate_folder=None):
    """One call by grpcio, decoded: what the load generators count as an answer is one.

    Why: h2load looks at no gRPC status, and the other generators at no bytes.
    """
    import grpc
    request = infer_request()
    channel = grpc.insecure_channel(target)
    if certificate_folder:
        channel = grpc.secure_channel(target, client_credentials(certificate_folder))
    with channel:
        infer = channel.unary_unary(PATH, request_serializer=type(request).SerializeToString,
                                    response_deserializer=stubs().ModelInferResponse.FromString)
        deadline = time.monotonic() + 60
        while True:
            try:
                response = infer(request, timeout=60, wait_for_ready=True)
                break
            except grpc.RpcError as error:
                # A front end hears from its shards a moment after it listens.
                if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
    if list(response.raw_output_contents) != list(request.raw_input_contents):
        raise SystemExit(f"{target} does not echo")


def client_credentials(folder, name="client"):
    import grpc
    return grpc.ssl_channel_credentials(
        root_certificates=(folder / "ca.pem").read_bytes(), private_key=(folder / f"{name}.key").read_bytes(),
        certificate_chain=(folder / f"{name}.pem").read_bytes())


def h2load(port, body, calls=None, seconds=None, warm_up=0, connections=1, streams=1, core=None, scheme="http",
           path=PATH):
    """Calls a method, without a certificate; returns the report's rates and times, latencies in microseconds.

    A `body` of several messages is a stream's.

    Fails unless every call was answered with status 200.
    """
    amount = ["-n", calls] if calls else ["-D", seconds, f"--warm-up-time={warm_up}"]
    command = pinned(
        ["h2load", *amount, "-c", connections, "-m", streams, "-t", 1, "-d", body, "-H",
         "content-type: application/grpc", "-H", "te: trailers", f"{scheme}://127.0.0.1:{port}{path}"], core)
    text = run(command)
    done = {word: int(number) for number, word in re.findall(r"(\d+) (succeeded|failed|errored|timeout|2xx)", text)}
    if done["failed"] or done["errored"] or not done["succeeded"] or (calls and done["2xx"] != calls):
        raise SystemExit(f"h2load:\n{text}")
    rate = float(re.search(r"([\d.]+) req/s", text).group(1))
    latency = re.search(r"time for request: +(\S+) +(\S+) +(\S+)", text)
    return {"calls": done["succeeded"], "calls_per_second": rate, "mean_us": microseconds(latency.group(3))}


def microseconds(text):
    """h2load's `123us`, `1.23ms` or `1.23s`."""
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1e3, "s": 1e6}[unit]


def need(*programs):
    """Ends the program unless every one of these is installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise SystemExit(f"missing: {', '.join(missing)}; `make bench-packages` installs them")


def machine():
    """Where and with what a measurement was made."""
    processor = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
    return {
        "processor": processor.group(1) if processor else platform.machine(), "cores": os.cpu_count(),
        "kernel": platform.release(), "commit": commit.stdout.strip(), "date": time.strftime("%Y-%m-%d %H:%M"),
        "command": " ".join([os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]]).replace(f"{ROOT}/", ""),
    }


def print_pairs(pairs):
    """Names and values as a table without a heading: a machine and versions, say."""
    print("\n| | |\n|---|---|")
    for key, value in pairs.items():
        print(f"| {key} | {value} |")


def print_goals(goals):
    """What was to be reached: its name, the goal, what was measured, and whether that is enough."""
    print("\n| what | goal | measured | met |\n|---|---|--:|---|")
    for what, goal, measured, is_met in goals:
        print(f"| {what} | {goal} | {measured} | {'yes' if is_met else '**no**'} |")
