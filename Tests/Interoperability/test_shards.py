"""A front end and shards, each `apus serve` in a process of its own: calls of every kind go through, load is spread, and
shards come, drain and are killed under load without an accepted call being lost."""

import concurrent.futures
import json
import queue
import shutil
import signal
import socket
import struct
import threading
import time

import grpc
import pytest
import tritonclient.grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from apus.graph.v1 import graph_pb2, graph_pb2_grpc
from apus.text.v1 import text_pb2, text_pb2_grpc
from apus.vision.v1 import vision_pb2, vision_pb2_grpc
from conftest import EXAMPLES, Server, apus, credentials, free_ports, write_configuration
from test_tenants import infer_request
from tritonclient.grpc import service_pb2_grpc as inference_pb2_grpc


class Platform:
    """A front end before shards on ports of their own, which can be started, ended and started again."""

    def __init__(self, path, certificates, shard_count, limits="", tls=(), reach=lambda port: port):
        """`limits` are more of the tenant acme, `tls` more lines of the shards' section of that name; `reach` says by
        which port the front end finds a shard."""
        self.path, self.certificates, self.tls = path, certificates, tls
        self.ports = free_ports(shard_count)
        self.shards = [None] * shard_count
        main = certificates / "main"
        addresses = ", ".join(f"127.0.0.1:{reach(port)}" for port in self.ports)
        front = path / "front"
        front.mkdir()
        lines = ["listen: 127.0.0.1:0", "http_listen: off", "tls:", f"  certificate: {main / 'server.pem'}",
                 f"  key: {main / 'server.key'}", f"  client_ca: {main / 'ca.pem'}",
                 f"ledger: {{path: {front / 'usage.sqlite'}}}",
                 "tenancy: {tenants: [{name: acme, models: [storyteller, digits, karate, delay]%s}]}" % limits,
                 "shards:", f"  addresses: [{addresses}]", f"  certificate: {main / 'role-router.pem'}",
                 f"  key: {main / 'role-router.key'}", f"  ca: {main / 'ca.pem'}"]
        (front / "apus.yaml").write_text("\n".join(lines) + "\n")
        self.front = Server(front / "apus.yaml", front)
        self.channel = grpc.secure_channel(self.front.target, credentials(main, "tenant-acme"))

    def start(self, index):
        place = self.path / f"shard{index}"
        place.mkdir(exist_ok=True)
        configuration = write_configuration(place, self.certificates)
        text = configuration.read_text().replace("127.0.0.1:0", f"127.0.0.1:{self.ports[index]}")
        text = text.replace("tls:\n", "tls:\n" + "".join(f"  {line}\n" for line in self.tls))
        configuration.write_text(text)
        count = self.front.errors().count(f"shard there")
        self.shards[index] = Server(configuration, place)
        self.wait(lambda: self.front.errors().count("shard there") > count)

    def wait(self, condition, seconds=30):
        begin = time.monotonic()
        while not condition():
            assert time.monotonic() - begin < seconds, self.front.errors()
            time.sleep(0.02)

    def close(self):
        self.channel.close()
        assert self.front.terminate() == 0, self.front.errors()
        for shard in self.shards:
            if shard and shard.process.poll() is None:
                assert shard.terminate() == 0, shard.errors()


@pytest.fixture
def platform(tmp_path, certificates):
    platforms = []

    def make(shard_count, started=None, limits=""):
        platforms.append(Platform(tmp_path, certificates, shard_count, limits))
        for index in range(shard_count if started is None else started):
            platforms[-1].start(index)
        return platforms[-1]
    yield make
    for each in platforms:
        each.close()


def generate(channel, **fields):
    fields = {"model": "storyteller", "prompt": "Once upon a time", "max_tokens": 12, "ignore_end_of_text": True, **fields}
    return text_pb2_grpc.TextStub(channel).Generate(text_pb2.GenerateRequest(**fields), timeout=60)


def predict(channel, timeout=60, model="karate"):
    return graph_pb2_grpc.GraphStub(channel).Predict(graph_pb2.PredictRequest(model=model, nodes=[0, 33]), timeout=timeout)


def test_calls_of_every_kind_go_through_a_front_end_as_they_are(platform):
    whole = platform(1)
    direct = grpc.secure_channel(whole.shards[0].target, credentials(whole.certificates / "main", "tenant-acme"))
    call, straight = generate(whole.channel, seed=7, temperature=0.8), generate(direct, seed=7, temperature=0.8)
    assert "".join(each.text for each in call) == "".join(each.text for each in straight)
    forwarded, own = dict(call.trailing_metadata()), dict(straight.trailing_metadata())
    assert forwarded.keys() == own.keys() and forwarded["apus-generated-tokens"] == "12"
    assert predict(whole.channel) .predictions[1].label == predict(direct).predictions[1].label
    picture = next(EXAMPLES.glob("**/seven.png")).read_bytes()
    answer = vision_pb2_grpc.VisionStub(whole.channel).Classify(vision_pb2.ClassifyRequest(model="digits", encoded=picture))
    assert answer.classifications[0].label == "7"
    texts = [text_pb2.EmbedRequest(model="storyteller", texts=[f"text {number}"]) for number in range(5)]
    many = text_pb2_grpc.TextStub(whole.channel).EmbedMany(iter(texts))
    assert many.embeddings == text_pb2_grpc.TextStub(direct).EmbedMany(iter(texts)).embeddings
    assert len(many.embeddings) == 5
    direct.close()


def test_errors_of_a_shard_reach_the_caller_as_they_are(platform):
    whole = platform(1)
    with pytest.raises(grpc.RpcError) as failure:
        list(generate(whole.channel, temperature=-1))
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "temperature" in failure.value.details()
    with pytest.raises(grpc.RpcError) as failure:
        predict(whole.channel, model="nobody-has-this")
    assert failure.value.code() == grpc.StatusCode.PERMISSION_DENIED, "the front end decides who may call what"
    with pytest.raises(grpc.RpcError) as failure:
        list(generate(whole.channel, max_tokens=400, temperature=1, seed=1, prompt="x" * 4000))
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    # A deadline goes through both hops, and the shard is rid of the call.
    begin = time.monotonic()
    with pytest.raises(grpc.RpcError) as failure:
        list(text_pb2_grpc.TextStub(whole.channel).Generate(text_pb2.GenerateRequest(
            model="storyteller", prompt="Once", max_tokens=480, ignore_end_of_text=True, n=16), timeout=0.05))
    assert failure.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() - begin < 5


def test_a_cancelled_stream_is_cancelled_at_the_shard(platform, certificates):
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    whole = platform(1)
    call = generate(whole.channel, max_tokens=480, n=8, temperature=1)
    next(iter(call))
    call.cancel()
    with grpc.secure_channel(whole.shards[0].target, credentials(certificates / "main", "role-admin")) as channel:
        def used():
            status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
            return next(each.counters.cache_pages_used for each in status.models if each.name == "storyteller")
        whole.wait(lambda: used() == 0)


def test_shards_share_the_load_and_a_new_one_takes_its_part_within_two_seconds(platform, certificates):
    whole = platform(2, started=1)
    stop, failures = threading.Event(), []

    def load():
        while not stop.is_set():
            try:
                predict(whole.channel)
            except grpc.RpcError as error:
                failures.append(error)
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc

    def served(index):
        with grpc.secure_channel(whole.shards[index].target, credentials(certificates / "main", "role-admin")) as channel:
            status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
        return next(each.counters.requests for each in status.models if each.name == "karate")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(load) for _ in range(8)]
        whole.start(1)
        begin = time.monotonic()
        whole.wait(lambda: served(1) > 0, seconds=10)
        assert time.monotonic() - begin < 2
        whole.wait(lambda: served(1) > 200)
        stop.set()
        for each in loads:
            each.result()
    assert not failures


def test_a_rolling_restart_under_load_fails_nothing(platform):
    whole = platform(3)
    stop, failures, count = threading.Event(), [], [0]
    lock = threading.Lock()

    def load(index):
        while not stop.is_set():
            try:
                if index % 2:
                    list(generate(whole.channel, max_tokens=16))
                else:
                    predict(whole.channel)
                with lock:
                    count[0] += 1
            except grpc.RpcError as error:
                failures.append(error)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(load, index) for index in range(8)]
        for index in range(3):
            assert whole.shards[index].terminate() == 0, whole.shards[index].errors()
            before = count[0]
            whole.wait(lambda: count[0] > before + 50)
            whole.start(index)
        stop.set()
        for each in loads:
            each.result()
    assert not failures, failures[0]


def test_a_killed_shard_loses_no_unary_call(platform):
    whole = platform(3)
    stop, failures, count = threading.Event(), [], [0]
    lock = threading.Lock()

    def load():
        while not stop.is_set():
            try:
                predict(whole.channel)
                with lock:
                    count[0] += 1
            except grpc.RpcError as error:
                failures.append(error)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(load) for _ in range(8)]
        for index in range(2):
            before = count[0]
            whole.wait(lambda: count[0] > before + 100)
            whole.shards[index].process.send_signal(signal.SIGKILL)
            whole.shards[index].process.wait(30)
            before = count[0]
            whole.wait(lambda: count[0] > before + 100)
            whole.start(index)
        stop.set()
        for each in loads:
            each.result()
    assert not failures, failures[0]


class Relay:
    """A port that leads to another one, whose connections can be broken."""

    def __init__(self, port):
        self.target, self.pairs, self.lock = port, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=(source, sink), daemon=True).start()

    def pump(self, source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Breaks every connection, as a proxy does that restarts; gives how many there were."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for near, far in pairs:
            # Reset instead of an orderly end.
            near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for each in (near, far):
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                each.close()
        return len(pairs)


def test_a_connection_that_breaks_takes_no_shard_away(tmp_path, certificates):
    relays = []

    def reach(port):
        relays.append(Relay(port))
        return relays[-1].port
    whole = Platform(tmp_path, certificates, 2, reach=reach)
    try:
        for index in range(2):
            whole.start(index)
        stop, failures, count, lock = threading.Event(), [], [0], threading.Lock()

        def load():
            while not stop.is_set():
                try:
                    predict(whole.channel)
                    with lock:
                        count[0] += 1
                except grpc.RpcError as error:
                    failures.append(error)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            loads = [pool.submit(load) for _ in range(4)]
            try:
                for round in range(6):
                    before, since = count[0], time.monotonic()
                    # No connection is cut again that was made just now: a shard that does not stay is lost.
                    whole.wait(lambda: count[0] > before + 60 and time.monotonic() > since + 0.5)
                    assert relays[round % 2].cut() > 0, "no connection was made again"
                before = count[0]
                whole.wait(lambda: count[0] > before + 60)
            finally:
                stop.set()
            for each in loads:
                each.result()
        assert not failures, failures[0]
        # A machine that has no time for a handshake within 0.4 s may find one away; all of them it cannot.
        assert whole.front.errors().count("shard lost") < 3
    finally:
        whole.close()
        for relay in relays:
            relay.listener.close()
            relay.cut()


def test_without_a_shard_the_answer_is_unavailable_and_says_when_to_come_again(platform):
    whole = platform(1)
    assert whole.shards[0].terminate() == 0
    whole.wait(lambda: "shard lost" in whole.front.errors())
    with pytest.raises(grpc.RpcError) as failure:
        predict(whole.channel)
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
    assert int(dict(failure.value.trailing_metadata())["grpc-retry-pushback-ms"]) > 0
    whole.start(0)
    predict(whole.channel)


def test_a_front_end_counts_what_its_shards_say_was_used(platform, certificates):
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    whole = platform(2)
    told = 0
    for count in (3, 5, 9):
        call = generate(whole.channel, max_tokens=count)
        list(call)
        told += int(dict(call.trailing_metadata())["apus-generated-tokens"])
    with grpc.secure_channel(whole.front.target, credentials(certificates / "main", "role-admin")) as channel:
        rows = admin_pb2_grpc.AdminStub(channel).GetUsage(admin_pb2.GetUsageRequest(by_model=True)).rows
    row = next(row for row in rows if row.model == "storyteller")
    assert (row.tenant, row.requests, row.generated_tokens) == ("acme", 3, told)


def test_a_budget_is_never_overspent_through_a_front_end(platform):
    budget = 300
    whole = platform(1, limits=f", budget: {{period: month, tokens: {budget}}}")
    spent, reasons = [], []

    def one(number):
        call = generate(whole.channel, max_tokens=20, prompt=f"Once upon {number}")
        try:
            list(call)
            spent.append(call.trailing_metadata())
        except grpc.RpcError as refusal:
            assert refusal.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, refusal
            spent.append(refusal.trailing_metadata())
            reasons.append(dict(refusal.trailing_metadata())["grpc-status-details-bin"])
    for _ in range(4):
        with concurrent.futures.ThreadPoolExecutor(16) as callers:
            list(callers.map(one, range(16)))
    told = [dict(trailers) for trailers in spent]
    used = sum(int(each.get("apus-prompt-tokens", 0)) + int(each.get("apus-generated-tokens", 0)) for each in told)
    assert budget - 100 < used <= budget, "what was promised and not used is given back, what was used is not"
    assert reasons and all(b"BUDGET_EXHAUSTED" in each for each in reasons)


@pytest.mark.parametrize("highest_priority, is_urgent", [(1, True), (6, False)])
def test_an_urgent_call_overtakes_others_at_the_shard_when_its_tenant_may_be_urgent(
        platform, highest_priority, is_urgent):
    whole = platform(1, limits=f", highest_priority: {highest_priority}")
    stub = inference_pb2_grpc.GRPCInferenceServiceStub(whole.channel)
    order = queue.Queue()

    def send(name, **arguments):
        call = stub.ModelInfer.future(infer_request("delay", 4), timeout=60, **arguments)
        call.add_done_callback(lambda call: order.put((name, call.code())))
    # Of 64 places one tenant has at most seven eighths.
    for _ in range(50):
        send("usual")
    # The flood has begun to be answered, so all of it has been sent.
    first = order.get(timeout=60)
    send("urgent", metadata=[("apus-priority", "1")])
    ends = [first] + [order.get(timeout=60) for _ in range(50)]
    assert {code for _, code in ends} == {grpc.StatusCode.OK}
    place = [name for name, _ in ends].index("urgent")
    assert place < 40 if is_urgent else place > 40, place


def test_who_cancels_pays_for_what_has_come_through_a_front_end(platform, certificates):
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    budget = 600
    whole = platform(1, limits=f", budget: {{period: month, tokens: {budget}}}")
    prompt, received, refusal = "Once upon a time there was a king", 0, None
    for _ in range(200):
        call = generate(whole.channel, prompt=prompt, max_tokens=100)
        seen = []
        try:
            for message in call:
                seen += message.tokens
                received += len(message.tokens)
                if len(seen) > 30:
                    call.cancel()
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED:
                refusal = error
                break
            assert error.code() == grpc.StatusCode.CANCELLED
    assert refusal and b"BUDGET_EXHAUSTED" in dict(refusal.trailing_metadata())["grpc-status-details-bin"]
    assert received <= budget
    with grpc.secure_channel(whole.front.target, credentials(certificates / "main", "role-admin")) as channel:
        admin = admin_pb2_grpc.AdminStub(channel)
        row = next(row for row in admin.GetUsage(admin_pb2.GetUsageRequest()).rows if row.tenant == "acme")
        account = admin.ListTenants(admin_pb2.ListTenantsRequest()).tenants[0].budget[0]
    # The ledger has at least what was read, and the prompts, which the trailers could not tell of any more.
    assert row.generated_tokens >= received and row.prompt_tokens >= row.requests - 1
    assert account.spent == row.generated_tokens + row.prompt_tokens <= budget


def account(whole):
    """What acme has spent of its budget and what it is promised, and its row in the ledger."""
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    with grpc.secure_channel(whole.front.target, credentials(whole.certificates / "main", "role-admin")) as channel:
        admin = admin_pb2_grpc.AdminStub(channel)
        budget = admin.ListTenants(admin_pb2.ListTenantsRequest()).tenants[0].budget[0]
        rows = [row for row in admin.GetUsage(admin_pb2.GetUsageRequest()).rows if row.tenant == "acme"]
    return budget.spent, budget.reserved, rows[0] if rows else None


def runs_on_its_shard(whole):
    """Whether the shard has a text in its cache, which nobody has heard of yet."""
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    with grpc.secure_channel(whole.shards[0].target, credentials(whole.certificates / "main", "role-admin")) as channel:
        status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
    return next(each.counters.cache_pages_used for each in status.models if each.name == "storyteller") > 0


def text_request(count):
    """One for a text of so many tokens, as tensors."""
    texts = {"text_input": "Once upon", "sampling_parameters": json.dumps({"max_tokens": count, "ignore_eos": True})}
    return service_pb2.ModelInferRequest(model_name="storyteller", inputs=[
        {"name": name, "datatype": "BYTES", "shape": [1], "contents": {"bytes_contents": [text.encode()]}}
        for name, text in texts.items()])


def test_who_cancels_a_unary_call_through_a_front_end_pays_what_was_promised(platform):
    whole = platform(1, limits=", budget: {period: month, tokens: 1000}")
    call = service_pb2_grpc.GRPCInferenceServiceStub(whole.channel).ModelInfer.future(text_request(480), timeout=60)
    whole.wait(lambda: runs_on_its_shard(whole))
    assert call.cancel()
    whole.wait(lambda: account(whole)[1] == 0)
    spent, _, row = account(whole)
    assert 480 < spent <= 480 + 64 and row.generated_tokens == spent and (row.requests, row.failures) == (1, 1)


def test_who_cancels_a_text_before_its_first_message_pays_its_prompt_and_what_is_held_back(platform):
    whole = platform(1, limits=", budget: {period: month, tokens: 2000}")
    # All of it may be the beginning of what ends it, so nothing is sent before 256 letters are there.
    call = generate(whole.channel, max_tokens=480, regex="a{400}", stop=["a" * 256])
    whole.wait(lambda: runs_on_its_shard(whole))
    call.cancel()
    whole.wait(lambda: account(whole)[1] == 0)
    spent, _, row = account(whole)
    assert 0 < row.prompt_tokens < len("Once upon a time"), "as the shard has counted it"
    # And what went on its way before the cancellation came: the expression ends the text after 400 letters.
    assert 256 <= row.generated_tokens <= 400 and spent == row.prompt_tokens + row.generated_tokens


def test_a_stream_of_texts_through_a_front_end_settles_each_with_its_answer(platform):
    # Each is promised some 50 tokens and uses fewer than 30.
    whole = platform(1, limits=", budget: {period: month, tokens: 700}")
    answers = queue.SimpleQueue()

    def requests():
        for _ in range(20):
            yield text_request(24)
            answers.get(timeout=30)
    stub, told = service_pb2_grpc.GRPCInferenceServiceStub(whole.channel), 0
    call = stub.ModelStreamInfer(requests(), timeout=120)
    for answer in call:
        assert not answer.error_message
        parameters = answer.infer_response.parameters
        assert parameters["triton_final_response"].bool_param
        assert parameters["apus-generated-tokens"].uint64_param == 24
        told += parameters["apus-prompt-tokens"].uint64_param + 24
        assert account(whole)[0] == told, "each is settled when it is answered"
        answers.put(answer)
    assert 480 < told <= 700 < 20 * 45
    whole.wait(lambda: account(whole)[1] == 0)
    spent, _, row = account(whole)
    assert spent == told == row.prompt_tokens + row.generated_tokens


def test_a_front_end_whose_certificate_is_renewed_and_then_revoked_loses_no_call(tmp_path, certificates):
    own = tmp_path / "certificates"
    shutil.copytree(certificates / "main", own / "main")
    main = own / "main"
    assert apus("certs", "crl", "--folder", main).returncode == 0
    whole = Platform(tmp_path, own, 2, tls=[f"crl: {main / 'ca.crl'}", "look_every: 60min"])
    try:
        for index in range(2):
            whole.start(index)
        shutil.copy(main / "role-router.pem", tmp_path / "old.pem")
        stop, failures, count = threading.Event(), [], [0]

        def load(index):
            while not stop.is_set():
                try:
                    list(generate(whole.channel, max_tokens=200)) if index % 2 else predict(whole.channel)
                    count[0] += 1
                except grpc.RpcError as error:
                    failures.append(error)

        def revoke(path):
            assert apus("certs", "revoke", path, "--folder", main).returncode == 0
            for shard in whole.shards:
                shard.process.send_signal(signal.SIGHUP)
            whole.wait(lambda: all("revoked=1" in shard.errors() for shard in whole.shards))
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            loads = [pool.submit(load, index) for index in range(6)]
            try:
                # One of another authority changes nothing.
                for ending in ("pem", "key"):
                    shutil.copy(certificates / f"stranger/client.{ending}", main / f"role-router.{ending}")
                whole.wait(lambda: whole.front.errors().count("shard does not take the new certificate") == 2)
                before = count[0]
                whole.wait(lambda: count[0] > before + 60)
                renewed = apus("certs", "issue", "--role", "router", "--folder", main, "--force")
                assert renewed.returncode == 0, renewed.stderr
                # Both shards are connected to anew before anybody is told not to believe the old certificate.
                whole.wait(lambda: whole.front.errors().count("shard connected to with a new certificate") == 2)
                before = count[0]
                whole.wait(lambda: count[0] > before + 60)
                revoke(tmp_path / "old.pem")
                before = count[0]
                whole.wait(lambda: count[0] > before + 60)
            finally:
                stop.set()
            for each in loads:
                each.result()
        assert not failures, failures[0]
        # A shard that was spoken to over a connection of the old certificate would have been lost with it.
        assert "shard lost" not in whole.front.errors()
    finally:
        whole.close()


def test_a_stream_through_a_front_end_names_no_model_its_caller_may_not_call(platform):
    whole = platform(1)
    texts = [text_pb2.EmbedRequest(model=model, texts=["a text"]) for model in ("storyteller", "identity")]
    with pytest.raises(grpc.RpcError) as refusal:
        text_pb2_grpc.TextStub(whole.channel).EmbedMany(iter(texts))
    assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED and "identity" in refusal.value.details()


def test_a_front_end_lists_what_its_shards_serve(platform, certificates):
    whole = platform(2)
    main = certificates / "main"
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    with grpc.secure_channel(whole.front.target, credentials(main, "role-admin")) as channel:
        models = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest()).models
    places = sorted(f"127.0.0.1:{port}" for port in whole.ports)
    assert {model.name: list(model.shards) for model in models}["digits"] == places
    assert {model.name: model.modality for model in models}["karate"] == admin_pb2.MODALITY_GRAPH
    listed = apus("models", "list", "--target", whole.front.target, "--certs", main, "--identity", "role-admin")
    assert "digits" in listed.stdout and places[0] in listed.stdout
    with tritonclient.grpc.InferenceServerClient(
            whole.front.target, ssl=True, root_certificates=main / "ca.pem", private_key=main / "tenant-acme.key",
            certificate_chain=main / "tenant-acme.pem") as client:
        assert client.is_model_ready("digits") and not client.is_model_ready("nobody-has-this")
        index = {model.name: model.state for model in client.get_model_repository_index().models}
        assert index["digits"] == "READY" and "identity" not in index, "only what acme may call"
        for shard in whole.shards:
            assert shard.terminate() == 0
        whole.wait(lambda: not client.is_model_ready("digits"))
        index = {model.name: model for model in client.get_model_repository_index().models}
        assert index["digits"].state == "UNAVAILABLE" and "shard" in index["digits"].reason


def test_only_a_router_may_watch_a_shard(server, certificates):
    with grpc.secure_channel(server.target, credentials(certificates / "main")) as channel:
        watch = channel.unary_stream("/apus.shard.v1.Shard/Watch")
        with pytest.raises(grpc.RpcError) as refusal:
            next(watch(b""))
    assert refusal.value.code() == grpc.StatusCode.PERMISSION_DENIED


def tensor_request(prompt):
    """Two tokens behind `prompt`, by the Open Inference Protocol."""
    text = prompt.encode()
    return service_pb2.ModelInferRequest(
        model_name="storyteller",
        inputs=[service_pb2.ModelInferRequest.InferInputTensor(name="max_tokens", datatype="INT32", shape=[1]),
                service_pb2.ModelInferRequest.InferInputTensor(name="text_input", datatype="BYTES", shape=[1])],
        raw_input_contents=[struct.pack("<i", 2), struct.pack("<I", len(text)) + text])


@pytest.mark.parametrize("protocol", ["apus.text.v1", "ModelInfer", "ModelStreamInfer"])
def test_prompts_that_begin_alike_go_to_the_shard_whose_cache_has_them(platform, protocol):
    from apus.admin.v1 import admin_pb2, admin_pb2_grpc
    whole = platform(2)
    tale = ("there lived a king who had a daughter, and she was so fair that the sun itself wondered whenever it shone "
            "upon her face, and beside the castle lay a great dark forest, ")

    def cached(prompt):
        """How much of a prompt was in a cache."""
        stub = service_pb2_grpc.GRPCInferenceServiceStub(whole.channel)
        if protocol == "apus.text.v1":
            *_, last = generate(whole.channel, prompt=prompt, max_tokens=2)
            return last.usage.cached_tokens
        if protocol == "ModelInfer":
            _, call = stub.ModelInfer.with_call(tensor_request(prompt))
        else:
            call = stub.ModelStreamInfer(iter([tensor_request(prompt)]))
            assert [answer.error_message for answer in call] == [""]
        return int(dict(call.trailing_metadata()).get("apus-cached-tokens", 0))

    def answered(shard):
        with grpc.secure_channel(shard.target, credentials(whole.certificates / "main", "role-admin")) as channel:
            status = admin_pb2_grpc.AdminStub(channel).GetStatus(admin_pb2.GetStatusRequest())
        return next(each.counters.requests for each in status.models if each.name == "storyteller")
    rounds = []

    def each_is_found_again_and_both_shards_are_asked():
        before = [answered(shard) for shard in whole.shards]
        openings = [f"In year {len(rounds)} of land {number} {tale}" for number in range(13)]
        assert not any(cached(opening) for opening in openings)
        rounds.append([cached(opening + "and") for opening in openings])
        return all(rounds[-1]) and all(answered(shard) > count for shard, count in zip(whole.shards, before))
    # Not at once: while shards are new they are spared, whatever anybody prefers. Without preferences, one of them has
    # everything, or each has some of the openings and other ones the second time.
    whole.wait(each_is_found_again_and_both_shards_are_asked)
