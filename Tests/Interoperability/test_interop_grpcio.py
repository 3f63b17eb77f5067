"""grpcio, blocking and with asyncio, as client of our interop server and as server of our interop client."""

import asyncio

import grpc
import pytest

import interop_matrix as matrix
import interop_peers as peers
from peer_clients import AsyncClient, SyncClient

SECURE = pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])


@pytest.fixture(scope="module")
def interop_servers(interop_certificates):
    servers = {secure: peers.our_server(interop_certificates, secure) for secure in (False, True)}
    yield servers
    for server in servers.values():
        assert server.stop() == 0


def connector(module, server, certificates, secure):
    """A function that makes a channel of `module` to a server, with a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    if not secure:
        return lambda: module.insecure_channel(server.target, options)
    credentials = grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes())
    options.append(("grpc.ssl_target_name_override", peers.SERVER_NAME))
    return lambda: module.secure_channel(server.target, credentials, options)


@SECURE
@pytest.mark.parametrize("case", matrix.cases("grpcio", "calls us"))
def test_B1_B4_B44_B51_B59_S22_S82_S111_B114_grpcio_calls_our_server(
        case, secure, interop_servers, interop_certificates):
    connect = connector(grpc, interop_servers[secure], interop_certificates, secure)
    with connect() as channel:
        getattr(SyncClient(channel, connect), case)()


@SECURE
@pytest.mark.parametrize("case", matrix.cases("grpcio asyncio", "calls us"))
def test_B1_B4_B44_B51_B59_S22_S82_S111_B114_grpcio_asyncio_calls_our_server(
        case, secure, interop_servers, interop_certificates):
    async def call():
        connect = connector(grpc.aio, interop_servers[secure], interop_certificates, secure)
        async with connect() as channel:
            await getattr(AsyncClient(channel, connect), case)()
    asyncio.run(asyncio.wait_for(call(), peers.TIMEOUT))


@SECURE
@pytest.mark.parametrize("kind", ["sync", "asyncio"])
def test_C10_C11_C12_B44_B51_S82_C83_B110_B114_our_client_calls_grpcio(kind, secure, interop_certificates):
    server = peers.python_server(kind, interop_certificates, secure)
    try:
        judge = {"sync": "grpcio", "asyncio": "grpcio asyncio"}[kind]
        peers.run_our_client_as_in_the_matrix(judge, server.port, interop_certificates, secure)
    finally:
        server.stop()


@SECURE
def test_our_client_calls_our_server(secure, interop_servers, interop_certificates):
    port = interop_servers[secure].port
    assert peers.run_our_client(port, interop_certificates, secure, matrix.CASES) == matrix.CASES


def test_B4_our_client_refuses_a_server_of_another_name(interop_servers, interop_certificates):
    with pytest.raises(AssertionError, match="UNAVAILABLE"):
        peers.run_client(
            [peers.INTEROP, "client", "--use_tls=true", "--use_test_ca=true", "--server_host_override=example.com"],
            interop_servers[True].port, interop_certificates, False, "empty_unary")
