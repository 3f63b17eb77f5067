"""A server that attacks its clients: it speaks just enough HTTP/2 to be called, and then does what it is for."""

import socket
import struct
import threading

from frames import HEADERS, PREFACE, SETTINGS_ACK, settings


class Victim:
    """A client's connection, in the hands of the server."""

    def __init__(self, sock):
        self.socket = sock
        self.received = bytearray()

    def read(self, count):
        while len(self.received) < count:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionError("the client has gone")
            self.received += data
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def await_request(self):
        """Greets, and reads to the headers of the first call; its stream."""
        assert self.read(len(PREFACE)) == PREFACE
        self.send(settings() + SETTINGS_ACK)
        while True:
            length, kind, _, stream = struct.unpack(">IBBI", b"\0" + self.read(9))
            self.read(length)
            if kind == HEADERS:
                return stream

    def send(self, data):
        self.socket.sendall(data)

    def flood(self, data):
        """Sends this again and again until the client has gone; what the client says is read and forgotten."""
        threading.Thread(target=self.drain, daemon=True).start()
        while True:
            self.send(data)

    def drain(self):
        try:
            while self.socket.recv(1 << 16):
                pass
        except OSError:
            pass


class HostileServer:
    """Listens on a free port of the loopback interface; `attack` gets each connection as a `Victim`."""

    def __init__(self, attack):
        self.attack = attack
        self.connection_count = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connection_count += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with sock:
            try:
                victim = Victim(sock)
                self.attack(victim)
                victim.drain()
            except OSError:
                pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
