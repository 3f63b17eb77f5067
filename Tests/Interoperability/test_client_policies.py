"""Retries and health checks of our client, before servers of grpcio that give it reason for them."""

import json
import threading

import grpc
import pytest

import interop_peers as peers
from moody_server import NOT_SERVING, SERVING, MoodyServer

SERVICE = "grpc.testing.TestService"
WATCH = "/grpc.health.v1.Health/Watch"
# How long a client that breaks its word is given to do so; a decent one makes nobody wait.
OBSERVED_SECONDS = 0.3


def retries(attempts=4, backoff="0.01s", **more):
    policy = {"maxAttempts": attempts, "initialBackoff": backoff, "maxBackoff": backoff, "backoffMultiplier": 1,
              "retryableStatusCodes": ["UNAVAILABLE"]}
    return {"methodConfig": [{"name": [{"service": SERVICE}], "retryPolicy": policy}], **more}


def health_checks(waits=True, policy="round_robin"):
    return {"loadBalancingConfig": [{policy: {}}], "healthCheckConfig": {"serviceName": SERVICE},
            "methodConfig": [{"name": [{}], "waitForReady": waits}]}


def run(server, certificates, case="empty_unary", config=None, *flags):
    config = [f"--service_config_json={json.dumps(config)}"] if config else []
    assert peers.run_our_client(server.port, certificates, False, case, *config, *flags) == [case]


def run_unavailable(*arguments):
    with pytest.raises(AssertionError, match="UNAVAILABLE"):
        run(*arguments)


# Retries

@pytest.mark.parametrize("case", ["empty_unary", "large_unary", "server_streaming", "ping_pong"])
def test_C16_C163_a_call_that_fails_twice_is_made_three_times_with_all_it_has_said(case, interop_certificates):
    with MoodyServer(failures=2) as server:
        run(server, interop_certificates, case, retries())
    assert [attempt.previous_attempts for attempt in server.attempts] == [None, "1", "2"]


def test_C160_the_status_is_the_callers_once_all_attempts_have_failed(interop_certificates):
    with MoodyServer(failures=99) as server:
        run_unavailable(server, interop_certificates, "empty_unary", retries(attempts=3))
    assert len(server.attempts) == 3


def test_C160_a_status_that_the_policy_does_not_name_is_the_callers_at_once(interop_certificates):
    with MoodyServer(failures=99, code=grpc.StatusCode.ABORTED) as server:
        with pytest.raises(AssertionError, match="ABORTED"):
            run(server, interop_certificates, "empty_unary", retries())
    assert len(server.attempts) == 1


def test_C162_the_next_attempt_comes_when_the_server_wants_it(interop_certificates):
    with MoodyServer(failures=1, trailers=[("grpc-retry-pushback-ms", "200")]) as server:
        run(server, interop_certificates, "empty_unary", retries(backoff="50s"))
    first, second = server.attempts
    assert 0.2 <= second.time - first.time < 40


@pytest.mark.parametrize("pushback", ["-1", "soon"])
def test_C162_no_attempt_follows_when_the_server_wants_none(pushback, interop_certificates):
    with MoodyServer(failures=1, trailers=[("grpc-retry-pushback-ms", pushback)]) as server:
        run_unavailable(server, interop_certificates, "empty_unary", retries())
    assert len(server.attempts) == 1


def test_C163_a_call_that_has_response_headers_is_not_made_again(interop_certificates):
    with MoodyServer(failures=1, sends_headers=True) as server:
        run_unavailable(server, interop_certificates, "empty_unary", retries())
    assert len(server.attempts) == 1


def test_C164_no_attempt_follows_when_half_the_tokens_are_spent(interop_certificates):
    throttling = {"maxTokens": 6, "tokenRatio": 0.1}
    with MoodyServer(failures=99) as server:
        run_unavailable(server, interop_certificates, "empty_unary", retries(5, retryThrottling=throttling))
    # Six tokens, then five, then four; with three there is no retry.
    assert len(server.attempts) == 3


def test_C144_C165_a_server_that_sends_clients_away_all_the_time_loses_no_call(interop_certificates):
    with MoodyServer(options=[("grpc.max_connection_age_ms", 100)]) as server:
        run(server, interop_certificates, "rpc_soak", None, "--soak_iterations=300")
    assert len(server.attempts) == 300
    assert len({attempt.peer for attempt in server.attempts}) > 1


# Health

def test_C155_a_server_that_knows_no_health_is_healthy_and_is_asked_once(interop_certificates):
    with MoodyServer() as server:
        run(server, interop_certificates, "rpc_soak", health_checks(waits=False))
    assert server.log.methods.count(WATCH) == 1
    assert len(server.attempts) == 10


def test_C155_a_server_that_is_not_serving_gets_no_calls(interop_certificates):
    with MoodyServer(health=lambda number: iter([NOT_SERVING])) as server:
        run_unavailable(server, interop_certificates, "empty_unary", health_checks(waits=False))
    assert server.health.watched == [SERVICE]
    assert server.attempts == []


def test_C155_calls_that_wait_go_on_once_the_server_is_serving(interop_certificates):
    def script(number):
        server.service.is_healthy = False
        yield NOT_SERVING
        threading.Event().wait(OBSERVED_SECONDS)
        server.service.is_healthy = True
        yield SERVING

    with MoodyServer(health=script) as server:
        run(server, interop_certificates, "empty_unary", health_checks())
    assert [attempt.was_healthy for attempt in server.attempts] == [True]


def test_C155_a_server_gets_no_calls_from_the_moment_it_stops_serving_until_it_serves_again(interop_certificates):
    tenth_call, told = threading.Event(), threading.Event()

    def script(number):
        yield SERVING
        assert tenth_call.wait(peers.TIMEOUT)
        yield NOT_SERVING
        # This goes on once the message is on its way, in front of the answer to the tenth call.
        server.service.is_healthy = False
        told.set()
        threading.Event().wait(OBSERVED_SECONDS)
        server.service.is_healthy = True
        yield SERVING

    def on_call(number):
        if number == 10:
            tenth_call.set()
            assert told.wait(peers.TIMEOUT)

    with MoodyServer(health=script) as server:
        server.service.on_call = on_call
        run(server, interop_certificates, "rpc_soak", health_checks(), "--soak_iterations=20")
    assert [attempt.was_healthy for attempt in server.attempts] == [True] * 20
    assert server.health.watched == [SERVICE], "the connection was kept, and the watch with it"


def test_C155_a_watch_that_fails_begins_again_after_a_while(interop_certificates):
    def script(number):
        yield SERVING if number > 1 else grpc.StatusCode.INTERNAL

    with MoodyServer(health=script) as server:
        run(server, interop_certificates, "empty_unary", health_checks())
    assert len(server.health.watched) == 2
    assert len(server.attempts) == 1


def test_C155_pick_first_does_not_ask(interop_certificates):
    with MoodyServer(health=lambda number: iter([NOT_SERVING])) as server:
        run(server, interop_certificates, "empty_unary", health_checks(waits=False, policy="pick_first"))
    assert server.health.watched == []
