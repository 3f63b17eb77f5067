"""What happens to the platform in the fault run, step by step, and how long it takes to be whole again."""

import shutil
import time

from fault_callers import STREAM_SECONDS as CALL_SECONDS
from fault_site import LEASE_SECONDS, LOOK_SECONDS, PORT

PARTITION_SECONDS = 6
# How long the shard that went away is given to be back in every respect; what is bounded is stated beside each step.
RETURN_SECONDS = 60


class Steps:
    """Does one thing after the other to a site, and notes when it did and what came of it."""

    def __init__(self, site):
        self.site = site
        self.start = time.monotonic()
        # Of each: what, which shard, when it began and ended; and `moments`, when something was taken away at once.
        self.events = []
        # Of each: what is bounded, the bound, what was seen.
        self.times = []
        self.problems = []
        self.round = 0

    def timetable(self):
        """The steps of a round: seconds from its start, what to do, and what to call it."""
        kill, roll, cut = [f"shard{(self.round + offset) % 3 + 1}" for offset in range(3)]
        away = LEASE_SECONDS + 3 if self.round % 2 == 0 else 1
        return [
            (3, f"kill -9 {kill}, start it again", lambda: self.kill(kill)),
            (15, f"SIGTERM to {roll}, start it again", lambda: self.roll(roll)),
            (27, f"kill -9 etcd, start it again {away} s later", lambda: self.restart_etcd(away)),
            (45, "issue all certificates anew; revoke the old ones", self.rotate),
            (62, "on each shard load new versions, broken ones, and the old ones", self.reload),
            (74, f"cut off {cut} for {PARTITION_SECONDS} s", lambda: self.cut(cut)),
        ]

    ROUND_SECONDS = 90

    def run(self, seconds):
        """Goes through the timetable again and again; a step that would not come to its end is left out."""
        end = self.start + seconds
        while True:
            begin = time.monotonic()
            timetable = self.timetable()
            for index, (offset, title, step) in enumerate(timetable):
                after = timetable[index + 1][0] if index + 1 < len(timetable) else self.ROUND_SECONDS
                if begin + after > end + 1:
                    pause_until(end)
                    return
                pause_until(begin + offset)
                self.say(title)
                step()
            self.round += 1
            pause_until(begin + self.ROUND_SECONDS)

    def say(self, text):
        print(f"{time.monotonic() - self.start:6.1f} s  {text}", flush=True)

    def shard(self, name):
        return next(shard for shard in self.site.shards if shard.name == name)

    def wait(self, what, condition, seconds=RETURN_SECONDS):
        """Seconds until the condition holds; a problem when that takes too long."""
        begin = time.monotonic()
        while not condition():
            if time.monotonic() > begin + seconds:
                self.problems.append(f"{time.monotonic() - self.start:.1f} s: {what}: not within {seconds} s")
                return seconds
            time.sleep(0.02)
        return time.monotonic() - begin

    def bound(self, what, bound, seconds):
        self.times.append((what, bound, seconds))
        self.say(f"  {what}: {seconds:.2f} s, bound {bound} s")

    def note(self, what, shard, begin, **more):
        self.events.append({"what": what, "shard": shard, "begin": begin, "end": time.monotonic(), **more})

    # Shards

    def kill(self, name):
        shard, begin = self.shard(name), time.monotonic()
        shard.kill()
        shard.hang_up()
        self.wait("the front end notices", lambda: not self.is_ready(shard))
        self.come_back(shard)
        self.note("kill", name, begin, moments=[begin])

    def roll(self, name):
        shard, begin = self.shard(name), time.monotonic()
        shard.hang_up()
        status = shard.terminate()
        if status != 0:
            self.problems.append(f"{name} ended with status {status} after SIGTERM")
        self.bound("a shard that drains has ended", 15, time.monotonic() - begin)
        self.come_back(shard)
        self.note("roll", name, begin, moments=[])

    def come_back(self, shard):
        shard.start()
        self.bound("a shard that has started takes calls", 3, self.wait(
            f"calls for {shard.name}", lambda: (shard.answered() or 0) > 0))

    def is_ready(self, shard):
        return self.site.front.metrics().get(("apus_shard_ready", f'shard="{shard.address}:{PORT}"'), 0) == 1

    def restart_etcd(self, away):
        begin = time.monotonic()
        self.site.etcd.stop()
        pause_until(time.monotonic() + away)
        self.site.etcd.start()
        names = sorted(f"{shard.address}:{PORT}" for shard in self.site.shards)
        self.bound("etcd has all shards again after its restart", 5, self.wait(
            "shards in etcd", lambda: self.site.etcd.shards() == names))
        self.note("etcd", None, begin, moments=[])

    def cut(self, name):
        shard = self.shard(name)
        shard.answered()
        begin = time.monotonic()
        self.site.cable.say(f"cut {shard.address}")
        pause_until(begin + PARTITION_SECONDS)
        # Through the far end, so this is not cut.
        before = shard.answered()
        if before is None:
            self.problems.append(f"{name} said nothing at its own end of the cable")
        self.site.cable.say("heal")
        self.bound("a shard that was cut off takes calls", 3, self.wait(
            f"calls for {name}", lambda: (shard.answered() or 0) > (before or 0)))
        self.note("cut", name, begin, moments=[begin], healed=begin + PARTITION_SECONDS)
        names = sorted(f"{shard.address}:{PORT}" for shard in self.site.shards)
        self.bound("etcd has the shard again that was cut off", LEASE_SECONDS + 2, self.wait(
            "shards in etcd", lambda: self.site.etcd.shards() == names))

    # Certificates

    def rotate(self):
        """New certificates, and a while later the old ones are good for nothing."""
        begin = time.monotonic()
        counts = {server.name: server.log().count("certificates reloaded") for server in self.site.servers()}
        retired = self.site.rotate()
        for server in self.site.servers():
            server.hang_up()
        self.await_reload(counts)
        self.bound("every server shows its new certificate", 4 * LOOK_SECONDS + 1, time.monotonic() - begin)
        # Callers connect anew between two of their calls; the longest of those takes as long as its deadline.
        pause_until(time.monotonic() + CALL_SECONDS)
        revoked = time.monotonic()
        counts = {server.name: server.log().count("certificates reloaded") for server in self.site.servers()}
        self.site.revoke(retired)
        self.await_reload(counts)
        self.bound("every server knows what is revoked", 4 * LOOK_SECONDS + 1, time.monotonic() - revoked)
        if self.site.is_let_in(retired):
            self.problems.append("a revoked certificate was let in")
        self.note("rotate", None, begin, moments=[])

    def await_reload(self, counts):
        for server in self.site.servers():
            self.wait(f"{server.name} reads the certificates",
                      lambda: server.log().count("certificates reloaded") > counts[server.name])

    # Models

    def reload(self):
        begin = time.monotonic()
        for shard in self.site.shards:
            models = shard.place / "models"
            for name in ("digits", "storyteller"):
                shutil.copytree(models / name / "1", models / name / "2")
                self.expect(shard, name, "2")
                shutil.copytree(models / name / "1", models / name / "3")
                for path in (models / name / "3").iterdir():
                    path.write_bytes(path.read_bytes()[:100])
                self.expect(shard, name, "2", refused=True)
                for version in ("2", "3"):
                    shutil.rmtree(models / name / version)
                self.expect(shard, name, "1")
        self.bound("three shards have loaded two models three times", 60, time.monotonic() - begin)
        self.note("reload", None, begin, moments=[])

    def expect(self, shard, name, version, refused=False):
        """Loads what lies in the repository; afterwards this version has to be served, and no other."""
        import grpc
        import inference_pb2
        stub = shard.admin("inference_pb2", "GRPCInferenceServiceStub")
        try:
            stub.RepositoryModelLoad(inference_pb2.RepositoryModelLoadRequest(model_name=name), timeout=30)
            outcome = None
        except grpc.RpcError as error:
            outcome = error.code()
        if outcome != (grpc.StatusCode.FAILED_PRECONDITION if refused else None):
            self.problems.append(f"loading {name} on {shard.name} ended with {outcome}")
        index = stub.RepositoryIndex(inference_pb2.RepositoryIndexRequest(), timeout=30).models
        ready = [each.version for each in index if each.name == name and each.state == "READY"]
        if ready != [version]:
            self.problems.append(f"{shard.name} serves versions {ready} of {name}, not {version}")


def pause_until(end):
    """The timetable is the machine's clock's."""
    while (rest := end - time.monotonic()) > 0:
        time.sleep(min(rest, 0.5))
