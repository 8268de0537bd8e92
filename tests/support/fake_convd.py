"""A small stand-in for convd: the HTTP and WebSocket API of the daemon over a Unix socket, with scripted conversions.

What a conversion does is told by the content of the uploaded file:
  ok          completes                     slow      runs until it is cancelled
  fail CODE   ends in error with that code  parts     completes with two files
Nothing here sleeps: a slow conversion ends when somebody cancels it.
"""

import email.parser
import email.policy
import hashlib
import http.server
import json
import socketserver
import threading
import urllib.parse

import fake_realtime
import fake_websocket


class Conversion:
    def __init__(self, ident, filename, content, fields):
        self.id = ident
        self.filename = filename
        self.content = content
        self.fields = fields
        self.rev = 1
        self.status = "pending"
        self.progress = 0
        self.error = None
        self.error_info = None
        self.files = []
        self.notes = []
        self.changed = threading.Condition()

    def to(self):
        return self.fields.get("to", "pdf")

    def json(self):
        """As it stands at one moment."""
        with self.changed:
            return self._json()

    def _json(self):
        result = None
        if self.status == "completed":
            files = [
                {"name": n, "media_type": "application/octet-stream", "size": len(b), "sha256": hashlib.sha256(b).hexdigest()}
                for n, b in self.files
            ]
            result = {**files[0], "parts": files[1:]}
        stage = None
        if self.status == "processing":
            stage = {"name": "libreoffice", "index": 1, "count": 1, "unit": "page", "done": 13, "total": 31, "kind": "measured"}
        return {
            "id": self.id, "filename": self.filename, "status": self.status, "progress": self.progress,
            "message": "Converting", "created_at": "2026-11-21T09:00:00.123Z", "started_at": None, "completed_at": None,
            "error": self.error, "rev": self.rev, "from": self.fields.get("from", "docx"), "to": self.to(), "attempt": 1,
            "position": None, "eta_ms": None, "stage": stage, "result": result, "error_info": self.error_info, "batch": None,
            "labels": json.loads(self.fields.get("labels", "{}")),
        }

    def move(self, **changes):
        with self.changed:
            if self.status in ("completed", "error", "cancelled"):
                return
            for key, value in changes.items():
                setattr(self, key, value)
            self.rev += 1
            self.changed.notify_all()

    def terminal(self):
        return self.status in ("completed", "error", "cancelled")

    def wait_for_its_end(self, limit=60):
        with self.changed:
            assert self.changed.wait_for(self.terminal, limit), "it has not ended"

    def play(self):
        words = self.content.decode("utf-8", "replace").split()
        stem = self.filename.rsplit(".", 1)[0]
        self.move(status="processing", progress=42)
        if words[:1] == ["slow"]:
            return
        if words[:1] == ["fail"]:
            info = {"code": words[1], "retryable": False, "stage": "libreoffice", "detail": ""}
            self.move(status="error", progress=0, error="It did not work.", error_info=info)
        elif words[:1] == ["parts"]:
            files = [(stem + ".zip", b"PK"), ("page-1.png", b"one"), ("page-2.png", b"two")]
            self.move(status="completed", progress=100, files=files)
        else:
            self.move(status="completed", progress=100, files=[(stem + "." + self.to(), b"RESULT " + self.content)])


class Base(socketserver.ThreadingMixIn):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address):
        super().__init__(address, Handler)
        self.conversions = {}
        self.refuse = []  # answers to the next submissions: (status, code, headers)
        self.requests = []
        self.keys = []  # the Idempotency-Key of each submission, or None
        self.asked = threading.Condition()
        self.healthy = True
        self.version = "0.1.0"
        self.websockets = True
        self.close_codes = []  # of the next WebSockets: closed before they say a word
        self.log = fake_realtime.Log()
        self.on_cancel = "cancel"  # or "ignore"
        self.lock = threading.Lock()
        self.joined = threading.Event()  # a WebSocket was asked for

    def start(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def heard(self, request):
        with self.asked:
            self.requests.append(request)
            self.asked.notify_all()

    def wait_for(self, what, limit=60):
        with self.asked:
            assert self.asked.wait_for(what, limit), "it has not happened"

    def handle_error(self, request, client_address):
        pass  # a client that goes away is part of the tests


class Daemon(Base, socketserver.UnixStreamServer):
    pass


class TcpDaemon(Base, socketserver.TCPServer):
    pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *args):
        pass

    def send(self, status, body, kind="application/json", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(data)

    def problem(self, status, code, detail, headers=(), **extra):
        body = {"type": "about:blank", "title": "Problem", "status": status, "detail": detail, "code": code,
                "retryable": False, "trace_id": "0af7651916cd43dd8448eb211c80319c", **extra}
        self.send(status, body, "application/problem+json", headers)

    def find(self, ident):
        conversion = self.server.conversions.get(urllib.parse.unquote(ident))
        if conversion is None:
            self.problem(404, "conversion_not_found", "There is no conversion " + ident + ".")
        return conversion

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.server.heard("GET " + self.path)
        parts = url.path.strip("/").split("/")
        if url.path in SIMPLE:
            return SIMPLE[url.path](self, query)
        if parts[0] == "conversion-status" or (parts[:2] == ["v1", "conversions"] and len(parts) == 3):
            return self.status(parts[-1], query)
        if parts[:2] == ["v2", "realtime"]:
            return fake_realtime.get(self, url.path, query)
        if parts[:2] == ["v1", "conversions"] and parts[3:4] in (["notes"], ["watchers"]):
            return self.people(parts[2], parts[3])
        if parts[:2] == ["ws", "conversion"]:
            return self.websocket(parts[2])
        if parts[:2] == ["v1", "conversions"] and parts[3:4] == ["receipt"]:
            return self.receipt(parts[2])
        if parts[:2] == ["v1", "conversions"] and parts[3:4] == ["result"]:
            return self.result(parts[2], urllib.parse.unquote(parts[4]) if len(parts) > 4 else None)
        self.problem(404, "not_found", "There is no such route.")

    def status(self, ident, query):
        conversion = self.find(ident)
        if conversion is None:
            return
        known = self.headers.get("If-None-Match")
        if "wait" in query and known == '"r%d"' % conversion.rev:
            with conversion.changed:
                conversion.changed.wait_for(lambda: known != '"r%d"' % conversion.rev, timeout=float(query["wait"]))
        status = conversion.json()
        if "wait" in query and known == '"r%d"' % status["rev"]:
            return self.send(304, b"")
        self.send(200, status, headers=[("ETag", '"r%d"' % status["rev"])])

    def people(self, ident, kind):
        conversion = self.find(ident)
        if conversion is None:
            return
        if kind == "notes":
            return self.send(200, {"notes": conversion.notes})
        self.send(200, {"conversion": ident, "watchers": [{"principal": "uid:0", "connections": 2}], "total": 2})

    def write_note(self, conversion):
        assert self.headers["Content-Type"] == "application/json"
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"].strip()
        if not 1 <= len(text) <= 4000:
            return self.problem(400, "invalid_option", "A note has 1 to 4000 characters.")
        note = {"id": "n%d" % (len(conversion.notes) + 1), "conversion": conversion.id, "author": "uid:0", "text": text,
                "created_at": fake_realtime.TIME}
        conversion.notes.append(note)
        self.send(201, note)

    def receipt(self, ident):
        conversion = self.find(ident)
        if conversion is None:
            return
        step = {"attempt": 1, "engine": "libreoffice", "version": "7.4.7", "from": "docx", "to": "pdf", "warm": True, "outcome": "ok",
                "ended": "exited", "exit_status": 0, "wall_ms": 2150, "cpu_ms": 2100, "peak_rss_bytes": 117440512, "pages_in": 31,
                "fonts_substituted": [{"requested": "Futura", "used": "DejaVu Sans"}], "links_blocked": [], "warnings": []}
        self.send(200, {"id": conversion.id, "filename": conversion.filename, "from": "docx", "to": "pdf",
                        "status": conversion.status, "attempts": [{"attempt": 1, "outcome": "ok", "wall_ms": 2200}],
                        "steps": [step]})

    def result(self, ident, name):
        conversion = self.find(ident)
        if conversion is None:
            return
        if not conversion.files:
            return self.problem(409, "not_finished", "It has not finished.")
        for file_name, data in conversion.files:
            if name in (None, file_name):
                return self.send(200, data, "application/octet-stream", [("ETag", '"x"')])
        self.problem(404, "not_found", "There is no such part.")

    def websocket(self, ident):
        conversion = self.find(ident)
        if conversion is None:
            return
        if not self.server.websockets:
            self.server.joined.set()
            return self.problem(503, "unavailable", "No WebSockets here.")
        connection = fake_websocket.Connection(self)
        self.server.joined.set()
        if self.server.close_codes:
            return connection.close(self.server.close_codes.pop(0))
        rev = None
        while True:
            with conversion.changed:
                conversion.changed.wait_for(lambda: conversion.rev != rev)
                rev, over, status = conversion.rev, conversion.terminal(), conversion.json()
            connection.send(status)
            if over:
                return connection.close(1000)

    def do_POST(self):
        self.server.heard("POST " + self.path)
        parts = self.path.strip("/").split("/")
        if self.path == "/v1/conversions":
            return self.submit()
        conversion = self.find(parts[2])
        if conversion is None:
            return
        if parts[3] == "notes":
            return self.write_note(conversion)
        if parts[3] == "cancel":
            if conversion.terminal():
                return self.problem(409, "already_finished", "It has already ended.")
            if self.server.on_cancel == "cancel":
                conversion.move(status="cancelled", progress=0)
            return self.send(200, conversion.json())
        self.accept(conversion.filename, b"ok", conversion.fields)

    def submit(self):
        if self.server.refuse:
            status, code, headers = self.server.refuse.pop(0)
            self.close_connection = True
            return self.problem(status, code, "Not now.", headers)
        self.server.keys.append(self.headers.get("Idempotency-Key"))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = ("Content-Type: " + self.headers["Content-Type"] + "\r\n\r\n").encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
        fields, filename, content = {}, None, b""
        for part in message.iter_parts():
            if part.get_filename():
                filename, content = part.get_filename(), part.get_payload(decode=True)
            else:
                name = part.get_param("name", header="content-disposition")
                fields[name] = part.get_payload(decode=True).decode()
        if fields.get("to") == "mp3":
            return self.problem(422, "unsupported_conversion", "docx cannot become mp3.", targets=["pdf", "odt"])
        self.accept(filename, content, fields)

    def accept(self, filename, content, fields):
        with self.server.lock:
            ident = "018f-%04d" % (len(self.server.conversions) + 1)
            conversion = Conversion(ident, filename, content, fields)
            self.server.conversions[ident] = conversion
        accepted = conversion.json()
        # Before the answer: whoever has it may ask at once for what has become of the conversion.
        conversion.play()
        self.send(202, accepted, headers=[("Location", "/v1/conversions/" + ident)])

    def do_DELETE(self):
        parts = self.path.strip("/").split("/")
        if self.find(parts[2]) is not None:
            self.server.conversions.pop(parts[2], None)
            self.send(204, b"")


def conversions(handler, query):
    newest = [c.json() for c in reversed(list(handler.server.conversions.values()))]
    if "status" in query:
        newest = [c for c in newest if c["status"] == query["status"]]
    if "before" in query:
        newest = [c for c in newest if c["id"] < query["before"]]
    page = newest[: int(query.get("limit", 2))][:2]  # pages of two, so that paging is seen
    handler.send(200, {"conversions": page, "next": page[-1]["id"] if len(newest) > len(page) else None})


def formats(handler, query):
    if "from" in query:
        steps = [{"engine": "libreoffice", "from": query["from"], "to": query["to"]}]
        option = {"name": "dpi", "type": "integer", "least": 10, "most": 600, "choices": [], "default": 150, "help": "Dots per inch"}
        return handler.send(200, {**query, "steps": steps, "options": [option]})
    handler.send(200, {"routes": [{"from": "docx", "to": ["odt", "pdf"]}, {"from": "md", "to": ["html"]}]})


ENGINES = [
    {"name": "libreoffice", "title": "LibreOffice", "version": "7.4.7", "available": True, "package": "libreoffice-writer-nogui", "problem": None},
    {"name": "pandoc", "title": "pandoc", "version": None, "available": False, "package": "pandoc", "problem": "not installed"},
]


def doctor(handler, _):
    healthy = handler.server.healthy
    caller = {"principal": "uid:1000", "operator": False}
    sandbox = {"sandboxed": healthy, "confinement": "bubblewrap", "problem": None}
    checks = [
        {"name": "caller", "ok": True, "verdict": "ok", "message": "you are uid:1000, not an operator", "advice": None},
        {"name": "sandbox", "ok": healthy, "verdict": "ok" if healthy else "fail", "message": "bubblewrap", "advice": None},
        {"name": "pandoc", "ok": True, "verdict": "warn", "message": "not installed", "advice": "`apt install pandoc`"},
    ]
    answer = {"version": handler.server.version, "caller": caller, "sandbox": sandbox, "checks": checks}
    handler.send(200, {**answer, "engines": ENGINES, "capacity": {}})


METRICS = b"""# HELP convd_conversions_total Conversions by outcome.
# TYPE convd_conversions_total counter
convd_conversions_total{outcome="completed"} 3
# HELP convd_api_seconds API latency.
# TYPE convd_api_seconds histogram
convd_api_seconds_bucket{le="+Inf"} 4
convd_api_seconds_sum 2
convd_api_seconds_count 4
# HELP convd_realtime_connections Connections that follow the events.
# TYPE convd_realtime_connections gauge
convd_realtime_connections 7
"""

SIMPLE = {
    "/v1/conversions": conversions,
    "/v1/formats": formats,
    "/v1/engines": lambda h, q: h.send(200, {"engines": ENGINES}),
    "/v1/capacity": lambda h, q: h.send(200, {"slots": 2, "running": 0, "waiting": 0, "wait_ms": None, "accepting": True}),
    "/v1/doctor": doctor,
    "/version": lambda h, q: h.send(200, {"version": "0.1.0"}),
    "/metrics": lambda h, q: h.send(200, METRICS, "text/plain; version=0.0.4"),
}
