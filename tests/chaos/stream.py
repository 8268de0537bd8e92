#!/usr/bin/python3
"""Clients of the unified stream that are cut off at random, while convd is killed again and again: do they miss anything?

    tests/chaos/stream.py [--seconds 120] [--clients 200] [--kill-every 5] [--seed N]

Small conversions, notes and slow uploads go on all the time. Every client keeps (epoch, seq) and comes back with it; a fifth of
them read 1000 bytes per second, others use server-sent events or the long poll. In the end all are brought to the head of the log,
and then: each has been told exactly the state events that stand in the log behind its first position, each once and in order; no rev of a
conversion has gone back; no seq has had two contents. Exit status 0 when all of that held. The seed is printed.
"""

import argparse
import asyncio
import collections
import contextlib
import hashlib
import http.client
import json
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import readers
from readers import stream_clients

harness = stream_clients.harness
CALM_SECONDS = 300  # to bring everybody to the head


class Storm:
    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.told = readers.Told()
        self.counts = collections.Counter()
        self.ids = []
        self.wrong = []
        self.over = False  # nobody begins anything any more
        kinds = [readers.KINDS[n % len(readers.KINDS)] for n in range(options.clients)]
        self.kinds = self.random.sample(kinds, len(kinds))

    async def run(self):
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(16))
        with harness.Daemon(slots=2, tcp=False) as self.daemon:
            self.daemon.upload("guide.md", harness.sample("guide.md"))
            self.ids.append(self.daemon.convert("guide.md", "html")["id"])
            self.clients = [
                kind(self.daemon, self.told, f"{self.options.seed}/{n}", self.options.kill_every) for n, kind in enumerate(self.kinds)
            ]
            reading = [asyncio.create_task(client.run()) for client in self.clients]
            await self.blow()
            await self.bring_home(reading)
            self.daemon.stop()
            self.check(self.log())

    async def blow(self):
        """Work and kills, until the time is over."""
        over = time.monotonic() + self.options.seconds
        work = [asyncio.create_task(task()) for task in (self.convert, self.convert, self.annotate, self.trickle)]
        while (left := over - time.monotonic()) > 0:
            await asyncio.sleep(min(left, self.random.uniform(0.4, 1.6) * self.options.kill_every))
            await asyncio.to_thread(self.daemon.kill9)
            self.counts["kills"] += 1
            await asyncio.to_thread(self.daemon.start)
        # Not cancelled: what is under way in a thread would go on, and its conversion would be nobody's.
        self.over = True
        await asyncio.gather(*work)

    async def attempt(self, call, *args):
        """The answer, or None when the daemon was killed meanwhile."""
        try:
            return await asyncio.to_thread(call, *args)
        except (OSError, http.client.HTTPException):
            return None

    async def convert(self):
        while not self.over:
            labels = {f"label-{n}": "x" * self.random.randrange(250) for n in range(self.random.choice((0, 0, 8)))}
            body = {"filename": "guide.md", "to": self.random.choice(("html", "txt", "rst")), "labels": labels}
            answer = await self.attempt(self.daemon.post, "/v1/conversions", body)
            if answer is not None and answer.status == 202:
                id = answer.json()["id"]
                self.ids.append(id)
                if self.random.random() < 0.1:
                    await self.attempt(self.daemon.post, f"/v1/conversions/{id}/cancel", {})
            await asyncio.sleep(self.random.uniform(0.2, 1.8))

    async def annotate(self):
        while not self.over:
            note = {"text": f"note {self.random.random()}"}
            await self.attempt(self.daemon.post, f"/v1/conversions/{self.random.choice(self.ids)}/notes", note)
            await asyncio.sleep(self.random.uniform(0.1, 0.6))

    async def trickle(self):
        """Uploads that take their time: progress is what takes numbers and leaves no trace on disk."""
        while not self.over:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_unix_connection(self.daemon.socket)
                try:
                    writer.write(b"POST /documents?name=trickle.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: 400000\r\n\r\n")
                    for _ in range(40):
                        writer.write(b"drop " * 2000)
                        await writer.drain()
                        await asyncio.sleep(0.1)
                        if self.over:
                            break
                finally:
                    writer.transport.abort()
            await asyncio.sleep(0.1)

    async def bring_home(self, reading):
        """Ends when every client has been told the last event."""
        for client in self.clients:
            client.calm = True
        for id in self.ids:
            self.counts[(await asyncio.to_thread(self.daemon.wait, id))["status"]] += 1
        await asyncio.to_thread(harness.eventually, self.all_have_ended, "all conversions have ended")
        for client in self.clients:
            client.marker = f"the end of {self.options.seed}"
        answer = self.daemon.post(f"/v1/conversions/{self.ids[0]}/notes", {"text": client.marker})
        assert answer.status == 201, answer
        _, late = await asyncio.wait(reading, timeout=CALM_SECONDS)
        for task in late:
            task.cancel()
        for client in self.clients:
            if not client.done:
                self.wrong.append(f"{client.kind} never came to the end: at {client.position} after {client.connections} connections")

    def all_have_ended(self):
        """Those too whose acceptance was not heard, because the daemon was killed before it could say so."""
        left = (self.daemon.get(f"/v1/conversions?status={status}&limit=1").json() for status in ("pending", "processing"))
        return not any(page["conversions"] for page in left)

    def log(self):
        """(seq, service, content) of every event that is kept, up to the marker: what comes behind it nobody waits for."""
        with self.daemon.database() as database:
            query = "SELECT seq, service, type, subject, data_json FROM events WHERE seq <= ? ORDER BY seq"
            rows = database.execute(query, (self.end(database),)).fetchall()
        database.close()
        hashed = lambda text: hashlib.sha256(json.dumps(json.loads(text), sort_keys=True).encode()).hexdigest()  # noqa: E731
        return [(seq, service, ("state", type, subject, hashed(data))) for seq, service, type, subject, data in rows]

    def end(self, database):
        query = "SELECT max(seq) FROM events WHERE type = 'note.added' AND json_extract(data_json, '$.text') = ?"
        return database.execute(query, (self.clients[0].marker,)).fetchone()[0]

    def check(self, log):
        self.counts["events"] = len(log)
        self.counts["seqs heard"] = len(self.told.contents)
        for seq, _, content in log:
            if self.told.contents.get(seq, content) != content:
                self.wrong.append(f"seq {seq} was told as {self.told.contents[seq]} and is kept as {content}")
        kept = {seq for seq, _, _ in log}
        for seq, content in self.told.contents.items():
            if seq <= log[-1][0] and content[0] == "state" and seq not in kept:
                self.wrong.append(f"seq {seq} was told and is not in the log: {content}")
        for client in self.clients:
            self.check_client(client, log)
        self.wrong += self.told.wrong

    def check_client(self, client, log):
        due = [seq for seq, service, _ in log if seq > client.first and service in client.services]
        lost = set(due) - set(client.seqs)
        if lost:
            self.wrong.append(f"{client.kind} from {client.first} has lost {sorted(lost)[:5]}")
        if client.seqs != sorted(client.seqs):
            self.wrong.append(f"{client.kind} was told out of order")
        self.counts["lost"] += len(lost)
        self.counts["told"] += len(client.seqs)
        self.counts["duplicated"] += len(client.seqs) - len(set(client.seqs))
        self.counts["connections"] += client.connections
        self.counts["cut off"] += client.cut
        self.wrong += client.wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--kill-every", type=float, default=5, help="seconds, about")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"{options.clients} clients, {options.seconds:g} s, a kill about every {options.kill_every:g} s, seed {options.seed}", flush=True)
    storm = Storm(options)
    asyncio.run(storm.run())
    for wrong, times in collections.Counter(storm.wrong).most_common(20):
        print(f"WRONG ({times}x) {wrong}")
    for name in ("kills", "connections", "cut off", "events", "seqs heard", "told", "lost", "duplicated", *harness.TERMINAL):
        print(f"{name:12} {storm.counts[name]:8}")
    failed = bool(storm.wrong or storm.counts["lost"] or storm.counts["duplicated"])
    print(f"seed {options.seed}: {len(storm.wrong)} wrong" if failed else "nothing lost, nothing twice")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
