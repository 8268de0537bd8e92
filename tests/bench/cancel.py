#!/usr/bin/python3
"""How soon a cancel is over. Asserts nothing; bounded; stops by itself.

    tests/bench/cancel.py [--rounds N] [--office]

One slot: a conversion runs, another waits. From the request to cancel the first: until it is answered, which it is once
the process tree is dead; until none of its processes is left; until the second one has its slot. --office: the warm
LibreOffice in place of pdftoppm. Beside it, in the same run: SIGKILL to a bare process until it has been waited for, and
one bare FULL commit, which the answer includes.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.path.insert(0, str(ROOT / "tests" / "bench"))
import harness  # noqa: E402
import office_documents  # noqa: E402
from bench import bare_commits, quantile, row  # noqa: E402


def gone(pids):
    return all(harness._stat(pid) is None for pid in pids)


def milliseconds(values):
    return {"median_ms": f"{quantile(values, 0.5):.1f}", "p95_ms": f"{quantile(values, 0.95):.1f}", "worst_ms": f"{max(values):.1f}"}


def bare_kill(rounds):
    took = []
    for _ in range(rounds):
        process = subprocess.Popen(["sleep", "60"])
        start = time.monotonic()
        process.kill()
        process.wait()
        took.append((time.monotonic() - start) * 1000)
    return took


class Round:
    """One conversion that runs and one that waits; what is measured in the order in which it happens."""

    def __init__(self, daemon, submit):
        self.daemon = daemon
        self.first = submit()
        self.second = submit()
        daemon.wait(self.first, lambda status: status["status"] == "processing")
        self.pids = harness.eventually(lambda: self.processes(), "it has processes")

    def processes(self):
        own = {"convd", "convd-runner"}
        return {pid for pid, name in harness.descendants(self.daemon.pid()).items() if name not in own} - self.daemon.idle

    def cancel(self):
        moments = [time.monotonic()]
        answer = self.daemon.post(f"/v1/conversions/{self.first}/cancel", {})
        assert answer.json()["status"] == "cancelled", answer
        moments.append(time.monotonic())
        while not gone(self.pids):
            pass
        moments.append(time.monotonic())
        self.daemon.wait(self.second, lambda status: status["status"] == "processing")
        moments.append(time.monotonic())
        self.daemon.post(f"/v1/conversions/{self.second}/cancel", {})
        return [(moment - moments[0]) * 1000 for moment in moments[1:]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--office", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, harness.Daemon(slots=1, warm_office="always" if options.office else "when-needed") as daemon:
        if options.office:
            harness.eventually(lambda: "warm office: LibreOffice" in daemon.log(), "LibreOffice became warm")
            name, to = "long.docx", "pdf"
            daemon.upload(name, office_documents.make(folder, (300,), ("text",))["text-300"].read_bytes())
            extra = {}
        else:
            name, to, extra = "numbers.pdf", "png", {"options": {"dpi": 600}}
            daemon.upload(name, harness.sample(name))
        # The warm office and its spares live on.
        daemon.idle = set(harness.descendants(daemon.pid()))
        submit = lambda: daemon.post("/v1/conversions", {"filename": name, "to": to, **extra}).json()["id"]  # noqa: E731
        took = []
        for _ in range(options.rounds):
            took.append(Round(daemon, submit).cancel())
            if options.office:
                daemon.idle |= set(harness.descendants(daemon.pid()))
        for what, values in zip(("answered", "tree gone", "slot taken by the next"), zip(*took)):
            row(what, **milliseconds(values))
        row("bare kill and wait", **milliseconds(bare_kill(options.rounds)))
        row("bare commit", mean_ms=f"{1000 / bare_commits(folder, 300):.1f}")


if __name__ == "__main__":
    main()
