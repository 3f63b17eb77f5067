"""Makes the Python stubs of grpc.testing, and lets them be imported beside grpcio's own package `grpc`."""

import importlib.util
import pathlib

import grpc

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOS = ROOT / "Tests/Interop/Proto"
OUTPUT = ROOT / ".build/interop-stubs"


def generate():
    from grpc_tools import protoc
    OUTPUT.mkdir(parents=True, exist_ok=True)
    files = [str(path) for path in sorted(PROTOS.rglob("*.proto"))]
    code = protoc.main(["protoc", f"-I{PROTOS}", f"--python_out={OUTPUT}", f"--grpc_python_out={OUTPUT}", *files])
    assert code == 0, "the protos of the interoperability tests do not compile"


# The stubs are modules grpc.testing.…, so they must be found in the package that grpcio calls grpc as well.
if importlib.util.find_spec("grpc.testing") is None:
    grpc.__path__.append(str(OUTPUT / "grpc"))
