"""A client of HTTP/2 that does no more than a test tells it to."""

import socket

import h2.config
import h2.connection
import h2.events


def framed(body):
    """A gRPC message: not compressed, its length, itself."""
    return b"\0" + len(body).to_bytes(4, "big") + body


class Peer:
    """A client that does no more than it is told: in the clear, or with a TLS context."""

    def __init__(self, address, context=None):
        self.socket = socket.create_connection(address)
        self.socket.settimeout(30)
        if context:
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.events = []
        self.is_closed = False
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.connection.initiate_connection()
        self.flush()
        self.read_until(h2.events.SettingsAcknowledged)

    def flush(self):
        self.socket.sendall(self.connection.data_to_send())

    def read(self):
        """Takes what comes next, and answers nothing."""
        try:
            data = self.socket.recv(65_536)
        except ConnectionResetError:
            data = b""
        self.is_closed = not data
        self.events += self.connection.receive_data(data) if data else []

    def read_until(self, kind):
        while not (found := [event for event in self.events if isinstance(event, kind)]):
            assert not self.is_closed, self.events
            self.read()
        return found[0]

    def read_to_the_end(self):
        while not self.is_closed:
            self.read()

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]

    def request(self, headers, body, ends):
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(stream, headers)
        for start in range(0, max(len(body), 1), 16_384):
            piece = body[start:start + 16_384]
            self.connection.send_data(stream, piece, end_stream=ends and start + len(piece) == len(body))
        self.flush()
