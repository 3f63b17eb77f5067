"""The servers that are compared: Apus, the asynchronous one of C++ gRPC, grpc-swift-2, and nghttpd as the ceiling."""

import contextlib
import json
import re
import socket
import time

import load
import support

APUS, CPP, SWIFT, NGHTTPD = "Apus", "C++ gRPC", "grpc-swift-2", "nghttpd"
SWIFT_PACKAGE = support.ROOT / "Tests/Interop/grpc-swift"
SWIFT_BUILD = support.BUILD / "grpc-swift"
# Of nghttpd: about what Apus answers to the request of `support.infer_request`.
RESPONSE_BYTE_COUNT = 1100


def swift_program():
    """The server on grpc-swift-2, built when it is not there; None where its packages cannot be had."""
    program = SWIFT_BUILD / "release/server"
    if not program.exists():
        try:
            support.run(["swift", "build", "-c", "release", "--product", "server", "--package-path", SWIFT_PACKAGE,
                         "--scratch-path", SWIFT_BUILD])
        except SystemExit as failure:
            print(f"grpc-swift-2 is left out: it does not build\n{str(failure)[-600:]}\n")
    return program if program.exists() else None


@contextlib.contextmanager
def serving(name, folder, certificate_folder=None, binary=support.BINARY, core=0, event_loops=1, configuration=None):
    """A running server by its name, on one core."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates = ["--certs", certificate_folder] if certificate_folder else []
    if name == APUS:
        with support.apus(folder, binary, certificate_folder, event_loops, core=core,
                          configuration=configuration) as server:
            yield server
        return
    if name == NGHTTPD:
        server = NGHTTPDProcess(folder, certificate_folder, core)
    else:
        program = load.build() / "server" if name == CPP else swift_program()
        server = support.Process([program, *certificates], folder / f"{program.name}.log", core=core)
    try:
        yield server
    finally:
        server.stop()


@contextlib.contextmanager
def echoing(name, folder, certificate_folder=None, core=0):
    """A server of `/apus.benchmarks.Echo/EchoStream`, which sends every message back undecoded.

    For Apus it is the interoperability server: the same RPC layer, without the tenants. With TLS it asks for no
    certificate of the client, which concerns the handshake only.
    """
    if name != APUS:
        with serving(name, folder, certificate_folder, core=core) as server:
            yield server
        return
    folder.mkdir(parents=True, exist_ok=True)
    tls = ["--use_tls=true", f"--certificates={certificate_folder}"] if certificate_folder else []
    server = support.Process([load.INTEROP, "server", "--port=0", "--event_loops=1", *tls], folder / "echo.log", core=core)
    try:
        yield server
    finally:
        server.stop()


class NGHTTPDProcess(support.Process):
    """nghttpd, which sends a file for every request; it says nothing when it is ready."""

    def __init__(self, folder, certificate_folder, core):
        file = folder / support.PATH[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(RESPONSE_BYTE_COUNT))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        keys = ["server.key", "server.pem"]
        tls = [certificate_folder / key for key in keys] if certificate_folder else ["--no-tls"]
        options = ["-a", "127.0.0.1", "-d", folder, "-n", "1"]
        words = [*options, port, *tls] if certificate_folder else [*options, *tls, port]
        # `echo` says what nghttpd does not; the shell then becomes nghttpd, so that the process is the server's.
        command = " ".join(["echo", f"127.0.0.1:{port}", "&&", "exec", "nghttpd", *map(str, words)])
        super().__init__(["sh", "-c", command], folder / "nghttpd.log", core=core)
        await_port(port)


def await_port(port, patience=10):
    deadline = time.monotonic() + patience
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"nobody listens on port {port}")
            time.sleep(0.02)


def versions():
    """What was compared, in words."""
    resolved = json.loads((SWIFT_PACKAGE / "Package.resolved").read_text()) if (
        SWIFT_PACKAGE / "Package.resolved").exists() else {"pins": []}
    pins = {pin["identity"]: pin["state"].get("version", "?") for pin in resolved["pins"]}
    nghttp2 = re.search(r"nghttp2/(\S+)", support.run(["h2load", "--version"]))
    return {
        "C++ gRPC": support.run(["pkg-config", "--modversion", "grpc++"]).strip(),
        "grpc-swift-2": f"{pins.get('grpc-swift-2', '?')}, NIO transport {pins.get('grpc-swift-nio-transport', '?')}",
        "nghttp2": nghttp2.group(1) if nghttp2 else "?",
        "OpenSSL": support.run(["openssl", "version"]).split()[1],
    }
