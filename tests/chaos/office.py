#!/usr/bin/python3
"""Conversions by the warm LibreOffice while its children and the process itself are killed: does every job end right?

    tests/chaos/office.py [--conversions 1000] [--seed N]

Two conversions run at a time, over the corpus's office documents that convert (CONVD_CORPUS) and our own samples. Every ten
conversions a random child is killed with SIGKILL, every hundred the warm process. Each result must have the page count and the text
that a fresh soffice gives. Exit status 0 when all of that held and nothing was left behind. The failing seed is printed.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402
import test_corpus  # noqa: E402
import test_office  # noqa: E402

OFFICE = (".docx", ".doc", ".odt", ".rtf", ".xlsx", ".xls", ".ods", ".pptx", ".ppt", ".odp")


def documents():
    """name -> bytes of what converts."""
    found = {p.name: p.read_bytes() for p in (ROOT / "tests" / "samples").iterdir() if p.suffix in OFFICE}
    for row in test_corpus.rows():
        name = test_corpus.name_of(row)
        if name.lower().endswith(OFFICE) and row["expectation"] == "ok":
            found[name] = (test_corpus.CORPUS / row["file"]).read_bytes()
    return found


def facts(pdf):
    return test_office.pdf_pages(pdf), test_office.pdf_text(pdf)


def references(found):
    """What a fresh soffice makes of each; documents that it refuses, or takes long for, are left out."""
    known = {}
    with harness.Daemon(slots=2, tcp=False, warm_office="never", attempts=1) as daemon:
        ids = {name: daemon.submit(name, "pdf", data) for name, data in found.items()}
        for name, id in ids.items():
            start = time.monotonic()
            if daemon.wait(id)["status"] == "completed" and time.monotonic() - start < 90:
                known[name] = facts(daemon.result(id).body)
    return known


class Storm:
    def __init__(self, options):
        self.random = random.Random(options.seed)
        self.options = options
        self.counts = collections.Counter()
        self.wrong = []
        self.longest = 0.0

    def run(self):
        found = documents()
        known = references(found)
        print(f"{len(known)} documents, {self.options.conversions} conversions, seed {self.options.seed}", flush=True)
        with harness.Daemon(slots=2, tcp=False, warm_office="always", attempts=6) as self.daemon:
            harness.eventually(lambda: "warm office: LibreOffice" in self.daemon.log(), "LibreOffice became warm")
            for name in known:
                self.daemon.upload(name, found[name])
            names = sorted(known)
            work = [self.random.choice(names) for _ in range(self.options.conversions)]
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(lambda item: self.one(item[0], item[1], known[item[1]]), enumerate(work, 1)))
            harness.eventually(lambda: len(self.children()) <= 2, "only spare children are left")
            with contextlib.suppress(AssertionError):
                harness.eventually(lambda: not self.workspaces(), "no workspace is left")
            self.counts["workspaces left"] = len(self.workspaces())
            pid = self.daemon.pid()
        self.counts["processes left"] = len(harness.descendants(pid)) if os.path.exists(f"/proc/{pid}") else 0

    def workspaces(self):
        return list((self.daemon.state / "work").glob("runner-*/[0-9]*"))

    def children(self):
        return test_office.offices(self.daemon)[1]

    def one(self, number, name, known):
        start = time.monotonic()
        answer = self.daemon.post("/v1/conversions", {"filename": name, "to": "pdf"})
        id = answer.json()["id"]
        if number % 100 == 0:
            self.strike(test_office.offices(self.daemon)[0], "warm processes killed")
        elif number % 10 == 0:
            self.strike(self.children(), "children killed")
        status = self.daemon.wait(id)
        self.longest = max(self.longest, time.monotonic() - start)
        self.counts[status["status"]] += 1
        if status["status"] != "completed":
            self.wrong.append((number, name, status["error"]))
        elif facts(self.daemon.result(id).body) != known:
            self.wrong.append((number, name, "other pages or text than cold"))
        if number % 100 == 0:
            print(f"{number}: {dict(self.counts)}, longest {self.longest:.1f} s", flush=True)

    def strike(self, pids, what):
        if not pids:
            return
        try:
            os.kill(self.random.choice(pids), signal.SIGKILL)
            self.counts[what] += 1
        except ProcessLookupError:
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversions", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    storm = Storm(parser.parse_args())
    storm.run()
    for wrong in storm.wrong:
        print("WRONG", *wrong)
    print(f"{dict(storm.counts)}, longest wait {storm.longest:.1f} s")
    return 1 if storm.wrong or storm.counts["workspaces left"] or storm.counts["processes left"] else 0


if __name__ == "__main__":
    sys.exit(main())
