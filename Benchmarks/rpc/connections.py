"""Connections that do nothing, and what they cost a server in memory."""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, ACKNOWLEDGED, PING = 4, 1, 6
EMPTY_SETTINGS = struct.pack(">I", 0)[1:] + bytes([SETTINGS, 0]) + bytes(4)
SETTINGS_ACKNOWLEDGEMENT = struct.pack(">I", 0)[1:] + bytes([SETTINGS, ACKNOWLEDGED]) + bytes(4)


def tls_context(certificate_folder):
    context = ssl.create_default_context(cafile=str(certificate_folder / "ca.pem"))
    context.load_cert_chain(certificate_folder / "client.pem", certificate_folder / "client.key")
    context.set_alpn_protocols(["h2"])
    return context


def connect(port, context=None):
    """A connection whose settings both sides have acknowledged, so that the server has all of it."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    if context is not None:
        connection = context.wrap_socket(connection, server_hostname="localhost")
    connection.sendall(PREFACE + EMPTY_SETTINGS)
    await_acknowledgement(connection)
    return connection


def await_acknowledgement(connection):
    """Reads frames until the server has acknowledged our settings, and acknowledges its own."""
    received = b""
    while True:
        while len(received) >= 9:
            length = int.from_bytes(received[:3], "big")
            if len(received) < 9 + length:
                break
            kind, flags = received[3], received[4]
            received = received[9 + length:]
            if kind == SETTINGS and flags & ACKNOWLEDGED:
                return
            if kind == SETTINGS:
                connection.sendall(SETTINGS_ACKNOWLEDGEMENT)
        chunk = connection.recv(65536)
        if not chunk:
            raise SystemExit("the server closed an idle connection")
        received += chunk


def is_open(connection):
    """Whether the server has not closed it."""
    connection.setblocking(False)
    try:
        return connection.recv(65536) != b""
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
