#!/usr/bin/python3
"""Jobs that survive everything: the proof. Harms convd in every way there is, and counts what it lost.

    tests/chaos/run.py [--short | --long] [--only NAME]... [--cycles N] [--seed N] [--verbose] [--list]

Prints one row for each fault (see README.md beside this file); exit status 0 when nothing was lost, unexpected, duplicated or wrong.
The short form takes less than four minutes. The seed is printed: the same seed does the same things, as far as the machine lets it.
"""

import argparse
import os
import random
import sys
import time
import traceback

from jobs import table
from jobs.fault import FAULTS, Run, Skip
from jobs import converters, damage, disks, kills, limits, many, syncs  # noqa: F401: they enter themselves into FAULTS


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help="few cycles of each fault; the default")
    form.add_argument("--long", action="store_true", help="500 kills and more")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="faults whose name has this in it")
    parser.add_argument("--cycles", type=int, help="instead of the form's own number")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--verbose", action="store_true", help="say what is done")
    parser.add_argument("--list", action="store_true", help="the names of the faults and the crash points, and nothing else")
    return parser.parse_args()


def run_one(chosen, options):
    run = Run(chosen, options)
    began = time.monotonic()
    try:
        chosen.run(run)
        run.check_recovery()
    except Skip as reason:
        run.row.skipped = str(reason)
    except Exception as error:  # noqa: BLE001: the others shall have their turn
        traceback.print_exc()
        run.wrong(f"{type(error).__name__}: {str(error)[:300]}")
    options.say(f"{chosen.name}: {run.row.verdict()}, {time.monotonic() - began:.0f} s")
    return run.row


def main():
    options = arguments()
    if options.list:
        print("\n".join([*FAULTS, "", *kills.crash_points()]))
        return 0
    options.say = lambda text, detail=False: print(text, file=sys.stderr, flush=True) if options.verbose or not detail else None
    chosen = [f for f in FAULTS.values() if not options.only or any(part in f.name for part in options.only)]
    if not chosen:
        options.say(f"no such fault; there are: {', '.join(FAULTS)}")
        return 64
    print(f"{'long' if options.long else 'short'} form, seed {options.seed}, {os.cpu_count()} CPUs", flush=True)
    rows = [run_one(each, options) for each in chosen]
    print(table.render(rows))
    for row in rows:
        if row.skipped:
            print(f"SKIPPED {row.name}: {row.skipped}")
    skipped = sum(row.skipped is not None for row in rows)
    passed = sum(row.ok and not row.skipped for row in rows)
    print(f"{passed} passed, {len(rows) - passed - skipped} failed, {skipped} skipped")
    return 0 if passed + skipped == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
