"""grpc-swift-2 over its NIO transport, as client of our interop server and as server of our interop client.

`make test-grpc-swift` builds it, some minutes the first time, and runs this.
"""

import pytest

import interop_peers as peers

PEER = peers.ROOT / ".build/grpc-swift/debug/grpc-swift-peer"
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
pytestmark = pytest.mark.skipif(not PEER.exists(), reason="grpc-swift-2 is not built: make test-grpc-swift")


@SECURE
def test_B1_B2_B4_B44_B51_B54_B59_S22_S82_S111_B114_grpc_swift_calls_our_server(secure, interop_certificates):
    peers.run_judge_as_in_the_matrix("grpc-swift-2", PEER, interop_certificates, secure)


@SECURE
def test_C10_C11_C12_C14_B44_B51_S82_C83_B110_B114_our_client_calls_grpc_swift(secure, interop_certificates):
    server = peers.judge_server(PEER, interop_certificates, secure)
    try:
        peers.run_our_client_as_in_the_matrix("grpc-swift-2", server.port, interop_certificates, secure)
    finally:
        assert server.stop() == 0
