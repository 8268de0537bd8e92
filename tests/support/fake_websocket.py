"""One WebSocket of the stand-in daemon, from the upgrade on."""

import base64
import hashlib
import json
import struct


class Connection:
    def __init__(self, handler):
        key = handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        handler.send_response(101)
        handler.send_header("Upgrade", "websocket")
        handler.send_header("Connection", "Upgrade")
        handler.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        handler.end_headers()
        handler.close_connection = True
        self.rfile = handler.rfile
        self.wfile = handler.wfile

    def send(self, message):
        text = json.dumps(message).encode()
        head = struct.pack("!BBH", 0x81, 126, len(text)) if len(text) > 125 else struct.pack("!BB", 0x81, len(text))
        self.wfile.write(head + text)

    def close(self, code, reason=""):
        payload = struct.pack("!H", code) + reason.encode()
        self.wfile.write(struct.pack("!BB", 0x88, len(payload)) + payload)

    def receive(self):
        """The next message, or None when the client has closed."""
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 0x0F == 8:
            return None
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack("!H", self.rfile.read(2))[0]
        mask = self.rfile.read(4)
        payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(self.rfile.read(size)))
        assert head[0] == 0x81 and head[1] & 0x80, "only masked text in one frame is expected here"
        return json.loads(payload)
