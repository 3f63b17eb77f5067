"""nginx `grpc_pass` and nghttpx between grpcio and us: their HTTP/2 clients are judges of our server."""

import shutil
import socket
import subprocess
import time

import grpc
import pytest
from tritonclient.grpc import service_pb2 as inference_pb2
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc

import interop_matrix as matrix
import interop_peers as peers
from conftest import free_ports
from peer_clients import SyncClient

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    server {{
        listen {listen} http2;
        {pair}
        location / {{
            {location}
        }}
    }}
}}
"""


class Proxy:
    """A proxy process that listens on a socket of the file system, which needs no free port, or on `port`."""

    def __init__(self, command, folder, port=None):
        self.log = open(folder / "proxy.log", "w+b")
        self.process = subprocess.Popen([str(word) for word in command], stdout=self.log, stderr=self.log)
        self.target = f"unix:{folder}/proxy.sock"
        self.port = port
        address = ("127.0.0.1", port) if port else str(folder / "proxy.sock")
        deadline = time.monotonic() + peers.TIMEOUT
        with socket.socket(socket.AF_INET if port else socket.AF_UNIX) as probe:
            while probe.connect_ex(address) != 0:
                assert self.process.poll() is None and time.monotonic() < deadline, self.errors()
                time.sleep(0.02)

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self):
        self.process.terminate()
        self.process.wait(peers.TIMEOUT)


def nginx(folder, location, port=None, certificates=None):
    listen = f"127.0.0.1:{port} ssl" if port else f"unix:{folder}/proxy.sock"
    pair = f"ssl_certificate {certificates}/server.pem; ssl_certificate_key {certificates}/server.key;" if port else ""
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder=folder, location=location, listen=listen, pair=pair))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return Proxy([program, "-p", folder, "-c", path], folder, port)


def nghttpx(folder, backend, port=None, certificates=None):
    configuration = folder / "nghttpx.conf"
    configuration.write_text("")
    frontend = f"127.0.0.1,{port}" if port else f"unix:{folder}/proxy.sock;no-tls"
    pair = [f"{certificates}/server.key", f"{certificates}/server.pem"] if port else []
    return Proxy(["nghttpx", f"--conf={configuration}", "--workers=1", f"--frontend={frontend}",
                  f"--backend=127.0.0.1,{backend};;proto=h2", *pair], folder, port)


@pytest.fixture(scope="module")
def upstream(interop_certificates):
    server = peers.our_server(interop_certificates, False)
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module", params=["nginx", "nghttpx"])
def proxy(request, upstream, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "nginx":
        proxy = nginx(folder, f"grpc_pass grpc://127.0.0.1:{upstream.port};")
    else:
        proxy = nghttpx(folder, upstream.port)
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("case", [case for case in matrix.CASES if case != "channel_soak"])
def test_B1_B44_B50_S22_S73_S82_B114_a_proxy_in_front_of_us_passes(case, proxy):
    with grpc.insecure_channel(proxy.target) as channel:
        try:
            getattr(SyncClient(channel), case)()
        except Exception as error:
            raise AssertionError(proxy.errors()) from error


@pytest.mark.parametrize("kind", ["nginx", "nghttpx"])
def test_B4_C6_C10_B44_B50_C83_B110_B114_our_client_calls_a_proxy_over_tls(
        kind, upstream, interop_certificates, tmp_path):
    if kind == "nginx":
        proxy = nginx(tmp_path, f"grpc_pass grpc://127.0.0.1:{upstream.port};", free_ports(1)[0], interop_certificates)
    else:
        proxy = nghttpx(tmp_path, upstream.port, free_ports(1)[0], interop_certificates)
    try:
        passed = peers.run_our_client(proxy.port, interop_certificates, True, matrix.CASES)
        assert passed == matrix.CASES, proxy.errors()
    finally:
        proxy.stop()


@pytest.fixture(scope="module")
def nginx_with_certificate(server, certificates, tmp_path_factory):
    """nginx before `apus serve`: it shows the client certificate of the tenant `local`."""
    main = certificates / "main"
    proxy = nginx(tmp_path_factory.mktemp("nginx-mtls"), f"""
            grpc_pass grpcs://{server.target};
            grpc_ssl_certificate {main}/client.pem;
            grpc_ssl_certificate_key {main}/client.key;
            grpc_ssl_trusted_certificate {main}/ca.pem;
            grpc_ssl_verify on;
            grpc_ssl_name localhost;
            grpc_ssl_protocols TLSv1.2 TLSv1.3;""")
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("byte_count", [4, 1 << 20, 3 << 20])
def test_B4_nginx_with_a_client_certificate_calls_a_model(nginx_with_certificate, byte_count):
    content = bytes(range(256)) * (byte_count // 256) if byte_count > 256 else b"\1\2\3\4"
    request = inference_pb2.ModelInferRequest(model_name="identity", raw_input_contents=[content])
    request.inputs.add(name="x", datatype="UINT8", shape=[len(content)])
    limits = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(nginx_with_certificate.target, limits) as channel:
        stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
        assert list(stub.ModelInfer(request, timeout=60).raw_output_contents) == [content]
        with pytest.raises(grpc.RpcError) as error:
            request.model_name = "nobody"
            stub.ModelInfer(request, timeout=60)
        assert error.value.code() == grpc.StatusCode.NOT_FOUND, nginx_with_certificate.errors()
