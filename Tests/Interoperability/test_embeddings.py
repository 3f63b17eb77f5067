"""Embeddings by a model that people run: all-MiniLM-L6-v2, served over mTLS, against sentence-transformers."""

import pathlib
import sys

import grpc
import numpy
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from apus.text.v1 import text_pb2, text_pb2_grpc
from conftest import ROOT, Server, credentials, write_configuration

sys.path.insert(0, str(ROOT / "Tests/Fixtures"))
from make_minilm import texts  # noqa: E402

REFERENCE = ROOT / "Tests/Fixtures/minilm.npy"
FORMATS = {"f32": 0.9999, "bf16": 0.999, "int8": 0.999}


@pytest.fixture(scope="module")
def server(tmp_path_factory, certificates, minilm):
    directory = tmp_path_factory.mktemp("minilm")
    configuration = write_configuration(directory, certificates)
    for name in FORMATS:
        folder = pathlib.Path(directory) / "models" / f"minilm-{name}"
        folder.mkdir()
        (folder / "1").symlink_to(minilm)
        (folder / "model.yaml").write_text(f"platform: text\nweights: {name}\n")
    server = Server(configuration, directory)
    yield server
    assert server.terminate() == 0, server.errors()


@pytest.fixture(scope="module")
def text(server, certificates):
    with grpc.secure_channel(server.target, credentials(certificates / "main", "client")) as channel:
        yield text_pb2_grpc.TextStub(channel)


@pytest.fixture(scope="module")
def client(server, certificates):
    main = certificates / "main"
    with triton.InferenceServerClient(server.target, ssl=True, root_certificates=str(main / "ca.pem"),
                                      private_key=str(main / "client.key"),
                                      certificate_chain=str(main / "client.pem")) as client:
        yield client


def text_input(values):
    tensor = triton.InferInput("text_input", [len(values)], "BYTES")
    tensor.set_data_from_numpy(numpy.array([value.encode() for value in values], dtype=object))
    return tensor


def vectors(answer):
    return numpy.array([embedding.values for embedding in answer.embeddings])


@pytest.mark.parametrize("name", FORMATS)
def test_all_texts_in_one_call_are_those_of_sentence_transformers(text, name):
    expected = numpy.load(REFERENCE).astype(numpy.float64)
    got = vectors(text.Embed(text_pb2.EmbedRequest(model=f"minilm-{name}", texts=texts())))
    assert got.shape == expected.shape
    cosines = (got * expected).sum(1) / numpy.linalg.norm(expected, axis=1) / numpy.linalg.norm(got, axis=1)
    assert cosines.min() >= FORMATS[name], (name, cosines.min(), texts()[cosines.argmin()])
    assert abs(numpy.linalg.norm(got, axis=1) - 1).max() < 1e-5


def test_a_text_has_the_same_bits_alone_and_in_a_stream_of_calls(text):
    chosen = texts()[:50]
    single = [text.Embed(text_pb2.EmbedRequest(model="minilm-f32", texts=[t])).embeddings[0] for t in chosen]
    requests = [text_pb2.EmbedRequest(model="minilm-f32" if i == 0 else "", texts=chosen[i:i + 20])
                for i in range(0, 50, 20)]
    many = text.EmbedMany(iter(requests))
    assert list(many.embeddings) == single
    assert many.usage.prompt_tokens > 50


def test_a_long_text_is_named_or_cut(text):
    long = "word " * 400
    with pytest.raises(grpc.RpcError) as error:
        text.Embed(text_pb2.EmbedRequest(model="minilm-f32", texts=["short", long]))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "texts[1]: expected at most 256 tokens" in error.value.details()
    answer = text.Embed(text_pb2.EmbedRequest(model="minilm-f32", texts=[long, "word " * 254], truncate=True))
    assert answer.embeddings[0] == answer.embeddings[1]


def test_an_encoder_does_not_generate(text):
    with pytest.raises(grpc.RpcError) as error:
        list(text.Generate(text_pb2.GenerateRequest(model="minilm-f32", prompt="a")))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "turns texts into vectors" in error.value.details()


def test_texts_go_through_tensors_with_the_bits_of_embed(text, client):
    metadata = client.get_model_metadata("minilm-f32")
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [("text_input", "BYTES", [-1])]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [("embedding", "FP32", [-1, 384])]
    for chosen in (texts()[:1], texts()[:40]):
        expected = vectors(text.Embed(text_pb2.EmbedRequest(model="minilm-f32", texts=chosen))).astype(numpy.float32)
        for outputs in (None, [triton.InferRequestedOutput("embedding")]):
            got = client.infer("minilm-f32", [text_input(chosen)], outputs=outputs).as_numpy("embedding")
            assert got.dtype == numpy.float32 and got.shape == (len(chosen), 384)
            assert (got == expected).all()


def test_what_a_tensor_of_texts_cannot_be_is_refused_by_name(client):
    with pytest.raises(InferenceServerException, match=r"text_input\[1\]: expected at most 256 tokens") as error:
        client.infer("minilm-f32", [text_input(["short", "word " * 400])])
    assert "INVALID_ARGUMENT" in error.value.status()
    wrong = triton.InferInput("text_input", [2], "INT32")
    wrong.set_data_from_numpy(numpy.array([1, 2], numpy.int32))
    with pytest.raises(InferenceServerException, match="input 'text_input': expected BYTES"):
        client.infer("minilm-f32", [wrong])


def test_a_call_that_was_cancelled_leaves_nothing_behind(text):
    for _ in range(5):
        call = text.Embed.future(text_pb2.EmbedRequest(model="minilm-f32", texts=texts() * 4))
        call.cancel()
    answer = text.Embed(text_pb2.EmbedRequest(model="minilm-f32", texts=["still here"]), timeout=60)
    assert len(answer.embeddings) == 1
