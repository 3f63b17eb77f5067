"""The callers of a soak: every one chooses at random what to do next, and knows how that may end."""

import asyncio
import collections
import random
import time
import traceback

import grpc
import grpc.aio

import support

REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
HEALTH_WATCH = "/grpc.health.v1.Health/Watch"
GENERATE = "/apus.text.v1.Text/Generate"
# No deadline of a call that is to succeed; a call that takes longer is a finding.
PATIENCE_SECONDS = 60
PROBLEMS_MAX = 20


class Unexpected(Exception):
    """A call that ended as it may not."""


class Caller:
    """Makes one call after the other until the time is up."""

    def __init__(self, port, credentials, seed, answers):
        self.target, self.credentials, self.answers = f"localhost:{port}", credentials, answers
        self.random = random.Random(seed)
        self.channel = self.connect()
        small, large = support.infer_request(), support.infer_request(256 << 10)
        self.small, self.large = small.SerializeToString(), large.SerializeToString()
        self.expected = {self.small: small.raw_input_contents[0], self.large: large.raw_input_contents[0]}
        self.parse = support.stubs().ModelInferResponse.FromString
        slow, unknown = support.infer_request(), support.infer_request()
        slow.model_name, unknown.model_name = "delay", "nobody"
        slow.inputs[0].shape[:] = [1, *slow.inputs[0].shape]  # The model counts samples by the first extent.
        self.slow, self.unknown = slow.SerializeToString(), unknown.SerializeToString()
        self.actions = [
            (self.answered, 8), (self.compressed, 3), (self.long, 2), (self.delayed, 2), (self.cancelled, 3),
            (self.out_of_time, 3), (self.refused, 1), (self.reconnected, 1), (self.abandoned, 1), (self.listened, 2),
            (self.watched, 1), (self.generated, 1), (self.reflected, 1)]

    def connect(self):
        # Channels with the same arguments would share a connection.
        return grpc.aio.secure_channel(
            self.target, self.credentials, options=[("grpc.use_local_subchannel_pool", 1)])

    async def run(self, end):
        actions, weights = zip(*self.actions)
        while time.monotonic() < end:
            action = self.random.choices(actions, weights)[0]
            status = await action()
            self.answers[action.__name__.replace("_", " "), status] += 1
        await self.channel.close()

    # Calls that are answered

    def infer(self, request, channel=None, **options):
        call = (channel or self.channel).unary_unary(support.PATH)
        return call(request, **{"timeout": PATIENCE_SECONDS} | options)

    async def echo(self, request, channel=None, **options):
        answer = self.parse(await self.infer(request, channel, **options))
        if answer.raw_output_contents[0] != self.expected[request]:
            raise Unexpected("an answer of other bytes")
        return "OK"

    async def answered(self):
        return await self.echo(self.small)

    async def long(self):
        return await self.echo(self.large)

    async def compressed(self):
        return await self.echo(self.random.choice([self.small, self.large]),
                               compression=self.random.choice([grpc.Compression.Gzip, grpc.Compression.Deflate]))

    async def delayed(self):
        return await self.status_of(self.infer(self.slow), "OK")

    async def refused(self):
        return await self.status_of(self.infer(self.unknown), "NOT_FOUND")

    async def reconnected(self):
        await self.channel.close()
        self.channel = self.connect()
        return await self.echo(self.small)

    # Calls that end early

    async def cancelled(self):
        call = self.infer(self.random.choice([self.small, self.large, self.slow]))
        await asyncio.sleep(self.random.random() * 0.005)
        call.cancel()
        return await self.status_of(call, "CANCELLED", "OK")

    async def out_of_time(self):
        timeout = self.random.random() * 0.02
        return await self.status_of(self.infer(self.slow, timeout=timeout), "DEADLINE_EXCEEDED", "OK")

    async def abandoned(self):
        channel = self.connect()
        call = self.infer(self.slow, channel)
        await asyncio.sleep(self.random.random() * 0.02)
        await channel.close(None)
        return await self.status_of(call, "CANCELLED", "OK")

    async def status_of(self, call, *expected):
        try:
            await call
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            pass
        status = (await call.code()).name
        if status not in expected:
            raise Unexpected(f"{status}: {await call.details()}")
        return status

    # Streams

    async def listened(self):
        """A few tokens of a story, and then no more of it."""
        return await self.generate(30, self.random.randrange(4))

    async def generated(self):
        return await self.generate(8, None)

    async def generate(self, token_count, wanted_count):
        from apus.text.v1 import text_pb2
        request = text_pb2.GenerateRequest(model="storyteller", prompt="Once upon a time", max_tokens=token_count)
        call = self.channel.unary_stream(GENERATE)(request.SerializeToString(), timeout=PATIENCE_SECONDS)
        received_count = 0
        try:
            while wanted_count is None or received_count < wanted_count:
                if await call.read() is grpc.aio.EOF:
                    break
                received_count += 1
            else:
                call.cancel()
        except (grpc.aio.AioRpcError, asyncio.CancelledError):
            pass
        return await self.ended(call, "OK" if wanted_count is None else "CANCELLED", "OK")

    async def watched(self):
        call = self.channel.unary_stream(HEALTH_WATCH)(b"", timeout=PATIENCE_SECONDS)
        await call.read()
        call.cancel()
        return await self.ended(call, "CANCELLED")

    async def reflected(self):
        """Asks for the list of services, a few times in one stream; field 7 of the request."""
        call = self.channel.stream_stream(REFLECTION)(timeout=PATIENCE_SECONDS)
        for _ in range(self.random.randrange(1, 5)):
            await call.write(b"\x3a\x00")
            if await call.read() is grpc.aio.EOF:
                break
        await call.done_writing()
        await call.read()
        return await self.ended(call, "OK")

    async def ended(self, call, *expected):
        status = (await call.code()).name
        if status not in expected:
            raise Unexpected(f"{status}: {await call.details()}")
        return status


async def call_all(number, port, certificate_folder, seconds, caller_count, answers, problems):
    credentials = support.client_credentials(certificate_folder)
    end = time.monotonic() + seconds

    async def keep_calling(seed):
        while time.monotonic() < end and len(problems) < PROBLEMS_MAX:
            caller = Caller(port, credentials, seed, answers)
            try:
                await caller.run(end)
            except Exception as problem:
                where = traceback.extract_tb(problem.__traceback__)
                names = [frame.name for frame in where if frame.filename == __file__]
                problems.append(f"{' > '.join(names)}: {type(problem).__name__} {str(problem)[:300]}")
                await caller.channel.close()
                seed += 1_000_000
    await asyncio.gather(*[keep_calling(number * 1000 + index) for index in range(caller_count)])


def run(number, port, certificate_folder, seconds, caller_count, reports):
    """Calls for so long, then reports how many calls of each kind ended how, and what went wrong."""
    support.stubs()
    answers, problems = collections.Counter(), []
    try:
        asyncio.run(call_all(number, port, certificate_folder, seconds, caller_count, answers, problems))
    except BaseException as problem:
        problems.append(f"callers {number}: {type(problem).__name__} {problem}")
    reports.put((answers, problems))
