"""Reads the JUnit report of a ctest run and prints "passed failed skipped", counted in test cases.

  tally.py REPORT            the counts
  tally.py REPORT SECOND     the same, where SECOND is the report of a run of some entries once more: what it has of them counts
  tally.py --again REPORT    instead: the entries that failed in a way that a second run may tell more of, one per line

A ctest entry is a whole program of many cases; what each program says last is read: Catch2's summary, or the
"N passed, N failed" line of tests/e2e/harness.py. A program that died before its summary counts as one failure.
Failures, what passed only in the second run, and the reasons of skips are named on stderr.
"""

import re
import sys
import xml.etree.ElementTree as ET

CATCH_ALL = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)", re.M)
CATCH_SOME = re.compile(r"^test cases:\s*(\d+)(?:\s*\|\s*(\d+) passed)?(?:\s*\|\s*(\d+) failed)?", re.M)
OWN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
SKIP = re.compile(r"^SKIPPED .*$", re.M)

# A busy machine may let a test wait for too long. It makes no program read what is not its own, crash or hang, and loses no
# conversion: that has happened, whatever a second run says.
FINAL = re.compile(r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|a sanitizer has found|fatal error condition|"
                   r"convd ended with|terminate called|Segmentation fault")
FINAL_NAMES = re.compile(r"chaos|simulation|fuzz")
# Where so many fail something is wrong that has nothing to do with time.
MOST_AGAIN = 5


def cases(output):
    """(passed, failed, skipped) as the program counted them, or None when it said nothing."""
    own = OWN.findall(output)
    if own:
        return tuple(int(n or 0) for n in own[-1])
    if found := CATCH_ALL.search(output):
        return int(found[1]), 0, 0
    if found := CATCH_SOME.search(output):
        return int(found[2] or 0), int(found[3] or 0), 0
    return None


class Entry:
    def __init__(self, element):
        self.name = element.get("name")
        self.status = element.get("status")
        self.output = element.findtext("system-out") or ""
        self.skipped_by_itself = element.find("skipped") is not None

    @property
    def failed(self):
        return self.status == "fail" or self.output.startswith("Unable to find executable")

    def may_run_again(self):
        """One without a summary has crashed or was ended for hanging."""
        told = cases(self.output) is not None
        return self.failed and told and not FINAL.search(self.output) and not FINAL_NAMES.search(self.name)

    def counts(self):
        counted = cases(self.output)
        if self.failed:
            passed, failed, skipped = counted or (0, 1, 0)
            return passed, max(failed, 1), skipped
        if self.status == "run":
            return counted or (1, 0, 0)
        if self.skipped_by_itself and counted:
            return counted
        return 0, 0, 1


def read(path):
    return {entry.name: entry for entry in map(Entry, ET.parse(path).getroot().iter("testcase"))}


def again(entries):
    failed = [entry for entry in entries.values() if entry.failed]
    return [entry.name for entry in failed if entry.may_run_again()] if len(failed) <= MOST_AGAIN else []


def tally(first, second):
    may = set(again(first))
    totals = (0, 0, 0)
    for name, entry in first.items():
        if name in may and name in second:
            entry = second[name]
            if not entry.failed:
                print(f"PASSED ONLY WHEN RUN AGAIN, BY ITSELF: {name}", file=sys.stderr)
        for line in SKIP.findall(entry.output):
            print(f"{name}: {line}", file=sys.stderr)
        if entry.failed:
            print(f"FAILED {name}", file=sys.stderr)
        elif entry.counts() == (0, 0, 1) and cases(entry.output) is None:
            print(f"{name}: SKIPPED ({entry.status})", file=sys.stderr)
        totals = tuple(a + b for a, b in zip(totals, entry.counts()))
    return totals


def main(arguments):
    if arguments[0] == "--again":
        print("\n".join(again(read(arguments[1]))))
        return
    print(*tally(read(arguments[0]), read(arguments[1]) if len(arguments) > 1 else {}))


if __name__ == "__main__":
    main(sys.argv[1:])
