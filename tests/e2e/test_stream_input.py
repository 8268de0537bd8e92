"""What comes from clients that are wrong, hostile, slow, or too many. Each row of "What is refused" in convd-protocol(7) has its
answer here, and nobody else is disturbed."""

import asyncio
import collections
import concurrent.futures
import json
import resource
import socket
import struct
import unittest

import websockets

import harness
from harness import eventually, sample
from stream_clients import BINARY, PATH, PING, TEXT, Bare, Case, Chain, Stream, ends, handshake, state_events

MESSAGE = 64 << 10  # the largest a client may send
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


class Refused(Case):
    def refused(self, sent, code, close=4501, **how):
        """Sends it in place of a handshake; the error and the close code."""
        with Bare(self.daemon) as bare:
            bare.send(sent, **how)
            frames, closed = bare.end()
        self.assertEqual([frame["type"] for frame in frames], ["error"], frames)
        self.assertEqual(set(frames[0]), {"type", "code", "message", "temporary"})
        self.assertEqual((frames[0]["code"], frames[0]["temporary"], closed), (code, False, close))
        self.assertTrue(frames[0]["message"])

    def test_what_is_no_handshake(self):
        for sent in (
            "", "{", "not JSON", "[]", '["conversion"]', "7", '"conversion"', "null", "{}", '{"version":1}',
            '{"services":null,"version":1}', '{"services":"conversion","version":1}', '{"services":{},"version":1}',
            '{"services":[],"version":1}', '{"services":[7],"version":1}', '{"services":["conversion",null],"version":1}',
            '{"type":"sing"}', "[" * 50_000, '{"a":' * 10_000,
        ):
            with self.subTest(sent[:60]):
                self.refused(sent, "bad_message")

    def test_positions_that_are_none(self):
        for seq in ("-1", "1.5", '"2"', "true", "[]", "{}", "1e400", "-9223372036854775809", "99999999999999999999999"):
            with self.subTest(seq):
                self.refused(f'{{"services":["conversion"],"version":1,"lastSeq":{seq}}}', "bad_message")

    def test_binary_handshake(self):
        self.refused(handshake(), "bad_message", opcode=BINARY)

    def test_other_versions(self):
        for version in (0, 2, -1, 1000):
            with self.subTest(version):
                self.refused(json.dumps({"services": ["conversion"], "version": version}), "unsupported_version")

    def test_too_many_services(self):
        for count in (129, 10_000):
            with self.subTest(count):
                names = ",".join(['"x"'] * count)
                self.refused(f'{{"version":1,"services":[{names}]}}', "too_many_services")
        with Bare(self.daemon) as bare:
            bare.send(handshake([f"x{n}" for n in range(127)] + ["conversion"]))
            self.assertEqual(len(bare.frame()["rejected"]), 127)

    def test_second_handshake(self):
        with Bare(self.daemon) as bare:
            bare.send(handshake())
            self.assertEqual(bare.frame()["type"], "ack")
            bare.send(handshake())
            frames, closed = bare.end()
        self.assertEqual([(frame["code"], frame["temporary"]) for frame in frames], [("bad_message", False)])
        self.assertEqual(closed, 4501)

    def test_garbage_after_the_handshake(self):
        for sent, opcode in (("{", TEXT), ("[]", TEXT), (b"\0\1\2", BINARY)):
            with self.subTest(sent), Bare(self.daemon) as bare:
                bare.send(handshake())
                self.assertEqual(bare.frame()["type"], "ack")
                bare.send(sent, opcode=opcode)
                frames, closed = bare.end()
                self.assertEqual([frame["code"] for frame in frames], ["bad_message"])
                self.assertEqual(closed, 4501)

    def test_unknown_messages_are_said_and_the_stream_stays(self):
        with Bare(self.daemon) as bare:
            bare.send(handshake())
            self.assertEqual(bare.frame()["type"], "ack")
            bare.send('{"type":"sing"}')
            error = bare.frame()
            self.assertEqual((error["type"], error["code"], error["temporary"]), ("error", "unknown_message", True))
            bare.send('{"type":"ping"}')
            self.assertEqual(bare.frame()["type"], "pong")

    async def test_unknown_services_are_listed_and_the_stream_stays(self):
        strange = ["weather", "conversion:", "Conversion", "", "document:guide.md", "conversion:no-id"]
        async with await self.stream([*strange, "conversion"]) as stream:
            self.assertEqual([name for name in strange[:5] if name not in stream.ack["rejected"]], [])
            self.assertNotIn("conversion", stream.ack["rejected"])
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            await stream.events(ends(id))

    async def test_all_services_unknown(self):
        async with await self.stream(["weather"]) as stream:
            self.assertEqual(stream.ack["rejected"], ["weather"])
            self.daemon.convert("guide.md", "html")
            self.assertEqual(await stream.settle(), [])

    def test_more_bytes_than_a_message_may_have(self):
        for sent in (" " * (MESSAGE + 1), handshake([f"service-{n}" for n in range(10_000)]), " " * (10 << 20)):
            with self.subTest(len(sent)):
                self.assertIn(self.too_large(sent), (1009, "reset"))
        # Exactly as many are read.
        self.refused(" " * MESSAGE, "bad_message")

    def too_large(self, sent):
        with Bare(self.daemon) as bare:
            try:
                bare.send(sent)
            except ConnectionError:
                return "reset"
            frames, closed = bare.end()
            self.assertEqual(frames, [])
            return closed or "reset"

    async def test_a_library_is_told_1009(self):
        connection = await Stream.connect(self.daemon)
        await connection.send(" " * (MESSAGE + 1))
        with self.assertRaises(websockets.ConnectionClosed):
            await connection.recv()
        self.assertEqual(connection.close_code, 1009)

    def test_many_small_pieces_are_one_large_message(self):
        with Bare(self.daemon) as bare:
            try:
                bare.send("{", fin=False)
                for _ in range(70):
                    bare.send(" " * 1000, opcode=0, fin=False)
            except ConnectionError:
                pass
            self.assertIn(bare.end()[1], (1009, None))
        with Bare(self.daemon) as bare:
            text = handshake()
            bare.send(text[:10], fin=False)
            bare.send("", opcode=PING)
            bare.send(text[10:], opcode=0)
            self.assertEqual(bare.frame()["type"], "ack", "a handshake in two pieces, a ping between")

    def test_more_messages_than_a_client_may_send(self):
        with Bare(self.daemon) as bare:
            bare.send(handshake())
            for _ in range(29):
                bare.send('{"type":"ping"}')
            types = [bare.frame()["type"] for _ in range(30)]
            self.assertEqual(sorted(types), ["ack"] + ["pong"] * 29, "thirty are allowed")
            for _ in range(10):
                bare.send('{"type":"ping"}')
            self.assertEqual(bare.end()[1], 4029)

    def test_frames_that_break_the_rules_of_websockets(self):
        for name, data in {
            "reserved opcode": Bare.encoded("x", opcode=5),
            "long ping": Bare.encoded("x" * 200, opcode=PING),
            "no UTF-8": Bare.encoded(b'{"services":["\xff\xfe"],"version":1}'),
            "continues nothing": Bare.encoded("x", opcode=0),
        }.items():
            with self.subTest(name), Bare(self.daemon) as bare:
                bare.socket.sendall(data)
                frames, _ = bare.end()
                self.assertNotIn("ack", [frame["type"] for frame in frames])
        self.assertEqual(self.daemon.get("/livez").status, 200)

    def test_who_does_not_wait_for_the_upgrade_is_refused(self):
        with Bare(self.daemon, tail=Bare.encoded(handshake())) as bare:
            self.assertEqual(bare.status, 400)

    def test_the_ack_is_the_first_frame(self):
        with Bare(self.daemon) as bare:
            bare.socket.sendall(Bare.encoded(handshake()) + Bare.encoded('{"type":"ping"}') + Bare.encoded('{"type":"sing"}'))
            self.assertEqual([bare.frame()["type"] for _ in range(3)], ["ack", "pong", "error"])


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
        eventually(lambda: self.metrics()["activeConnections"] == 0, "all are forgotten", 10)
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
                told = []
                for n in range(20):
                    self.daemon.upload(f"slow-{n}.md", sample("guide.md"))
                    body = {"filename": f"slow-{n}.md", "to": "html", "labels": {f"label-{n}": "x" * 250 for n in range(32)}}
                    answer = await asyncio.to_thread(self.daemon.post, "/v1/conversions", body)
                    told += await stream.events(ends(answer.json()["id"]))
                    await asyncio.to_thread(slow.sip)
            self.assertEqual(len(state_events(told)), 80, "nobody has waited for it")
            self.assertEqual(len(slow.sipped), 20)
            late = []
            while not late or late[-1]["seq"] < told[-1]["seq"]:
                frame = slow.frame()
                chain.take(frame)
                late += frame["events"]
            self.assertEqual(state_events(late), state_events(told))


class Crowd(Case):
    config = f"realtime.connections_per_principal = {GIVEN}\n"

    async def one(self):
        """(connection, the frame or the close code that came first)."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.daemon.port)
        writer.write((f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
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
            crowd = asyncio.gather(*(self.one() for _ in range(CROWD)))
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
            await asyncio.to_thread(eventually, lambda: self.metrics()["activeConnections"] == 1, "they have gone", 30)
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            await stream.events(ends(id))


if __name__ == "__main__":
    harness.main()
