"""Bytes that are not what they should be: other protocols, noise, and TLS that never gets to the point."""

import ctypes
import itertools
import random
import socket
import time

from attack import MIB, Ending, attacked, plain, secure  # noqa: F401 (fixtures)
from frames import PREFACE, frame, settings

NOISE = random.Random(20261125).randbytes(1 << 16)


def test_tls_garbage(secure):
    for name, noise in {"noise": NOISE, "a broken ClientHello": b"\x16\x03\x01\x00\xff\x01" + NOISE[:300],
                        "an alert": b"\x15\x03\x03\x00\x02\x02\x28", "HTTP/1.1": b"GET / HTTP/1.1\r\n\r\n",
                        "HTTP/2 in the clear": PREFACE + settings()}.items():
        def attack():
            wire = secure.raw()
            wire.send(noise)
            return wire.ending(12)
        secure.endure(f"{name} where TLS should be", attack, error="closed", within=12, growth=16 * MIB, seconds=0.3,
                      defence="an error of TLS")


def test_http1_bytes(plain):
    for name, text in {"GET": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                       "POST with a body": b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\n" + bytes(100_000)}.items():
        def attack():
            wire = plain.wire()
            wire.send(text)
            return wire.ending(5)
        plain.endure(f"HTTP/1.1 {name}", attack, error="PROTOCOL_ERROR", within=5, growth=16 * MIB,
                     seconds=0.3, defence="the preface of HTTP/2 is missing")


def test_http2_garbage(attacked):
    """What is wrong first differs from one to the next; they are always the same sixteen."""
    seeds = itertools.cycle(range(16))

    def attack():
        generator = random.Random(next(seeds))
        wire = attacked.wire().open()
        frames = b"".join(frame(generator.randrange(12), generator.randrange(256), generator.choice([0, 1, 3, 2, 1000]),
                                generator.randbytes(generator.randrange(200))) for _ in range(50))
        wire.send(frames + generator.randbytes(20_000))
        ending = wire.ending(15)
        wire.close()
        return ending
    attacked.endure("random frames", attack, error={"PROTOCOL_ERROR", "FRAME_SIZE_ERROR", "COMPRESSION_ERROR"},
                    within=10, growth=16 * MIB, defence="an error of the connection")


class RawTLS:
    """A connection of OpenSSL's own API, for what Python's ssl does not offer."""

    def __init__(self, attacked, version):
        self.library = library = ctypes.CDLL("libssl.so.3")
        for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
            getattr(library, name).restype = ctypes.c_void_p
        context = ctypes.c_void_p(library.SSL_CTX_new(ctypes.c_void_p(library.TLS_client_method())))
        library.SSL_CTX_ctrl(context, 124, ctypes.c_long(version), None)
        library.SSL_CTX_use_certificate_chain_file(context, str(attacked.folder / "client.pem").encode())
        library.SSL_CTX_use_PrivateKey_file(context, str(attacked.folder / "client.key").encode(), 1)
        library.SSL_CTX_set_alpn_protos(context, b"\x02h2", 3)
        self.began = time.monotonic()
        self.socket = socket.create_connection(attacked.address)
        self.ssl, self.context = ctypes.c_void_p(library.SSL_new(context)), context
        library.SSL_set_fd(self.ssl, self.socket.fileno())
        library.SSL_set_connect_state(self.ssl)
        assert library.SSL_do_handshake(self.ssl) == 1
        self.write(PREFACE + settings())

    def write(self, data):
        return self.library.SSL_write(self.ssl, data, len(data)) > 0

    def ending(self):
        """Whether the server has closed by now."""
        self.socket.settimeout(15)
        is_closed = False
        try:
            while self.socket.recv(1 << 16):
                pass
            is_closed = True
        except TimeoutError:
            pass
        except OSError:
            is_closed = True
        ending = Ending(time.monotonic() - self.began, None, b"", None, is_closed)
        self.socket.close()
        self.library.SSL_free(self.ssl)
        self.library.SSL_CTX_free(self.context)
        return ending


def test_key_update_flood(secure):
    """TLS 1.3: every KeyUpdate makes the server derive keys again."""
    def attack():
        tls = RawTLS(secure, 0x0304)
        for _ in range(20_000):
            if tls.library.SSL_key_update(tls.ssl, 1) != 1 or tls.library.SSL_do_handshake(tls.ssl) != 1:
                break
        return tls.ending()
    secure.endure("TLS 1.3 KeyUpdate flood", attack, error="closed", within=20, growth=16 * MIB,
                  defence="handshake records without data are counted")


def test_renegotiation(secure):
    """TLS 1.2: a second handshake on the same connection is refused."""
    def attack():
        tls = RawTLS(secure, 0x0303)
        assert tls.library.SSL_renegotiate(tls.ssl) == 1
        assert tls.library.SSL_do_handshake(tls.ssl) != 1, "the server has renegotiated"
        tls.socket.shutdown(socket.SHUT_WR)
        ending = tls.ending()
        ending.has_left = True
        return ending
    secure.endure("TLS 1.2 renegotiation", attack, error="left", within=20, growth=16 * MIB,
                  defence="SSL_OP_NO_RENEGOTIATION")
