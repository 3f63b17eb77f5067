#!/usr/bin/env python3
"""Breaks a whole platform again and again while tenants call it, and checks what it promises of such days.

    Benchmarks/platform/faults.py [--minutes 10] [--binary .build/release/apus] [--json FILE]

A front end with tenants, budgets and a ledger, three shards that register in a real etcd, and callers of three tenants,
each a process, in network namespaces joined by a cable that can be cut. While they call, shards are killed and
restarted, etcd is away for longer than the shards' leases, all certificates are replaced and the old ones revoked,
models are loaded anew, broken ones among them, and a shard is cut off: a round takes 90 seconds, and rounds follow each
other. At the end the front end is killed under load, and its ledger has to have what callers were told.

Needs root (for namespaces), /dev/net/tun, iproute2, etcd-server and etcd-client. Every promise is a row of the table that
is printed; the exit status is 1 when one was broken, and then the logs are kept.
"""

import argparse
import collections
import json
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

# What is refused here is meant to be.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import fault_site  # noqa: E402
import support  # noqa: E402
from fault_checks import Verdict, leftovers  # noqa: E402
from fault_steps import Steps, pause_until  # noqa: E402

# How many callers of which tenant each process has.
PROCESSES = [{"acme": 8, "thrifty": 1, "flood": 2}, {"acme": 8, "thrifty": 1, "flood": 2}]
BUDGET_PER_MINUTE = 3_000
SETTLE_SECONDS = 30
PATIENCE_SECONDS = 30
LAST_CALLS_SECONDS = 4


class Watch:
    """Looks at the front end's memory while it is under load."""

    def __init__(self, process):
        self.process, self.looks, self.stop = process, [], threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stop.wait(2):
            self.looks.append(self.process.resident_bytes())

    def end(self):
        self.stop.set()
        self.thread.join()
        return self.looks


def settle(server):
    """The metrics of a server once everything is at zero, or those of when that took too long."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while leftovers(samples := server.metrics(fresh=True)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return samples


def tenants(server):
    from apus.admin.v1 import admin_pb2
    stub = server.admin("apus.admin.v1.admin_pb2", "AdminStub")
    return stub.ListTenants(admin_pb2.ListTenantsRequest(), timeout=fault_site.ADMIN_SECONDS).tenants


def ledger(server):
    from apus.admin.v1 import admin_pb2
    stub = server.admin("apus.admin.v1.admin_pb2", "AdminStub")
    rows = stub.GetUsage(admin_pb2.GetUsageRequest(), timeout=fault_site.ADMIN_SECONDS).rows
    return {row.tenant: row for row in rows}


class FaultRun:
    """The whole run: load and faults, then quiet, then the end of the front end."""

    def __init__(self, site, arguments):
        self.site, self.arguments = site, arguments
        self.steps, self.verdict = Steps(site), Verdict()

    def run(self):
        self.site.start()
        self.await_shards()
        self.warm_up()
        calls = self.put_under_load()
        self.verdict.calls(calls, self.steps.events, self.steps.start)
        self.verdict.steps(self.steps)
        self.check_quiet(calls)
        last = self.kill_front()
        self.verdict.ledger(calls + last, ledger(self.site.front))
        self.site.front.hang_up()
        if (status := self.site.front.terminate()) != 0:
            self.verdict.problems.append(f"the front end ended with status {status}")
        # Without a front end that watches them.
        for shard in self.site.shards:
            self.verdict.gauges(shard.name, settle(shard))
        self.outcomes = collections.Counter(
            (call["tenant"], call["kind"], call["code"]) for call in calls + last)
        return self.verdict.problems

    def await_shards(self):
        self.steps.wait("every shard takes calls", lambda: all(map(self.steps.is_ready, self.site.shards)))

    def warm_up(self):
        """Calls of every kind, so that descriptors which are opened once are open."""
        self.site.call("warm-up", [{"acme": 8}], self.arguments.pause)
        pause_until(time.monotonic() + 3)
        self.warm_calls, failed_count = self.site.end_calls(PATIENCE_SECONDS)
        if failed_count or not self.warm_calls:
            raise SystemExit(f"nobody could call; see {self.site.folder}")
        for server in self.site.servers():
            server.hang_up()
        settle(self.site.front)
        self.descriptors = {each.name: each.process.descriptor_count() for each in self.site.servers()}

    def put_under_load(self):
        minutes = self.arguments.minutes
        print(f"\nA round of {Steps.ROUND_SECONDS} s, again and again for {minutes:g} minutes, and at the end kill -9 of "
              "the front end:\n")
        for offset, title, _ in self.steps.timetable():
            print(f"  {offset:3} s  {title}")
        print("\nThe next round takes the next shards.\n", flush=True)
        self.site.call("load", PROCESSES, self.arguments.pause)
        self.steps.start = time.monotonic()
        watch = Watch(self.site.front.process)
        try:
            self.steps.run(minutes * 60)
        finally:
            self.looks = watch.end()
        calls, failed_count = self.site.end_calls(PATIENCE_SECONDS)
        self.verdict.row("calls", "stated", f"{len(calls):,}", True)
        self.verdict.row("processes of callers that hang or fail", 0, failed_count, failed_count == 0)
        return self.warm_calls + calls

    def check_quiet(self, calls):
        """Nobody calls, and so nothing is left."""
        front = self.site.front
        for server in self.site.servers():
            server.hang_up()
        samples = settle(front)
        self.verdict.gauges("the front end", samples)
        self.verdict.durations("the front end", samples)
        for server in self.site.shards:
            self.verdict.durations(server.name, server.metrics(fresh=True))
        for server in self.site.servers():
            self.verdict.descriptors(server.name, self.descriptors[server.name], server.process.descriptor_count())
        self.verdict.memory(self.looks)
        found = tenants(front)
        self.verdict.reservations(found)
        self.verdict.budget(calls, next(each for each in found if each.name == "thrifty"), self.site.budget)
        front.hang_up()

    def kill_front(self):
        """The front end ends under load, and begins again with its ledger; gives what was called meanwhile."""
        self.steps.say("kill -9 the front end, start it again")
        self.site.call("last", PROCESSES, self.arguments.pause)
        pause_until(time.monotonic() + LAST_CALLS_SECONDS)
        self.site.front.kill()
        calls, failed_count = self.site.end_calls(PATIENCE_SECONDS)
        self.verdict.row("processes of callers that hang when the front end is killed", 0, failed_count,
                         failed_count == 0)
        self.site.front.start()
        return calls

    def print_report(self):
        print("\n| tenant | call | ended with | calls |\n|---|---|---|--:|")
        for (tenant, kind, code), count in sorted(self.outcomes.items()):
            print(f"| {tenant} | {kind} | {code} | {count:,} |")
        print("\n| what | bound | seen | |\n|---|--:|--:|---|")
        for what, bound, seen, is_ok in self.verdict.rows:
            print(f"| {what} | {bound} | {seen} | {'' if bound == 'stated' else 'ok' if is_ok else '**broken**'} |")
        for problem in self.verdict.problems[:60]:
            print(f"- {problem}")
        print("\nFAILED" if self.verdict.problems else "\nEvery promise was kept.")


def obstacle():
    """Why this cannot be run here; None where it can."""
    import etcd
    import namespaces
    if found := namespaces.obstacle():
        return found
    return None if etcd.BINARY and etcd.CONTROL else "no etcd: packages etcd-server and etcd-client"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=support.BINARY)
    parser.add_argument("--minutes", type=float, default=10, help="1.5 for one round")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between two calls of a caller, on average")
    parser.add_argument("--json", type=pathlib.Path, help="write what was seen to this file too")
    parser.add_argument("--keep", action="store_true", help="keep logs and calls, whatever came out")
    arguments = parser.parse_args()
    if found := obstacle():
        raise SystemExit(f"faults.py cannot run here: {found}")
    support.BUILD.mkdir(parents=True, exist_ok=True)
    support.stubs()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-", dir=support.BUILD))
    has_succeeded = False
    try:
        site = fault_site.Site(folder, arguments.binary.resolve(), int(BUDGET_PER_MINUTE * arguments.minutes))
        run = FaultRun(site, arguments)
        try:
            problems = run.run()
        finally:
            site.close()
        run.print_report()
        if arguments.json:
            arguments.json.parent.mkdir(parents=True, exist_ok=True)
            arguments.json.write_text(json.dumps({
                "machine": support.machine(), "minutes": arguments.minutes, "rows": run.verdict.rows,
                "calls": [[*key, count] for key, count in sorted(run.outcomes.items())], "problems": problems,
            }, indent=1) + "\n")
        has_succeeded = not problems
    finally:
        if has_succeeded and not arguments.keep:
            shutil.rmtree(folder)
        else:
            print(f"Logs, configurations and all calls: {folder}", flush=True)
    sys.exit(0 if has_succeeded else 1)


if __name__ == "__main__":
    main()
