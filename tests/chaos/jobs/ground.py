"""The daemon under test, its clients and what they were promised. It can be killed, started again and brought to rest."""

import http.client
import pathlib
import random
import shutil
import signal
import sqlite3
import threading
import time
import uuid

from . import inputs, processes
from .acks import Acks
from .processes import harness

SLOW_MS = 5000
QUICK_RETRIES = 6  # what is killed is tried again: more often than the three times of the default


class Ground(harness.Daemon):
    """`disk` is where the state directory goes (default: beside the ack log); `seed` decides everything its clients do."""

    def __init__(self, seed, disk=None, **options):
        settings = {"slots": 2, "tcp": False, "warm_office": "never", "attempts": QUICK_RETRIES, "realtime_retention": "1000000h"}
        super().__init__(**(settings | options))
        self.mark = "state-" + uuid.uuid4().hex
        self.move_to(pathlib.Path(disk) if disk else self.folder)
        self.random = random.Random(seed)
        self.acks = Acks(self.folder / "acks.log")
        self.expected = None
        self.base_descriptors = None
        self.ready_ms = []  # of every start after a fault
        self.up = threading.Event()
        self.crowd = []  # clients that may still be there
        self.say = lambda text, detail=False: None

    def move_to(self, disk):
        place = self.command.index("--state-dir") + 1
        self.state = disk / self.mark
        self.command[place] = str(self.state)

    # Life and death

    def begin(self):
        """The first start: learns what results look like and how many descriptors a daemon at rest has."""
        self.start()
        self.expected = inputs.Expected(self)
        self.rest()
        self.base_descriptors = processes.descriptors(self.pid())
        return self

    def start(self):
        began = time.monotonic()
        super().start()
        self.up.set()
        self.last_ready_ms = (time.monotonic() - began) * 1000
        return self

    def restart(self):
        self.start()
        self.ready_ms.append(self.last_ready_ms)
        if self.last_ready_ms > SLOW_MS:
            self.say(f"  READY after {self.last_ready_ms:.0f} ms:\n{self.log()[-3000:]}", detail=True)

    def stop(self, number=signal.SIGTERM):
        self.up.clear()
        return super().stop(number)

    def fell(self):
        """Waits for an end that somebody else has caused; the exit status."""
        self.up.clear()
        status = self.process.wait(harness.PATIENCE)
        self.process = None
        return status

    def close(self):
        """Ends everything without another word about it: who wants to know asks the audit before."""
        try:
            if self.process is not None and self.process.poll() is None:
                processes.send(self.pid(), signal.SIGCONT)
                super().stop(signal.SIGKILL)
        finally:
            for pid in processes.marked(self.mark):
                processes.send(pid, signal.SIGCONT)
            harness.eventually(lambda: not processes.marked(self.mark), "every process of this ground is gone")
            self.acks.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def rest(self):
        """Waits until nobody submits any more and every conversion has ended."""
        self.see_off()
        harness.eventually(self.all_have_ended, "all conversions have ended")

    def rest_or_fall(self):
        """The like of a daemon that may end itself."""
        self.see_off()
        harness.eventually(lambda: self.process.poll() is not None or self.all_have_ended(), "all conversions have ended")

    def all_have_ended(self):
        return self.rows("SELECT count(*) FROM conversions WHERE status IN ('pending', 'processing')")[0][0] == 0

    # What is stored

    def rows(self, query, *values):
        """Read only: may be asked while the daemon runs."""
        database = sqlite3.connect(f"file:{self.state}/convd.db?mode=ro", uri=True, timeout=30)
        try:
            return database.execute(query, values).fetchall()
        finally:
            database.close()

    # Clients

    def token(self):
        return "%032x" % self.random.getrandbits(128)

    def load(self, clients=3, each=3, **how):
        """Starts that many clients, who submit `each` conversions and leave when the daemon does."""
        crowd = [Client(self, self.random.getrandbits(64), each, **how) for _ in range(clients)]
        self.crowd += crowd
        for client in crowd:
            client.start()
        return crowd

    def see_off(self):
        """One that was between two submissions when the daemon fell has found the next one, and goes on there."""
        for client in self.crowd:
            client.join()
        self.crowd = []

    def work(self, **how):
        """A load, and its end."""
        for client in self.load(**how):
            client.join()
        self.rest()


class Client(threading.Thread):
    """Submits in two ways, and sometimes cancels or removes what was accepted. Ends at the first connection that breaks."""

    def __init__(self, ground, seed, each, pause_s=0.02, strays=0.15):
        super().__init__(daemon=True)
        self.ground, self.each, self.pause_s, self.strays = ground, each, pause_s, strays
        self.random = random.Random(seed)

    def run(self):
        try:
            for _ in range(self.each):
                attempt = self.submit()
                if attempt.accepted and self.random.random() < self.strays:
                    self.random.choice((self.cancel, self.remove, self.forget))(attempt)
                time.sleep(self.random.uniform(0, self.pause_s))
        except (OSError, http.client.HTTPException):
            pass  # the daemon has gone: what has no answer is not promised

    def submit(self):
        token, kind = "%032x" % self.random.getrandbits(128), inputs.kind_of(self.random)
        extension, target, make = inputs.KINDS[kind]
        name = f"doc-{token}.{extension}"
        by_library = self.random.random() < 0.3
        if by_library:
            answer = self.ground.http("POST", f"/documents?name={name}", make(token))
            attempt = self.ground.acks.attempt(token, kind)
            if answer.status == 201:
                answer = self.ground.post("/v1/conversions", {"filename": name, "to": target, "labels": {"token": token}})
        else:
            attempt = self.ground.acks.attempt(token, kind)
            parts = [("to", target), ("file", name, make(token))]
            answer = self.ground.post_parts("/v1/conversions", parts)
        if answer.status == 202:
            self.ground.acks.accept(attempt, answer.json()["id"])
        else:
            self.ground.acks.refuse(answer.status)
        return attempt

    def cancel(self, attempt):
        self.ground.acks.note(attempt, "cancel", "tried")
        if self.ground.post(f"/v1/conversions/{attempt.id}/cancel", {}).status == 200:
            self.ground.acks.note(attempt, "cancel", "acked")

    def remove(self, attempt):
        self.ground.acks.note(attempt, "remove", "tried")
        if self.ground.http("DELETE", f"/v1/conversions/{attempt.id}").status in (200, 204):
            self.ground.acks.note(attempt, "remove", "acked")

    def forget(self, attempt):
        """The document goes from the library; a conversion that was accepted has its bytes until it ends."""
        extension = inputs.KINDS[attempt.kind][0]
        self.ground.http("DELETE", f"/documents/doc-{attempt.token}.{extension}")
