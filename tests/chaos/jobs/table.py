"""One row for each fault."""

import statistics

from .audit import Findings

HEAD = ("fault", "cycles", "accepted", "lost", "unexpected", "duplicated", "recovery ms (max, median)", "verdict")


class Row:
    def __init__(self, name):
        self.name = name
        self.cycles = self.accepted = 0
        self.found = Findings()
        self.recovery_ms = []
        self.notes = []  # said in the verdict, good or bad
        self.skipped = None  # why

    def take(self, ground):
        """What a ground has seen; once, at its end."""
        self.accepted += len(ground.acks.accepted())
        self.recovery_ms += ground.ready_ms

    @property
    def ok(self):
        found = self.found
        return not (found.lost or found.unexpected or found.duplicated or found.wrong)

    def verdict(self):
        if self.skipped:
            return f"skipped: {self.skipped}"
        notes = "; ".join(self.notes)
        return ("ok" if self.ok else f"FAILED ({len(self.found.wrong)} wrong)") + (f": {notes}" if notes else "")

    def cells(self):
        if self.skipped:
            return (self.name, *["-"] * 6, self.verdict())
        found = self.found
        times = f"{max(self.recovery_ms):.0f}, {statistics.median(self.recovery_ms):.0f}" if self.recovery_ms else "-"
        counts = (self.cycles, self.accepted, len(found.lost), len(found.unexpected), len(found.duplicated))
        return (self.name, *map(str, counts), times, self.verdict())


def render(rows):
    """The table as Markdown."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD) - 1)]
    lines = ["| " + " | ".join([*(text.ljust(w) for text, w in zip(line, widths)), line[-1]]) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|---|")
    return "\n".join(lines)
