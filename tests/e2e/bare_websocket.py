"""A WebSocket on a socket, for what no library would send."""

import base64
import json
import os
import re
import socket
import struct

from harness import PATIENCE

PATH = "/v2/realtime/stream"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Bare:
    """A WebSocket on a socket, a frame at a time, that also says what is wrong."""

    def __init__(self, daemon, path=PATH, tcp=False, receive_buffer=None, tail=b"", headers=""):
        self.socket = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", daemon.port) if tcp else daemon.socket)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall((head + f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n").encode() + tail)
        self.head = b""
        while not self.head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            assert byte, self.head
            self.head += byte
        self.status = int(self.head.split()[1])
        self.headers = {name.lower(): value for name, value in re.findall(r"([^:\r\n]+): (.*)\r\n", self.head.decode())}
        self.sipped = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @staticmethod
    def encoded(payload, opcode=TEXT, fin=True, masked=True, length=None):
        payload = payload.encode() if isinstance(payload, str) else payload
        length = len(payload) if length is None else length
        bit = 0x80 if masked else 0
        head = bytes([(0x80 if fin else 0) | opcode])
        if length < 126:
            head += bytes([bit | length])
        elif length < 65536:
            head += struct.pack("!BH", bit | 126, length)
        else:
            head += struct.pack("!BQ", bit | 127, length)
        # A mask of zeros leaves the payload as it is.
        return head + (b"\0\0\0\0" if masked else b"") + payload

    def send(self, payload, **how):
        self.socket.sendall(self.encoded(payload, **how))

    def sip(self, count=1):
        """Takes so many bytes at most; they are read later."""
        piece = self.socket.recv(count)
        assert piece, "it has been closed"
        self.sipped += piece

    def _exactly(self, count):
        data, self.sipped = self.sipped[:count], self.sipped[count:]
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def message(self):
        """(opcode, payload) of the next frame."""
        first, second = self._exactly(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self._exactly(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self._exactly(8))[0]
        return first & 0x0F, self._exactly(length)

    def frame(self):
        while True:
            opcode, payload = self.message()
            if opcode == TEXT:
                return json.loads(payload)
            assert opcode in (PING, PONG), (opcode, payload)

    def end(self):
        """(frames, close code) until the daemon has closed; code None when it closed without one."""
        frames = []
        try:
            while True:
                opcode, payload = self.message()
                if opcode == CLOSE:
                    return frames, struct.unpack("!H", payload[:2])[0] if len(payload) > 1 else None
                if opcode == TEXT:
                    frames.append(json.loads(payload))
        except (EOFError, ConnectionError):
            return frames, None
