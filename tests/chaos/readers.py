"""Readers of the unified stream that are cut off at random, come back with the position they have kept, and write down what they
were told. One event loop carries all of them."""

import asyncio
import contextlib
import hashlib
import json
import pathlib
import random
import sys
import urllib.parse

import websockets

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import stream_clients  # noqa: E402

SLOW_BYTES_PER_SECOND = 1000
MOST_WRONG = 10  # then a reader gives up


class Told:
    """What any reader has been told: a seq has one content, whoever hears it and however often."""

    def __init__(self):
        self.contents = {}  # seq -> (class, type, subject, hash of data)
        self.wrong = []

    def take(self, event):
        if event["class"] == "snapshot":
            return  # its seq is where it was taken
        data = hashlib.sha256(json.dumps(event["data"], sort_keys=True).encode()).hexdigest()
        content = (event["class"], event["type"], event["subject"], data)
        if self.contents.setdefault(event["seq"], content) != content:
            self.wrong.append(f"seq {event['seq']} is {self.contents[event['seq']]} and {content}")


class Reader:
    """Reads until `marker` has come, over as many connections as it takes."""

    kind = ""

    def __init__(self, daemon, told, seed, lifetime):
        self.daemon, self.told = daemon, told
        self.random = random.Random(seed)
        self.lifetime = lifetime  # seconds, on average
        self.services = ["conversion", "note"] + [s for s in ("document", "queue", "presence", "upload") if self.random.random() < 0.3]
        self.calm = False  # it is no longer cut off
        self.marker = None  # text of the last note
        self.done = False
        self.epoch = None
        self.first = None  # the position it has begun from
        self.position = None
        self.seqs = []  # of state events, as they came
        self.revs = {}  # conversion -> the last rev
        self.connections = 0
        self.cut = 0
        self.wrong = []
        self.leaving = []  # tasks

    async def run(self):
        while not self.done and len(self.wrong) < MOST_WRONG:
            life = None if self.calm else self.random.expovariate(1 / self.lifetime)
            try:
                async with asyncio.timeout(life):
                    await self.session()
            except TimeoutError:
                self.cut += 1
            except (OSError, EOFError, websockets.WebSocketException):
                pass  # the daemon has gone, or has not come yet
            except (AssertionError, KeyError, ValueError) as error:
                self.wrong.append(f"{self.kind}: {error!r}")
            await asyncio.sleep(self.random.uniform(0, 0.3))
        await asyncio.gather(*self.leaving)

    def query(self):
        if self.position is None:
            # Some want all that is kept, the others what happens from now on.
            return {"since": "oldest"} if self.random.random() < 0.3 else {}
        return {"lastSeq": self.position, "epoch": self.epoch}

    def take_ack(self, ack, query):
        self.connections += 1
        if self.epoch not in (None, ack["epoch"]):
            self.wrong.append(f"{self.kind}: the epoch was {self.epoch} and is {ack['epoch']}")
        self.epoch = ack["epoch"]
        if query and not ack["recovered"]:
            self.wrong.append(f"{self.kind}: from {query} not recovered: {ack}")
        if self.position is None:
            self.position = self.first = ack["oldest"] - 1 if "since" in query else ack["head"]
        return stream_clients.Chain(self.position)

    def take(self, frame):
        if frame["type"] == "gap":
            self.wrong.append(f"{self.kind}: {frame}")
        for event in frame.get("events", ()):
            self.take_event(event)
        if frame["type"] in ("event", "ping"):
            self.position = frame["seq"]

    def take_event(self, event):
        self.told.take(event)
        if event["type"].startswith("conversion."):
            rev = event["data"]["rev"]
            if rev < self.revs.get(event["subject"], 0):
                self.wrong.append(f"{self.kind}: rev {rev} of {event['subject']} after {self.revs[event['subject']]}")
            self.revs[event["subject"]] = rev
        if event["class"] == "state":
            self.seqs.append(event["seq"])
            self.done |= event["type"] == "note.added" and event["data"]["text"] == self.marker


class Stream(Reader):
    kind = "stream"
    more = {}

    async def session(self):
        query = self.query()
        connection = await websockets.unix_connect(self.daemon.socket, "ws://localhost" + stream_clients.PATH, max_queue=4)
        try:
            await connection.send(stream_clients.handshake(self.services, **query, **self.more))
            chain = self.take_ack(stream_clients.parsed(await connection.recv()), query)
            while not self.done:
                message = await connection.recv()
                frame = stream_clients.parsed(message)
                chain.take(frame)
                self.take(frame)
                await self.pause(len(message))
        finally:
            # Half of them leave without a word.
            if self.random.random() < 0.5:
                connection.transport.abort()
                connection.fail_connection(1006)
            else:
                self.leaving.append(asyncio.create_task(self.leave(connection)))

    @staticmethod
    async def leave(connection):
        with contextlib.suppress(websockets.WebSocketException, OSError):
            await connection.close()

    async def pause(self, taken_bytes):
        pass


class Packed(Stream):
    kind = "packed"
    more = {"compress": ["deflate-raw"]}


class Slow(Stream):
    kind = "slow"

    async def pause(self, taken_bytes):
        if not self.calm:
            await asyncio.sleep(taken_bytes / SLOW_BYTES_PER_SECOND)


class Http(Reader):
    async def get(self, path, query, headers=""):
        """(status, headers, reader, writer)"""
        reader, writer = await asyncio.open_unix_connection(self.daemon.socket, limit=1 << 24)
        target = f"{path}?" + urllib.parse.urlencode({"services": ",".join(self.services), **query})
        writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        return int(head[0].split()[1]), fields, reader, writer


class Events(Http):
    kind = "events"

    async def session(self):
        query = self.query()
        by_header = "lastSeq" in query and self.random.random() < 0.5
        header = f"Last-Event-ID: {self.epoch}:{self.position}\r\n" if by_header else ""
        status, fields, reader, writer = await self.get("/v2/realtime/sse", {} if by_header else query, header)
        try:
            assert status == 200, status
            chain, chunked = None, fields.get("transfer-encoding") == "chunked"
            async for frame in self.frames(self.lines(reader, chunked)):
                if frame["type"] == "ack":
                    chain = self.take_ack(frame, query)
                    continue
                chain.take(frame)
                self.take(frame)
                if self.done:
                    return
        finally:
            writer.transport.abort()

    @staticmethod
    async def lines(reader, chunked):
        """Lines of the body; a line may end in a later chunk."""
        rest = b""
        while True:
            if chunked:
                length = int(await reader.readline() or b"0", 16)
                if length == 0:
                    return
                rest += (await reader.readexactly(length + 2))[:-2]
            elif piece := await reader.read(65536):
                rest += piece
            else:
                return
            *whole, rest = rest.split(b"\n")
            for line in whole:
                yield line.decode()

    @staticmethod
    async def frames(lines):
        data = []
        async for line in lines:
            if line.startswith("data: "):
                data.append(line.removeprefix("data: "))
            elif not line and data:
                yield stream_clients.parsed("\n".join(data))
                data = []


class Poll(Http):
    kind = "poll"

    async def session(self):
        while not self.done:
            query = self.query()
            # The first answer says where now is.
            more = {"wait": self.random.choice((0, 5, 25)) if query else 0, "limit": self.random.choice((1, 10, 1000))}
            status, fields, reader, writer = await self.get("/v2/realtime/poll", query | more)
            try:
                body = await reader.readexactly(int(fields.get("content-length", 0)))
            finally:
                writer.transport.abort()
            if status == 204:
                page = {"epoch": fields["convd-epoch"], "seq": int(fields["convd-seq"]), "events": []}
            else:
                assert status == 200, (status, body)
                page = json.loads(body)
            # The first one, which says where now is, may already have something to tell.
            now = page["events"][0]["seq"] - 1 if page["events"] else page["seq"]
            self.take_ack({"epoch": page["epoch"], "head": now, "oldest": 1, "recovered": True}, query)
            for event in page["events"]:
                assert event["seq"] > (self.position if "since" not in query else 0), (event["seq"], self.position)
                self.take_event(event)
            self.position = page["seq"]
            if not page["events"]:
                await asyncio.sleep(0.05)


KINDS = [Stream] * 9 + [Packed] * 3 + [Slow] * 4 + [Events] * 2 + [Poll] * 2
