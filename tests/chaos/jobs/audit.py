"""P0, what has to hold after every fault: nothing lost, nothing unexpected, every conversion ended once, results as promised, and
nothing left behind."""

import collections
import hashlib
import json
import re
import time

from . import processes
from .processes import harness

ENDS = {f"conversion.{status}": status for status in harness.TERMINAL}
TOKEN = re.compile("[0-9a-f]{32}")
LEAST_LOOKS = 100
TIDY_S = 60  # what is dropped behind a commit, and processes that die, need a moment; on a busy machine a long one
# The library's part of the state directory is checked by content, these by name.
OWN = re.compile(r"lock|convd\.db(-wal|-shm)?|convd\.db\.schema-\d+|reserve|audit\.log|incoming|blobs|results|work")


class Findings:
    def __init__(self):
        self.lost, self.unexpected, self.duplicated = set(), set(), set()
        self.errors = collections.Counter()  # codes of accepted conversions that ended in an error
        self.wrong = []

    def add(self, other):
        for name in ("lost", "unexpected", "duplicated"):
            getattr(self, name).update(getattr(other, name))
        self.errors = other.errors
        self.wrong += [w for w in other.wrong if w not in self.wrong]


class Conversion:
    def __init__(self, row):
        self.id, self.status, self.filename, self.input, labels, result, info = row
        self.result = json.loads(result) if result else None
        self.code = json.loads(info)["code"] if info else None
        found = TOKEN.search(labels + self.filename)
        self.token = found[0] if found else None


COLUMNS = "id, status, filename, input_sha256, labels_json, result_json, error_info_json"


class Audit:
    """Of a daemon at rest. `errors` are the codes in which an accepted conversion may have ended under this fault."""

    def __init__(self, ground, errors=()):
        self.ground, self.allowed = ground, set(errors)
        self.found = Findings()
        self.conversions = [Conversion(row) for row in ground.rows(f"SELECT {COLUMNS} FROM conversions")]

    def all(self):
        self.promises()
        self.ends()
        self.results()
        self.database()
        self.leftovers()
        self.processes()
        return self.found

    def wrong(self, text):
        self.found.wrong.append(text)

    def promises(self):
        by_id = {c.id: c for c in self.conversions}
        tries = self.ground.acks.tries
        seen = collections.Counter(c.token for c in self.conversions if c.token)
        self.found.duplicated.update(token for token, count in seen.items() if count > 1 and token in tries)
        reference = "0" * 32
        self.found.unexpected.update(c.id for c in self.conversions if c.token != reference and c.token not in tries)
        for attempt in self.ground.acks.accepted():
            self.promise(attempt, by_id.get(attempt.id))

    def promise(self, attempt, conversion):
        if conversion is None:
            if attempt.remove is None:
                self.found.lost.add(attempt.id)
        elif attempt.remove == "acked":
            self.wrong(f"{attempt.id} was removed and is there")
        elif attempt.cancel == "acked":
            if conversion.status != "cancelled":
                self.wrong(f"{attempt.id} was cancelled and is {conversion.status}")
        elif conversion.status == "error":
            self.found.errors[conversion.code] += 1
            if conversion.code not in self.allowed:
                self.wrong(f"{attempt.id} ended as {conversion.code}")
        elif conversion.status == "cancelled":
            if not (attempt.cancel or attempt.remove):
                self.wrong(f"{attempt.id} is cancelled and nobody asked for it")
        elif conversion.status != "completed":
            self.found.lost.add(attempt.id)

    def ends(self):
        """Exactly one terminal event for each that is there, at most one for each that was removed."""
        ends = collections.defaultdict(list)
        for subject, type in self.ground.rows("SELECT subject, type FROM events WHERE service = 'conversion'"):
            if type in ENDS:
                ends[subject].append(ENDS[type])
        for id, told in ends.items():
            if len(told) > 1:
                self.found.duplicated.add(id)
        for conversion in self.conversions:
            if conversion.status in harness.TERMINAL and ends[conversion.id] != [conversion.status]:
                self.wrong(f"{conversion.id} is {conversion.status}, the log says {ends[conversion.id]}")

    def results(self):
        tries = self.ground.acks.tries
        for conversion in self.conversions:
            if conversion.status != "completed":
                continue
            path = self.ground.state / "results" / conversion.id / conversion.result["name"]
            data = path.read_bytes() if path.exists() else b""
            if hashlib.sha256(data).hexdigest() != conversion.result["sha256"]:
                self.wrong(f"the result of {conversion.id} is not what its row says")
            attempt = tries.get(conversion.token)
            expected = self.ground.expected.result(attempt) if attempt else None
            if expected is not None and data != expected:
                self.wrong(f"the result of {conversion.id} is another document's or damaged")

    def database(self):
        for check in ("PRAGMA integrity_check", "PRAGMA foreign_key_check"):
            rows = self.ground.rows(check)
            if rows not in ([], [("ok",)]):
                self.wrong(f"{check}: {rows[:3]}")

    def leftovers(self):
        kept = {c.id for c in self.conversions if c.status == "completed"}
        blobs = {sha256 for sha256, in self.ground.rows("SELECT sha256 FROM documents")}
        # Engines are asked for their versions behind everything else: on a busy machine that takes its time.
        harness.eventually(lambda: not processes.asked_for_versions(self.ground.mark), "the engines have told their versions")
        self.eventually_none(lambda: self.stray_files(kept, blobs), "files left")

    def stray_files(self, kept, blobs):
        state = self.ground.state
        stray = [p.name for p in state.iterdir() if not OWN.fullmatch(p.name)]
        stray += [f"incoming/{p.name}" for p in (state / "incoming").iterdir()]
        stray += [f"results/{p.name}" for p in (state / "results").iterdir() if p.name not in kept]
        stray += [f"blobs/{p.name}" for p in (state / "blobs").glob("*/*") if p.name not in blobs]
        runners = list((state / "work").iterdir())
        stray += [f"work/{p.name}" for p in runners[1:]]
        stray += [f"work/{p.parent.name}/{p.name}" for p in (state / "work").glob("*/[0-9]*")]
        return stray

    def processes(self):
        """At rest there are the daemon and its runner, and whatever the test has put in front of them."""
        if self.ground.process is None:
            return self.eventually_none(lambda: [processes.name(p) for p in processes.marked(self.ground.mark)], "processes left")
        daemon = self.ground.pid()
        self.eventually_none(lambda: self.strangers(daemon), "processes left")
        most = self.ground.base_descriptors
        self.eventually_none(lambda: max(0, processes.descriptors(daemon) - most), "descriptors more than at rest")

    def strangers(self, daemon):
        """What is there is looked at first: a runner or an office that died is replaced at any time."""
        there = processes.marked(self.ground.mark)
        below = harness.descendants(daemon)
        own = {p for p, name in below.items() if name == "convd-runner" or processes.is_office(p)}
        own |= {self.ground.process.pid, daemon}
        return [processes.name(p) for p in there if p not in own and not processes.is_dead(p)]

    def eventually_none(self, look, what):
        end, looks = time.monotonic() + TIDY_S, 0

        def found():
            try:
                return look()
            except FileNotFoundError as gone:
                return [f"{gone.filename} is just going"]

        # A machine that stood still for a while is no proof.
        while (left := found()) and (time.monotonic() < end or looks < LEAST_LOOKS):
            looks += 1
            time.sleep(0.02)
        if left:
            self.wrong(f"{what}: {left if isinstance(left, int) else [str(x) for x in left[:4]]}")

