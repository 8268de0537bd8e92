"""Clients that are silent, gone, slow, or too many: they end as they should, and nobody else is disturbed."""

import asyncio
import collections
import concurrent.futures
import json
import resource
import socket
import struct
import time
import unittest

import harness
from bare_websocket import PATH, PING, TEXT, Bare
from harness import eventually, sample
from stream_clients import Case, Chain, ends, handshake, state_events

CROWD = 2000
GIVEN = 1200  # connections that one principal may have in the crowd

# Connections that say nothing, begun before all tests and looked at near the end: nobody waits for them.
silence = {}


def setUpModule():
    daemon = harness.Daemon(tcp=False).start()
    unittest.addModuleCleanup(daemon.close)
    pool = concurrent.futures.ThreadPoolExecutor()
    unittest.addModuleCleanup(pool.shutdown)
    for name, data in {
        "nothing": b"",
        "a ping": Bare.encoded("", opcode=PING),
        "half a handshake": Bare.encoded(handshake())[:20],
        "the beginning of more than there is": Bare.encoded("", length=(1 << 63) - 1),
    }.items():
        bare = Bare(daemon)
        unittest.addModuleCleanup(bare.socket.close)
        bare.socket.sendall(data)
        silence[name] = pool.submit(bare.end)


class Silence(unittest.TestCase):
    def test_it_ends_after_ten_seconds(self):
        for name, ended in silence.items():
            with self.subTest(name):
                self.assertEqual(ended.result(harness.PATIENCE), ([], 4502))


class Gone(Case):
    def test_those_who_leave_without_a_word_are_forgotten(self):
        crowd = [Bare(self.daemon, tcp=True) for _ in range(30)]
        for bare in crowd:
            bare.send(handshake())
            bare.frame()
        self.assertEqual(self.metrics()["activeConnections"], 30)
        for n, bare in enumerate(crowd):
            if n % 3 == 0:
                bare.socket.shutdown(socket.SHUT_WR)
            elif n % 3 == 1:
                bare.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                bare.socket.close()
            else:
                bare.socket.sendall(b"\x81\xfe")  # half a frame
                bare.socket.close()
        eventually(lambda: self.metrics()["activeConnections"] == 0, "all are forgotten")
        for bare in crowd:
            bare.socket.close()

    @harness.needs_slow
    async def test_one_who_takes_nothing_is_closed(self):
        with Bare(self.daemon, tcp=True, receive_buffer=4096) as stuck:
            stuck.send(handshake(["conversion"], since="oldest"))
            labels = {f"label-{n}": "x" * 250 for n in range(32)}
            body = json.dumps({"filename": "guide.md", "to": "html", "labels": labels})
            self.daemon.http("POST", "/documents?name=guide.md", sample("guide.md"), tcp=True)
            for _ in range(200):
                answer = self.daemon.http("POST", "/v1/conversions", body, {"Content-Type": "application/json"}, tcp=True)
                self.assertEqual(answer.status, 202, answer)
            await asyncio.to_thread(eventually, lambda: self.metrics()["slowCloses"] == 1, "it is given up")
            self.assertEqual(self.metrics()["activeConnections"], 0)


class Slow(Case):
    async def test_a_byte_at_a_time_disturbs_nobody_and_misses_nothing(self):
        everything = ["conversion", "document"]
        with Bare(self.daemon, receive_buffer=2048) as slow:
            slow.send(handshake(everything))
            chain = Chain(slow.frame()["head"])
            async with await self.stream(everything) as stream:
                told, taken = [], time.monotonic()
                for n in range(20):
                    self.daemon.upload(f"slow-{n}.md", sample("guide.md"))
                    body = {"filename": f"slow-{n}.md", "to": "html", "labels": {f"label-{n}": "x" * 250 for n in range(32)}}
                    answer = await asyncio.to_thread(self.daemon.post, "/v1/conversions", body)
                    told += await stream.events(ends(answer.json()["id"]))
                    await asyncio.to_thread(slow.sip)
                    if time.monotonic() - taken > 5:  # who takes next to nothing for half a minute is given up
                        await asyncio.to_thread(slow.sip, 65536)
                        taken = time.monotonic()
            self.assertEqual(len(state_events(told)), 80, "nobody has waited for it")
            self.assertGreaterEqual(len(slow.sipped), 20)
            late = []
            while not late or late[-1]["seq"] < told[-1]["seq"]:
                frame = slow.frame()
                chain.take(frame)
                late += frame.get("events", ())
            self.assertEqual(state_events(late), state_events(told))


class Crowd(Case):
    config = f"realtime.connections_per_principal = {GIVEN}\n"

    async def one(self, door):
        """(connection, the frame or the close code that came first). Through the door go a hundred at a time: each has ten seconds
        for its handshake."""
        async with door:
            return await self.entered()

    async def entered(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.daemon.port)
        writer.write((f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        self.assertIn(b"101", head.split(b"\r\n")[0])
        writer.write(Bare.encoded(handshake()))
        first, length = await reader.readexactly(2)
        if length == 126:
            length = struct.unpack("!H", await reader.readexactly(2))[0]
        payload = await reader.readexactly(length)
        return writer, json.loads(payload)["type"] if first & 15 == TEXT else struct.unpack("!H", payload[:2])[0]

    async def test_thousands_at_once_while_others_are_served(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        async with await self.stream() as stream:
            door = asyncio.Semaphore(100)
            crowd = asyncio.gather(*(self.one(door) for _ in range(CROWD)))
            told = []
            while not crowd.done():
                id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
                told += await stream.events(ends(id))
            answers = collections.Counter(answer for _, answer in await crowd)
            self.assertEqual(answers, {"ack": GIVEN, 4504: CROWD - GIVEN})
            self.assertEqual(self.metrics()["activeConnections"], GIVEN + 1)
            async with await self.stream(lastSeq=stream.ack["head"] or told[0]["seq"]) as again:
                replayed = state_events(await again.replay())
            self.assertEqual(replayed, [event for event in state_events(told) if event["seq"] > again.chain.begun])
            for writer, _ in await crowd:
                writer.close()
            await asyncio.to_thread(eventually, lambda: self.metrics()["activeConnections"] == 1, "they have gone")
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            await stream.events(ends(id))


if __name__ == "__main__":
    harness.main()
