"""What clients have been promised. Kept in memory and in a file outside of the state directory."""

import json
import threading


class Try:
    """One submission: `token` is in its filename or its label and in its text, so it is known again without its answer."""

    def __init__(self, token, kind):
        self.token, self.kind = token, kind
        self.id = None  # accepted
        self.cancel = self.remove = None  # None, "tried", "acked"

    @property
    def accepted(self):
        return self.id is not None


class Acks:
    """Any thread."""

    def __init__(self, path):
        self._file = open(path, "a", buffering=1)  # noqa: SIM115: lives as long as the log
        self._lock = threading.Lock()
        self.tries = {}  # token -> Try
        self.refusals = {}  # HTTP status -> how often

    def close(self):
        self._file.close()

    def _write(self, *words):
        self._file.write(json.dumps(words) + "\n")

    def attempt(self, token, kind):
        with self._lock:
            self._write("try", token, kind)
            self.tries[token] = Try(token, kind)
            return self.tries[token]

    def accept(self, attempt, id):
        with self._lock:
            self._write("accepted", attempt.token, id)
            attempt.id = id

    def refuse(self, status):
        with self._lock:
            self.refusals[status] = self.refusals.get(status, 0) + 1

    def note(self, attempt, what, state):
        """`what` is cancel or remove."""
        with self._lock:
            self._write(what, state, attempt.token)
            setattr(attempt, what, state)

    def accepted(self):
        with self._lock:
            return [t for t in self.tries.values() if t.accepted]
