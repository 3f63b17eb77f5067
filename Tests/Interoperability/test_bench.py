"""`apus bench scenario`, `compare` and `report` against a real server: totals are those of its ledger, refusals are
counted by reason and cost nobody else anything, and what is written can be read."""

import html.parser
import json
import signal
import subprocess
import time

import pytest

from conftest import BINARY, EXAMPLES, Server, apus, write_configuration

PICTURE = EXAMPLES / "digits/samples/seven.png"
SCENARIO = f"""
duration: 3s
warm_up: 200ms
seed: 5
tenants:
  - name: greedy
    load:
      - name: stories
        model: storyteller
        generate: {{prompt_words: {{min: 2, max: 9}}, max_tokens: {{min: 2, max: 6}}}}
        rate: 40
        deadline: 20s
  - name: modest
    weight: 2
    load:
      - model: digits
        classify: {{pictures: ["{PICTURE}"]}}
        rate: 10
        deadline: 20s
        slo: {{latency: 10s}}
      - model: karate
        predict: {{random_nodes: 3, below: 34}}
        rate: 20
        arrivals: constant
        slo: {{latency: 10s}}
      - model: identity
        infer: {{shapes: {{input: [1, 8]}}}}
        concurrency: 1
"""


class Page(html.parser.HTMLParser):
    """The tags of a page, in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def measured(tmp_path_factory, certificates):
    """The result of SCENARIO, its file, the ledger of the server afterwards, and what was printed."""
    directory = tmp_path_factory.mktemp("bench")
    folder = certificates / "main"
    for name in ("greedy", "modest"):
        assert apus("certs", "issue", "--tenant", name, "--folder", folder).returncode == 0
    configuration = write_configuration(
        directory, certificates, ledger=f"{{path: {directory / 'usage.sqlite'}}}",
        tenancy="{tenants: [{name: greedy, requests_per_second: 5, request_burst: 5}]}")
    server = Server(configuration, directory)
    target = server.target.replace("localhost", "127.0.0.1")
    scenario, result = directory / "scenario.yaml", directory / "result.json"
    scenario.write_text(SCENARIO)
    run = apus("bench", "scenario", scenario, "--target", target, "--certs", folder, "--json", result)
    assert run.returncode == 0, run.stderr
    usage = apus("tenants", "usage", "--json", "--by", "model", "--identity", "role-admin", "--certs", folder,
                 "--target", target)
    assert usage.returncode == 0, usage.stderr
    assert server.terminate() == 0, server.errors()
    ledger = {(row["tenant"], row["model"]): row for row in json.loads(usage.stdout)
              if row["tenant"] in ("greedy", "modest")}
    return json.loads(result.read_text()), result, ledger, run.stdout


def test_a_tenant_over_its_quota_is_refused_by_reason_and_the_other_has_what_it_asks_for(measured):
    result, _, _, printed = measured
    greedy, modest = result["tenants"]
    assert [(failure["code"], failure["reason"]) for failure in greedy["figures"]["failures"]] == [
        ("RESOURCE_EXHAUSTED", "REQUEST_RATE")]
    # 40 a second are asked for, and 5 a second allowed, after 5 at once.
    assert greedy["figures"]["failures"][0]["count"] == greedy["figures"]["failed"] > 40
    assert 0 < greedy["figures"]["good"] == greedy["figures"]["answered"] <= 5 + 5 * 4
    assert modest["figures"]["goodput_share"] == 1 and modest["figures"]["failed"] == 0
    assert "REQUEST_RATE" in printed and "tenant modest" in printed and "Jain" in printed


def test_totals_are_those_of_the_ledger(measured):
    result, _, ledger, _ = measured
    fields = {"prompt_tokens": "prompt_tokens", "generated_tokens": "generated_tokens", "images": "images",
              "nodes": "nodes"}
    for load in result["loads"]:
        row, usage = ledger[load["tenant"], load["model"]], load["figures"]["usage"]
        assert {name: usage[name] for name in fields} == {name: row[field] for name, field in fields.items()}
        assert usage["compute_microseconds"] == pytest.approx(row["compute_seconds"] * 1e6, abs=2)
    # The ledger has who was let in; of the others there is none but those that were refused.
    stories = result["loads"][0]["figures"]
    assert ledger["greedy", "storyteller"]["requests"] == stories["usage"]["calls"]
    for load in result["loads"][1:]:
        # That the load asks beforehand what tensors a model takes is no request.
        assert ledger["modest", load["model"]]["requests"] == load["figures"]["sent_calls"]


def test_the_result_has_what_a_comparison_needs(measured):
    result, _, _, _ = measured
    assert (result["schema"], result["schema_version"]) == ("apus.bench.scenario", 1)
    assert result["scenario"]["file"] == SCENARIO and result["scenario"]["seed"] == 5
    assert result["measured_seconds"] == 3 and result["window_seconds"] == pytest.approx(0.1)
    assert result["machine"]["core_count"] >= 1 and result["generator"]["threads"] == 2
    # On a machine that stands still for the whole three seconds nothing was computed in them.
    compute = [tenant["figures"]["measured_usage"]["compute_microseconds"] for tenant in result["tenants"]]
    answers = [tenant["figures"]["answers_in_window"] for tenant in result["tenants"]]
    assert result["fairness"]["service"] == ("compute_seconds" if any(compute) else "answers")
    shares = [got / tenant["weight"] for got, tenant in zip(compute if any(compute) else answers, result["tenants"])]
    assert result["fairness"]["of_service"] == pytest.approx(sum(shares) ** 2 / (2 * sum(x * x for x in shares)))
    for load in result["loads"]:
        figures, windows = load["figures"], load["windows"]
        assert len(windows["ended"]) == 30 == len(windows["latency"])
        assert sum(windows["ended"]) == figures["calls"] and sum(windows["failed"]) == figures["failed"]
        assert sum(sum(pairs[1::2]) for pairs in windows["latency"]) == figures["answered"]
    stories = result["loads"][0]
    assert stories["figures"]["first_token"]["count"] > 0 and stories["figures"]["tokens_per_second"] > 0
    # Constant arrivals: 20 a second for three seconds, whatever the server does.
    assert next(load for load in result["loads"] if load["name"] == "karate")["figures"]["calls"] == 60


def test_a_result_is_no_worse_than_itself_and_worse_than_a_better_one(measured, tmp_path):
    result, path, _, _ = measured
    same = apus("bench", "compare", path, path, "--fail-over", "1%", "--by", "load")
    assert same.returncode == 0 and "nothing changed beyond chance" in same.stdout, same.stderr
    # The same calls, none of which was good any more.
    for load in result["loads"]:
        load["windows"]["good"] = [0] * 30
    worse = tmp_path / "worse.json"
    worse.write_text(json.dumps(result))
    compared = apus("bench", "compare", path, worse, "--fail-over", "5%")
    assert compared.returncode == 1 and "Worse by more than 5%" in compared.stderr
    assert "tenant modest good (-100.0 pp)" in compared.stderr and "WORSE" in compared.stdout
    assert apus("bench", "compare", path, worse).returncode == 0
    assert apus("bench", "compare", worse, path, "--fail-over", "5%").returncode == 0


def test_a_report_is_one_file_that_asks_for_nothing_else(measured, tmp_path):
    result, path, _, _ = measured
    result["tenants"][0]["figures"]["failures"][0]["first_message"] = "<script>alert(1)</script>"
    result["scenario"]["name"] = "\"><img src=x onerror=alert(1)>"
    result["all"]["calls_per_second"] = 1e300
    hostile = tmp_path / "hostile.json"
    hostile.write_text(json.dumps(result))
    for results in ([hostile], [path, hostile]):
        page = tmp_path / "report.html"
        run = apus("bench", "report", *results, "-o", page)
        assert run.returncode == 0, run.stderr
        parsed = Page(page.read_text())
        assert parsed.open == []
        names = {tag for tag, _ in parsed.tags}
        assert {"svg", "path", "table", "style"} <= names and not names & {"script", "img", "link", "iframe"}
        for _, attributes in parsed.tags:
            assert not {"src", "href", "onerror", "onload"} & attributes.keys()
        assert "alert(1)" in page.read_text() and "goodput" not in names


@pytest.mark.parametrize("command", [("bench",), ("bench", "run")])
def test_one_model_and_one_load_need_options_only(command, server, certificates, tmp_path):
    report = tmp_path / "report.json"
    connection = ["--target", server.target.replace("localhost", "127.0.0.1"), "--certs", certificates / "main"]
    run = apus(*command, "--model", "karate", "--nodes", "0,33", "--concurrency", 2, "--duration", "300ms", "--warmup",
               "0s", "--json", report, *connection)
    assert run.returncode == 0 and "Graph/Predict" in run.stdout, run.stderr
    assert json.loads(report.read_text())["counts"]["answered"] > 0
    run = apus(*command, "--model", "karate", "--nodes", "99999", "--duration", "100ms", "--warmup", "0s", *connection)
    assert run.returncode == 1 and "No call was answered" in run.stderr and "INVALID_ARGUMENT" in run.stdout


def test_a_run_that_got_only_errors_says_so(tmp_path, certificates):
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("plaintext: true\ntenants:\n- name: a\n  load: [{model: m, predict: {}, concurrency: 2}]\n")
    result = tmp_path / "result.json"
    run = apus("bench", "scenario", scenario, "--target", "127.0.0.1:1", "--duration", "300ms", "--warmup", "0s",
               "--json", result)
    assert run.returncode == 1 and "No call was answered" in run.stderr
    figures = json.loads(result.read_text())["all"]
    assert [failure["code"] for failure in figures["failures"]] == ["UNAVAILABLE"]
    # Who has no server stands still instead of calling nobody thousands of times.
    assert figures["failed"] < 50 and figures["standstill_seconds"] > 0.1 and "stood still" in run.stdout


def test_an_interrupted_measurement_has_what_there_was(server, certificates, counters, tmp_path):
    scenario, result = tmp_path / "scenario.yaml", tmp_path / "result.json"
    scenario.write_text("duration: 1h\nwindow: 50ms\nwarm_up: 0s\ntenants:\n- name: local\n  identity: client\n"
                        "  load: [{model: karate, predict: {nodes: [0]}, rate: 50}]\n")
    before = counters("karate").requests
    bench = subprocess.Popen([BINARY, "bench", "scenario", scenario, "--certs", certificates / "main", "--target",
                              server.target.replace("localhost", "127.0.0.1"), "--json", result],
                             stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while counters("karate").requests < before + 20:
        assert time.monotonic() < deadline and bench.poll() is None
    bench.send_signal(signal.SIGINT)
    printed, _ = bench.communicate(timeout=60)
    assert bench.returncode == 0 and "1 tenant, 1 load" in printed
    written = json.loads(result.read_text())
    windows = written["loads"][0]["windows"]["ended"]
    assert 0 < written["measured_seconds"] < 60
    # Windows that were cut short are left out.
    assert len(windows) == int(written["measured_seconds"] / 0.05 + 1e-9)
    assert written["all"]["answered"] >= sum(windows) > 0


@pytest.mark.parametrize(("text", "words"), [
    ("tenants:\n- name: a\n  lode: []\nplaintext: true\n", "3:3: tenants[0].lode: unknown key; did you mean \"load\"?"),
    ("duration: soon\n", "1:11: duration: expected a duration"),
    ("tenants: [{name: nobody, load: [{model: m, predict: {}, rate: 1}]}]\n", "apus certs issue --tenant"),
])
def test_a_wrong_scenario_is_explained_by_line_and_key(text, words, tmp_path):
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(text)
    run = apus("bench", "scenario", scenario, cwd=tmp_path)
    assert run.returncode == 1 and run.stderr.startswith("error: ") and words in run.stderr, run.stderr


def test_the_example_scenario_can_be_read(tmp_path, certificates):
    example = EXAMPLES.parents[2] / "Benchmarks/platform/mixed.yaml"
    for name in ("flood", "light"):
        apus("certs", "issue", "--tenant", name, "--folder", certificates / "main")
    run = apus("bench", "scenario", example, "--certs", certificates / "main", "--target", "127.0.0.1:1",
               "--duration", "100ms", "--warmup", "0s", cwd=EXAMPLES.parents[2])
    assert run.returncode == 1 and "No call was answered" in run.stderr, run.stderr
