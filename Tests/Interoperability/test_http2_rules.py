"""The rules of RFC 9113 and RFC 7541, one by one, with requests that are not gRPC: what a tool for HTTP/2 would find.

Each row is what a client sends behind its preface and SETTINGS, and the one thing the server may do about it.
"""

import dataclasses
import socket
import struct

import hpack
import pytest

from conftest import Server, write_configuration

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, COMPRESSION_ERROR = 1, 3, 5, 6, 9

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "localhost")]
POST = [(":method", "POST"), *GET[1:]]
# Longer than a frame may be.
TOO_LONG = bytes(16_385)


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">IBBI", len(payload), kind, flags, stream)[1:] + payload


def block(fields):
    """Fields as they are: hpack would put names into lower case."""
    def text(value):
        value = value.encode()
        assert len(value) < 127
        return bytes([len(value)]) + value
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def headers(fields, flags=END_HEADERS | END_STREAM, stream=1):
    return frame(HEADERS, flags, stream, block(fields))


def settings(*pairs):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def number(value):
    return struct.pack(">I", value)


def get(*more, fields=GET):
    return headers([*fields, *more])


def post(*more, stream=1):
    return headers([*POST, *more], END_HEADERS, stream)


PING_FRAME = frame(PING, 0, 0, b"are you?")


@dataclasses.dataclass(frozen=True)
class Rule:
    section: str
    name: str
    sent: bytes
    # A GOAWAY of the first, a RST_STREAM of the second, an HTTP status of the third; all None: the connection goes on.
    goaway: int | None = None
    reset: int | None = None
    status: str | None = None


def goes_away(section, name, sent, code):
    return Rule(section, name, sent, goaway=code)


def resets(section, name, sent, code=PROTOCOL_ERROR):
    return Rule(section, name, sent, reset=code)


def answers(section, name, sent, status="404"):
    return Rule(section, name, sent, status=status)


def goes_on(section, name, sent):
    return Rule(section, name, sent)


RULES = [
    goes_on("4.1", "an unknown type of frame is ignored", frame(0x16, 0, 0, b"what?")),
    goes_on("4.1", "unknown flags are ignored", frame(PING, 0x16, 0, b"are they")),
    goes_on("4.1", "the reserved bit is ignored", frame(PING, 0, 0x8000_0000, b"reserved")),
    goes_away("4.2", "a DATA frame that is too long", post() + frame(DATA, END_STREAM, 1, TOO_LONG), FRAME_SIZE_ERROR),
    goes_away("4.2", "a HEADERS frame that is too long", frame(HEADERS, 5, 1, TOO_LONG), FRAME_SIZE_ERROR),
    goes_away("4.3", "a header block that is none", frame(HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff"),
              COMPRESSION_ERROR),
    goes_away("4.3", "a frame of another type within a header block",
              headers(GET, END_STREAM) + frame(PRIORITY, 0, 1, bytes(5)), PROTOCOL_ERROR),
    goes_away("4.3", "a frame of another stream within a header block",
              headers(GET, END_STREAM) + headers(GET, stream=3), PROTOCOL_ERROR),
    goes_away("5.1", "DATA on an idle stream", frame(DATA, END_STREAM, 1, b"x"), PROTOCOL_ERROR),
    goes_away("5.1", "RST_STREAM on an idle stream", frame(RST_STREAM, 0, 1, number(8)), PROTOCOL_ERROR),
    goes_away("5.1", "WINDOW_UPDATE on an idle stream", frame(WINDOW_UPDATE, 0, 1, number(1)), PROTOCOL_ERROR),
    goes_away("5.1", "CONTINUATION on an idle stream", frame(CONTINUATION, END_HEADERS, 1, block(GET)), PROTOCOL_ERROR),
    goes_away("5.1", "DATA behind the end of a request", get() + frame(DATA, END_STREAM, 1, b"x"), STREAM_CLOSED),
    goes_away("5.1", "HEADERS behind the end of a request", get() + get(), STREAM_CLOSED),
    goes_away("5.1.1", "a stream with an even identifier", headers(GET, stream=2), PROTOCOL_ERROR),
    # §5.1.1 wants PROTOCOL_ERROR. nghttp2 reads such headers and forgets them: trailers may cross a reset.
    goes_on("5.1.1", "a stream with a smaller identifier than the last",
            headers(POST, END_HEADERS, 3) + headers(GET, stream=1)),
    goes_away("6.1", "DATA on stream 0", frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR),
    goes_away("6.1", "DATA with more padding than payload", post() + frame(DATA, PADDED | END_STREAM, 1, b"\x05x"),
              PROTOCOL_ERROR),
    goes_away("6.2", "HEADERS on stream 0", headers(GET, stream=0), PROTOCOL_ERROR),
    goes_away("6.2", "HEADERS with more padding than payload",
              frame(HEADERS, PADDED | END_HEADERS | END_STREAM, 1, b"\xff" + block(GET)), PROTOCOL_ERROR),
    goes_on("6.3", "PRIORITY on an idle stream", frame(PRIORITY, 0, 1, bytes(5))),
    # §6.3 wants PROTOCOL_ERROR. nghttp2 looks at no PRIORITY once SETTINGS have said that priorities are not used.
    goes_on("6.3", "PRIORITY on stream 0 is ignored", frame(PRIORITY, 0, 0, bytes(5))),
    goes_away("6.3", "PRIORITY of four bytes", frame(PRIORITY, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
    goes_away("6.4", "RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, number(8)), PROTOCOL_ERROR),
    goes_away("6.4", "RST_STREAM of three bytes", post() + frame(RST_STREAM, 0, 1, bytes(3)), FRAME_SIZE_ERROR),
    goes_away("6.5", "an acknowledgement of SETTINGS with a payload", frame(SETTINGS, ACK, 0, bytes(6)),
              FRAME_SIZE_ERROR),
    goes_away("6.5", "SETTINGS on a stream", frame(SETTINGS, 0, 1, bytes(6)), PROTOCOL_ERROR),
    goes_away("6.5", "SETTINGS of three bytes", frame(SETTINGS, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    goes_away("6.5.2", "ENABLE_PUSH of 2", settings((2, 2)), PROTOCOL_ERROR),
    goes_away("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", settings((4, 1 << 31)), FLOW_CONTROL_ERROR),
    goes_away("6.5.2", "MAX_FRAME_SIZE below 2^14", settings((5, 16_383)), PROTOCOL_ERROR),
    goes_away("6.5.2", "MAX_FRAME_SIZE of 2^24", settings((5, 1 << 24)), PROTOCOL_ERROR),
    goes_on("6.5.2", "an unknown setting is ignored", settings((0xfe03, 1))),
    goes_away("6.6", "PUSH_PROMISE of a client", post() + frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + block(GET)),
              PROTOCOL_ERROR),
    goes_on("6.7", "an answer to a PING that was never sent", frame(PING, ACK, 0, bytes(8))),
    goes_away("6.7", "PING on a stream", frame(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
    goes_away("6.7", "PING of six bytes", frame(PING, 0, 0, bytes(6)), FRAME_SIZE_ERROR),
    goes_away("6.8", "GOAWAY on a stream", frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
    goes_away("6.9", "a window update of 0", frame(WINDOW_UPDATE, 0, 0, number(0)), PROTOCOL_ERROR),
    goes_away("6.9", "a stream's window update of 0", post() + frame(WINDOW_UPDATE, 0, 1, number(0)), PROTOCOL_ERROR),
    goes_away("6.9", "a window update of three bytes", frame(WINDOW_UPDATE, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    goes_away("6.9.1", "a connection's window beyond 2^31-1", frame(WINDOW_UPDATE, 0, 0, number(0x7fff_ffff)),
              FLOW_CONTROL_ERROR),
    resets("6.9.1", "a stream's window beyond 2^31-1", post() + frame(WINDOW_UPDATE, 0, 1, number(0x7fff_ffff)),
           FLOW_CONTROL_ERROR),
    resets("6.9.2", "a stream's window beyond 2^31-1 by SETTINGS",
           post() + frame(WINDOW_UPDATE, 0, 1, number(0x7fff_0000)) + settings((4, 0x7fff_ffff)), FLOW_CONTROL_ERROR),
    goes_away("6.10", "CONTINUATION behind the end of a header block",
              post() + frame(CONTINUATION, END_HEADERS, 1, block([("x", "y")])), PROTOCOL_ERROR),
    goes_away("6.10", "CONTINUATION on stream 0",
              headers(GET, END_STREAM) + frame(CONTINUATION, END_HEADERS, 0, b""), PROTOCOL_ERROR),
    answers("6.10", "a header block in three pieces",
            headers(GET[:1], END_STREAM) + frame(CONTINUATION, 0, 1, block(GET[1:3]))
            + frame(CONTINUATION, END_HEADERS, 1, block(GET[3:]))),
    resets("8.1", "trailers that do not end the request", post() + headers([("x", "y")], END_HEADERS)),
    resets("8.1", "a pseudo-header in trailers", post() + headers([(":method", "POST")])),
    resets("8.1.1", "a content-length that is more than the body",
           post(("content-length", "2")) + frame(DATA, END_STREAM, 1, b"x")),
    resets("8.1.1", "a content-length that is less than the body",
           post(("content-length", "1")) + frame(DATA, END_STREAM, 1, b"xyz")),
    resets("8.2", "a header's name in upper case", get(("X-Test", "ok"))),
    resets("8.2.2", "connection: keep-alive", get(("connection", "keep-alive"))),
    resets("8.2.2", "te of more than trailers", get(("te", "trailers, deflate"))),
    answers("8.2.2", "te: trailers", get(("te", "trailers"))),
    resets("8.3", "an unknown pseudo-header", get(fields=[*GET, (":test", "ok")])),
    resets("8.3", "a pseudo-header of responses", get(fields=[*GET, (":status", "200")])),
    resets("8.3", "a pseudo-header behind a header", get(fields=[GET[0], ("x", "y"), *GET[1:]])),
    resets("8.3.1", "an empty path", get(fields=[*GET[:2], (":path", ""), GET[3]])),
    *[resets("8.3.1", f"no {GET[index][0]}", get(fields=GET[:index] + GET[index + 1:])) for index in range(3)],
    *[resets("8.3.1", f"{GET[index][0]} twice", get(fields=[*GET, GET[index]])) for index in range(3)],
    answers("8.1", "GET", get()),
    answers("8.1", "HEAD", get(fields=[(":method", "HEAD"), *GET[1:]])),
    answers("8.1", "a POST of nothing", headers(POST), "415"),
    answers("8.1", "a POST with a body",
            post(("content-type", "text/plain"), ("content-length", "3")) + frame(DATA, END_STREAM, 1, b"abc"), "415"),
    answers("8.1", "a request with trailers", headers([(":method", "PUT"), *GET[1:]], END_HEADERS)
            + frame(DATA, 0, 1, b"abc") + headers([("x", "y")])),
    *[goes_away(f"HPACK {section}", name, frame(HEADERS, END_HEADERS | END_STREAM, 1, sent), COMPRESSION_ERROR)
      for section, name, sent in [
          ("2.3.3", "an index of an empty table", b"\xbe"),
          ("4.2", "a change of the table's size behind a field", b"\x82\x20"),
          ("5.2", "Huffman padding that is not ones", b"\x00\x01x\x81\x18"),
          ("6.1", "index 0", b"\x80"),
          ("6.3", "a table larger than SETTINGS allow", b"\x3f\xe1\x7f" + block(GET)),
      ]],
]


class Client:
    def __init__(self, address, preface=PREFACE + settings()):
        self.socket = socket.create_connection(address)
        self.socket.settimeout(20)
        self.buffer = b""
        self.decoder = hpack.Decoder()
        self.socket.sendall(preface)

    def frames(self):
        """What comes, as (type, flags, stream, payload), to the end of the connection."""
        while True:
            size = 9 + int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) >= max(9, size):
                data, self.buffer = self.buffer[:size], self.buffer[size:]
                yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9:]
                continue
            try:
                chunk = self.socket.recv(65_536)
            except ConnectionResetError:
                return
            if not chunk:
                return
            self.buffer += chunk


@pytest.fixture(scope="module")
def address(tmp_path_factory, certificates):
    folder = tmp_path_factory.mktemp("rules")
    server = Server(write_configuration(folder, certificates, plaintext="true"), folder)
    yield "127.0.0.1", int(server.target.rsplit(":", 1)[1])
    assert server.terminate() == 0, server.errors()


def outcome(client):
    """The first thing that says what the server made of it."""
    for kind, flags, stream, payload in client.frames():
        if kind == GOAWAY:
            return {"goaway": int.from_bytes(payload[4:8], "big")}
        if kind == RST_STREAM:
            return {"reset": int.from_bytes(payload, "big")}
        if kind == HEADERS:
            return {"status": dict(client.decoder.decode(payload))[":status"]}
        if kind == PING and flags & ACK and payload == b"are you?":
            return {}
    return {"closed": True}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.section} {rule.name}")
def test_B2_B3_S23_S24_S25_S32_a_rule_of_http2(address, rule):
    client = Client(address)
    # A PING last: what is ignored is told apart by its answer. Not where an answer may come later than that.
    client.socket.sendall(rule.sent + (PING_FRAME if rule.status is None and rule.reset is None else b""))
    wanted = {name: value for name in ("goaway", "reset", "status") if (value := getattr(rule, name)) is not None}
    assert outcome(client) == wanted
    if rule.goaway is not None:
        # A GOAWAY with an error is the last word, and the end follows.
        assert [kind for kind, *_ in client.frames()] == []
        return
    client.socket.sendall(headers(GET, stream=5))
    statuses = (dict(client.decoder.decode(payload))[":status"] for kind, _, stream, payload in client.frames()
                if kind == HEADERS and stream == 5)
    assert next(statuses, None) == "404", "the connection goes on"


def test_B1_something_else_than_the_preface_is_the_end(address):
    client = Client(address, b"INVALID CONNECTION PREFACE\r\n\r\n")
    # What a server says first, whoever comes; then the end.
    assert {kind for kind, *_ in client.frames()} <= {SETTINGS, WINDOW_UPDATE, GOAWAY}


def test_B1_a_preface_without_settings_is_the_end(address):
    client = Client(address, PREFACE + PING_FRAME)
    assert outcome(client) == {"goaway": PROTOCOL_ERROR}


def test_B8_a_ping_comes_back(address):
    client = Client(address)
    client.socket.sendall(frame(PING, 0, 0, b"12345678"))
    assert next(payload for kind, flags, _, payload in client.frames() if kind == PING and flags & ACK) == b"12345678"


@pytest.mark.parametrize("first", [0, 1, 20])
def test_B122_a_body_follows_the_window(address, first):
    """§6.9.2: the size of the first window changes in the middle, and a window may be negative."""
    client = Client(address, PREFACE + settings((4, first)))
    client.socket.sendall(headers(GET))
    body = b""
    frames = client.frames()
    while len(body) < first:
        kind, _, _, payload = next(frames)
        body += payload if kind == DATA else b""
    assert len(body) == first
    # Ten less than was used, then eleven more on this stream: one byte.
    client.socket.sendall(settings((4, max(0, first - 10))) + frame(WINDOW_UPDATE, 0, 1, number(min(first, 10) + 1)))
    while len(body) < first + 1:
        kind, _, _, payload = next(frames)
        body += payload if kind == DATA else b""
    assert len(body) == first + 1
    client.socket.sendall(settings((4, 65_535)))
    for kind, flags, _, payload in frames:
        if kind == DATA:
            body += payload
            if flags & END_STREAM:
                break
    assert body == b"404 not found: this is a gRPC server\n"
