"""Graphs that models hold, through grpcio and tritonclient: samples of neighbours."""

import concurrent.futures

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton

from apus.graph.v1 import graph_pb2, graph_pb2_grpc


@pytest.fixture(scope="module")
def graph(channel):
    return graph_pb2_grpc.GraphStub(channel)


def predict(graph, nodes=(), model="karate", **fields):
    """For each node its scores, bit by bit."""
    answer = graph.Predict(graph_pb2.PredictRequest(model=model, nodes=nodes, **fields), timeout=20)
    return [tuple(prediction.scores) for prediction in answer.predictions]


def refusal(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_an_answer_has_the_same_bits_alone_in_company_and_about_the_whole_graph(graph):
    whole = predict(graph)
    questions = [[node % 34, node * 7 % 34] for node in range(120)]
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda nodes: predict(graph, nodes), questions))
    assert all(answer == [whole[node] for node in nodes] for nodes, answer in zip(questions, answers))


def test_a_sample_of_neighbours_depends_on_the_seed_and_not_on_the_company(graph):
    whole = predict(graph, [0, 33])
    assert predict(graph, [0, 33], fanout=[0, 0], sampling_seed=5) == whole
    assert predict(graph, [0, 33], fanout=[100, 100], sampling_seed=5) == whole
    seeds = [seed % 8 for seed in range(96)]
    sampled = {seed: predict(graph, [0, 33], fanout=[3, 3], sampling_seed=seed) for seed in range(8)}
    assert len(set(map(tuple, sampled.values()))) > 4 and whole not in sampled.values()
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(
            lambda seed: predict(graph, [33, 5, 0], fanout=[3, 3], sampling_seed=seed)[::-2], seeds))
    assert all(answer == sampled[seed] for seed, answer in zip(seeds, answers))
    # Any 64 bits are a seed.
    assert predict(graph, [0], fanout=[3, 3], sampling_seed=2**64 - 1) != predict(graph, [0])


def test_a_fanout_that_does_not_fit_is_named(graph):
    code, message = refusal(lambda: predict(graph, [0], fanout=[3]))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "'fanout'" in message and "Expected [2], got [1]" in message
    code, message = refusal(lambda: predict(graph, [0], fanout=[3, 2**32 - 1]))
    assert code == grpc.StatusCode.INVALID_ARGUMENT and "4294967295 in input 'fanout'" in message


def test_the_open_inference_protocol_takes_a_fanout_too(server, certificates, graph):
    def tensor(name, values):
        value = triton.InferInput(name, [len(values)], "INT64")
        value.set_data_from_numpy(np.array(values, dtype=np.int64))
        return value

    main = certificates / "main"
    with triton.InferenceServerClient(server.target, ssl=True, root_certificates=str(main / "ca.pem"),
                                      private_key=str(main / "client.key"),
                                      certificate_chain=str(main / "client.pem")) as client:
        def scores(*inputs):
            return [tuple(map(float, row)) for row in client.infer("karate", list(inputs)).as_numpy("scores")]
        nodes = tensor("nodes", [0, 33])
        assert scores(nodes) == predict(graph, [0, 33])
        sampled = scores(nodes, tensor("fanout", [3, 3]), tensor("sampling_seed", [6]))
        assert sampled == predict(graph, [0, 33], fanout=[3, 3], sampling_seed=6)
        assert scores(nodes, tensor("fanout", [3, 3])) == predict(graph, [0, 33], fanout=[3, 3])
