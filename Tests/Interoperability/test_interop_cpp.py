"""The C++ library of gRPC, as Debian has it, as client of our interop server and as server of our interop client."""

import subprocess

import pytest

import interop_peers as peers

SECURE = pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])


@pytest.fixture(scope="module")
def cpp_peer():
    folder = peers.ROOT / "Tests/Interop/cpp"
    output = peers.ROOT / ".build/interop-cpp"
    subprocess.run(["make", "-C", str(folder), "--no-print-directory", f"OUT={output}"], check=True, timeout=900,
                   stdout=subprocess.DEVNULL)
    return output / "cpp-peer"


@SECURE
def test_B1_B2_B4_B44_B51_S22_S82_S111_B114_the_cpp_client_calls_our_server(
        cpp_peer, secure, interop_certificates):
    peers.run_judge_as_in_the_matrix("C++", cpp_peer, interop_certificates, secure)


@SECURE
def test_C10_C11_C12_C14_B44_B51_S82_C83_B110_B114_our_client_calls_the_cpp_server(
        cpp_peer, secure, interop_certificates):
    server = peers.judge_server(cpp_peer, interop_certificates, secure)
    try:
        peers.run_our_client_as_in_the_matrix("C++", server.port, interop_certificates, secure)
    finally:
        assert server.stop() == 0
