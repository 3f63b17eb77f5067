"""Callers of the fault run: a process of them, in the namespace of the front end, that calls until its input ends.

    fault_callers.py SETTINGS

SETTINGS is JSON: target, certificates (a folder), tenants (name → callers), seed, pause (seconds between calls), stubs
(a folder) and output. Every call becomes one line of the output: what it was, when it was sent and when it ended on the
machine's monotonic clock, how it ended, what its trailers said, and what was received of it.
"""

import asyncio
import json
import os
import pathlib
import random
import sys
import time

import grpc
import grpc.aio

ROOT = pathlib.Path(__file__).resolve().parents[2]
PICTURES = ROOT / "Sources/ApusServer/ExampleModels/digits/samples"
# The histogram of a server's calls has a bound a second later, so that it shows whether a server kept to them, too.
UNARY_SECONDS, STREAM_SECONDS = 4, 9
STORY_TOKENS = 32
OPENINGS = ["Once upon a time", "The king had a daughter", "In the forest", "There was a miller", "An old woman",
            "The wolf said", "Long ago", "A poor man had"]
LONG_PROMPT = "and the king went into the forest, and the forest was dark, and "
# Prompt tokens, generated tokens, pictures, nodes: in the trailers, and so in the ledger.
COUNTS = {"prompt_tokens": "apus-prompt-tokens", "generated_tokens": "apus-generated-tokens", "images": "apus-images",
          "nodes": "apus-nodes"}


class Caller:
    """Makes one call after the other for one tenant, with the certificate that the tenant has now."""

    def __init__(self, settings, tenant, seed, write):
        from apus.graph.v1 import graph_pb2
        from apus.text.v1 import text_pb2
        from apus.vision.v1 import vision_pb2
        self.settings, self.tenant, self.write = settings, tenant, write
        self.random = random.Random(seed)
        self.pause = settings["pause"]
        self.graph, self.text, self.vision = graph_pb2, text_pb2, vision_pb2
        self.pictures = [path.read_bytes() for path in sorted(PICTURES.glob("*.png"))]
        self.certificate_time, self.channel = None, None
        ways = {
            "acme": [(self.predict, 8), (self.classify, 5), (self.embed, 3), (self.story, 5), (self.listened, 2),
                     (self.cancelled, 2), (self.hurried, 2)],
            "thrifty": [(self.story, 3), (self.listened, 1), (self.embed, 1)],
            "flood": [(self.flood, 1)],
        }
        self.actions, self.weights = zip(*ways[tenant])

    async def run(self, stop):
        while not stop.is_set():
            await self.connect()
            await self.random.choices(self.actions, self.weights)[0]()
            await asyncio.sleep(self.random.random() * 2 * self.pause)
        if self.channel:
            await self.channel.close()

    async def connect(self):
        """Takes a new certificate into use once its files have been left alone for a second."""
        folder = pathlib.Path(self.settings["certificates"])
        path = folder / f"tenant-{self.tenant}.pem"
        changed = path.stat().st_mtime
        if changed == self.certificate_time or (self.channel and time.time() - changed < 1):
            return
        if self.channel:
            await self.channel.close()
        credentials = grpc.ssl_channel_credentials(
            (folder / "ca.pem").read_bytes(), path.with_suffix(".key").read_bytes(), path.read_bytes())
        # Channels with the same arguments would share a connection. One that is refused is tried again soon.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.ssl_target_name_override", "localhost"),
                   ("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
        self.channel = grpc.aio.secure_channel(self.settings["target"], credentials, options)
        self.certificate_time = changed

    # Calls with one answer

    async def predict(self):
        await self.unary("predict", **self.a_prediction())

    async def classify(self):
        request = self.vision.ClassifyRequest(model="digits", encoded=self.random.choice(self.pictures))
        await self.unary("classify", "/apus.vision.v1.Vision/Classify", request, {"images": 1})

    async def embed(self):
        texts = [self.random.choice(OPENINGS) for _ in range(self.random.randrange(1, 4))]
        request = self.text.EmbedRequest(model="storyteller", texts=texts)
        await self.unary("embed", "/apus.text.v1.Text/Embed", request, {"prompt_tokens": 2 * sum(map(len, texts))})

    async def cancelled(self):
        await self.unary("cancelled", **self.a_prediction(), cancel_after=self.random.random() * 0.01)

    async def hurried(self):
        await self.unary("hurried", **self.a_prediction(), seconds=0.001 + self.random.random() * 0.03)

    def a_prediction(self):
        nodes = [self.random.randrange(34) for _ in range(2)]
        return {"path": "/apus.graph.v1.Graph/Predict", "most": {"nodes": 2},
                "request": self.graph.PredictRequest(model="karate", nodes=nodes)}

    async def unary(self, kind, path, request, most, seconds=UNARY_SECONDS, cancel_after=None):
        sent = time.monotonic()
        call = self.channel.unary_unary(path)(request.SerializeToString(), timeout=seconds)
        if cancel_after is not None:
            await asyncio.sleep(cancel_after)
            call.cancel()
        try:
            await call
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            pass
        await self.note(call, kind, sent, seconds, most)

    # Streams

    async def story(self):
        await self.stream("story", self.random.choice(OPENINGS), STORY_TOKENS)

    async def listened(self):
        """A few tokens of a story, and then no more of it."""
        await self.stream("listened", self.random.choice(OPENINGS), 4 * STORY_TOKENS, self.random.randrange(1, 12))

    async def flood(self):
        await self.stream("flood", f"{self.random.randrange(1000)} {LONG_PROMPT * 8}", 16)

    async def stream(self, kind, prompt, token_count, wanted_count=None):
        request = self.text.GenerateRequest(model="storyteller", prompt=prompt, max_tokens=token_count, seed=7,
                                            temperature=0.7, ignore_end_of_text=True)
        sent, received, text = time.monotonic(), 0, []
        call = self.channel.unary_stream("/apus.text.v1.Text/Generate")(
            request.SerializeToString(), timeout=STREAM_SECONDS)
        try:
            while wanted_count is None or received < wanted_count:
                message = await call.read()
                if message is grpc.aio.EOF:
                    break
                message = self.text.GenerateResponse.FromString(message)
                received += len(message.tokens)
                text.append(message.text)
            else:
                call.cancel()
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            pass
        await self.note(call, kind, sent, STREAM_SECONDS, {
            "prompt_tokens": 2 * len(prompt), "generated_tokens": token_count}, received=received, wanted=token_count,
            text=f"{prompt}|{''.join(text)}" if kind == "story" else None)

    async def note(self, call, kind, sent, seconds, most, **more):
        code = await call.code()
        ended = time.monotonic()
        trailers = dict(await call.trailing_metadata() or ())
        told = None
        if "apus-compute-us" in trailers:
            told = {name: int(trailers.get(trailer, 0)) for name, trailer in COUNTS.items()}
        details = "" if code == grpc.StatusCode.OK else str(await call.details())[:300]
        self.write({"tenant": self.tenant, "kind": kind, "sent": sent, "seconds": seconds, "ended": ended,
                    "code": code.name, "details": details, "told": told, "most": most,
                    "retry": trailers.get("grpc-retry-pushback-ms"), **more})


async def call_all(settings, output):
    stop = asyncio.Event()

    def hear():
        if not os.read(0, 4096):
            asyncio.get_running_loop().remove_reader(0)
            stop.set()
    asyncio.get_running_loop().add_reader(0, hear)
    write = lambda record: output.write(json.dumps(record) + "\n")
    numbers = iter(range(1_000_000))
    await asyncio.gather(*[
        Caller(settings, tenant, settings["seed"] * 1000 + next(numbers), write).run(stop)
        for tenant, count in settings["tenants"].items() for _ in range(count)])


def main():
    settings = json.loads(sys.argv[1])
    sys.path.insert(0, settings["stubs"])
    with open(settings["output"], "w") as output:
        asyncio.run(call_all(settings, output))


if __name__ == "__main__":
    main()
