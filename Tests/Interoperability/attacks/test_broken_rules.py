"""Rules of HTTP/2 and HPACK broken one at a time, section by section, as conformance tools of HTTP/2 do.

Each row says what the RFC asks for: the connection's end by GOAWAY with a code, the stream's by RST_STREAM, or nothing.
Where the RFC leaves the choice between stream and connection, both pass. After a stream's end, and where nothing may
happen, the connection still answers a PING.
"""

import socket
import struct

import pytest

import interop_peers as peers
from frames import (ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, ERROR_NAMES, FLOW_CONTROL_ERROR,
                    FRAME_SIZE_ERROR, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY, PROTOCOL_ERROR, PUSH_PROMISE,
                    RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, data, frame, headers, literal, message, ping,
                    request_block, request_fields, reset, settings, window_update)

EMPTY = b"/grpc.testing.TestService/EmptyCall"
# A call that waits for its client.
DUPLEX = b"/grpc.testing.TestService/FullDuplexCall"
OPEN = headers(1, request_block(DUPLEX))
HALF_CLOSED = headers(1, request_block(DUPLEX), end=True)
FIRST_PING, SECOND_PING = 0xF1, 0xF2


def block(*fields, without=(), **changed):
    """The header block of a call without some fields, with others changed, and with more at the end."""
    changed = {b":" + name.encode(): value for name, value in changed.items()}
    kept = [(name, changed.get(name, value)) for name, value in request_fields(DUPLEX) if name not in without]
    return b"".join(literal(*field) for field in [*kept, *fields])


def connection(code, *more):
    return ("connection", {code, *more})


def stream(code, *more):
    """Of the stream, or of the whole connection with the same code."""
    return ("stream", {code, *more})


FINE = ("nothing", set())

ROWS = [
    # section, what is done, the bytes after preface and SETTINGS, what must follow
    ("4.1", "a frame of an unknown type", frame(0xFA, 0xFF, 0, b"12345678"), FINE),
    ("4.1", "a frame of an unknown type on a stream", OPEN + frame(0xFA, 0xFF, 1, b"12345678"), FINE),
    ("4.1", "flags that PING does not have", frame(PING, 0xFE, 0, bytes(8)), FINE),
    ("4.1", "the reserved bit of the stream's number", frame(PING, 0, 0x80000000, bytes(8)), FINE),
    ("4.2", "DATA over SETTINGS_MAX_FRAME_SIZE", OPEN + frame(DATA, 0, 1, bytes(16_385)), stream(FRAME_SIZE_ERROR)),
    ("4.2", "HEADERS over SETTINGS_MAX_FRAME_SIZE", headers(1, request_block(DUPLEX, (b"x", bytes(16_385)))),
     connection(FRAME_SIZE_ERROR)),
    ("4.3", "an index that no table has", headers(1, b"\xff\xff\x7f"), connection(COMPRESSION_ERROR)),
    ("4.3", "another stream's HEADERS in a header block", headers(1, request_block(DUPLEX), flags=0) +
     headers(3, request_block(DUPLEX)), connection(PROTOCOL_ERROR)),
    ("4.3", "PRIORITY in a header block", headers(1, request_block(DUPLEX), flags=0) +
     frame(PRIORITY, 0, 1, bytes(5)), connection(PROTOCOL_ERROR)),
    ("5.1", "DATA on an idle stream", data(1, b"x"), connection(PROTOCOL_ERROR)),
    ("5.1", "RST_STREAM on an idle stream", reset(1), connection(PROTOCOL_ERROR)),
    ("5.1", "WINDOW_UPDATE on an idle stream", window_update(1, 100), connection(PROTOCOL_ERROR)),
    ("5.1", "DATA after the end of the request", HALF_CLOSED + data(1, b"x"), stream(STREAM_CLOSED)),
    ("5.1", "HEADERS after the end of the request", HALF_CLOSED + headers(1, request_block(DUPLEX), end=True),
     stream(STREAM_CLOSED)),
    ("5.1", "WINDOW_UPDATE and RST_STREAM after the end of the request", HALF_CLOSED + window_update(1, 1) + reset(1),
     FINE),
    ("5.1.1", "a stream with an even number", headers(2, request_block(DUPLEX)), connection(PROTOCOL_ERROR)),
    # The RFC asks for the connection's end. nghttp2 reads the fields and forgets them, on purpose: they may be trailers
    # that crossed a reset of ours.
    ("5.1.1", "a stream with a smaller number than the last", headers(5, request_block(DUPLEX)) +
     headers(3, request_block(DUPLEX)), FINE),
    ("6.1", "DATA on stream 0", data(0, b"x"), connection(PROTOCOL_ERROR)),
    ("6.1", "DATA with more padding than it has room for", OPEN + frame(DATA, PADDED, 1, b"\x09abc"),
     connection(PROTOCOL_ERROR)),
    ("6.2", "HEADERS on stream 0", headers(0, request_block(DUPLEX)), connection(PROTOCOL_ERROR)),
    ("6.2", "HEADERS with more padding than it has room for", frame(HEADERS, PADDED | END_HEADERS, 1, b"\x09abc"),
     connection(PROTOCOL_ERROR)),
    # The RFC asks for the connection's end. We said SETTINGS_NO_RFC7540_PRIORITIES, so nobody looks at the frame.
    ("6.3", "PRIORITY on stream 0", frame(PRIORITY, 0, 0, bytes(5)), FINE),
    ("6.3", "PRIORITY of 4 bytes", frame(PRIORITY, 0, 1, bytes(4)), stream(FRAME_SIZE_ERROR)),
    ("6.4", "RST_STREAM on stream 0", reset(0), connection(PROTOCOL_ERROR)),
    ("6.4", "RST_STREAM of 3 bytes", OPEN + frame(RST_STREAM, 0, 1, bytes(3)), connection(FRAME_SIZE_ERROR)),
    ("6.5", "SETTINGS on a stream", frame(SETTINGS, 0, 1), connection(PROTOCOL_ERROR)),
    ("6.5", "an acknowledgement of SETTINGS with a payload", frame(SETTINGS, ACK, 0, bytes(6)),
     connection(FRAME_SIZE_ERROR)),
    ("6.5", "SETTINGS of 5 bytes", frame(SETTINGS, 0, 0, bytes(5)), connection(FRAME_SIZE_ERROR)),
    ("6.5.2", "an unknown setting", settings((0xFAFA, 1)), FINE),
    ("6.5.2", "ENABLE_PUSH of 2", settings((2, 2)), connection(PROTOCOL_ERROR)),
    ("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", settings((4, 1 << 31)), connection(FLOW_CONTROL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE of 16383", settings((5, 16_383)), connection(PROTOCOL_ERROR)),
    ("6.5.2", "MAX_FRAME_SIZE of 2^24", settings((5, 1 << 24)), connection(PROTOCOL_ERROR)),
    ("6.6", "PUSH_PROMISE from a client", OPEN + frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2)),
     connection(PROTOCOL_ERROR)),
    ("6.7", "an acknowledgement that answers no PING", ping(7, ACK), FINE),
    ("6.7", "PING on a stream", frame(PING, 0, 1, bytes(8)), connection(PROTOCOL_ERROR)),
    ("6.7", "PING of 7 bytes", frame(PING, 0, 0, bytes(7)), connection(FRAME_SIZE_ERROR)),
    ("6.8", "GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8)), connection(PROTOCOL_ERROR)),
    ("6.9", "WINDOW_UPDATE by 0 for the connection", window_update(0, 0), connection(PROTOCOL_ERROR)),
    ("6.9", "WINDOW_UPDATE by 0 for a stream", OPEN + window_update(1, 0), stream(PROTOCOL_ERROR)),
    ("6.9", "WINDOW_UPDATE of 3 bytes", frame(WINDOW_UPDATE, 0, 0, bytes(3)), connection(FRAME_SIZE_ERROR)),
    ("6.9.1", "the connection's window over 2^31-1", 2 * window_update(0, 0x7FFFFFFF), connection(FLOW_CONTROL_ERROR)),
    ("6.9.1", "a stream's window over 2^31-1", OPEN + 2 * window_update(1, 0x7FFFFFFF), stream(FLOW_CONTROL_ERROR)),
    ("6.9.2", "a stream's window over 2^31-1 by SETTINGS", OPEN + window_update(1, 0x7FFF0000) +
     settings((4, 0x7FFFFFFF)), stream(FLOW_CONTROL_ERROR)),
    ("6.10", "CONTINUATION without HEADERS", frame(CONTINUATION, END_HEADERS, 1, request_block(DUPLEX)),
     connection(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION after the end of the header block", OPEN + frame(CONTINUATION, END_HEADERS, 1),
     connection(PROTOCOL_ERROR)),
    ("6.10", "CONTINUATION on stream 0", headers(1, request_block(DUPLEX), flags=0) +
     frame(CONTINUATION, END_HEADERS, 0), connection(PROTOCOL_ERROR)),
    ("8.1", "a second HEADERS that does not end the request", OPEN + headers(1, literal(b"x", b"y")),
     stream(PROTOCOL_ERROR)),
    ("8.1.1", "less DATA than content-length says", headers(1, block((b"content-length", b"9"))) +
     data(1, message(b""), end=True), stream(PROTOCOL_ERROR)),
    ("8.1.1", "more DATA than content-length says", headers(1, block((b"content-length", b"1"))) +
     data(1, message(b"")), stream(PROTOCOL_ERROR)),
    ("8.2.1", "a name in capital letters", headers(1, block((b"X-Test", b"y"))), stream(PROTOCOL_ERROR)),
    ("8.2.2", "the field connection", headers(1, block((b"connection", b"close"))), stream(PROTOCOL_ERROR)),
    ("8.2.2", "te that is not trailers", headers(1, block((b"te", b"gzip"), without=[b"te"])), stream(PROTOCOL_ERROR)),
    ("8.3", "a pseudo-header that nobody knows", headers(1, literal(b":x", b"y") + block()), stream(PROTOCOL_ERROR)),
    ("8.3", ":status in a request", headers(1, literal(b":status", b"200") + block()), stream(PROTOCOL_ERROR)),
    ("8.3", "a pseudo-header after other fields", headers(1, block((b":path", DUPLEX), without=[b":path"])),
     stream(PROTOCOL_ERROR)),
    ("8.3", "a pseudo-header among the trailers", OPEN + headers(1, literal(b":path", DUPLEX), end=True),
     stream(PROTOCOL_ERROR)),
    ("8.3.1", "no :method", headers(1, block(without=[b":method"])), stream(PROTOCOL_ERROR)),
    ("8.3.1", "no :scheme", headers(1, block(without=[b":scheme"])), stream(PROTOCOL_ERROR)),
    ("8.3.1", "no :path", headers(1, block(without=[b":path"])), stream(PROTOCOL_ERROR)),
    ("8.3.1", "an empty :path", headers(1, block(path=b"")), stream(PROTOCOL_ERROR)),
    ("8.3.1", "two :method", headers(1, literal(b":method", b"POST") + block()), stream(PROTOCOL_ERROR)),
    ("8.3.1", "two :path", headers(1, literal(b":path", DUPLEX) + block()), stream(PROTOCOL_ERROR)),
    ("HPACK 2.3.3", "index 62 of an empty dynamic table", headers(1, b"\xbe"), connection(COMPRESSION_ERROR)),
    ("HPACK 4.2", "a change of the table's size after a field", headers(1, b"\x82\x20"), connection(COMPRESSION_ERROR)),
    ("HPACK 5.2", "Huffman padding that is not ones", headers(1, b"\x00\x01x\x81\x18"), connection(COMPRESSION_ERROR)),
    ("HPACK 6.1", "index 0", headers(1, b"\x80"), connection(COMPRESSION_ERROR)),
    ("HPACK 6.3", "a table larger than SETTINGS allow", headers(1, b"\x3f\xe1\x7f" + block()),
     connection(COMPRESSION_ERROR)),
]


@pytest.fixture(scope="module")
def interop_server(interop_certificates):
    server = peers.our_server(interop_certificates, False)
    yield server
    assert server.stop() == 0


class Wire:
    """A connection that says what came."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)

    def send(self, content):
        try:
            self.socket.sendall(content)
        except OSError:
            # Closed by the server meanwhile; what it said before is still to be read.
            pass

    def frames(self):
        """Every frame as (type, flags, stream, payload) until the server closes."""
        pending = b""
        while True:
            try:
                received = self.socket.recv(65536)
            except ConnectionResetError:
                return
            if not received:
                return
            pending += received
            while len(pending) >= 9 and len(pending) >= 9 + (length := int.from_bytes(pending[:3])):
                yield (pending[3], pending[4], int.from_bytes(pending[5:9]), pending[9:9 + length])
                pending = pending[9 + length:]


def outcome(port, content):
    """What the server makes of it: ("connection", code), ("stream", code) or ("nothing", None)."""
    wire = Wire(port)
    with wire.socket:
        # Answers to PING overtake what the server has to say; the second PING asks when that is out.
        wire.send(PREFACE + settings() + content + ping(FIRST_PING))
        reset_code = None
        for kind, flags, _, payload in wire.frames():
            if kind == GOAWAY:
                return "connection", struct.unpack(">I", payload[4:8])[0]
            if kind == RST_STREAM:
                reset_code = struct.unpack(">I", payload)[0]
            if kind == PING and flags & ACK and payload == struct.pack(">Q", FIRST_PING):
                wire.send(ping(SECOND_PING))
            if kind == PING and flags & ACK and payload == struct.pack(">Q", SECOND_PING):
                return ("nothing", None) if reset_code is None else ("stream", reset_code)
    return "closed without a word", None


@pytest.mark.parametrize("section,name,content,expected", ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_B1_a_broken_rule_of_http2_ends_what_the_rfc_says(interop_server, section, name, content, expected):
    kind, codes = expected
    what, code = outcome(interop_server.port, content)
    kinds = {kind, "connection"} if kind == "stream" else {kind}
    assert what in kinds and (code is None or code in codes), f"{what} {ERROR_NAMES.get(code, code)}"


@pytest.mark.parametrize("content", [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", PREFACE[:-1] + b"x", PREFACE + ping()],
                         ids=["HTTP/1.1", "a wrong last byte", "PING before SETTINGS"])
def test_B1_a_wrong_preface_ends_the_connection(interop_server, content):
    wire = Wire(interop_server.port)
    with wire.socket:
        wire.send(content)
        kinds = [kind for kind, *_ in wire.frames()]
    assert HEADERS not in kinds and PING not in kinds


def test_B1_a_call_passes_on_the_wire_of_these_tests(interop_server):
    wire = Wire(interop_server.port)
    with wire.socket:
        wire.send(PREFACE + settings() + headers(1, request_block(EMPTY)) + data(1, message(b""), end=True))
        for kind, flags, number, _ in wire.frames():
            assert kind not in (GOAWAY, RST_STREAM)
            if kind == HEADERS and flags & END_STREAM:
                assert number == 1
                return
    raise AssertionError("the connection ended before the call")
