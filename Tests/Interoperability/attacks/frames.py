"""Frames of HTTP/2, made by hand, so that no library refuses to make the wrong ones.

Source: RFC 9113 §4.1 and §6, RFC 9218 §7.1.
"""

import struct

import hpack
from tritonclient.grpc import service_pb2

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
PRIORITY_UPDATE = 16

END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL = 5, 6, 7, 8
COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 9, 11

ERROR_NAMES = {0: "NO_ERROR", 1: "PROTOCOL_ERROR", 2: "INTERNAL_ERROR", 3: "FLOW_CONTROL_ERROR", 4: "SETTINGS_TIMEOUT",
               5: "STREAM_CLOSED", 6: "FRAME_SIZE_ERROR", 7: "REFUSED_STREAM", 8: "CANCEL", 9: "COMPRESSION_ERROR",
               11: "ENHANCE_YOUR_CALM"}


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """One frame; `length` says something else than the payload's length."""
    length = len(payload) if length is None else length
    return struct.pack(">IBBI", length, kind, flags, stream)[1:] + payload


def settings(*pairs):
    return frame(SETTINGS, payload=b"".join(struct.pack(">HI", *pair) for pair in pairs))


SETTINGS_ACK = frame(SETTINGS, ACK)


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def ping(number=0, flags=0):
    return frame(PING, flags, 0, struct.pack(">Q", number))


def message(body):
    """A gRPC message, not compressed."""
    return struct.pack(">BI", 0, len(body)) + body


def data(stream, body, end=False, most=16_384):
    """DATA frames of at most `most` bytes; the last ends the stream if `end`."""
    pieces = [body[start:start + most] for start in range(0, len(body), most)] or [b""]
    return b"".join(frame(DATA, END_STREAM if end and index == len(pieces) - 1 else 0, stream, piece)
                    for index, piece in enumerate(pieces))


def literal(name, value):
    """A field that is compressed by nothing and remembered by nobody (RFC 7541 §6.2.2)."""
    return b"\0" + integer(len(name), 7) + name + integer(len(value), 7) + value


def integer(value, bits, first=0):
    """An integer with a prefix of so many bits (RFC 7541 §5.1)."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    encoded, value = [first | limit], value - limit
    while value >= 128:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])


INFER = b"/inference.GRPCInferenceService/ModelInfer"
LIVE = b"/inference.GRPCInferenceService/ServerLive"


def request_fields(path=INFER, *more):
    return [(b":method", b"POST"), (b":scheme", b"https"), (b":path", path), (b":authority", b"localhost"),
            (b"te", b"trailers"), (b"content-type", b"application/grpc"), *more]


def request_block(path=INFER, *more):
    """The header block of a call, the same on every connection and for every stream."""
    return b"".join(literal(*field) for field in request_fields(path, *more))


class Compressor:
    """A header block that is a few bytes from the second time on, as a real client sends."""

    def __init__(self, path=INFER, *more):
        self.fields = request_fields(path, *more)
        encoder = hpack.Encoder()
        self.first = encoder.encode(self.fields)
        self.again = encoder.encode(self.fields)

    def block(self, index):
        return self.first if index == 0 else self.again


def headers(stream, block, end=False, flags=END_HEADERS):
    return frame(HEADERS, flags | (END_STREAM if end else 0), stream, block)


def infer_body(model, byte_count=16):
    """A ModelInferRequest with one tensor of so many bytes: a batch of one, for models that have batches."""
    request = service_pb2.ModelInferRequest(model_name=model)
    request.inputs.add(name="x", datatype="UINT8", shape=[1, byte_count])
    request.raw_input_contents.append(bytes(byte_count))
    return request.SerializeToString()
