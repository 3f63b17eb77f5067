"""Many readers who stop reading in the middle of their texts: nobody else waits for them, nothing piles up for them, and
each has the whole text once it reads on."""

import collections

import grpc
import h2.events
import h2.settings
import pytest

from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import EXAMPLES, Server, credentials, write_configuration
from http2_peer import Peer, framed
from test_lifecycle import address
from tls_peers import wait_for

CONNECTIONS, STREAMS, TOKENS = 5, 200, 48
# Bytes that a stream may get at first: a few pieces of its text.
WINDOW = 120
HEADERS = [(":method", "POST"), (":scheme", "http"), (":path", "/apus.text.v1.Text/Generate"),
           (":authority", "localhost"), ("te", "trailers"), ("content-type", "application/grpc")]


def request(seed):
    return text_pb2.GenerateRequest(model="storyteller", prompt="Once upon a time", max_tokens=TOKENS, seed=seed,
                                    temperature=0.8, ignore_end_of_text=True)


class Readers(Peer):
    """One connection with many texts, of which each stream is read as far as its window goes, and then no further."""

    def __init__(self, address, count):
        super().__init__(address)
        self.connection.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW})
        self.flush()
        self.read_until(h2.events.RemoteSettingsChanged)
        self.bodies = collections.defaultdict(bytes)
        self.ends = {}
        for number in range(count):
            self.request(HEADERS, framed(request(number % 7).SerializeToString()), ends=True)
        self.streams = [1 + 2 * number for number in range(count)]

    def take(self):
        """What has come, in order; nothing is acknowledged for streams."""
        for event in self.events:
            if isinstance(event, h2.events.DataReceived):
                self.bodies[event.stream_id] += event.data
            elif isinstance(event, (h2.events.TrailersReceived, h2.events.ResponseReceived)):
                status = dict(event.headers).get("grpc-status")
                if status:
                    self.ends[event.stream_id] = status
        self.events.clear()

    def read_while(self, condition):
        self.take()
        while condition():
            assert not self.is_closed
            self.read()
            self.flush()
            self.take()

    def read_on(self):
        """Opens the windows of all streams, and reads to the end."""
        for stream in self.streams:
            if stream not in self.ends:
                self.connection.increment_flow_control_window(1 << 20, stream)
        self.connection.increment_flow_control_window(1 << 28)
        self.flush()
        self.read_while(lambda: len(self.ends) < len(self.streams))

    def text(self, stream):
        text, body = "", self.bodies[stream]
        while body:
            length = int.from_bytes(body[1:5], "big")
            text += text_pb2.GenerateResponse.FromString(body[5:5 + length]).text
            body = body[5 + length:]
        return text


@pytest.fixture
def server(tmp_path, certificates):
    configuration = write_configuration(tmp_path, certificates, plaintext="true")
    (tmp_path / "models/storyteller").unlink()
    (tmp_path / "models/storyteller").mkdir()
    (tmp_path / "models/storyteller/1").symlink_to(EXAMPLES / "storyteller/1")
    (tmp_path / "models/storyteller/model.yaml").write_text(
        "platform: text\nweights: f32\nqueue_capacity: 2048\ntext:\n  cache_memory: 8MiB\n")
    server = Server(configuration, tmp_path)
    yield server
    assert server.terminate() == 0, server.errors()


def test_a_thousand_readers_that_stop_hold_up_nobody_and_lose_nothing(server):
    with grpc.insecure_channel(server.target) as channel:
        stub = text_pb2_grpc.TextStub(channel)

        def tell(seed):
            return "".join(each.text for each in stub.Generate(request(seed), timeout=120))
        told = [tell(seed) for seed in range(7)]
        before = server.resident_bytes()
        crowd = [Readers(address(server), STREAMS) for _ in range(CONNECTIONS)]
        for readers in crowd:
            # Every text has begun, and filled its window.
            readers.read_while(lambda: any(len(readers.bodies[stream]) < WINDOW - 60 for stream in readers.streams))
        assert not any(readers.ends for readers in crowd)
        # Nobody else waits.
        assert [tell(seed) for seed in range(7)] == told
        grown = server.resident_bytes() - before
        assert grown < CONNECTIONS * STREAMS * 65_536, f"{grown >> 20} MiB for readers who read nothing"
    for readers in crowd:
        readers.read_on()
        assert set(readers.ends.values()) == {"0"}
        for number, stream in enumerate(readers.streams):
            assert readers.text(stream) == told[number % 7]
