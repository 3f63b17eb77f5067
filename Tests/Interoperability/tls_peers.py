"""Certificates of every kind, and TLS clients that can be told what to do: for test_tls.py."""

import datetime
import pathlib
import re
import socket
import ssl
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from conftest import Server, apus

HOUR = datetime.timedelta(hours=1)
TENANT = "spiffe://apus.local/tenant/acme"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Authority:
    """A folder of `apus certs init`, whose authority signs whatever it is asked to."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        made = apus("certs", "init", self.folder)
        assert made.returncode == 0, made.stderr

    def path(self, name):
        return self.folder / name

    def certificate(self):
        return x509.load_pem_x509_certificate(self.path("ca.pem").read_bytes())

    def issue(self, name, uris=(TENANT,), dns=(), usage=ExtendedKeyUsageOID.CLIENT_AUTH, begin=-HOUR, end=HOUR,
              names_issuer_key=True):
        """Writes NAME.pem and NAME.key; `begin` and `end` are seen from now. Returns the certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        root = self.certificate()
        root_key = serialization.load_pem_private_key(self.path("ca.key").read_bytes(), None)
        names = [x509.UniformResourceIdentifier(uri) for uri in uris] + [x509.DNSName(name) for name in dns]
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(root.subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now() + begin).not_valid_after(now() + end)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False))
        if names_issuer_key:
            builder = builder.add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(root_key, hashes.SHA256())
        self.path(f"{name}.key").write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.path(f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return certificate

    def make_list(self, end):
        """Writes ca.crl, an empty list that ends `end` from now."""
        key = serialization.load_pem_private_key(self.path("ca.key").read_bytes(), None)
        made = (x509.CertificateRevocationListBuilder().issuer_name(self.certificate().subject)
                .last_update(now() - 2 * HOUR).next_update(now() + end).sign(key, hashes.SHA256()))
        self.path("ca.crl").write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def context(self, name="client", alpn=("h2",)):
        """A client that believes this authority and shows NAME, or nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.path("ca.pem"))
        if name:
            context.load_cert_chain(self.path(f"{name}.pem"), self.path(f"{name}.key"))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


class TLSServer(Server):
    """`apus serve` with a model that echoes at once and one that does after 8 s, the certificates of a folder, and a file of metrics."""

    def __init__(self, directory, folder, **tls):
        for name, lines in {"identity": "platform: identity\n", "sleepy": "platform: delay\ndelay: 8s\n"}.items():
            (directory / f"models/{name}/1").mkdir(parents=True, exist_ok=True)
            (directory / f"models/{name}/model.yaml").write_text(lines)
        settings = {"certificate": folder / "server.pem", "key": folder / "server.key",
                    "client_ca": folder / "ca.pem", "look_every": "100ms", **tls}
        self.metrics_path = directory / "apus.prom"
        path = directory / "apus.yaml"
        path.write_text("\n".join([
            "listen: 127.0.0.1:0", f"repositories: [{directory / 'models'}]", f"metrics_file: {self.metrics_path}",
            "tls:", *[f"  {key}: {value}" for key, value in settings.items()]]) + "\n")
        super().__init__(path, directory)
        self.port = int(self.target.split(":")[1])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def metric(self, name):
        """The value of a series, 0 when it is not there."""
        text = self.metrics_path.read_text() if self.metrics_path.exists() else ""
        match = re.search(f"^{re.escape(name)} (.*)$", text, re.MULTILINE)
        return float(match.group(1)) if match else 0

    def log_lines(self, *words):
        return [line for line in self.errors().splitlines() if all(word in line for word in words)]

    def wait_for_line(self, *words):
        wait_for(lambda: self.log_lines(*words), f"a line with {words} in:\n{self.errors()}")
        return self.log_lines(*words)[-1]

    def wait_for_metric(self, name, value):
        wait_for(lambda: self.metric(name) == value, f"{name} {value}")


def wait_for(condition, what):
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit, f"waited in vain for {what}"
        time.sleep(0.02)


def knock(server, context):
    """Shakes hands, sends the preface and listens to the end. Returns the own port and what ended it."""
    with server.connect() as plain:
        port = plain.getsockname()[1]
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as tls:
                tls.sendall(PREFACE)
                while tls.recv(65536):
                    pass
                return port, None
        except (ssl.SSLError, ConnectionError) as error:
            # Without its traceback, which would keep the caller's connections from being closed.
            return port, error.with_traceback(None)


class OneTLSServer:
    """Takes one TLS connection after another and lets it go after its handshake, in a thread."""

    def __init__(self, context):
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            with plain:
                plain.settimeout(20)
                try:
                    with self.context.wrap_socket(plain, server_side=True) as tls:
                        while tls.recv(65536):
                            pass
                except OSError:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(30)


class HTTP2Client:
    """One TLS connection that speaks as much HTTP/2 as it takes to see whether it is alive."""

    def __init__(self, server, context, session=None):
        self.tls = context.wrap_socket(server.connect(), server_hostname="localhost", session=session)
        self.buffer = b""
        self.tls.sendall(PREFACE)

    def serial(self):
        return x509.load_der_x509_certificate(self.tls.getpeercert(binary_form=True)).serial_number

    def frame(self):
        """The next frame as (type, flags, payload); None at the end."""
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            chunk = self.tls.recv(65536)
            if not chunk:
                return None
            self.buffer += chunk
        size = 9 + int.from_bytes(self.buffer[:3], "big")
        frame, self.buffer = self.buffer[:size], self.buffer[size:]
        return frame[3], frame[4], frame[9:]

    def ping(self):
        """Whether a PING comes back."""
        self.tls.sendall(bytes([0, 0, 8, 6, 0, 0, 0, 0, 0]) + b"are you?")
        while frame := self.frame():
            if frame[0] == 6 and frame[1] & 1:
                return frame[2] == b"are you?"
        return False

    def frames_to_the_end(self):
        """The types of all frames until the server closes; its PINGs are answered."""
        types = []
        while frame := self.frame():
            types.append(frame[0])
            if frame[0] == 6 and not frame[1] & 1:
                self.tls.sendall(bytes([0, 0, 8, 6, 1, 0, 0, 0, 0]) + frame[2])
        return types

    def close(self):
        self.tls.close()
