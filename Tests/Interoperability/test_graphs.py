"""Graphs that models hold, through grpcio and tritonclient: samples of neighbours, and what tenants change."""

import concurrent.futures

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from conftest import EXAMPLES, Server, apus, credentials, write_configuration
from test_shards import Platform
from tritonclient.grpc import service_pb2, service_pb2_grpc


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


def test_the_command_line_samples_neighbours(server, certificates):
    def ask(*arguments):
        return apus("call", "graph", "--model", "karate", "--nodes", "0,33", "--target",
                    server.target.replace("localhost", "127.0.0.1"), "--certs", certificates / "main", *arguments)
    one, again, whole = ask("--fanout", "3,3", "--sampling-seed", "7"), ask("--fanout", "3,3", "--sampling-seed", "7"), ask()
    assert one.returncode == 0 and one.stdout == again.stdout != whole.stdout, one.stderr
    wrong = ask("--fanout", "3")
    assert wrong.returncode == 1 and "'fanout'" in wrong.stderr and wrong.stdout == ""


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


# What tenants change of a graph.

@pytest.fixture
def updatable(tmp_path, certificates):
    """Starts a server whose karate keeps updates, and gives the stubs of tenants."""
    apus("certs", "issue", "--tenant", "globex", "--folder", certificates / "main")
    servers, channels = [], []

    def start(memory="64KiB", **extra):
        directory = tmp_path / f"server{len(servers)}"
        directory.mkdir()
        keep_updates(directory, memory)
        configuration = write_configuration(directory, certificates, **extra)
        servers.append(Server(configuration, directory))
        channels.extend(grpc.secure_channel(servers[-1].target, credentials(certificates / "main", name))
                        for name in ("tenant-acme", "tenant-globex"))
        return [graph_pb2_grpc.GraphStub(channel) for channel in channels[-2:]]
    start.channels = channels
    yield start
    for channel in channels:
        channel.close()
    for server in servers:
        assert server.terminate() == 0, server.errors()


def keep_updates(directory, memory="64KiB"):
    """Puts a karate that keeps updates where `write_configuration` will look for one."""
    place = directory / "models/karate"
    place.mkdir(parents=True)
    (place / "1").symlink_to(EXAMPLES / "karate/1")
    (place / "model.yaml").write_text(f"platform: graph\ngraph: {{update_memory: {memory}}}\n")


def update(graph, rows={}, **fields):
    """Sets the features of nodes, `rows` being theirs; gives the answer and what the trailers say was used."""
    values = np.array(list(rows.values()), dtype="<f4")
    answer, call = graph.UpdateNodes.with_call(graph_pb2.UpdateNodesRequest(
        model="karate", nodes=list(rows), feature_count=34, features=values.tobytes(), **fields), timeout=20)
    return (answer.updated_nodes, answer.updated_bytes), dict(call.trailing_metadata())


def features_of(node):
    """Those of karate's files: who a member is."""
    return [float(column == node) for column in range(34)]


def test_an_update_changes_the_answers_of_its_tenant_and_of_nobody_else(updatable):
    acme, globex = updatable()
    before = predict(acme)
    state, trailers = update(acme, {0: features_of(33), 16: features_of(33)})
    assert state == (2, 2 * (34 * 4 + 64)) and trailers["apus-nodes"] == "2", trailers
    changed = predict(acme)
    assert changed != before and predict(acme, [16, 0]) == [changed[16], changed[0]]
    assert predict(globex) == before
    # Over the Open Inference Protocol too.
    for channel, scores in zip(updatable.channels, (changed, before)):
        answer = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(
            service_pb2.ModelInferRequest(model_name="karate"), timeout=20)
        assert np.frombuffer(answer.raw_output_contents[0], "<f4").tolist() == [
            score for row in scores for score in row]
    # At the same time, each has its own.
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: predict([acme, globex][number % 2], [0, 16]), range(64)))
    assert all(answer == [[changed, before][number % 2][node] for node in (0, 16)]
               for number, answer in enumerate(answers))
    # What the files have, said by the tenant, is what the files have.
    assert update(acme, {0: features_of(0), 16: features_of(16)})[0][0] == 2
    assert predict(acme) == before
    assert update(acme, {1: features_of(2)}, restored_nodes=[0, 5])[0][0] == 2
    assert predict(acme) != before
    assert update(acme, restore_all=True)[0] == (0, 0) and predict(acme) == before


def test_an_update_that_does_not_fit_is_refused_and_changes_nothing(updatable):
    acme, globex = updatable(memory=600)
    before = predict(acme)
    update(globex, {0: features_of(1), 1: features_of(0)})
    for code, words, call in [
        ("INVALID_ARGUMENT", "nodes: node 34 is out of range", lambda: update(acme, {34: features_of(0)})),
        ("INVALID_ARGUMENT", "restored_nodes: node 40", lambda: update(acme, restored_nodes=[40])),
        ("INVALID_ARGUMENT", "features: ", lambda: update(acme, {3: [1.0, 2.0]})),
        ("INVALID_ARGUMENT", "feature 0 of node 3 is infinite", lambda: update(acme, {3: [float("inf")] * 34})),
        ("RESOURCE_EXHAUSTED", "600 bytes", lambda: update(acme, {3: features_of(4), 4: features_of(3)})),
        ("NOT_FOUND", "nowhere", lambda: acme.UpdateNodes(graph_pb2.UpdateNodesRequest(model="nowhere"))),
        ("INVALID_ARGUMENT", "UpdateNodes takes graph models",
         lambda: acme.UpdateNodes(graph_pb2.UpdateNodesRequest(model="digits"))),
    ]:
        got, message = refusal(call)
        assert got.name == code and words in message, message
    assert predict(acme) == before
    assert update(acme, {3: features_of(4)})[0][0] == 1


def test_without_memory_for_updates_the_refusal_says_how_to_get_some(graph):
    code, message = refusal(lambda: update(graph, {0: features_of(1)}))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "graph: {update_memory: 16MiB}" in message


def test_a_front_end_passes_updates_on_when_one_shard_serves_the_model(tmp_path, certificates):
    keep_updates(tmp_path / "shard0")
    # A file is no model, and nothing is put in its place.
    (tmp_path / "shard1/models").mkdir(parents=True)
    (tmp_path / "shard1/models/karate").touch()
    platform = Platform(tmp_path, certificates, 2)
    graph = graph_pb2_grpc.GraphStub(platform.channel)

    def outcome(features):
        try:
            return update(graph, {0: features})[0][0]
        except grpc.RpcError as error:
            return error.code().name, error.details()
    try:
        platform.start(0)
        before = predict(graph)
        # The second shard may have it, as far as anybody knows.
        code, message = outcome(features_of(33))
        assert code == "UNAVAILABLE" and "not every shard has said yet" in message, message
        platform.start(1)
        assert outcome(features_of(33)) == 1
        after = predict(graph)
        assert after != before
        (tmp_path / "shard1/models/karate").unlink()
        assert platform.shards[1].terminate() == 0
        platform.start(1)
        code, message = outcome(features_of(0))
        assert code == "FAILED_PRECONDITION" and "2 shards serve model 'karate'" in message, message
        # One that is gone may come back, with an older graph.
        platform.shards[1].terminate()
        code, message = outcome(features_of(0))
        assert code == "FAILED_PRECONDITION" and "2 shards" in message, message
        platform.wait(lambda: predict(graph) == after)
    finally:
        platform.close()
