"""A server that answers `UnaryCall` and breaks HTTP/2 habits on purpose, as the official negative tests do.

It runs on threads of the test, so that the test can look at what it saw.
"""

import socket
import struct
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.settings
from hyperframe.frame import GoAwayFrame

import peer_stubs  # noqa: F401  (makes grpc.testing importable)
from grpc.testing import messages_pb2

HEADERS = [(":status", "200"), ("content-type", "application/grpc")]
TRAILERS = [("grpc-status", "0")]
# The last one that `goaway_between` takes in, of a hundred: the tenth.
LAST_STREAM = 19


class Connection:
    """One connection, until the client closes it."""

    def __init__(self, server, sock):
        self.server = server
        self.case = server.case
        self.socket = sock
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self.requests = {}
        # What is still to be sent on a stream: (bytes, offset, what to do at the end).
        self.waiting = {}
        self.limit_is_acknowledged = False
        self.pings_sent = 0
        # The streams above it are not answered.
        self.last_stream = None
        self.answered = []

    def run(self):
        self.h2.initiate_connection()
        self.flush()
        while data := self.socket.recv(65536):
            for event in self.h2.receive_data(data):
                self.handle(event)
            for stream in list(self.waiting):
                self.send_body(stream)
            self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def handle(self, event):
        if isinstance(event, h2.events.RequestReceived):
            self.requests[event.stream_id] = bytearray()
            if self.case == "goaway_between" and self.server.connection_count == 1 and event.stream_id == LAST_STREAM:
                self.last_stream = LAST_STREAM
                self.flush()
                self.socket.sendall(GoAwayFrame(0, last_stream_id=LAST_STREAM, error_code=0).serialize())
            with self.server.lock:
                self.server.request_count += 1
                if self.limit_is_acknowledged:
                    self.server.most_streams = max(self.server.most_streams, len(self.requests))
            if self.case == "ping":
                self.ping()
        elif isinstance(event, h2.events.DataReceived):
            self.requests[event.stream_id] += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if self.case == "ping":
                self.ping()
        elif isinstance(event, h2.events.StreamEnded):
            if self.last_stream is None or event.stream_id <= self.last_stream:
                self.answer(event.stream_id)
        elif isinstance(event, h2.events.PingAckReceived):
            with self.server.lock:
                self.server.pings_answered.append(event.ping_data)
        elif isinstance(event, h2.events.SettingsAcknowledged):
            if h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS in event.changed_settings:
                self.limit_is_acknowledged = True
        elif isinstance(event, h2.events.StreamReset):
            self.requests.pop(event.stream_id, None)
            self.waiting.pop(event.stream_id, None)

    def ping(self):
        data = struct.pack(">Q", self.pings_sent)
        self.pings_sent += 1
        with self.server.lock:
            self.server.pings_sent.append(data)
        self.h2.ping(data)

    def answer(self, stream):
        body = bytes(self.requests[stream])
        assert body[0] == 0 and struct.unpack(">I", body[1:5])[0] == len(body) - 5, "not one plain message"
        request = messages_pb2.SimpleRequest.FromString(body[5:])
        response = messages_pb2.SimpleResponse(
            payload=messages_pb2.Payload(body=bytes(request.response_size))).SerializeToString()
        if self.case == "goaway":
            # By hand: h2 would not let the stream go on after it.
            self.flush()
            self.socket.sendall(GoAwayFrame(0, last_stream_id=stream, error_code=0).serialize())
        self.h2.send_headers(stream, HEADERS)
        if self.case == "rst_after_header":
            return self.reset(stream)
        framed = b"\0" + struct.pack(">I", len(response)) + response
        self.waiting[stream] = [framed[:len(framed) // 2] if self.case == "rst_during_data" else framed, 0]
        self.send_body(stream)

    def send_body(self, stream):
        body, offset = self.waiting[stream]
        padding = 255 if self.case == "data_frame_padding" else None
        while offset < len(body):
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            room = room - 256 if padding else room
            if room <= 0:
                self.waiting[stream] = [body, offset]
                return
            size = min(room, 5 if padding else room, len(body) - offset)
            self.h2.send_data(stream, body[offset:offset + size], pad_length=padding)
            offset += size
        del self.waiting[stream]
        if self.case in ("rst_during_data", "rst_after_data"):
            return self.reset(stream)
        self.h2.send_headers(stream, TRAILERS, end_stream=True)
        self.answered.append(stream)
        del self.requests[stream]
        if self.case == "max_streams" and not self.limit_is_acknowledged:
            self.h2.update_settings({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1})

    def reset(self, stream):
        self.h2.reset_stream(stream, h2.errors.ErrorCodes.NO_ERROR)
        self.requests.pop(stream, None)


class MisbehavingServer:
    """Listens on a free port of the loopback interface until `close`."""

    def __init__(self, case):
        self.case = case
        self.lock = threading.Lock()
        self.connection_count = 0
        self.request_count = 0
        self.most_streams = 0
        self.pings_sent = []
        self.pings_answered = []
        self.failures = []
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connection_count += 1
            sock.settimeout(60)
            thread = threading.Thread(target=self.serve, args=(sock,))
            self.threads.append(thread)
            thread.start()

    def serve(self, sock):
        with sock:
            connection = Connection(self, sock)
            self.connections.append(connection)
            try:
                connection.run()
            except ConnectionError:
                pass
            except Exception as error:  # noqa: BLE001  (the test reports it)
                self.failures.append(error)

    def close(self):
        """Waits until the client has closed its connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a connection was left open"
        assert self.failures == []
