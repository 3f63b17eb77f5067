#!/usr/bin/env python3
"""Measures what a tenant that floods a text model does to another's first tokens.

    Benchmarks/platform/fairness.py [--rounds 5] [--seconds 15] [--binary .build/release/apus] [--json FILE]

One tenant asks for short stories at a steady rate (open loop, latency from the arrival on), in turns alone and beside
another that keeps 24 callers busy with long prompts. The 99th percentile of the time to its first token may be at most
twice what it is alone, and one step (`step_time_budget`); the program ends with status 1 when it is more. Jain's index
is that of the load generator, over the tenants' compute time by weight. The figures are medians of the rounds. Server
and load generator share the machine's cores.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Benchmarks/rpc"))
import support  # noqa: E402

STEP_MICROSECONDS, FACTOR = 50_000, 2
LIGHT = """  - name: light
    load:
      - {name: stories, model: storyteller, rate: 8, deadline: 10s,
         generate: {prompts: ["Once upon a time", "The king had a daughter"], max_tokens: 8}}
"""
FLOOD = """  - name: flood
    load:
      - {name: long prompts, model: storyteller, concurrency: 24,
         generate: {prompt_words: {min: 60, max: 120}, max_tokens: 16}}
"""


def measure(server, folder, arguments, certificates, floods):
    """The light tenant's times to the first token, and the fairness index beside a flood."""
    scenario, report = folder / "scenario.yaml", folder / "report.json"
    scenario.write_text(f"duration: {arguments.seconds}s\nwarm_up: 2s\ntenants:\n" + LIGHT + (FLOOD if floods else ""))
    support.run([arguments.binary, "bench", "scenario", scenario, "--target", f"127.0.0.1:{server.port}", "--certs",
                 certificates, "--json", report])
    found = json.loads(report.read_text())
    figures = next(load["figures"] for load in found["loads"] if load["tenant"] == "light")
    if figures["failed"]:
        raise SystemExit(f"{figures['failed']} calls of the light tenant failed")
    return figures["first_token"], found["fairness"]["of_service"] if floods else None


def medians(quantile, alone, flooded):
    """Alone and beside the flood, in microseconds."""
    return [statistics.median(each[f"{quantile}_microseconds"] for each in found) for found in (alone, flooded)]


def print_table(alone, flooded, indices):
    print(f"\n### First tokens of a light tenant beside a flood, medians of {len(alone)} rounds\n")
    print("| | alone | beside the flood |\n|---|--:|--:|")
    for quantile in ("p50", "p99"):
        quiet, busy = medians(quantile, alone, flooded)
        print(f"| {quantile} | {quiet / 1000:,.1f} ms | {busy / 1000:,.1f} ms |")
    print(f"\nJain's index of compute time by weight: {statistics.median(indices):.2f}; the light tenant asks for less "
          "than its share.")


def goals(alone, flooded):
    quiet, busy = medians("p99", alone, flooded)
    bound = FACTOR * quiet + STEP_MICROSECONDS
    yield ("p99 of the first token beside a flood",
           f"≤ {bound / 1000:,.1f} ms, {FACTOR} × alone and {STEP_MICROSECONDS // 1000} ms",
           f"{busy / 1000:,.1f} ms (alone {quiet / 1000:,.1f} ms)", busy <= bound)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--binary", type=pathlib.Path, default=support.BINARY)
    parser.add_argument("--json", type=pathlib.Path, help="write every sample to this file too")
    arguments = parser.parse_args()
    arguments.binary = arguments.binary.resolve()
    alone, flooded, indices = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        certificates = support.certificates(folder / "certs", arguments.binary)
        for tenant in ("light", "flood"):
            support.run([arguments.binary, "certs", "issue", "--tenant", tenant, "--folder", certificates])
        models = folder / "server/models"
        models.mkdir(parents=True)
        (models / "storyteller").symlink_to(ROOT / "Sources/ApusServer/ExampleModels/storyteller")
        settings = {"http_listen": "off", "models": {}, "log_level": "warning"}
        with support.apus(folder / "server", arguments.binary, certificates, configuration=settings) as server:
            for _ in range(arguments.rounds):
                alone.append(measure(server, folder, arguments, certificates, floods=False)[0])
                found, index = measure(server, folder, arguments, certificates, floods=True)
                flooded.append(found)
                indices.append(index)
    print_table(alone, flooded, indices)
    support.print_pairs(machine := support.machine())
    support.print_goals(reached := list(goals(alone, flooded)))
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({
            "machine": machine, "goals": reached, "alone": alone, "flooded": flooded, "fairness": indices,
        }, indent=1) + "\n")
    sys.exit(0 if all(is_met for *_, is_met in reached) else 1)


if __name__ == "__main__":
    main()
