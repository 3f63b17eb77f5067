"""The load generators: h2load in the clear, a client on C++ gRPC for everything else; for streams our own client too,
and in the clear frames made beforehand, which need least of the load's core."""

import json
import pathlib

import support

PROGRAMS = support.BUILD / "cpp"
INTEROP = support.ROOT / ".build/release/apus-interop"


def build():
    """Builds the C++ server and client unless they are newer than their sources; returns their folder."""
    protos = ["inference.proto", "inference_config.proto"]
    sources = [*(support.HERE / "cpp").iterdir(), *(support.ROOT / "Proto" / proto for proto in protos)]
    programs = [PROGRAMS / "server", PROGRAMS / "client"]
    newest = max(source.stat().st_mtime for source in sources)
    if all(program.exists() and program.stat().st_mtime > newest for program in programs):
        return PROGRAMS
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    plugin = support.run(["which", "grpc_cpp_plugin"]).strip()
    support.run(["protoc", f"-I{support.ROOT / 'Proto'}", f"--cpp_out={PROGRAMS}", f"--grpc_out={PROGRAMS}",
                 f"--plugin=protoc-gen-grpc={plugin}", *protos])
    flags = support.run(["pkg-config", "--cflags", "--libs", "grpc++", "protobuf"]).split()
    for program in programs:
        generated = PROGRAMS.glob("inference*.cc") if program.stem == "server" else []
        support.run(["c++", "-std=c++17", "-O2", f"-I{PROGRAMS}", "-o", program,
                     support.HERE / f"cpp/{program.stem}.cc", *generated, *flags])
    return PROGRAMS


def client(port, message, core=None, certificate_folder=None, path=support.PATH, **options):
    """Runs the C++ client; returns its report. `options` are those of the program.

    Fails when a call did.
    """
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    if certificate_folder:
        words += ["--certs", certificate_folder]
    return json.loads(support.run(support.pinned(
        [build() / "client", "--target", f"127.0.0.1:{port}", "--path", path, "--body", message, *words], core)))


def streams(port, core=None, certificate_folder=None, **options):
    """Runs the client of streams of Apus itself; returns its report. `options` are those of the program."""
    words = [f"--{name}={value}" for name, value in options.items()]
    if certificate_folder:
        words += ["--use_tls=true", "--use_test_ca=true", f"--certificates={certificate_folder}"]
    return json.loads(support.run(support.pinned(
        [INTEROP, "load", "--server_host=localhost", f"--server_port={port}", *words], core)))


def frames(port, core=None, path=support.PATH, streams=4, ahead=4, message_size=64 << 10, seconds=3):
    """Runs the load of frames made beforehand, in the clear; returns its report."""
    source, program = support.HERE / "stream_load.c", support.BUILD / "stream_load"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        support.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source])
    words = [program, str(port), path, str(streams), str(ahead), str(message_size), str(seconds)]
    return json.loads(support.run(support.pinned(words, core)))


def message_file(body):
    """The message without its prefix, beside the file with it."""
    path = pathlib.Path(body).with_suffix(".message")
    if not path.exists():
        path.write_bytes(pathlib.Path(body).read_bytes()[5:])
    return path


def calls(port, body, count, connections, streams, certificate_folder=None):
    """Makes exactly `count` calls of ModelInfer."""
    if certificate_folder is None:
        return support.h2load(port, body, calls=count, connections=connections, streams=streams)
    return client(port, message_file(body), certificate_folder=certificate_folder, calls=count, connections=connections,
                  streams=streams)
