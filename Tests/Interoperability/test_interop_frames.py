"""nghttp, h2load and curl: other HTTP/2 clients look at our frames."""

import re
import struct
import subprocess

import pytest

import interop_peers as peers
import peer_stubs  # noqa: F401  (makes grpc.testing importable)
from grpc.testing import messages_pb2

HEADERS = ["-Hcontent-type: application/grpc", "-Hte: trailers"]


@pytest.fixture(scope="module")
def server(interop_certificates):
    server = peers.our_server(interop_certificates, False)
    yield server
    assert server.stop() == 0


@pytest.fixture
def request_file(tmp_path):
    """A framed request of 1024 bytes that asks for as many."""
    message = messages_pb2.SimpleRequest(
        response_size=1024, payload=messages_pb2.Payload(body=bytes(1024))).SerializeToString()
    path = tmp_path / "request"
    path.write_bytes(b"\0" + struct.pack(">I", len(message)) + message)
    return path


def run(*command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=peers.TIMEOUT)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def url(server, method="UnaryCall"):
    return f"http://{server.target}/grpc.testing.TestService/{method}"


def frames(output):
    """What nghttp received, in order: (type, flags, whatever it says below)."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    pattern = r"recv (\w+) frame <length=\d+, flags=0x(\w+), stream_id=(\d+)>((?:\n {10,}.*)*)"
    return [(kind, int(flags, 16), int(stream), rest) for kind, flags, stream, rest in re.findall(pattern, plain)]


def test_B1_B3_S81_nghttp_sees_settings_first_an_ack_and_trailers_last(server, request_file):
    output = run("nghttp", "-nv", "--no-dep", *HEADERS, "-d", request_file, url(server))
    received = frames(output)
    kinds = [kind for kind, *_ in received]
    assert kinds[0] == "SETTINGS" and received[0][1] == 0, "the first frame is SETTINGS"
    assert any(kind == "SETTINGS" and flags == 1 for kind, flags, *_ in received), "our SETTINGS were not acknowledged"
    assert "PUSH_PROMISE" not in kinds
    stream = [frame for frame in received if frame[2] != 0 and frame[0] in ("HEADERS", "DATA")]
    assert [frame[0] for frame in stream] == ["HEADERS", "DATA", "HEADERS"]
    assert stream[-1][1] & 1, "the trailers end the stream"
    assert "grpc-status: 0" in re.sub(r"\x1b\[[0-9;]*m", "", output)


def test_S80_nghttp_sees_one_header_list_for_an_error(server, request_file):
    output = run("nghttp", "-nv", "--no-dep", *HEADERS, "-d", request_file, url(server, "UnimplementedCall"))
    stream = [frame for frame in frames(output) if frame[2] != 0 and frame[0] in ("HEADERS", "DATA")]
    assert [(kind, flags & 1) for kind, flags, *_ in stream] == [("HEADERS", 1)]
    assert "grpc-status: 12" in output


def test_B50_B124_padded_requests_of_nghttp_are_read(server, request_file):
    output = run("nghttp", "-nv", "--no-dep", "--padding=255", *HEADERS, "-d", request_file, url(server))
    assert "grpc-status: 0" in output


def test_B3_priorities_of_nghttp_are_ignored(server, request_file):
    # Without --no-dep nghttp begins with a tree of PRIORITY frames.
    output = run("nghttp", "-nv", *HEADERS, "-d", request_file, url(server))
    assert "send PRIORITY frame" in re.sub(r"\x1b\[[0-9;]*m", "", output) and "grpc-status: 0" in output


def test_S80_S81_curl_sees_headers_and_trailers(server, request_file, tmp_path):
    body = tmp_path / "body"
    output = run("curl", "--silent", "--show-error", "--http2-prior-knowledge", "--dump-header", "-", "--output", body,
                 *HEADERS, "--data-binary", f"@{request_file}", url(server))
    assert output.startswith("HTTP/2 200") and "content-type: application/grpc" in output
    assert "grpc-status: 0" in output
    content = body.read_bytes()
    assert content[0] == 0 and struct.unpack(">I", content[1:5])[0] == len(content) - 5
    response = messages_pb2.SimpleResponse.FromString(content[5:])
    assert response.payload.body == bytes(1024)


def test_B1_h2load_finds_every_answer_good(server, request_file):
    output = run("h2load", "-n2000", "-c4", "-m16", *HEADERS, "-d", request_file, url(server))
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in output, output
    assert "status codes: 2000 2xx" in output, output
