"""RFC 6455, case by case, against an echo server that is built from the daemon's own WebSocket code."""

import base64
import concurrent.futures
import functools
import hashlib
import os
import socket
import struct
import subprocess
import unittest

import harness
from bare_websocket import BINARY, CLOSE, PING, PONG, TEXT, Bare
from harness import BIN, PATIENCE

CONTINUATION = 0
CAP = 64 * 1024  # bytes of a message
TWO, THREE, FOUR = "ä".encode(), "€".encode(), "😀".encode()
PROTOCOL, NOT_UTF8, TOO_LARGE = FAILURES = 1002, 1007, 1009
DROPPED = "no close frame"  # a way to fail, too: libwebsockets has it for lengths that cannot be


def frame(payload=b"", opcode=TEXT, fin=True, **how):
    return Bare.encoded(payload, opcode=opcode, fin=fin, **how)


def masked(payload, mask=b"\x12\x34\x56\x78", opcode=TEXT):
    whole = frame(bytes(b ^ mask[i % 4] for i, b in enumerate(payload)), opcode)
    at = len(whole) - len(payload)
    return whole[: at - 4] + mask + whole[at:]


def pieces(*payloads, opcode=TEXT):
    """One message in fragments."""
    last = len(payloads) - 1
    return b"".join(frame(p, CONTINUATION if i else opcode, fin=i == last) for i, p in enumerate(payloads))


def close(code=None, reason=b""):
    return frame(b"" if code is None else struct.pack("!H", code) + reason, CLOSE)


def long_form(payload, form):
    """A length in more bytes than it needs."""
    length = struct.pack("!H", len(payload)) if form == 126 else struct.pack("!Q", len(payload))
    return bytes([0x80 | TEXT, 0x80 | form]) + length + b"\0\0\0\0" + payload


def head(length, form, opcode=TEXT):
    return bytes([0x80 | opcode, 0x80 | form]) + (struct.pack("!H", length) if form == 126 else struct.pack("!Q", length)) + b"\0\0\0\0"


def same(payload, opcode=TEXT):
    return [(opcode, payload)]


OPEN = "open"  # it lives on: a close is agreed on with 1000

# section: name: bytes, what is said back, how it ends
CASES = {
    "5.2 lengths": {
        **{f"{size} bytes of text": (frame(b"t" * size), same(b"t" * size), OPEN) for size in (0, 1, 125, 126, 127, 65535, CAP)},
        **{f"{size} bytes of binary": (frame(b"\xfe" * size, BINARY), same(b"\xfe" * size, BINARY), OPEN) for size in (0, 125, 126, 65535, CAP)},
        "a byte over the cap": (frame(b"t" * (CAP + 1)), [], TOO_LARGE),
        "a byte over the cap, in pieces": (pieces(b"t" * CAP, b"t"), [], TOO_LARGE),
        "a million bytes announced, some sent": (head(1_000_000, 127) + b"t" * (CAP + 1), [], TOO_LARGE),
        "the highest bit of a length": (head(1 << 63, 127), [], DROPPED),
        "a gigantic length, some sent": (head((1 << 63) - 1, 127) + b"t" * (CAP + 1), [], TOO_LARGE),
    },
    "5.3 masks": {
        "another mask": (masked(b"Hello"), same(b"Hello"), OPEN),
        "a mask whose bytes are all different, over many": (masked(bytes(range(256)) * 200, opcode=BINARY), same(bytes(range(256)) * 200, BINARY), OPEN),
        "no mask": (frame(b"Hello", masked=False), [], PROTOCOL),
        "no mask, no bytes": (frame(b"", masked=False), [], PROTOCOL),
        "no mask on a ping": (frame(b"", PING, masked=False), [], PROTOCOL),
        "no mask on a close": (frame(struct.pack("!H", 1000), CLOSE, masked=False), [], PROTOCOL),
    },
    "5.2 reserved": {
        **{f"bit {bit:#x}": (frame(b"x", TEXT | bit), [], PROTOCOL) for bit in (0x40, 0x20, 0x10, 0x70)},
        **{f"bit {bit:#x} of a ping": (frame(b"x", PING | bit), [], PROTOCOL) for bit in (0x40, 0x20, 0x10)},
        "a bit of a continuation": (frame(b"x", fin=False) + frame(b"y", 0x40), [], PROTOCOL),
        "a bit behind a good message": (frame(b"x") + frame(b"y", TEXT | 0x40), same(b"x"), PROTOCOL),
        **{f"opcode {opcode}": (frame(b"x", opcode), [], PROTOCOL) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
        "an opcode without bytes": (frame(b"", 3), [], PROTOCOL),
    },
    "5.4 fragments": {
        "two": (pieces(b"ab", b"cd"), same(b"abcd"), OPEN),
        "many": (pieces(*[b"%d," % i for i in range(500)]), same(b"".join(b"%d," % i for i in range(500))), OPEN),
        "binary": (pieces(b"\xfe", b"\xff", opcode=BINARY), same(b"\xfe\xff", BINARY), OPEN),
        "empty ones": (pieces(b"", b"", b""), same(b""), OPEN),
        "empty ones around": (pieces(b"", b"x", b""), same(b"x"), OPEN),
        "up to the cap": (pieces(*[b"t" * 1024] * 64), same(b"t" * CAP), OPEN),
        "a ping between": (frame(b"a", fin=False) + frame(b"p", PING) + frame(b"b", 0), [(PONG, b"p"), (TEXT, b"ab")], OPEN),
        "pings between all": (
            b"".join(frame(b"%d" % i, TEXT if i == 0 else 0, fin=i == 4) + (frame(b"p", PING) if i < 4 else b"") for i in range(5)),
            [(PONG, b"p"), (TEXT, b"01234")], OPEN),
        "a pong between": (frame(b"a", fin=False) + frame(b"p", PONG) + frame(b"b", 0), same(b"ab"), OPEN),
        "a close between": (frame(b"a", fin=False) + close(1000), [], 1000),
        "a text within another": (frame(b"a", fin=False) + frame(b"b"), [], PROTOCOL),
        "a binary within a text": (frame(b"a", fin=False) + frame(b"b", BINARY), [], PROTOCOL),
        "a fragment within another": (frame(b"a", fin=False) + frame(b"b", fin=False), [], PROTOCOL),
        "a continuation of nothing": (frame(b"a", 0), [], PROTOCOL),
        "an unfinished one of nothing": (frame(b"a", 0, fin=False), [], PROTOCOL),
        "a continuation behind a whole message": (frame(b"a") + frame(b"b", 0), same(b"a"), PROTOCOL),
        "a continuation behind the last": (pieces(b"a", b"b") + frame(b"c", 0), same(b"ab"), PROTOCOL),
    },
    "5.5 control frames": {
        "a ping": (frame(b"", PING), same(b"", PONG), OPEN),
        "a ping with bytes": (frame(b"\0\xff\xfe", PING), same(b"\0\xff\xfe", PONG), OPEN),
        "a ping of 125": (frame(b"p" * 125, PING), same(b"p" * 125, PONG), OPEN),
        "a ping of 126": (frame(b"p" * 126, PING), [], DROPPED),
        "a ping of 65536": (frame(b"p" * 65536, PING), [], DROPPED),
        "a ping in pieces": (frame(b"p", PING, fin=False), [], PROTOCOL),
        "a pong nobody asked for": (frame(b"p", PONG) + frame(b"x"), same(b"x"), OPEN),
        "a pong of 126": (frame(b"p" * 126, PONG), [], DROPPED),
        "a pong in pieces": (frame(b"p", PONG, fin=False), [], PROTOCOL),
        "a close of 126": (close(1000, b"r" * 124), [], DROPPED),
        "a close in pieces": (frame(struct.pack("!H", 1000), CLOSE, fin=False), [], PROTOCOL),
        "pings in front of a message": (frame(b"1", PING) + frame(b"x"), [(PONG, b"1"), (TEXT, b"x")], OPEN),
    },
    "7 close": {
        "without a code": (close(), [], None),
        **{f"code {code}": (close(code), [], code) for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)},
        **{f"illegal code {code}": (close(code), [], PROTOCOL) for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)},
        "one byte": (frame(b"\x03", CLOSE), [], PROTOCOL),
        "with a reason": (close(1000, b"bye"), [], 1000),
        "with the longest reason": (close(1000, b"r" * 123), [], 1000),
        "with a reason that is no text": (close(1000, b"\xff\xfe"), [], DROPPED),
        "with half a character as reason": (close(1000, FOUR[:3]), [], NOT_UTF8),
        "a message behind": (close(1000) + frame(b"late"), [], 1000),
        "a ping behind": (close(1000) + frame(b"late", PING), [], 1000),
        "another behind": (close(1000) + close(1001), [], 1000),
        "a message in front": (frame(b"x") + close(1000), same(b"x"), 1000),
    },
    "8.1 text": {
        "of all lengths": (frame(b"a" + TWO + THREE + FOUR), same(b"a" + TWO + THREE + FOUR), OPEN),
        "the last character": (frame("\U0010ffff".encode()), same("\U0010ffff".encode()), OPEN),
        "what is none but valid": (frame("\ufffe\uffff".encode()), same("\ufffe\uffff".encode()), OPEN),
        "zero": (frame(b"\0"), same(b"\0"), OPEN),
        **{f"split in {text.decode()} after {at}": (pieces(b"a" + text[:at], text[at:]), same(b"a" + text), OPEN)
           for text in (TWO, THREE, FOUR) for at in range(1, len(text))},
        "one byte a fragment": (pieces(*[bytes([b]) for b in TWO + THREE + FOUR]), same(TWO + THREE + FOUR), OPEN),
        "split around a ping": (frame(FOUR[:2], fin=False) + frame(b"p", PING) + frame(FOUR[2:], 0), [(PONG, b"p"), (TEXT, FOUR)], OPEN),
        **{f"not utf-8: {bad.hex()}": (frame(b"abc" + bad), [], NOT_UTF8) for bad in (
            b"\xff", b"\xfe", b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xe0\x80\x80", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xed\xbf\xbf",
            b"\xf0\x80\x80\x80", b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xc3(", b"\xe2\x28\xa1", b"\xf0\x9f\x98")},
        "ends within a character": (frame(FOUR[:3]), [], NOT_UTF8),
        "ends within a character, in pieces": (pieces(b"a", FOUR[:3]), [], NOT_UTF8),
        "a character is not continued": (pieces(FOUR[:2], b"a"), [], NOT_UTF8),
        "fails at once: the message is not complete": (frame(b"a\xffb", fin=False), [], NOT_UTF8),
        "fails at once: the second fragment is wrong": (frame(b"a", fin=False) + frame(b"\xff", 0, fin=False), [], NOT_UTF8),
        "binary may be anything": (frame(b"\xff\xfe\xc0", BINARY), same(b"\xff\xfe\xc0", BINARY), OPEN),
        "the next message begins anew": (frame(TWO) + frame(THREE), same(TWO) + same(THREE), OPEN),
    },
}


class EchoCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        process = subprocess.Popen([BIN / "tests" / "websocket_echo"], stdout=subprocess.PIPE)
        cls.addClassCleanup(cls.stop, process)
        cls.port = int(process.stdout.readline())

    @staticmethod
    def stop(process):
        process.terminate()
        status = process.wait(PATIENCE)
        process.stdout.close()
        assert status == 0, status


class Frames(EchoCase):
    @classmethod
    def setUpClass(cls):
        """Begins with all cases, many at a time: after some of them libwebsockets waits for five seconds before it hangs up."""
        super().setUpClass()
        pool = concurrent.futures.ThreadPoolExecutor(32)
        cls.addClassCleanup(pool.shutdown)
        cls.outcomes = {}
        for cases in CASES.values():
            for name, (data, said, end) in cases.items():
                for send in (at_once, byte_by_byte)[: 2 if is_short(data) else 1]:
                    answers = len(said) if end == OPEN else None
                    cls.outcomes[name, send] = pool.submit(cls.outcome, functools.partial(send, data=data), answers)

    @classmethod
    def outcome(cls, send, answers):
        """(what was said back, close code) for what `send` does to an open WebSocket. After `answers` of those we close."""
        with Bare(cls, "/", tcp=True) as peer:
            assert peer.status == 101, peer.head
            cls.unless_closed(lambda: send(peer.socket))
            said, code = [], DROPPED
            try:
                while True:
                    if len(said) == answers and code == DROPPED:
                        cls.unless_closed(lambda: peer.socket.sendall(close(1000)))
                        answers = None
                    opcode, payload = peer.message()
                    if opcode == CLOSE:
                        code = int.from_bytes(payload[:2], "big") if payload else None
                        cls.unless_closed(lambda: peer.socket.sendall(close(code)))
                    # Of several pings the last one may be answered alone (5.5.3).
                    elif (opcode, payload) not in said or opcode != PONG:
                        said.append((opcode, payload))
            except (EOFError, ConnectionError):
                return said, code

    @staticmethod
    def unless_closed(send):
        """What the other side has said can be read when it does not listen any more."""
        try:
            send()
        except ConnectionError:
            pass

    def check(self, cases, send):
        wrong = []
        for name, (_, said, end) in cases.items():
            found, code = self.outcomes[name, send].result()
            # A connection that fails may take answers with it that have not been sent, and even its close frame when bytes go
            # on coming.
            as_wanted = found == said if end == OPEN else found == said[: len(found)]
            ends = {1000 if end == OPEN else end} | ({DROPPED} if send is byte_by_byte and end in FAILURES else set())
            if not as_wanted or code not in ends:
                wrong.append(f"{name}: {[(opcode, payload[:40], len(payload)) for opcode, payload in found]} {code}, not {end}")
        self.assertEqual(wrong, [])


def is_short(data):
    """Enough to be sent byte by byte as well."""
    return len(data) < 300


def at_once(wire, data):
    wire.sendall(data)


def byte_by_byte(wire, data):
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(len(data)):
        wire.sendall(data[i : i + 1])


def add_tests():
    for section, cases in CASES.items():
        name = "test_" + section.replace(" ", "_").replace(".", "_")
        short = {name: case for name, case in cases.items() if is_short(case[0])}
        setattr(Frames, name, lambda self, cases=cases: self.check(cases, at_once))
        setattr(Frames, name + "_byte_by_byte", lambda self, cases=short: self.check(cases, byte_by_byte))


add_tests()


class Handshake(EchoCase):
    """4.2: the answer. What is no handshake is in test_raw_http.py."""

    def ask(self, *headers):
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as wire:
            wire.sendall("\r\n".join(["GET / HTTP/1.1", "Host: localhost", *headers, "", ""]).encode())
            answer = b""
            while b"\r\n\r\n" not in answer and (piece := wire.recv(65536)):
                answer += piece
        first, *rest = answer.split(b"\r\n\r\n")[0].decode().split("\r\n")
        return first, {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in rest)}

    def test_answer(self):
        for words in (("Upgrade: websocket", "Connection: Upgrade"), ("UPGRADE: WebSocket", "connection: keep-alive,UPGRADE")):
            key = base64.b64encode(os.urandom(16)).decode()
            first, headers = self.ask(*words, f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13")
            self.assertTrue(first.startswith("HTTP/1.1 101 "), first)
            self.assertEqual(headers["upgrade"].lower(), "websocket")
            self.assertEqual(headers["connection"].lower(), "upgrade")
            wanted = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            self.assertEqual(headers["sec-websocket-accept"], base64.b64encode(wanted).decode())

    def test_nothing_is_agreed_on_that_we_do_not_do(self):
        first, headers = self.ask(
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits", "Sec-WebSocket-Protocol: chat, superchat")
        self.assertTrue(first.startswith("HTTP/1.1 101 "), first)
        self.assertNotIn("sec-websocket-extensions", headers)
        self.assertNotIn("sec-websocket-protocol", headers)

    def test_another_version(self):
        first, headers = self.ask(
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 8")
        self.assertTrue(first.startswith("HTTP/1.1 426 "), first)
        self.assertEqual(headers["sec-websocket-version"], "13")


if __name__ == "__main__":
    harness.main()
