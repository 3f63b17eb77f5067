"""The Open Inference Protocol, as tritonclient and grpcio speak it."""

import concurrent.futures
import time

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from tritonclient.grpc import service_pb2 as inference_pb2
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc


@pytest.fixture(scope="module")
def client(server, certificates):
    main = certificates / "main"
    with triton.InferenceServerClient(server.target, ssl=True, root_certificates=str(main / "ca.pem"),
                                      private_key=str(main / "client.key"),
                                      certificate_chain=str(main / "client.pem")) as client:
        yield client


@pytest.fixture(scope="module")
def stub(channel):
    return inference_pb2_grpc.GRPCInferenceServiceStub(channel)


def tensor(name, array):
    value = triton.InferInput(name, array.shape, np_to_triton_dtype(array.dtype))
    value.set_data_from_numpy(array)
    return value


def test_server_and_models_are_ready(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    for model in ("storyteller", "digits", "karate", "identity"):
        assert client.is_model_ready(model)
    assert client.is_model_ready("digits", "1")
    assert not client.is_model_ready("digits", "2")
    assert not client.is_model_ready("nowhere")


def test_metadata_names_the_server_and_the_tensors(client):
    assert client.get_server_metadata().name == "apus"
    metadata = client.get_model_metadata("digits")
    assert metadata.name == "digits" and list(metadata.versions) == ["1"]
    assert metadata.inputs[0].datatype == "FP32"
    assert list(metadata.inputs[0].shape) == [-1, 1, 28, 28]
    with pytest.raises(InferenceServerException, match="Request for unknown model: 'nowhere' is not found") as error:
        client.get_model_metadata("nowhere")
    assert "NOT_FOUND" in error.value.status()


def test_identity_gives_every_type_back(client):
    arrays = [np.arange(6).astype(kind).reshape(2, 3) for kind in (
        bool, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64, np.float16,
        np.float32, np.float64)] + [np.array([[b"", "Führer".encode(), b"\0\xff"]], dtype=object)]
    inputs = [tensor(f"t{index}", array) for index, array in enumerate(arrays)]
    result = client.infer("identity", inputs, request_id="abc")
    assert result.get_response().id == "abc"
    for index, array in enumerate(arrays):
        np.testing.assert_array_equal(result.as_numpy(f"t{index}"), array)


def test_typed_contents_are_read(stub):
    request = inference_pb2.ModelInferRequest(model_name="identity", inputs=[
        inference_pb2.ModelInferRequest.InferInputTensor(
            name="x", datatype="INT16", shape=[3],
            contents=inference_pb2.InferTensorContents(int_contents=[-1, 0, 32767]))])
    response = stub.ModelInfer(request)
    assert np.frombuffer(response.raw_output_contents[0], np.int16).tolist() == [-1, 0, 32767]


def test_a_tensor_of_32_MiB_comes_back(client):
    array = np.random.default_rng(1).random((4, 2 * 1024 * 1024), dtype=np.float32)
    np.testing.assert_array_equal(client.infer("identity", [tensor("big", array)]).as_numpy("big"), array)


def test_digits_classifies_a_batch(client):
    image = np.zeros((3, 1, 28, 28), np.float32)
    metadata = client.get_model_metadata("digits")
    result = client.infer("digits", [tensor(metadata.inputs[0].name, image)])
    assert result.as_numpy(metadata.outputs[0].name).shape == (3, 10)


def test_text_goes_through_tensors_too(client):
    result = client.infer("storyteller", [
        tensor("text_input", np.array([b"Once upon"], dtype=object)), tensor("max_tokens", np.array([4], np.int32))])
    assert len(result.as_numpy("text_output")[0]) > 0


BAD_REQUESTS = {
    "wrong name": (dict(name="nothing", datatype="FP32", shape=[1, 1, 28, 28]), 3136, "nothing"),
    "wrong type": (dict(datatype="INT32", shape=[1, 1, 28, 28]), 3136, "FP32"),
    "unknown type": (dict(datatype="FP7", shape=[1, 1, 28, 28]), 3136, "FP7"),
    "wrong shape": (dict(datatype="FP32", shape=[1, 28, 28]), 3136, r"\[-1,1,28,28\]"),
    "too few bytes": (dict(datatype="FP32", shape=[1, 1, 28, 28]), 3135, "3136"),
    "too many bytes": (dict(datatype="FP32", shape=[1, 1, 28, 28]), 3137, "3136"),
    "negative extent": (dict(datatype="FP32", shape=[-1, 1, 28, 28]), 3136, "-1"),
    "huge extents": (dict(datatype="FP32", shape=[2**62, 2**62, 28, 28]), 4, "shape"),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_a_bad_tensor_is_refused_saying_what_was_expected_and_came(stub, client, case):
    changes, byte_count, expected = BAD_REQUESTS[case]
    fields = dict(name=client.get_model_metadata("digits").inputs[0].name)
    fields.update(changes)
    request = inference_pb2.ModelInferRequest(
        model_name="digits", inputs=[inference_pb2.ModelInferRequest.InferInputTensor(**fields)],
        raw_input_contents=[bytes(byte_count)])
    with pytest.raises(grpc.RpcError) as error:
        stub.ModelInfer(request)
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    import re
    assert re.search(expected, error.value.details()), error.value.details()


def test_bytes_that_are_no_message_are_refused_and_disturb_nobody(channel, stub):
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    for garbage in (b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f", b"\x2a\x02\x0a\x7f", b"\0" * 1000):
        with pytest.raises(grpc.RpcError) as error:
            call(garbage)
        assert error.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)
    assert stub.ServerLive(inference_pb2.ServerLiveRequest()).live


def test_an_unknown_method_is_unimplemented(channel):
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/inference.GRPCInferenceService/Nothing")(b"")
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


def delay(stub, value, **options):
    request = inference_pb2.ModelInferRequest(model_name="delay", inputs=[
        inference_pb2.ModelInferRequest.InferInputTensor(name="x", datatype="INT32", shape=[1, 1])],
        raw_input_contents=[int(value).to_bytes(4, "little")])
    return int.from_bytes(stub.ModelInfer(request, **options).raw_output_contents[0], "little")


def test_concurrent_requests_share_executions_and_get_their_own_answers(stub, counters):
    before = counters("delay")
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda value: delay(stub, value), range(32)))
    after = counters("delay")
    assert answers == list(range(32))
    assert after.samples - before.samples == 32
    assert after.executions - before.executions < 32


def test_batched_digits_have_the_bits_of_single_ones(client, counters):
    name = client.get_model_metadata("digits").inputs[0].name
    output = client.get_model_metadata("digits").outputs[0].name
    images = np.random.default_rng(2).random((32, 1, 1, 28, 28), dtype=np.float32)
    run = lambda image: client.infer("digits", [tensor(name, image)]).as_numpy(output).tobytes()
    alone = [run(image) for image in images]
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        together = list(pool.map(run, images))
    assert together == alone


def test_a_deadline_ends_a_waiting_call(stub):
    with pytest.raises(grpc.RpcError) as error:
        delay(stub, 1, timeout=0.001)
    assert error.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED


def test_64_streams_on_one_connection_all_answer(stub):
    futures = []
    for value in range(64):
        request = inference_pb2.ModelInferRequest(model_name="identity", inputs=[
            inference_pb2.ModelInferRequest.InferInputTensor(name="x", datatype="INT32", shape=[1])],
            raw_input_contents=[value.to_bytes(4, "little")])
        futures.append(stub.ModelInfer.future(request))
    assert [int.from_bytes(f.result().raw_output_contents[0], "little") for f in futures] == list(range(64))
