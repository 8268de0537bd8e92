"""Reads the JUnit report of one ctest run and prints "passed failed skipped", counted in test cases.

A ctest entry is a whole program of many cases; what each program says last is read: Catch2's summary, or the
"N passed, N failed" line of tests/e2e/harness.py. A program that died before its summary counts as one failure.
Failures and the reasons of skips are named on stderr.
"""

import re
import sys
import xml.etree.ElementTree as ET

CATCH_ALL = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)", re.M)
CATCH_SOME = re.compile(r"^test cases:\s*(\d+)(?:\s*\|\s*(\d+) passed)?(?:\s*\|\s*(\d+) failed)?", re.M)
OWN = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
SKIP = re.compile(r"^SKIPPED .*$", re.M)


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


def main():
    totals = [0, 0, 0]
    for entry in ET.parse(sys.argv[1]).getroot().iter("testcase"):
        name, status = entry.get("name"), entry.get("status")
        output = entry.findtext("system-out") or ""
        counted = cases(output)
        for line in SKIP.findall(output):
            print(f"{name}: {line}", file=sys.stderr)
        if status == "fail":
            passed, failed, skipped = counted or (0, 1, 0)
            counted = (passed, max(failed, 1), skipped)
            print(f"FAILED {name}", file=sys.stderr)
        elif status == "run":
            counted = counted or (1, 0, 0)
        elif entry.find("skipped") is not None and counted:
            pass
        else:
            counted = (0, 0, 1)
            print(f"{name}: SKIPPED ({status})", file=sys.stderr)
        totals = [a + b for a, b in zip(totals, counted)]
    print(*totals)


if __name__ == "__main__":
    main()
