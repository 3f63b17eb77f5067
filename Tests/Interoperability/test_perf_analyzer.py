"""NVIDIA's perf_analyzer, as PyPI has it, against a server with mutual TLS."""

import csv
import json
import os
import pathlib
import re
import subprocess
import sysconfig

import pytest
import tritonclient.grpc as triton

BINARY = pathlib.Path(sysconfig.get_path("scripts")) / "perf_analyzer"
# It is linked against this, whether there is a GPU or not.
CUDA = pathlib.Path(sysconfig.get_path("purelib")) / "nvidia/cuda_runtime/lib"


def environment():
    paths = [str(CUDA), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return dict(os.environ, LD_LIBRARY_PATH=":".join(paths))


def objection():
    """Why perf_analyzer does not run here; None when it does."""
    if not BINARY.exists():
        return "perf_analyzer is not installed"
    outcome = subprocess.run([BINARY, "--version"], env=environment(), capture_output=True, text=True)
    return None if outcome.returncode == 0 else outcome.stderr.strip()


pytestmark = pytest.mark.skipif(objection() is not None, reason=f"{objection()}")


@pytest.fixture
def analyze(server, certificates, tmp_path):
    """Measures a model and gives back what was printed, the rows of the report, and how the model's statistics grew."""
    main = certificates / "main"

    def run(model, *options):
        report = tmp_path / "report.csv"
        with triton.InferenceServerClient(
                server.target, ssl=True, root_certificates=str(main / "ca.pem"),
                private_key=str(main / "client.key"), certificate_chain=str(main / "client.pem")) as client:
            def statistics():
                return client.get_inference_statistics(model).model_stats[0]
            before = statistics()
            outcome = subprocess.run(
                [BINARY, "-i", "grpc", "-u", server.target, "-m", model, "--ssl-grpc-use-ssl",
                 "--ssl-grpc-root-certifications-file", main / "ca.pem",
                 "--ssl-grpc-private-key-file", main / "client.key",
                 "--ssl-grpc-certificate-chain-file", main / "client.pem",
                 # However unsteady this machine is, three windows are enough.
                 "--measurement-mode", "count_windows", "--stability-percentage", "1000", "--max-trials", "3",
                 "-f", report, *options],
                env=environment(), capture_output=True, text=True, timeout=300)
            assert outcome.returncode == 0, outcome.stdout + outcome.stderr
            after = statistics()
        return outcome.stdout, list(csv.DictReader(report.open())), before, after
    return run


def counts(output, name):
    return [int(count) for count in re.findall(rf"{name}: (\d+)", output)]


def check_windows(output, in_flight):
    """What it counted itself is what the server says, window by window.

    The server counts a call before it answers, and a window's edges are at two moments for the two of them: each edge
    may have the calls that are under way on the one side here, and on the other side there.
    """
    own, server = counts(output, "Request count"), counts(output, "Successful request count")
    assert own and len(own) == len(server)
    assert all(abs(mine - its) <= 2 * in_flight for mine, its in zip(own, server)), (own, server)


@pytest.mark.parametrize("options", [["--streaming"], ["--async"], ["--sync"]], ids=lambda options: options[0])
def test_it_measures_a_model(analyze, options):
    output, rows, before, after = analyze(
        "digits", *options, "--concurrency-range", "1:2", "--measurement-request-count", "20")
    assert sorted(row["Concurrency"] for row in rows) == ["1", "2"]
    assert all(float(row["Inferences/Second"]) > 0 for row in rows)
    check_windows(output, in_flight=2)
    measured = sum(counts(output, "Request count"))
    assert after.inference_stats.success.count - before.inference_stats.success.count >= measured >= 40
    assert after.inference_count - before.inference_count >= measured
    assert all(float(row["Server Compute Infer"]) > 0 for row in rows)


def test_it_measures_batches(analyze):
    output, rows, before, after = analyze(
        "digits", "-b", "4", "--streaming", "--concurrency-range", "1", "--measurement-request-count", "10")
    assert float(rows[0]["Inferences/Second"]) > 0
    assert after.inference_count - before.inference_count >= 4 * sum(counts(output, "Request count"))


def test_it_measures_a_streamed_text(analyze, tmp_path):
    data = tmp_path / "input.json"
    data.write_text(json.dumps({"data": [{"text_input": ["Once upon a time"], "max_tokens": [8], "stream": [True]}]}))
    export = tmp_path / "profile.json"
    output, rows, before, after = analyze(
        "storyteller", "--streaming", "--concurrency-range", "2", "--measurement-request-count", "10",
        "--input-data", data, "--profile-export-file", export)
    assert "Detected decoupled model" in output
    assert float(rows[0]["Inferences/Second"]) > 0
    check_windows(output, in_flight=2)
    requests = json.loads(export.read_text())["experiments"][0]["requests"]
    assert all(len(request["response_timestamps"]) > 1 for request in requests)
    assert after.execution_count > before.execution_count
