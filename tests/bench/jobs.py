#!/usr/bin/python3
"""What accepting, ordering and starting jobs costs. Asserts nothing; bounded; stops by itself.

    tests/bench/jobs.py [puts] [dispatch] [fairness] [--count N] [--queued N]

puts       durable submissions a second on 1 and on 8 connections, beside as many durable puts to `beanstalkd -f 0` with
           bodies of the same size, by the same client, on the same disk, one run after the other and once more
dispatch   from acceptance to the start and from the end of the engine to `completed`, with an engine that is done at once
           (PDF to text, one page), one at a time; and what the machine does beside bare commits of the same disk
fairness   Alice queues --queued (10,000), then Bob one: how long Bob waits, beside how long one of Alice's takes. Two users
           of the Unix socket, so root only
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time
from datetime import datetime

from bench import bare_commits, harness, quantile, row

PAGE = harness.SAMPLES / "numbers.pdf"
ALICE, BOB = 65534, 1


def accept_load():
    binary = next((p for p in [harness.BIN / "accept_load", *harness.BIN.glob("**/accept_load")] if p.exists()), None)
    return binary or sys.exit("build it first: ninja -C build/release accept_load")


def load(*args, **options):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, check=True, timeout=600, **options)
    return json.loads(done.stdout)


class Beanstalkd:
    """Every put is fsynced before its answer."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) / "beanstalkd"
        self.folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        program = shutil.which("beanstalkd") or sys.exit("install beanstalkd first")
        self.process = subprocess.Popen([program, "-l", "127.0.0.1", "-p", str(self.port), "-b", str(self.folder), "-f", "0"])
        harness.eventually(self.answers, "beanstalkd")

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self.process.terminate()
        self.process.wait()


def puts(options):
    binary = accept_load()
    body = len(json.dumps({"filename": "numbers.pdf", "to": "txt"}, separators=(",", ":")))
    with harness.Daemon(slots=1, tcp=False, queue_limit=1_000_000, queue_limit_per_org=1_000_000, reuse="off") as daemon:
        daemon.upload("numbers.pdf", PAGE.read_bytes())
        # Nothing is converted meanwhile: accepting is what is measured.
        daemon.post("/v1/control/pause", {})
        other = Beanstalkd(daemon.folder)
        try:
            for connections in (1, 8):
                for _ in range(2):
                    bare = bare_commits_again(daemon.folder)
                    own = load(binary, daemon.socket, connections, options.count, "numbers.pdf", "txt")
                    theirs = load(binary, f"beanstalkd:{other.port}", connections, options.count, body)
                    row(f"puts, {connections} connection(s)", convd=f"{own['per_second']:.0f}/s", p99=f"{own['p99_ms']:.1f} ms",
                        beanstalkd=f"{theirs['per_second']:.0f}/s", their_p99=f"{theirs['p99_ms']:.1f} ms",
                        ratio=f"{own['per_second'] / theirs['per_second']:.2f}", bare=f"{bare:.0f}/s")
        finally:
            other.close()
        daemon.kill9()  # what waits is wanted by nobody


def bare_commits_again(folder):
    own = pathlib.Path(folder) / f"bare{time.monotonic_ns()}"
    own.mkdir()
    return bare_commits(own, 300)


def at(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def dispatch(_):
    begins, ends, totals = [], [], []
    with harness.Daemon(slots=1, tcp=False, reuse="off") as daemon:
        daemon.upload("numbers.pdf", PAGE.read_bytes())
        for i in range(120):
            before = time.monotonic()
            answer = daemon.post("/v1/conversions", {"filename": "numbers.pdf", "to": "txt"}).json()
            done = daemon.wait(answer["id"])
            total = (time.monotonic() - before) * 1000
            steps = daemon.get(f"/v1/conversions/{answer['id']}/receipt").json()["steps"]
            if i < 20:
                continue
            begins.append(at(done["started_at"]) - at(done["created_at"]))
            ends.append(at(done["completed_at"]) - at(done["started_at"]) - sum(step["wall_ms"] for step in steps))
            totals.append(total - sum(step["wall_ms"] for step in steps))
        bare = bare_commits_again(daemon.folder)
    for name, values in (("acceptance -> start", begins), ("engine's end -> completed", ends), ("all but the engine, seen by a client", totals)):
        row(f"dispatch, {name}", p50=f"{statistics.median(values):.0f} ms", p99=f"{quantile(values, 0.99):.0f} ms",
            bare_commit=f"{1000 / bare:.2f} ms")


# Submits one and waits for its end, as another user; prints its status object.
ONE = """
import http.client, json, socket, sys, time
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(sys.argv[1])
def ask(method, path, body=None, headers={}):
    c = Unix("localhost")
    c.request(method, path, body, headers)
    return json.loads(c.getresponse().read())
ask("POST", "/documents?name=numbers.pdf", open(sys.argv[2], "rb").read())
if len(sys.argv) > 3:
    id = ask("POST", "/v1/conversions", json.dumps({"filename": "numbers.pdf", "to": "txt"}), {"Content-Type": "application/json"})["id"]
    end = time.monotonic() + 120
    while (status := ask("GET", f"/conversion-status/{id}"))["status"] != "completed" and time.monotonic() < end:
        time.sleep(0.05)
    print(json.dumps(status))
"""


def fairness(options):
    if os.geteuid() != 0:
        sys.exit("fairness needs root, to be two users")
    with harness.Daemon(slots=1, tcp=False, queue_limit=1_000_000, queue_limit_per_org=1_000_000, reuse="off") as daemon:
        shared = pathlib.Path(daemon.folder)
        shutil.copy(accept_load(), shared / "accept_load")
        shutil.copy(PAGE, shared / "numbers.pdf")
        as_user = [sys.executable, "-c", ONE, daemon.socket, str(shared / "numbers.pdf")]
        subprocess.run(as_user, user=ALICE, check=True)
        queued = load(shared / "accept_load", daemon.socket, 8, options.queued, "numbers.pdf", "txt", user=ALICE)
        waiting = daemon.get("/v1/capacity").json()["waiting"]
        waits = []
        for _ in range(5):
            done = subprocess.run([*as_user, "convert"], user=BOB, check=True, capture_output=True, text=True)
            bob = json.loads(done.stdout)
            waits.append(at(bob["started_at"]) - at(bob["created_at"]))
        daemon.kill9()
        database = daemon.database()
        took = [end - start for start, end in database.execute(
            "SELECT started_ms, completed_ms FROM conversions WHERE org = ? AND status = 'completed'", (f"uid:{ALICE}",))]
        database.close()
    row(f"fairness, {queued['accepted']:,} of Alice's", waiting=f"{waiting:,}", bob_waits=" ".join(f"{w:.0f}" for w in waits) + " ms",
        one_of_alice=f"p50 {statistics.median(took):.0f} ms, longest {max(took):.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*")
    parser.add_argument("--count", type=int, default=4_000)
    parser.add_argument("--queued", type=int, default=10_000)
    options = parser.parse_args()
    for what in options.what or ["puts", "dispatch", "fairness"]:
        globals()[what](options)


if __name__ == "__main__":
    main()
