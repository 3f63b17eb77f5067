"""tei.v1 of a real server over mTLS, by all-MiniLM-L6-v2: what clients of text-embeddings-inference call."""

import pathlib
import threading
import time

import grpc
import numpy
import pytest
import tokenizers

from apus.admin.v1 import admin_pb2, admin_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import Server, apus, credentials, write_configuration
from tei.v1 import tei_pb2 as tei, tei_pb2_grpc

TEXTS = ["A swift sleeps on the wing.", "", "naïve Ünïcode 🐦 and\ttabs", "unaffable [MASK] token", "x" * 300]


@pytest.fixture(scope="module")
def folder(certificates):
    for who in (["--role", "router"], ["--tenant", "acme"]):
        apus("certs", "issue", *who, "--folder", certificates / "main")
    return certificates


def add_model(directory, minilm, name="minilm"):
    place = pathlib.Path(directory) / "models" / name
    place.mkdir(parents=True)
    (place / "1").symlink_to(minilm)
    (place / "model.yaml").write_text("platform: text\nweights: f32\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory, folder, minilm):
    directory = tmp_path_factory.mktemp("tei")
    configuration = write_configuration(
        directory, folder, ledger=f"{{path: {directory / 'usage.sqlite'}}}",
        tenancy="{tenants: [{name: acme, budget: {period: month, tokens: 200}}]}")
    add_model(directory, minilm)
    server = Server(configuration, directory)
    yield server
    assert server.terminate() == 0, server.errors()


@pytest.fixture(scope="module")
def channel(server, folder):
    with grpc.secure_channel(server.target, credentials(folder / "main")) as channel:
        yield channel


@pytest.fixture(scope="module")
def embed(channel):
    return tei_pb2_grpc.EmbedStub(channel)


def test_a_text_has_the_vector_of_the_other_services(embed, channel):
    texts = text_pb2_grpc.TextStub(channel).Embed(text_pb2.EmbedRequest(model="minilm", texts=TEXTS[:4]))
    for text, expected in zip(TEXTS, texts.embeddings):
        answer, call = embed.Embed.with_call(
            tei.EmbedRequest(inputs=text), metadata=[("authorization", "Bearer of-another-server")])
        assert answer.embeddings == expected.values
        assert answer.metadata.compute_chars == len(text)
        assert dict(call.trailing_metadata())["apus-prompt-tokens"] == str(answer.metadata.compute_tokens)
    assert answer.metadata.inference_time_ns > 0


def test_a_stream_of_texts_keeps_its_order_and_shares_executions(embed):
    texts = [f"text number {number} " * (number % 7) for number in range(300)]
    answers = list(embed.EmbedStream(tei.EmbedRequest(inputs=text) for text in texts))
    assert [answer.metadata.compute_chars for answer in answers] == [len(text) for text in texts]
    for number in (0, 5, 299):
        assert embed.Embed(tei.EmbedRequest(inputs=texts[number])).embeddings == answers[number].embeddings
    # Texts of one stream that went alone would each be an execution.
    assert max(answer.metadata.queue_time_ns for answer in answers) > 0


def test_dimensions_lengths_and_tokens(embed):
    plain = numpy.array(embed.Embed(tei.EmbedRequest(inputs=TEXTS[0], normalize=False)).embeddings)
    cut = numpy.array(embed.Embed(tei.EmbedRequest(inputs=TEXTS[0], dimensions=64)).embeddings)
    assert plain.shape == (384,) and cut.shape == (64,)
    assert abs(cut - plain[:64] / numpy.linalg.norm(plain[:64])).max() < 1e-6
    every = embed.EmbedAll(tei.EmbedAllRequest(inputs=TEXTS[0]))
    rows = numpy.array([token.embeddings for token in every.token_embeddings])
    assert len(rows) == every.metadata.compute_tokens and abs(rows.mean(0) - plain).max() < 1e-5
    with pytest.raises(grpc.RpcError) as error:
        embed.Embed(tei.EmbedRequest(inputs="word " * 400))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    left = embed.Embed(tei.EmbedRequest(inputs="first " * 400 + "last", truncate=True,
                                        truncation_direction=tei.TRUNCATION_DIRECTION_LEFT))
    assert left.embeddings == embed.Embed(tei.EmbedRequest(inputs="first " * 253 + "last")).embeddings


def test_tokens_are_those_of_the_models_own_tokenizer(channel, minilm):
    stub = tei_pb2_grpc.TokenizeStub(channel)
    reference = tokenizers.Tokenizer.from_file(str(minilm / "tokenizer.json"))
    reference.no_truncation()
    reference.no_padding()
    requests = [tei.EncodeRequest(inputs=text, add_special_tokens=True) for text in TEXTS]
    for text, answer in zip(TEXTS, stub.TokenizeStream(iter(requests)), strict=True):
        expected = reference.encode(text)
        assert [token.id for token in answer.tokens] == expected.ids
        # The package counts characters; the servers that clients know, bytes.
        places = [(len(text[:start].encode()), len(text[:stop].encode())) for start, stop in expected.offsets]
        for token, place, special in zip(answer.tokens, places, expected.special_tokens_mask, strict=True):
            assert token.special == bool(special)
            if special:
                assert not token.HasField("start") and not token.HasField("stop")
            else:
                assert (token.start, token.stop) == place
                assert token.text.encode() == text.encode()[token.start:token.stop]
        ends = [answer.tokens[0], answer.tokens[-1]]
        assert [(token.text, token.special) for token in ends] == [("[CLS]", True), ("[SEP]", True)]
        assert answer == stub.Tokenize(tei.EncodeRequest(inputs=text, add_special_tokens=True))
        for skips in (True, False):
            decoded = stub.Decode(tei.DecodeRequest(ids=expected.ids, skip_special_tokens=skips)).text
            assert decoded == reference.decode(expected.ids, skip_special_tokens=skips)
    plain = stub.Tokenize(tei.EncodeRequest(inputs="unaffable Birds"))
    assert "".join(token.text for token in plain.tokens) == "unaffableBirds"


def test_the_model_is_described(channel):
    info = tei_pb2_grpc.InfoStub(channel).Info(tei.InfoRequest())
    assert (info.model_id, info.model_dtype, info.max_input_length) == ("minilm", "float32", 256)
    assert info.model_type == tei.MODEL_TYPE_EMBEDDING


@pytest.mark.parametrize("call, code", [
    (lambda channel: tei_pb2_grpc.EmbedStub(channel).EmbedSparse(tei.EmbedSparseRequest(inputs="a")), "UNIMPLEMENTED"),
    (lambda channel: tei_pb2_grpc.PredictStub(channel).PredictPair(tei.PredictPairRequest(inputs=["a"])),
     "FAILED_PRECONDITION"),
    (lambda channel: list(tei_pb2_grpc.PredictStub(channel).PredictStream(iter([tei.PredictRequest(inputs="a")]))),
     "FAILED_PRECONDITION"),
    (lambda channel: tei_pb2_grpc.RerankStub(channel).RerankStream(iter([tei.RerankStreamRequest(query="a")])),
     "FAILED_PRECONDITION"),
    (lambda channel: tei_pb2_grpc.EmbedStub(channel).Embed(tei.EmbedRequest(inputs="a", prompt_name="query")),
     "INVALID_ARGUMENT"),
    (lambda channel: tei_pb2_grpc.EmbedStub(channel).Embed(
        tei.EmbedRequest(inputs="a"), metadata=[("apus-model", "storyteller")]), "FAILED_PRECONDITION"),
    (lambda channel: tei_pb2_grpc.EmbedStub(channel).Embed(
        tei.EmbedRequest(inputs="a"), metadata=[("apus-model", "nobody")]), "NOT_FOUND"),
], ids=["sparse", "pair", "predict stream", "rerank stream", "prompt", "decoder", "unknown model"])
def test_what_cannot_be_has_its_code(channel, call, code):
    with pytest.raises(grpc.RpcError) as error:
        call(channel)
    assert error.value.code().name == code, error.value.details()


def test_a_budget_ends_a_stream_and_the_ledger_has_what_was_answered(server, folder):
    with grpc.secure_channel(server.target, credentials(folder / "main", "tenant-acme")) as channel:
        stream = tei_pb2_grpc.EmbedStub(channel).EmbedStream(tei.EmbedRequest(inputs="a b c") for _ in range(100))
        answered = 0
        with pytest.raises(grpc.RpcError) as refusal:
            for answer in stream:
                answered += answer.metadata.compute_tokens
    assert refusal.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "200 tokens" in refusal.value.details()
    assert answered == 200
    with grpc.secure_channel(server.target, credentials(folder / "main", "role-admin")) as channel:
        rows = admin_pb2_grpc.AdminStub(channel).GetUsage(
            admin_pb2.GetUsageRequest(tenant="acme", by_model=True)).rows
    assert [(row.model, row.prompt_tokens, row.failures) for row in rows] == [("minilm", 200, 1)]


def front_end(tmp_path, folder, shards, *more):
    """A front end before these servers whose configuration names no encoder."""
    main = folder / "main"
    addresses = ", ".join(shard.target.replace("localhost", "127.0.0.1") for shard in shards)
    lines = ["listen: 127.0.0.1:0", "http_listen: off", "tls:", f"  certificate: {main / 'server.pem'}",
             f"  key: {main / 'server.key'}", f"  client_ca: {main / 'ca.pem'}", *more, "shards:",
             f"  addresses: [{addresses}]", f"  certificate: {main / 'role-router.pem'}",
             f"  key: {main / 'role-router.key'}", f"  ca: {main / 'ca.pem'}"]
    (tmp_path / "apus.yaml").write_text("\n".join(lines) + "\n")
    return Server(tmp_path / "apus.yaml", tmp_path)


def test_a_front_end_forwards_to_the_shard_that_has_the_encoder(server, folder, tmp_path):
    main = folder / "main"
    front = front_end(tmp_path, folder, [server],
                      "tenancy: {tenants: [{name: local, budget: {period: day, tokens: 100000}}]}")
    with grpc.secure_channel(front.target, credentials(main)) as forwarded, \
            grpc.secure_channel(server.target, credentials(main)) as straight:
        stub = tei_pb2_grpc.EmbedStub(forwarded)
        assert knows_its_shard(forwarded)
        answer, call = stub.Embed.with_call(tei.EmbedRequest(inputs=TEXTS[0]))
        assert answer.embeddings == tei_pb2_grpc.EmbedStub(straight).Embed(
            tei.EmbedRequest(inputs=TEXTS[0])).embeddings
        assert dict(call.trailing_metadata())["apus-prompt-tokens"] == str(answer.metadata.compute_tokens)
        # The text stands where other requests have the name of a model.
        texts = ["storyteller", "minilm", *TEXTS[:4]] * 20
        answers = list(stub.EmbedStream(tei.EmbedRequest(inputs=text) for text in texts))
        assert [each.metadata.compute_chars for each in answers] == [len(text) for text in texts]
        assert tei_pb2_grpc.InfoStub(forwarded).Info(tei.InfoRequest()).model_id == "minilm"
        tokens = tei_pb2_grpc.TokenizeStub(forwarded).Tokenize(tei.EncodeRequest(inputs="storyteller"))
        assert tokens == tei_pb2_grpc.TokenizeStub(straight).Tokenize(tei.EncodeRequest(inputs="storyteller"))
        with pytest.raises(grpc.RpcError) as error:
            stub.Embed(tei.EmbedRequest(inputs="a"), metadata=[("apus-model", "storyteller")])
        assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    assert front.terminate() == 0, front.errors()


def test_a_front_end_says_which_encoders_there_are_or_that_there_is_none(server, folder, minilm, tmp_path):
    places = [tmp_path / name for name in ("plain", "more", "front")]
    for place in places:
        place.mkdir()
    plain = Server(write_configuration(places[0], folder), places[0])
    add_model(places[1], minilm, "other")
    more = Server(write_configuration(places[1], folder), places[1])
    info = tei.InfoRequest()

    def refusal(front):
        with grpc.secure_channel(front.target, credentials(folder / "main")) as channel:
            stub = tei_pb2_grpc.InfoStub(channel)
            deadline = time.monotonic() + 30
            while True:
                with pytest.raises(grpc.RpcError) as error:
                    stub.Info(info)
                if error.value.code() != grpc.StatusCode.UNAVAILABLE:
                    return stub, error.value.code().name, error.value.details()
                assert time.monotonic() < deadline, error.value.details()
                time.sleep(0.02)
    front = front_end(places[2], folder, [plain])
    _, code, details = refusal(front)
    assert code == "FAILED_PRECONDITION" and "there is no encoder here" in details and "tei.model" in details
    assert front.terminate() == 0, front.errors()
    front = front_end(places[2], folder, [server, more])
    with grpc.secure_channel(front.target, credentials(folder / "main")) as channel:
        stub = tei_pb2_grpc.InfoStub(channel)
        deadline = time.monotonic() + 30
        while front.errors().count("shard there") < 2:
            assert time.monotonic() < deadline, front.errors()
            time.sleep(0.02)
        with pytest.raises(grpc.RpcError) as error:
            stub.Info(info)
        assert error.value.code() == grpc.StatusCode.FAILED_PRECONDITION
        assert "minilm, other" in error.value.details() and "storyteller" not in error.value.details()
        assert stub.Info(info, metadata=[("apus-model", "other")]).model_id == "other"
    for each in (front, plain, more):
        assert each.terminate() == 0, each.errors()


def test_a_stream_through_a_front_end_settles_each_request_with_its_answer(server, folder, tmp_path):
    # Each text is promised 20 tokens and more, and uses 5: the sum of the promises is twice the budget.
    front = front_end(tmp_path, folder, [server],
                      "tenancy: {tenants: [{name: local, budget: {period: day, tokens: 1000}}]}")
    with grpc.secure_channel(front.target, credentials(folder / "main")) as channel:
        assert knows_its_shard(channel)
        answers = tei_pb2_grpc.EmbedStub(channel).EmbedStream(paced := Paced(100))
        for answer in answers:
            assert answer.metadata.compute_tokens == 5
            paced.turn.release()
        assert dict(answers.trailing_metadata())["apus-prompt-tokens"] == "500"
    with grpc.secure_channel(front.target, credentials(folder / "main", "role-admin")) as channel:
        tenant = admin_pb2_grpc.AdminStub(channel).ListTenants(admin_pb2.ListTenantsRequest()).tenants[0]
    assert (tenant.budget[0].spent, tenant.budget[0].reserved) == (500, 0)
    assert front.terminate() == 0, front.errors()


class Paced:
    """Requests of which the next is made when the one before is answered."""

    def __init__(self, count):
        self.rest, self.turn = count, threading.Semaphore(1)

    def __iter__(self):
        return self

    def __next__(self):
        if not self.rest:
            raise StopIteration
        assert self.turn.acquire(timeout=30)
        self.rest -= 1
        return tei.EmbedRequest(inputs="a b c")


def knows_its_shard(channel):
    """Waits until the front end has heard from its shard."""
    deadline = time.monotonic() + 30
    stub = tei_pb2_grpc.InfoStub(channel)
    while time.monotonic() < deadline:
        try:
            return bool(stub.Info(tei.InfoRequest()).model_id)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error.details()
            time.sleep(0.02)
    return False
