"""What clients send that is wrong. Each row of "What is refused" in convd-protocol(7) has its answer here."""

import asyncio
import json

import websockets

import harness
from bare_websocket import BINARY, PING, TEXT, Bare
from stream_clients import Case, Stream, ends, handshake

MESSAGE = 64 << 10  # the largest a client may send


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
        with self.assertRaises(websockets.ConnectionClosed):
            await connection.send(" " * (MESSAGE + 1))
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
            # At once, and so many that there are too many of them even when their time has just begun anew.
            bare.socket.sendall(Bare.encoded('{"type":"ping"}') * 100)
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


if __name__ == "__main__":
    harness.main()
