#!/usr/bin/python3
"""Is every promise held by a test? Removes one mechanism after the other from a copy of the sources and looks which test fails.

    tests/mutations/run.py [--only NAME]... [--line LINE]... [--unit | --stories] [--work DIR] [--markdown FILE]
    tests/mutations/run.py --check      only: is the text that each mutation changes still there, once?
    tests/mutations/run.py --list

The copy is built in DIR (default: build/mutations) like `dev`. A test counts when it passes with the mechanism and fails
without it. Prints a row for each; exit status 1 when a mechanism can go unnoticed or cannot be looked at.
"""

import argparse
import pathlib
import signal
import sys
import time

from mechanisms import LINES
from mechanisms.mutation import PROGRAMS
from mechanisms.workplace import Workplace

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = {"seen": "yes", "unnoticed": "NO", "not built": "not built", "lost": "its text is gone", "broken": "the test fails anyway"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="mechanisms whose name has this in it")
    parser.add_argument("--line", action="append", default=[], choices=LINES, help="those of one part")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--unit", action="store_true", help="those that unit programs notice, which takes the shorter time")
    kind.add_argument("--stories", action="store_true", help="those that take the real programs")
    parser.add_argument("--check", action="store_true", help="only whether each text is there once")
    parser.add_argument("--list", action="store_true", help="the mechanisms, and nothing else")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build" / "mutations", help="where the copy goes")
    parser.add_argument("--markdown", type=pathlib.Path, help="writes the table there too")
    return parser.parse_args()


def chosen(options):
    for line, mutations in LINES.items():
        for mutation in mutations:
            wanted = not options.only or any(part in mutation.name for part in options.only)
            is_story = set(PROGRAMS) <= set(mutation.test.targets)
            wanted = wanted and not (options.unit and is_story) and not (options.stories and not is_story)
            if wanted and (not options.line or line in options.line):
                yield line, mutation


def misplaced(mutation):
    """The texts that are not there once, and how often they are."""
    path = ROOT / mutation.file
    text = path.read_text() if path.exists() else ""
    return {old: text.count(old) for old, _ in mutation.changes() if text.count(old) != 1}


def check(mutations):
    """0 when all can be applied. A name or a change that is there twice proves nothing twice."""
    wrong = [f"{m.file}: {count} times, not once: {old!r} ({m.name})" for _, m in mutations for old, count in misplaced(m).items()]
    wrong += [f"changes nothing: {m.name}" for _, m in mutations if any(old == new for old, new in m.changes())]
    names = [m.name for _, m in mutations]
    wrong += [f"two are called: {name}" for name in sorted({n for n in names if names.count(n) > 1})]
    print("\n".join([*wrong, f"{len(mutations)} mutations, {len(wrong)} wrong"]))
    return 1 if wrong else 0


def verdict(place, mutation):
    if misplaced(mutation):
        return "lost"
    if mutation.test not in place.passing:
        return "broken"
    with place.mutated(mutation):
        if not place.build(mutation.test.targets):
            return "not built"
        return "unnoticed" if place.run(mutation.test) else "seen"


def table(rows):
    lines = ["| part | mechanism that was removed | test | seen failing |", "|---|---|---|---|"]
    lines += [f"| {line} | {m.name} | {m.test.name.replace('|', '/')} | {WORDS[found]} |" for line, m, found in rows]
    return "\n".join(lines)


def main():
    options = arguments()
    mutations = list(chosen(options))
    if options.list:
        print("\n".join(f"{line}: {m.name}" for line, m in mutations))
        return 0
    if options.check:
        return check(mutations)
    rows = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended, and the text changed back
    with Workplace(ROOT, options.work) as place:
        place.prove_all({m.test for _, m in mutations})
        for line, mutation in mutations:
            began = time.monotonic()
            rows.append((line, mutation, verdict(place, mutation)))
            print(f"{rows[-1][2]:>9} {line}: {mutation.name} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    print(table(rows))
    seen = sum(found == "seen" for _, _, found in rows)
    print(f"{seen} seen failing, {len(rows) - seen} not")
    if options.markdown:
        options.markdown.write_text(table(rows) + "\n")
    return 0 if seen == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
