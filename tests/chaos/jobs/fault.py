"""What a fault is for run.py, and what it is given."""

import contextlib
import random
import statistics

from .audit import Audit
from .ground import Ground
from .table import Row

CYCLES_OF_A_GROUND = 40  # then a new state directory: what has been checked need not be read again and again
READY_WITHIN_MS = 2000  # what is slower is said
HUNG_MS = 60_000  # no machine is as slow as that
FAULTS = {}  # name -> Fault


class Skip(Exception):
    """This fault cannot be had here."""


class Fault:
    def __init__(self, name, short, long, run):
        self.name, self.short, self.long, self.run = name, short, long, run


def fault(name, short, long):
    """Enters a function into the table: `short` and `long` are its numbers of cycles."""
    def enter(function):
        FAULTS[name] = Fault(name, short, long, function)
        return function
    return enter


class Run:
    """One fault of one run. Everything random comes from the seed and the fault's name."""

    def __init__(self, chosen, options):
        self.row = Row(chosen.name)
        self.long = options.long
        self.cycles = options.cycles or (chosen.long if options.long else chosen.short)
        self.random = random.Random(f"{options.seed}/{chosen.name}")
        self.say = options.say

    @contextlib.contextmanager
    def ground(self, **options):
        ground = Ground(self.random.getrandbits(64), **options)
        ground.say = self.say
        try:
            yield ground.begin()
        except BaseException:
            self.say(ground.log()[-6000:])
            raise
        finally:
            self.row.take(ground)
            ground.close()

    def audit(self, ground, errors=()):
        found = Audit(ground, errors).all()
        for text in found.wrong:
            if text not in self.row.found.wrong:
                self.say(f"WRONG {self.row.name}, cycle {self.row.cycles}: {text}")
        for what in ("lost", "unexpected", "duplicated"):
            if new := getattr(found, what) - getattr(self.row.found, what):
                self.say(f"{what.upper()} {self.row.name}, cycle {self.row.cycles}: {sorted(new)}\n{ground.log()[-4000:]}")
        self.row.found.add(found)

    def last_audit(self, ground, errors=()):
        """Once more, after an orderly stop: nothing may run any more."""
        status = ground.stop()
        if status != 0:
            self.wrong(f"convd ended with {status} when told to stop")
        self.audit(ground, errors)

    def wrong(self, text):
        self.say(f"WRONG {self.row.name}, cycle {self.row.cycles}: {text}")
        self.row.found.wrong.append(text)

    def check(self, condition, text):
        if not condition:
            self.wrong(text)

    def check_recovery(self):
        """Half of all starts, not each: a machine may do something else for a while. How long they take is in the table; a machine
        that is slow has lost nothing."""
        if not self.row.recovery_ms:
            return
        usual = statistics.median(self.row.recovery_ms)
        self.check(usual < HUNG_MS, f"READY after {self.row.recovery_ms} ms")
        if usual >= READY_WITHIN_MS:
            self.row.notes.append(f"SLOW: half of the starts took {usual:.0f} ms or more")

    def each_cycle(self, cycle, errors=(), **options):
        """`cycle(ground)` harms and brings back a daemon; audited every time, a new one now and then."""
        left = self.cycles
        while left > 0:
            with self.ground(**options) as ground:
                for _ in range(min(left, CYCLES_OF_A_GROUND)):
                    cycle(ground)
                    ground.rest()
                    self.row.cycles += 1
                    left -= 1
                    self.audit(ground, errors)
                self.last_audit(ground, errors)
