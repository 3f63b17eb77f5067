"""grpcio, blocking and with asyncio, as client of our interop server and as server of our interop client."""

import asyncio

import grpc
import pytest

import interop_peers as peers
from peer_clients import AsyncClient, SyncClient

SECURE = pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])


@pytest.fixture(scope="module")
def interop_servers(interop_certificates):
    servers = {secure: peers.our_server(interop_certificates, secure) for secure in (False, True)}
    yield servers
    for server in servers.values():
        assert server.stop() == 0


def channel_arguments(interop_certificates, secure):
    credentials = grpc.ssl_channel_credentials((interop_certificates / "ca.pem").read_bytes()) if secure else None
    return credentials, [("grpc.ssl_target_name_override", peers.SERVER_NAME)] if secure else []


@SECURE
@pytest.mark.parametrize("case", peers.CASES)
def test_B1_B4_B44_B51_S22_S32_S82_S111_B114_grpcio_calls_our_server(
        case, secure, interop_servers, interop_certificates):
    credentials, options = channel_arguments(interop_certificates, secure)
    target = interop_servers[secure].target
    with (grpc.secure_channel(target, credentials, options) if secure else grpc.insecure_channel(target)) as channel:
        getattr(SyncClient(channel), case)()


@SECURE
@pytest.mark.parametrize("case", peers.CASES)
def test_B1_B4_B44_B51_S22_S32_S82_S111_B114_grpcio_asyncio_calls_our_server(
        case, secure, interop_servers, interop_certificates):
    async def call():
        credentials, options = channel_arguments(interop_certificates, secure)
        target = interop_servers[secure].target
        async with (grpc.aio.secure_channel(target, credentials, options) if secure
                    else grpc.aio.insecure_channel(target)) as channel:
            await getattr(AsyncClient(channel), case)()
    asyncio.run(asyncio.wait_for(call(), peers.TIMEOUT))


@SECURE
@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_C10_C11_C12_B44_B51_S82_C83_B110_B114_our_client_calls_grpcio(kind, secure, interop_certificates):
    server = peers.python_server(kind, interop_certificates, secure)
    try:
        passed = peers.run_our_client(server.port, interop_certificates, secure)
        assert set(peers.CASES) <= set(passed)
    finally:
        server.stop()


@SECURE
def test_our_client_calls_our_server(secure, interop_servers, interop_certificates):
    passed = peers.run_our_client(interop_servers[secure].port, interop_certificates, secure)
    assert set(peers.CASES) <= set(passed)


def test_B4_our_client_refuses_a_server_of_another_name(interop_servers, interop_certificates):
    with pytest.raises(AssertionError, match="UNAVAILABLE"):
        peers.run_client(
            [peers.INTEROP, "client", "--use_tls=true", "--use_test_ca=true", "--server_host_override=example.com"],
            interop_servers[True].port, interop_certificates, False, "empty_unary")
