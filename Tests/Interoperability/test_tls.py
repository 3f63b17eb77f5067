"""TLS as Python's ssl and openssl see it: who is refused and what the log and the metrics say, reload, revocation."""

import datetime
import shutil
import signal
import ssl
import subprocess
import threading
import warnings

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from tritonclient.grpc import service_pb2 as inference_pb2
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc

from conftest import Server, apus, credentials
from tls_peers import HOUR, PREFACE, TENANT, Authority, HTTP2Client, OneTLSServer, TLSServer, knock, wait_for


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """An authority with a client of each kind, one of them revoked."""
    authority = Authority(tmp_path_factory.mktemp("tls") / "certs")
    authority.issue("expired", begin=-2 * HOUR, end=-HOUR)
    authority.issue("early", begin=HOUR, end=2 * HOUR)
    authority.issue("server-usage", usage=ExtendedKeyUsageOID.SERVER_AUTH)
    authority.issue("revoked")
    authority.issue("careless", names_issuer_key=False)
    authority.issue("no-uri", uris=(), dns=("acme.example",))
    authority.issue("two-uris", uris=(TENANT, "spiffe://apus.local/tenant/other"))
    authority.issue("other-uri", uris=("https://apus.local/tenant/acme",))
    authority.issue("other-domain", uris=("spiffe://example.org/tenant/acme",))
    revoked = apus("certs", "revoke", "revoked.pem", "--folder", authority.folder)
    assert revoked.returncode == 0 and "names 1 certificate" in revoked.stdout, revoked.stderr
    return authority


@pytest.fixture(scope="module")
def strange_authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger") / "certs")


@pytest.fixture(scope="module")
def tls_server(tmp_path_factory, authority):
    server = TLSServer(tmp_path_factory.mktemp("tls-server"), authority.folder, crl=authority.path("ca.crl"))
    yield server
    assert server.terminate() == 0, server.errors()


def with_old_version(context):
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1


def with_ciphers(names):
    def change(context):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(names)
    return change


# What is odd about a client; the label; words of the log line; what Python calls the alert.
REFUSALS = {
    "without a certificate": ({"name": None}, None, "no_certificate", "sent no certificate", "CERTIFICATE_REQUIRED"),
    "expired": ({"name": "expired"}, None, "certificate_expired", 'subject="CN = expired"', "CERTIFICATE_EXPIRED"),
    "not yet valid": ({"name": "early"}, None, "certificate_not_yet_valid", 'subject="CN = early"', "BAD_CERTIFICATE"),
    "a server's": ({"name": "server-usage"}, None, "certificate_wrong_usage", 'subject="CN = server-usage"',
                   "UNSUPPORTED_CERTIFICATE"),
    "revoked": ({"name": "revoked"}, None, "certificate_revoked", 'subject="CN = revoked"', "CERTIFICATE_REVOKED"),
    "of another authority": (None, None, "unknown_authority", 'CN = tenant/local', "UNKNOWN_CA"),
    "without a URI": ({"name": "no-uri"}, None, "no_spiffe_identity", "found 0", "HANDSHAKE_FAILURE"),
    "with two URIs": ({"name": "two-uris"}, None, "several_spiffe_identities", "found 2", "HANDSHAKE_FAILURE"),
    "with another URI": ({"name": "other-uri"}, None, "unknown_spiffe_identity", "is not spiffe://",
                         "HANDSHAKE_FAILURE"),
    "of another domain": ({"name": "other-domain"}, None, "foreign_trust_domain", "example.org, not apus.local",
                          "HANDSHAKE_FAILURE"),
    "against RFC 5280": ({"name": "careless"}, None, "certificate_invalid", "Authority Key Identifier",
                         "CERTIFICATE_UNKNOWN"),
    "B4 without ALPN": ({"alpn": ()}, None, "no_common_protocol", "does not offer HTTP/2", "NO_APPLICATION_PROTOCOL"),
    "B4 with HTTP/1.1": ({"alpn": ("http/1.1",)}, None, "no_common_protocol", "does not offer HTTP/2",
                         "NO_APPLICATION_PROTOCOL"),
    "B4 with TLS 1.1": ({}, with_old_version, "no_common_version", "neither TLS 1.3 nor 1.2", "PROTOCOL_VERSION"),
    "with CBC": ({}, with_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384"), "no_common_cipher",
                 "no cipher or group", "HANDSHAKE_FAILURE"),
    "without ECDHE": ({}, with_ciphers("AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256"), "no_common_cipher",
                      "no cipher or group", "HANDSHAKE_FAILURE"),
}


@pytest.mark.parametrize("who", REFUSALS)
def test_B4_a_refused_client_has_its_reason_in_the_log_and_in_the_metrics(
        tls_server, authority, strange_authority, who):
    options, change, label, words, alert = REFUSALS[who]
    if options is None:
        context = strange_authority.context()
        context.load_verify_locations(authority.path("ca.pem"))
    else:
        context = authority.context(**options)
    if change:
        change(context)
    metric = f'apus_tls_refused_total{{reason="{label}"}}'
    before = tls_server.metric(metric)
    port, error = knock(tls_server, context)
    line = tls_server.wait_for_line("handshake refused", f"peer=127.0.0.1:{port}", f"reason={label}")
    assert words in line
    tls_server.wait_for_metric(metric, before + 1)
    # The alert may be overtaken by the end of the connection, when the client had more to say.
    assert isinstance(error, ConnectionError) or alert in str(error).upper().replace(" ", "_"), error


def test_the_reasons_differ():
    labels = [label for _, _, label, _, _ in REFUSALS.values()]
    assert len(set(labels)) == len(labels) - 2, "twice without h2, twice without a cipher"


def test_bytes_that_are_not_tls_are_refused_with_a_reason_too(tls_server):
    with tls_server.connect() as plain:
        port = plain.getsockname()[1]
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while plain.recv(4096):
            pass
    tls_server.wait_for_line("handshake refused", f"peer=127.0.0.1:{port}", "reason=protocol_violation")


def test_renegotiation_ends_the_connection_with_a_reason(tls_server, authority):
    before = tls_server.metric('apus_connections_closed_total{reason="renegotiation"}')
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{tls_server.port}", "-servername", "localhost", "-tls1_2",
         "-alpn", "h2", "-CAfile", authority.path("ca.pem"), "-cert", authority.path("client.pem"),
         "-key", authority.path("client.key")],
        input="R\n", capture_output=True, text=True, errors="replace", timeout=30)
    assert "RENEGOTIATING" in result.stdout + result.stderr
    assert "no renegotiation" in result.stderr
    line = tls_server.wait_for_line("connection ended for a fault", "reason=renegotiation")
    assert "identity=/tenant/local" in line
    tls_server.wait_for_metric('apus_connections_closed_total{reason="renegotiation"}', before + 1)


@pytest.mark.parametrize("version, ciphers", [
    (ssl.TLSVersion.TLSv1_3, None), (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-GCM-SHA256"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-CHACHA20-POLY1305")])
def test_modern_tls_gets_in_without_ticket_or_resumption(tls_server, authority, version, ciphers):
    context = authority.context()
    context.minimum_version = context.maximum_version = version
    if ciphers:
        context.set_ciphers(ciphers)
    first = HTTP2Client(tls_server, context)
    assert first.ping() and first.tls.selected_alpn_protocol() == "h2" and first.tls.compression() is None
    if ciphers:
        assert first.tls.cipher()[0] == ciphers
    session = first.tls.session
    assert session is None or not session.has_ticket
    second = HTTP2Client(tls_server, context, session=session)
    assert second.ping() and not second.tls.session_reused
    first.close()
    second.close()


# Reload

@pytest.fixture
def own(tmp_path):
    """An authority that a test may spoil."""
    return Authority(tmp_path / "certs")


@pytest.fixture
def start(tmp_path):
    """Starts a server, and ends it with the test."""
    servers = []

    def make(folder, **tls):
        servers.append(TLSServer(tmp_path, folder, **tls))
        return servers[-1]
    yield make
    for server in servers:
        if server.process.poll() is None:
            assert server.terminate() == 0, server.errors()


def renew(authority):
    """Replaces the server's certificate and key, one after the other, as people do."""
    issued = authority.issue("renewed", uris=(), dns=("localhost",), usage=ExtendedKeyUsageOID.SERVER_AUTH)
    shutil.copy(authority.path("renewed.pem"), authority.path("server.pem"))
    shutil.copy(authority.path("renewed.key"), authority.path("server.key"))
    return issued.serial_number


def test_a_renewed_certificate_is_shown_to_who_comes_and_drops_nobody(own, start):
    server = start(own.folder)
    old = HTTP2Client(server, own.context())
    assert old.ping()
    serial = renew(own)
    server.wait_for_line("certificates reloaded")
    new = HTTP2Client(server, own.context())
    assert new.ping() and new.serial() == serial
    assert old.ping() and old.serial() != serial
    server.wait_for_metric('apus_tls_reloads_total{result="ok"}', 1)
    assert server.metric("apus_tls_reload_ok") == 1
    assert not server.log_lines("not reloaded")


def test_no_handshake_fails_while_certificates_change(own, start):
    server = start(own.folder, look_every="60min")
    context = own.context()
    first = HTTP2Client(server, context)
    serials = {first.serial()}
    seen, failures, done = set(), [], threading.Event()

    def knock_on():
        while not done.is_set():
            try:
                client = HTTP2Client(server, context)
                seen.add(client.serial() if client.ping() else None)
                client.close()
            except OSError as error:
                failures.append(error)

    threads = [threading.Thread(target=knock_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for count in range(1, 21):
            serials.add(renew(own))
            server.process.send_signal(signal.SIGHUP)
            wait_for(lambda: len(server.log_lines("certificates reloaded")) == count, f"reload {count}")
            wait_for(lambda: seen >= serials, "somebody to see the new certificate")
    finally:
        done.set()  # Or those who knock would do so for ever, and pytest with them.
    for thread in threads:
        thread.join(30)
    assert not failures and seen == serials and first.ping()


def test_sighup_reads_at_once(own, start):
    server = start(own.folder, look_every="60min")
    old = HTTP2Client(server, own.context())
    assert old.ping()
    serial = renew(own)
    server.process.send_signal(signal.SIGHUP)
    server.wait_for_line("certificates reloaded")
    assert HTTP2Client(server, own.context()).serial() == serial
    assert old.ping()


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


DAMAGES = {
    "a cut certificate": (lambda own, _: cut(own.path("server.pem")), "server.pem: the file is cut short"),
    "another's key": (lambda own, _: shutil.copy(own.path("client.key"), own.path("server.key")),
                      "is not the key of the certificate"),
    "no key": (lambda own, _: own.path("server.key").unlink(), "server.key: No such file"),
    "a bundle of strangers": (lambda own, stranger: shutil.copy(stranger.path("ca.pem"), own.path("ca.pem")),
                              "every client would be locked out"),
    "an empty bundle": (lambda own, _: own.path("ca.pem").write_bytes(b""), "ca.pem: the file is empty"),
    "a list that is none": (lambda own, _: own.path("ca.crl").write_text("garbage\n"), "holds no revocation list"),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_broken_files_leave_the_old_ones_in_use_and_say_so(own, strange_authority, start, what):
    names = ["server.pem", "server.key", "ca.pem"]
    if "list" in what:
        assert apus("certs", "crl", "--folder", own.folder).returncode == 0
        names.append("ca.crl")
    server = start(own.folder, **({"crl": own.path("ca.crl")} if "list" in what else {}))
    contents = {name: own.path(name).read_bytes() for name in names}
    context = own.context()
    old = HTTP2Client(server, context)
    assert old.ping()
    damage, words = DAMAGES[what]
    damage(own, strange_authority)
    line = server.wait_for_line(" error ", "certificates not reloaded: the old ones stay in use")
    assert words in line and "reason=unusable_file" in line
    server.wait_for_metric("apus_tls_reload_ok", 0)
    assert server.metric('apus_tls_reloads_total{result="failed"}') == 1, "reported once, not at every look"
    new = HTTP2Client(server, context)
    assert new.ping() and new.serial() == old.serial() and old.ping()
    for name, content in contents.items():
        own.path(name).write_bytes(content)
    server.wait_for_metric("apus_tls_reload_ok", 1)


def test_an_expired_certificate_is_not_taken(own, start):
    server = start(own.folder)
    own.issue("late", uris=(), dns=("localhost",), usage=ExtendedKeyUsageOID.SERVER_AUTH, begin=-2 * HOUR,
              end=-datetime.timedelta(minutes=1))
    shutil.copy(own.path("late.key"), own.path("server.key"))
    shutil.copy(own.path("late.pem"), own.path("server.pem"))
    line = server.wait_for_line(" error ", "certificates not reloaded")
    assert "CN = late has expired" in line
    assert HTTP2Client(server, own.context()).ping()


def test_an_authority_is_exchanged_in_two_steps(own, strange_authority, start):
    server = start(own.folder)
    theirs = strange_authority.context()
    theirs.load_verify_locations(own.path("ca.pem"))
    mine = own.context()
    own.path("ca.pem").write_bytes(own.path("ca.pem").read_bytes() + strange_authority.path("ca.pem").read_bytes())
    server.wait_for_metric('apus_tls_reloads_total{result="ok"}', 1)
    assert HTTP2Client(server, theirs).ping() and HTTP2Client(server, mine).ping()
    shutil.copy(strange_authority.path("ca.pem"), own.path("ca.pem"))
    server.wait_for_metric('apus_tls_reloads_total{result="ok"}', 2)
    assert HTTP2Client(server, theirs).ping()
    port, _ = knock(server, mine)
    server.wait_for_line("handshake refused", f"peer=127.0.0.1:{port}", "reason=unknown_authority")


def test_the_metrics_are_complete_when_the_process_ends(own, start):
    server = start(own.folder)
    client = HTTP2Client(server, own.context())
    assert client.ping()
    client.close()
    assert server.terminate() == 0
    assert sum(server.metric(f'apus_connections_closed_total{{reason="{reason}"}}')
               for reason in ("closed_by_peer", "truncated", "network_error", "finished")) == 1


# Revocation

def revoke(authority, name):
    result = apus("certs", "revoke", f"{name}.pem", "--folder", authority.folder)
    assert result.returncode == 0, result.stderr


def test_revoking_ends_the_connections_of_that_certificate_and_of_no_other(own, start):
    own.issue("other", uris=("spiffe://apus.local/tenant/other",))
    assert apus("certs", "crl", "--folder", own.folder).returncode == 0
    server = start(own.folder, crl=own.path("ca.crl"))
    victim, other = HTTP2Client(server, own.context()), HTTP2Client(server, own.context("other"))
    assert victim.ping() and other.ping()
    revoke(own, "client")
    types = victim.frames_to_the_end()
    assert 7 in types, f"GOAWAY before the end: {types}"
    server.wait_for_line("connections of revoked certificates ended", "connections=1")
    assert other.ping()
    port, _ = knock(server, own.context())
    server.wait_for_line("handshake refused", f"peer=127.0.0.1:{port}", "reason=certificate_revoked")
    assert HTTP2Client(server, own.context("other")).ping()


def test_a_call_that_outlives_the_grace_after_a_revocation_is_cut_off(own, start):
    assert apus("certs", "crl", "--folder", own.folder).returncode == 0
    server = start(own.folder, crl=own.path("ca.crl"))
    with grpc.secure_channel(server.target, credentials(own.folder)) as channel:
        stub = inference_pb2_grpc.GRPCInferenceServiceStub(channel)
        call = stub.ModelInfer.future(inference_pb2.ModelInferRequest(model_name="sleepy", inputs=[
            inference_pb2.ModelInferRequest.InferInputTensor(
                name="x", datatype="INT32", shape=[1, 1],
                contents=inference_pb2.InferTensorContents(int_contents=[1]))]))
        # Its answer comes behind the beginning of the call.
        assert stub.ServerLive(inference_pb2.ServerLiveRequest(), timeout=20).live and not call.done()
        revoke(own, "client")
        error = call.exception(timeout=30)
        assert error.code() == grpc.StatusCode.UNAVAILABLE, error
        assert "the client's certificate was revoked" in error.details()


def test_the_default_folder_has_its_list_used_from_when_there_is_one(tmp_path):
    (tmp_path / "apus.yaml").write_text("listen: 127.0.0.1:0\n")
    server = Server(tmp_path / "apus.yaml", tmp_path)
    try:
        folder = tmp_path / "Certs/local"
        target = f"127.0.0.1:{server.target.split(':')[1]}"
        nodes = ["call", "graph", "--model", "karate", "--nodes", "0", "--target", target]
        assert apus(*nodes, cwd=tmp_path).returncode == 0
        assert apus("certs", "issue", "--tenant", "acme", cwd=tmp_path).returncode == 0
        assert "names 1 certificate" in apus("certs", "revoke", "client.pem", cwd=tmp_path).stdout
        assert (folder / "ca.crl").exists()
        server.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "certificates reloaded" in server.errors(), "the list")
        refused = apus(*nodes, cwd=tmp_path)
        assert refused.returncode != 0 and "certificate revoked" in refused.stderr
        assert apus(*nodes, "--identity", "tenant-acme", cwd=tmp_path).returncode == 0
    finally:
        assert server.terminate() == 0, server.errors()


def test_revoked_connections_may_be_left_alone(own, start):
    assert apus("certs", "crl", "--folder", own.folder).returncode == 0
    server = start(own.folder, crl=own.path("ca.crl"), close_revoked="false")
    victim = HTTP2Client(server, own.context())
    assert victim.ping()
    revoke(own, "client")
    server.wait_for_line("certificates reloaded", "revoked=1")
    assert victim.ping()
    port, _ = knock(server, own.context())
    server.wait_for_line("handshake refused", f"peer=127.0.0.1:{port}", "reason=certificate_revoked")


def test_a_client_revoked_while_it_shakes_hands_does_not_get_in(own, start):
    assert apus("certs", "crl", "--folder", own.folder).returncode == 0
    server = start(own.folder, crl=own.path("ca.crl"))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = own.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with server.connect() as plain:
        port = plain.getsockname()[1]
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        # The certificate waits in `outgoing`; the server's context is the one from before the list.
        revoke(own, "client")
        server.wait_for_line("certificates reloaded", "revoked=1")
        tls.write(PREFACE)
        plain.sendall(outgoing.read())
        while plain.recv(65536):
            pass
    server.wait_for_line("reason=certificate_revoked", f"peer=127.0.0.1:{port}", "during the handshake")


def test_an_expired_list_stops_the_start(own, tmp_path):
    own.make_list(-HOUR)
    (tmp_path / "apus.yaml").write_text(
        f"listen: 127.0.0.1:0\ntls:\n  certificate: {own.path('server.pem')}\n  key: {own.path('server.key')}\n"
        f"  client_ca: {own.path('ca.pem')}\n  crl: {own.path('ca.crl')}\n")
    result = apus("serve", "--config", tmp_path / "apus.yaml", cwd=tmp_path)
    assert result.returncode != 0 and "has expired" in result.stderr, result.stderr


def test_a_list_that_expires_while_it_is_in_use_lets_nobody_in_and_is_renewed(own, start):
    own.make_list(datetime.timedelta(seconds=3))
    server = start(own.folder, crl=own.path("ca.crl"))
    server.wait_for_line(" warning ", "certificate expires soon", "certificate=crl")
    server.wait_for_line(" error ", "certificate expired: handshakes fail", "certificate=crl")
    port, _ = knock(server, own.context())
    server.wait_for_line("handshake refused", f"peer=127.0.0.1:{port}", "reason=revocation_unknown")
    assert apus("certs", "crl", "--folder", own.folder, "--days", "90").returncode == 0
    server.wait_for_line("certificates reloaded")
    assert HTTP2Client(server, own.context()).ping()


# Our own client

def call(target_port, authority, directory, *extra):
    return apus("call", "text", "--model", "identity", "Once", "--target", f"127.0.0.1:{target_port}",
                "--certs", authority.folder, *extra, cwd=directory)


@pytest.mark.parametrize("identity, extra, words", [
    ("expired", [], "certificate expired"), ("revoked", [], "certificate revoked"),
    ("other-domain", [], "handshake failure"),
    ("client", ["--server-name", "elsewhere.example"], "hostname mismatch")])
def test_our_client_says_why_there_is_no_connection(tls_server, authority, tmp_path, identity, extra, words):
    result = call(tls_server.port, authority, tmp_path, "--identity", identity, *extra)
    assert result.returncode != 0 and words in result.stderr, result.stderr


SERVER = "spiffe://apus.local/server"
# What a server shows; a change of its context; the name that our client wants; what it says.
SERVERS = {
    "expired": ({"begin": -2 * HOUR, "end": -HOUR}, None, "localhost", "certificate has expired"),
    "for clients": ({"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, None, "localhost", "unsuitable certificate purpose"),
    "of another name": ({}, None, "elsewhere.example", "hostname mismatch"),
    "without that identity": ({}, None, SERVER, f"is not {SERVER}"),
    "of another identity": ({"uris": (TENANT,)}, None, SERVER, f"is not {SERVER}"),
    "of two identities": ({"uris": (TENANT, SERVER)}, None, SERVER, f"is not {SERVER}"),
    "B4 without ALPN": ({}, lambda context: context.set_alpn_protocols([]), "localhost", "does not offer HTTP/2"),
    "B4 with TLS 1.1": ({}, with_old_version, "localhost", "protocol version"),
}


def server_context(authority, options, change):
    authority.issue("judged", **{"uris": (), "dns": ("localhost",), "usage": ExtendedKeyUsageOID.SERVER_AUTH,
                                 **options})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.path("judged.pem"), authority.path("judged.key"))
    context.set_alpn_protocols(["h2"])
    if change:
        change(context)
    return context


@pytest.mark.parametrize("which", SERVERS)
def test_B4_our_client_refuses_a_server_and_says_why(own, tmp_path, which):
    options, change, name, words = SERVERS[which]
    with OneTLSServer(server_context(own, options, change)) as server:
        result = call(server.port, own, tmp_path, "--server-name", name)
    assert result.returncode != 0 and words in result.stderr, result.stderr


def test_our_client_takes_a_server_by_its_spiffe_identity(own, start, tmp_path):
    own.issue("server", uris=(SERVER,), usage=ExtendedKeyUsageOID.SERVER_AUTH)
    server = start(own.folder)
    result = call(server.port, own, tmp_path, "--server-name", SERVER)
    # The model is no text model: the server itself says so.
    assert "INVALID_ARGUMENT" in result.stderr or "NOT_FOUND" in result.stderr, result.stderr
