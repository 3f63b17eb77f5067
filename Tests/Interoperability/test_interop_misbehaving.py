"""Our client against servers that misbehave on purpose: the official negative tests of HTTP/2."""

import pytest

import interop_peers as peers
from misbehaving_server import LAST_STREAM, MisbehavingServer


def run(case, certificates, client_case=None):
    client_case = client_case or case
    server = MisbehavingServer(case)
    try:
        assert peers.run_our_client(server.port, certificates, False, client_case) == [client_case]
    finally:
        server.close()
    return server


@pytest.mark.parametrize("case", ["rst_after_header", "rst_during_data", "rst_after_data"])
def test_C103_a_stream_reset_before_its_trailers_fails_the_call(case, interop_certificates):
    assert run(case, interop_certificates).request_count == 1


def test_C144_a_goaway_lets_the_call_finish_and_the_next_one_connects_anew(interop_certificates):
    server = run("goaway", interop_certificates)
    assert (server.request_count, server.connection_count) == (2, 2)


def test_C144_C165_of_a_hundred_calls_those_above_the_goaway_and_no_others_go_to_the_next_connection(
        interop_certificates):
    server = run("goaway_between", interop_certificates, "concurrent_large_unary")
    first, second = server.connections
    assert first.answered and max(first.answered) <= LAST_STREAM
    assert len(first.answered) == (LAST_STREAM + 1) // 2
    assert len(second.answered) == 100 - len(first.answered)


def test_B8_every_ping_in_the_middle_of_a_call_is_answered(interop_certificates):
    server = run("ping", interop_certificates)
    assert server.pings_sent, "the server sent no PING"
    # The client may close before the last ones have reached it.
    assert server.pings_answered == server.pings_sent[:len(server.pings_answered)]
    assert len(server.pings_answered) >= len(server.pings_sent) // 2


def test_C6_a_later_reduction_of_the_stream_limit_is_obeyed(interop_certificates):
    server = run("max_streams", interop_certificates)
    assert server.request_count == 16
    assert server.most_streams == 1


@pytest.mark.parametrize("case", ["data_frame_padding", "no_df_padding_sanity_test"])
def test_B50_B124_data_of_five_bytes_each_in_255_of_padding_is_read(case, interop_certificates):
    assert run(case, interop_certificates).request_count == 1
