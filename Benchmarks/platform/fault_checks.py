"""What the fault run promises, and whether it was so: every check is a row of a table."""

import collections

from fault_callers import COUNTS, STREAM_SECONDS, UNARY_SECONDS

LATE_SECONDS = 1.0
# A shard is known to be away after two seconds of silence; and a second, because the machine does other things too.
SILENCE_SECONDS = 3.0
# A stream that was cut short ends within so long of what cut it.
CUT_SECONDS = 2.0
DESCRIPTORS_MAX = 8
MEMORY_GROWTH_MAX, MEMORY_BYTES_MAX = 1.10, 16_000_000
GAUGES = ["apus_connections_open", "apus_calls_running", "apus_streams_open", "apus_request_bytes_held",
          "apus_response_bytes_queued", "apus_tenant_calls_in_progress", "apus_shard_calls_in_progress",
          "apus_model_requests_waiting", "apus_text_sequences_running"]
METHODS = {"apus.graph.v1.Graph/Predict": UNARY_SECONDS, "apus.vision.v1.Vision/Classify": UNARY_SECONDS,
           "apus.text.v1.Text/Embed": UNARY_SECONDS, "apus.text.v1.Text/Generate": STREAM_SECONDS}


class Verdict:
    """Rows of the table, and what is wrong in detail."""

    def __init__(self):
        self.rows, self.problems = [], []

    def row(self, what, bound, seen, is_ok, problems=()):
        self.rows.append((what, str(bound), str(seen), is_ok))
        self.problems += problems
        if not is_ok and not problems:
            self.problems.append(f"{what}: {seen}, bound {bound}")

    def calls(self, calls, events, start):
        """How every call ended, and whether it might."""
        judged = [(call, judgement(call, events)) for call in calls]
        wrong = {"unary": [], "stream": [], "other": []}
        for call, (is_allowed, _) in judged:
            if not is_allowed:
                is_stream = call["kind"] in ("story", "listened", "flood")
                wrong["stream" if is_stream else "unary"].append(describe(call, start))
        excused = collections.Counter(excuse for _, (is_allowed, excuse) in judged if is_allowed and excuse)
        self.row("unary calls that a fault took from their caller", 0, len(wrong["unary"]), not wrong["unary"],
                 wrong["unary"])
        self.row("streams lost that no fault had cut short", 0, len(wrong["stream"]), not wrong["stream"],
                 wrong["stream"])
        for excuse, count in sorted(excused.items()):
            self.row(excuse, "stated", count, True)
        late = [call for call in calls if call["ended"] > call["sent"] + call["seconds"] + LATE_SECONDS]
        most = max((call["ended"] - call["sent"] - call["seconds"] for call in calls), default=0)
        self.row("the latest end of a call behind its deadline", f"{LATE_SECONDS:.0f} s", f"{max(0, most):.2f} s",
                 not late, [describe(call, start) for call in late])
        self.stories(calls, start)

    def stories(self, calls, start):
        """What was acknowledged is complete, and the same whoever wrote it."""
        stories = [call for call in calls if call["kind"] in ("story", "flood") and call["code"] == "OK"]
        short = [call for call in stories if call["received"] != call["wanted"]]
        self.row("streams that ended with OK and lack a token", f"0 of {len(stories):,}", len(short), not short,
                 [describe(call, start) for call in short])
        texts = collections.defaultdict(set)
        for call in stories:
            if call["text"]:
                prompt, _, text = call["text"].partition("|")
                texts[prompt].add(text)
        different = [prompt for prompt, found in texts.items() if len(found) > 1]
        self.row("stories that differ from shard to shard or from version to version", f"0 of {len(texts)}",
                 len(different), not different)

    def steps(self, steps):
        """How long each thing took that has a bound of its own."""
        worst = {}
        for what, bound, seconds in steps.times:
            worst.setdefault((what, bound), []).append(seconds)
        for (what, bound), found in worst.items():
            self.row(f"{what} (at most, of {len(found)})", f"{bound} s", f"{max(found):.2f} s", max(found) <= bound)
        self.row("steps that did not go as they should", 0, len(steps.problems), not steps.problems, steps.problems)

    def ledger(self, calls, rows):
        """The ledger against what callers were told, for each count: what nobody could be told lies between."""
        by_tenant = collections.defaultdict(list)
        for call in calls:
            by_tenant[call["tenant"]].append(call)
        unseen = sum(call["told"] is None for call in calls)
        self.row("calls whose trailers nobody could see", "stated", f"{unseen:,} of {len(calls):,}", True)
        for tenant, made in sorted(by_tenant.items()):
            kept = rows.get(tenant)
            for name in COUNTS:
                told = sum(call["told"][name] for call in made if call["told"])
                most = told + sum(call["most"].get(name, 0) for call in made if not call["told"])
                least = told
                if name == "generated_tokens":
                    # Whoever has read a token has used it, unless the front end was killed before the call had ended.
                    least += sum(call.get("received", 0) for call in made
                                 if not call["told"] and call["code"] != "UNAVAILABLE")
                seen = getattr(kept, name) if kept else 0
                if most:
                    self.row(f"ledger of {tenant}, {name.replace('_', ' ')}", f"{least:,} to {most:,}", f"{seen:,}",
                             least <= seen <= most)

    def budget(self, calls, status, budget):
        """What the budgeted tenant has had: by its trailers, by what it read, and by the front end's own account."""
        made = [call for call in calls if call["tenant"] == "thrifty"]
        used = sum(call["told"]["prompt_tokens"] + call["told"]["generated_tokens"] for call in made if call["told"])
        used += sum(call.get("received", 0) for call in made if not call["told"])
        account = status.budget[0]
        refused = sum(call["code"] == "RESOURCE_EXHAUSTED" for call in made)
        self.row("tokens that the tenant with a budget was told of or read", f"{budget:,}", f"{used:,}", used <= budget)
        self.row("what its account says that it spent", f"{budget:,}", f"{account.spent:,}", account.spent <= budget)
        self.row("its calls that were refused (the budget was reached)", "≥ 1", refused, refused > 0)

    def reservations(self, tenants):
        left = {tenant.name: [(each.unit, each.reserved) for each in tenant.budget if each.reserved]
                for tenant in tenants}
        left = {name: found for name, found in left.items() if found}
        self.row("budget still reserved, by `apus tenants list`", 0, left or 0, not left)
        running = {tenant.name: tenant.calls_in_progress for tenant in tenants if tenant.calls_in_progress}
        self.row("calls in progress, by `apus tenants list`", 0, running or 0, not running)

    def gauges(self, name, samples):
        """That everything which goes up and down is down."""
        left = leftovers(samples)
        self.row(f"gauges of {name} that are not back at zero", 0, len(left) if samples else "no metrics",
                 bool(samples) and not left, [f"{name}: {key} is {value:g}" for key, value in left.items()])

    def durations(self, name, samples):
        """What a server itself worked on for longer than any caller would wait."""
        over = 0
        for method, seconds in METHODS.items():
            total, within = 0, 0
            for (family, labels), value in samples.items():
                if family == "grpc_server_call_duration_seconds_bucket" and f'grpc_method="{method}"' in labels:
                    total += value if 'le="+Inf"' in labels else 0
                    bound = labels.partition('le="')[2].partition('"')[0]
                    within += value if bound != "+Inf" and float(bound) == seconds + LATE_SECONDS else 0
            over += total - within
        self.row(f"calls that {name} worked on beyond their deadline and a second", 0, int(over), over == 0)

    def descriptors(self, name, before, after):
        self.row(f"descriptors of {name}", f"{before} + {DESCRIPTORS_MAX}", after, after <= before + DESCRIPTORS_MAX)

    def memory(self, looks):
        """The front end's, which lives through it all: the last looks against those after the first quarter."""
        if len(looks) < 8:
            return
        first, last = sorted(looks[len(looks) // 4:][:3])[1], sorted(looks[-3:])[1]
        bound = first * MEMORY_GROWTH_MAX + MEMORY_BYTES_MAX
        self.row("resident memory of the front end, after the first quarter and at the end",
                 f"≤ {bound / 1e6:.0f} MB", f"{first / 1e6:.0f} MB, {last / 1e6:.0f} MB", last <= bound)


def leftovers(samples):
    """The gauges that are not at zero."""
    return {f"{name}{{{labels}}}": value for (name, labels), value in samples.items() if value and (
        name in GAUGES or name == "apus_text_cache_pages" and 'state="held"' in labels)}


def describe(call, start):
    return (f"{call['sent'] - start:7.2f} s: {call['kind']} of {call['tenant']} ended after "
            f"{call['ended'] - call['sent']:.3f} s with {call['code']} {call['details']!r}"
            + (f", {call['received']} of {call['wanted']} tokens" if "wanted" in call else ""))


def judgement(call, events):
    """Whether a call may have ended so, and what excuses it when that is not how it should have."""
    kind, code = call["kind"], call["code"]
    if code == "OK" or code == "CANCELLED" and kind in ("cancelled", "listened"):
        return True, None
    if code == "RESOURCE_EXHAUSTED" and call["tenant"] in ("thrifty", "flood"):
        return True, f"calls of {call['tenant']} refused by its limits"
    if code == "DEADLINE_EXCEEDED" and kind == "hurried":
        return True, None
    for event in events:
        # On its way to the shard when that was cut off, or sent before the silence was noticed.
        if event["what"] == "cut" and event["begin"] - call["seconds"] < call["sent"] < event["begin"] + SILENCE_SECONDS:
            if code == "DEADLINE_EXCEEDED" and call["ended"] > event["begin"]:
                return True, "calls that were with a shard when it was cut off, ended by their deadline"
            if code == "UNAVAILABLE" and call["ended"] > event["begin"] and call.get("received", 0) > 0:
                return True, "streams that had begun on a shard that was cut off"
        for moment in event["moments"] if "received" in call and call["received"] > 0 else []:
            if code == "UNAVAILABLE" and call["sent"] < moment < call["ended"] < moment + CUT_SECONDS:
                return True, "streams that had begun on a shard that was killed"
    return False, None
