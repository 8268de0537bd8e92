"""Readers of the unified stream: by python3-websockets, by server-sent events, by long poll. Each holds what it
reads to the promises of convd-protocol(7)."""

import asyncio
import functools
import json
import logging
import unittest
import urllib.parse
import zlib

import websockets

import harness
from bare_websocket import PATH
from harness import PATIENCE, TERMINAL

# Tests that are coroutines run in asyncio's debug mode, which complains of every call to the daemon that takes its time.
logging.getLogger("asyncio").setLevel(logging.ERROR)


def handshake(services=("conversion",), **more):
    return json.dumps({"services": list(services), "version": 1, **more})


@functools.lru_cache(4096)
def parsed(message):
    """The frame in a message, compressed or not. Shared: not to be changed."""
    return json.loads(zlib.decompress(message, -15) if isinstance(message, bytes) else message)


def state_events(events):
    return [event for event in events if event["class"] == "state"]


def ends(id):
    """Whether an event is the end of that conversion."""
    return lambda event: event["subject"] == id and event["type"].removeprefix("conversion.") in TERMINAL


class Chain:
    """What a reader of whole services has had so far. take() fails when a seq does not grow, or prev does not name the state
    event before."""

    def __init__(self, position):
        self.position = position  # where the connection has begun, or the last frame that has been taken
        self.begun = position
        self.last = {}  # service -> seq of its last state event

    def take(self, frame):
        if frame["type"] == "gap":
            self.position = self.begun = frame["head"]
            self.last = {}
        if frame["type"] == "ping":
            assert frame["seq"] >= self.position, (frame, self.position)
            self.position = frame["seq"]
        if frame["type"] != "event":
            return
        assert frame["events"] and frame["seq"] == frame["events"][-1]["seq"], frame
        if frame.get("snapshot"):
            assert {event["class"] for event in frame["events"]} == {"snapshot"}, frame
            return
        assert len(frame["events"]) == 1, frame
        assert frame["seq"] > self.position, (frame, self.position)
        before = self.last.get(frame["service"])
        if before is None:
            assert frame["prev"] is None or frame["prev"] <= self.begun, (frame, self.begun)
        else:
            assert frame["prev"] == before, (frame, before)
        if frame["events"][0]["class"] == "state":
            self.last[frame["service"]] = frame["seq"]
        self.position = frame["seq"]


class Stream:
    """One connection by python3-websockets, as its users write it."""

    def __init__(self, connection, whole):
        self.connection = connection
        self.whole = whole  # only whole services are asked for: prev can be checked
        self.messages = []  # as they came
        self.ack = None
        self.chain = None

    @classmethod
    async def connect(cls, daemon, tcp=False):
        if tcp:
            return await websockets.connect(f"ws://127.0.0.1:{daemon.port}{PATH}", open_timeout=PATIENCE)
        return await websockets.unix_connect(daemon.socket, "ws://localhost" + PATH, open_timeout=PATIENCE)

    @classmethod
    async def open(cls, daemon, services=("conversion",), tcp=False, **more):
        self = cls(await cls.connect(daemon, tcp), not any(":" in service for service in services))
        await self.connection.send(handshake(services, **more))
        self.ack = await self.frame()
        assert self.ack["type"] == "ack", self.ack
        begun = self.ack["oldest"] - 1 if "since" in more else more.get("lastSeq") or self.ack["head"]
        self.chain = Chain(begun)
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.connection.close()

    @property
    def position(self):
        return {"lastSeq": self.chain.position, "epoch": self.ack["epoch"]}

    async def frame(self):
        message = await asyncio.wait_for(self.connection.recv(), PATIENCE)
        self.messages.append(message)
        frame = parsed(message)
        if self.chain and self.whole:
            self.chain.take(frame)
        elif self.chain and "seq" in frame:
            self.chain.position = frame["seq"]
        return frame

    async def expect(self, type):
        """The next frame, which has to be of that type; a ping may come at any time."""
        while (frame := await self.frame())["type"] == "ping" != type:
            pass
        assert frame["type"] == type, frame
        return frame

    async def events(self, last):
        """All events up to the frame with the first one of which `last` is true."""
        found = []
        while True:
            frame = await self.frame()
            assert frame["type"] in ("event", "ping"), frame
            found += frame.get("events", ())
            if any(map(last, frame.get("events", ()))):
                return found

    async def ask(self, **message):
        """Sends a message and gives the next frame that is no event."""
        await self.connection.send(json.dumps(message))
        while (frame := await self.frame())["type"] in ("event", "ping"):
            pass
        return frame

    async def replay(self):
        """The events up to the last one that the ack has announced."""
        found = []
        while len(state_events(found)) < self.ack["replaying"]:
            found += (await self.expect("event"))["events"]
        return found

    async def settle(self):
        """The replay, and what comes before the answer to a ping: nothing, when nothing happens."""
        found = await self.replay()
        await self.connection.send('{"type":"ping"}')
        while (frame := await self.frame())["type"] != "pong":
            found += frame.get("events", ())
        return found

    async def closed(self):
        """(frames until the daemon closes, close code)."""
        frames = []
        try:
            while True:
                frames.append(await self.frame())
        except websockets.ConnectionClosed:
            return frames, self.connection.close_code


class Events:
    """Server-sent events, read as the HTML standard says."""

    def __init__(self, daemon, last_event_id=None, tcp=False, **query):
        self.connection = harness.UnixConnection(daemon.socket)
        if tcp:
            self.connection = harness.http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=PATIENCE)
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        self.connection.request("GET", "/v2/realtime/sse?" + urllib.parse.urlencode(query), headers=headers)
        self.response = self.connection.getresponse()
        self.id = last_event_id
        self.retry_ms = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.response.close()
        self.connection.close()

    def next(self):
        """(name, frame) of the next event; (None, None) at the end."""
        name, data = "message", []
        while line := self.response.readline():
            field, _, value = line.decode().rstrip("\r\n").partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                self.id = value
            elif field == "retry":
                self.retry_ms = int(value)
            elif not field and not value and data:
                return name, parsed("\n".join(data))
        return None, None

    def until(self, last):
        """All events up to the first one of which `last` is true; each frame has had its id."""
        found = []
        while True:
            name, frame = self.next()
            assert name == "message" and frame["type"] == "event", (name, frame)
            assert frame.get("snapshot") or self.id.endswith(f":{frame['seq']}"), (self.id, frame)
            for event in frame["events"]:
                found.append(event)
                if last(event):
                    return found


def poll(daemon, **query):
    return daemon.get("/v2/realtime/poll?" + urllib.parse.urlencode(query))


def polled(daemon, **query):
    """All events from a position on, a page at a time, and the position behind them."""
    found = []
    while (answer := poll(daemon, **query)).status == 200:
        page = answer.json()
        found += page["events"]
        query |= {"lastSeq": page["seq"], "epoch": page["epoch"]}
        query.pop("since", None)
    assert answer.status == 204, answer
    return found, {"lastSeq": int(answer.headers["Convd-Seq"]), "epoch": answer.headers["Convd-Epoch"]}


class Case(harness.Case, unittest.IsolatedAsyncioTestCase):
    """Tests of one daemon whose methods may be coroutines."""

    services = ("conversion",)

    def stream(self, services=None, **more):
        return Stream.open(self.daemon, services or self.services, **more)

    def metrics(self):
        return self.daemon.get("/v2/realtime/metrics").json()

    def endless_conversion(self):
        """One that does not end; to be cancelled."""
        return harness.Held(self.daemon, waits=True).id

    def running_conversion(self):
        """One that runs, and does not end; to be cancelled."""
        return harness.Held(self.daemon).id

    def cancel(self, *ids):
        for id in ids:
            answer = self.daemon.post(f"/v1/conversions/{id}/cancel", {})
            self.assertEqual(answer.status, 200, answer)
