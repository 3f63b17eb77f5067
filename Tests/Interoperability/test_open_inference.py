"""The Open Inference Protocol, as tritonclient and grpcio speak it."""

import concurrent.futures
import json
import queue
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


def text_inputs(**fields):
    inputs = [tensor("text_input", np.array([fields.pop("prompt", "Once upon").encode()], dtype=object))]
    for name, value in fields.items():
        kind = {bool: bool, int: np.int32, float: np.float32, str: object, list: object}[type(value)]
        values = value if isinstance(value, list) else [value]
        inputs.append(tensor(name, np.array([v.encode() if isinstance(v, str) else v for v in values], dtype=kind)))
    return inputs


def words(result, name="text_output"):
    return result.as_numpy(name)[0].decode()


def streamed(client, requests):
    """What a stream answers to (id, inputs) of one model: the responses and errors in order."""
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for identity, inputs in requests:
        client.async_stream_infer("storyteller", inputs, request_id=identity)
    client.stop_stream()
    return [answers.get() for _ in range(answers.qsize())]


def test_sampling_parameters_and_single_tensors_mean_the_same(client):
    parameters = {"max_tokens": 20, "temperature": 0.9, "top_k": 40, "top_p": 0.95, "seed": 7, "min_p": 0.01,
                  "repetition_penalty": 1.1}
    by_object = words(client.infer("storyteller", text_inputs(sampling_parameters=json.dumps(parameters))))
    assert by_object == words(client.infer("storyteller", text_inputs(**parameters)))
    # A tensor wins over the object.
    shorter = words(client.infer("storyteller", text_inputs(sampling_parameters=json.dumps(parameters), max_tokens=5)))
    assert by_object.startswith(shorter) and len(shorter) < len(by_object)


def test_what_is_asked_for_comes_beside_the_text(client):
    result = client.infer("storyteller", text_inputs(
        max_tokens=6, exclude_input_in_output=False, return_finish_reason=True, return_num_input_tokens=True,
        return_num_output_tokens=True, return_cumulative_logprob=True))
    assert words(result).startswith("Once upon") and words(result, "finish_reason") == "length"
    assert result.as_numpy("num_output_tokens")[0] == 6 and result.as_numpy("num_input_tokens")[0] > 0
    assert result.as_numpy("cumulative_logprob")[0] < 0


def test_a_stop_text_and_a_constraint_go_through_tensors(client):
    whole = words(client.infer("storyteller", text_inputs(max_tokens=40)))
    stop = whole[10:14]
    assert words(client.infer("storyteller", text_inputs(max_tokens=40, stop=["never", stop]))) == whole[:whole.index(stop)]
    schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 1, "maximum": 9}}, "required": ["age"]}
    got = words(client.infer("storyteller", text_inputs(
        sampling_parameters=json.dumps({"max_tokens": 40, "guided_decoding": {"json": schema}}))))
    assert 1 <= json.loads(got)["age"] <= 9


def test_a_streamed_text_comes_in_pieces_and_is_the_whole_text(client):
    whole = words(client.infer("storyteller", text_inputs(max_tokens=24)))
    for name in ("stream", "streaming"):
        answers = streamed(client, [("a", text_inputs(max_tokens=24, return_finish_reason=True, **{name: True}))])
        assert all(error is None for _, error in answers) and len(answers) > 1
        assert "".join(words(result) for result, _ in answers) == whole
        final = [result.get_response().parameters["triton_final_response"].bool_param for result, _ in answers]
        assert final == [False] * (len(answers) - 1) + [True]
        assert {result.get_response().id for result, _ in answers} == {"a"}
        assert words(answers[-1][0], "finish_reason") == "length"


def test_the_requests_of_a_stream_are_answered_in_order_and_errors_do_not_end_it(client):
    answers = streamed(client, [
        ("1", text_inputs(max_tokens=4)), ("2", text_inputs(max_tokens=4, temperature=99.0)),
        ("3", text_inputs(sampling_parameters='{"n": 2}')), ("4", text_inputs(max_tokens=3, stream=True))])
    assert answers[0][1] is None and answers[0][0].get_response().id == "1"
    assert "temperature" in str(answers[1][1]) and "'n' is not supported" in str(answers[2][1])
    assert [result.get_response().id for result, _ in answers[3:]] == ["4"] * (len(answers) - 3) and len(answers) > 4


@pytest.mark.parametrize("fields, words", [
    (dict(stream=True), "ModelStreamInfer"), (dict(max_tokens="9"), "'max_tokens': expected a number"),
    (dict(max_tokens=1.5), "expected an integer"), (dict(nothing=1), "unexpected input 'nothing'"),
    (dict(sampling_parameters="[]"), "expected a JSON object"), (dict(sampling_parameters="{"), "is not JSON"),
    (dict(sampling_parameters='{"top_p": "1"}'), "'top_p': expected a number"), (dict(stop=1), "expected BYTES"),
    (dict(sampling_parameters='{"guided_decoding": {"regex": "(?=a)"}}'), "look-ahead")])
def test_what_a_text_model_does_not_take_is_refused_by_name(client, fields, words):
    with pytest.raises(InferenceServerException) as error:
        client.infer("storyteller", text_inputs(**fields))
    assert words in error.value.message()
