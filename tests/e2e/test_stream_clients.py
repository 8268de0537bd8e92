"""Programs that others have written, used as they come: wscat, node's ws, curl, a browser. Each hears of a conversion from its
beginning to its end. (python3-websockets is in every other test_stream*.py.)"""

import http.client
import http.server
import json
import os
import queue
import select
import shutil
import signal
import subprocess
import threading
import time
import unittest

import harness
from bare_websocket import PATH
from harness import PATIENCE, needs, sample
from stream_clients import Case, ends, handshake, polled, state_events

STORY = ["conversion.pending", "conversion.processing", "conversion.completed"]
NODE = {"NODE_PATH": "/usr/share/nodejs"}  # where Debian has its modules, for a node from elsewhere
NODE_CLIENT = """
const WebSocket = require("ws");
const socket = new WebSocket(process.argv[1]);
socket.on("open", () => socket.send(process.argv[2]));
socket.on("message", (data, binary) =>
  console.log(binary ? require("zlib").inflateRawSync(data).toString() : data.toString()));
socket.on("close", code => process.exit(code === 1006 ? 1 : 0));
"""

PAGE = """<!DOCTYPE html><meta charset="utf-8"><title>watching</title><script type="module">
const told = {socket: [], packed: [], source: []}, opened = new Set();
const tell = (path, what) => fetch(path, {method: "POST", body: JSON.stringify(what)});
function take(way, frame) {
  if (frame.type === "ack") {
    opened.add(way);
    if (opened.size === 3) tell("/opened", {});
  }
  for (const event of frame.events ?? []) {
    if (event.class !== "state") continue;
    told[way].push(event);
    if (Object.values(told).every(events => events.at(-1)?.type === "conversion.completed")) tell("/told", told);
  }
}
async function inflated(data) {
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}
for (const [way, compress] of [["socket", undefined], ["packed", ["deflate-raw"]]]) {
  const socket = new WebSocket("ws://127.0.0.1:PORT/v2/realtime/stream");
  let order = Promise.resolve();
  socket.binaryType = "arraybuffer";
  socket.onopen = () => socket.send(JSON.stringify({services: ["conversion"], version: 1, compress}));
  socket.onmessage = message => order = order.then(async () =>
    take(way, JSON.parse(typeof message.data === "string" ? message.data : await inflated(message.data))));
}
const source = new EventSource("/v2/realtime/sse?services=conversion");
source.addEventListener("ack", message => take("source", JSON.parse(message.data)));
source.onmessage = message => take("source", JSON.parse(message.data));
</script>"""


class Program:
    """A program whose lines are read as they come."""

    def __init__(self, *command, env=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=os.environ | (env or {}), start_new_session=True)
        self.rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGKILL)  # a browser is many processes
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def line(self):
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.rest:
            ready = select.select([self.process.stdout], [], [], max(0, end - time.monotonic()))[0]
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise AssertionError(f"{self.process.args[0]} says no more; last was {self.rest!r}")
            self.rest += piece
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode().strip()

    def frame(self):
        """The next line that is JSON, which wscat may put behind a prompt."""
        while True:
            line = self.line()
            if "{" in line:
                return json.loads(line[line.index("{") :])


class ClientCase(Case):
    def submit(self, labels=None):
        """By the principal of TCP, whom these programs are."""
        answer = self.daemon.http("POST", "/documents?name=guide.md", sample("guide.md"), tcp=True)
        self.assertEqual(answer.status, 201, answer)
        answer = self.daemon.post("/v1/conversions", {"filename": "guide.md", "to": "html", "labels": labels or {}}, tcp=True)
        self.assertEqual(answer.status, 202, answer)
        return answer.json()["id"]


class Clients(ClientCase):
    def hears(self, program):
        self.assertEqual(program.frame()["type"], "ack")
        id = self.submit({f"label-{n}": "x" * 200 for n in range(8)})
        events = []
        while not events or not ends(id)(events[-1]):
            events += program.frame()["events"]
        self.assertEqual([event["type"] for event in state_events(events)], STORY)

    def url(self):
        return f"ws://127.0.0.1:{self.daemon.port}{PATH}"

    @needs("wscat")
    def test_wscat(self):
        with Program("wscat", "--no-color", "-c", self.url(), "-w", str(PATIENCE), "-x", handshake(), env=NODE) as wscat:
            self.hears(wscat)

    @needs("node")
    @unittest.skipUnless(os.path.isdir("/usr/share/nodejs/ws"), "node-ws is not installed")
    def test_ws_of_node(self):
        for more in ({}, {"compress": ["deflate-raw"]}):
            with self.subTest(more), Program("node", "-e", NODE_CLIENT, self.url(), handshake(**more), env=NODE) as node:
                self.hears(node)

    @needs("curl")
    def test_curl_on_server_sent_events(self):
        url = f"http://127.0.0.1:{self.daemon.port}/v2/realtime/sse?services=conversion"
        with Program("curl", "-sSN", url) as curl:
            lines = [curl.line() for _ in range(3)]
            self.assertEqual(lines[:2], ["retry: 1000", ""])
            self.assertEqual(lines[2], "event: ack")
            self.hears(curl)

    @needs("curl")
    def test_curl_takes_up_where_it_was(self):
        first = self.submit()
        self.daemon.http("GET", f"/conversion-status/{first}?wait=20", tcp=True)
        url = "http://localhost/v2/realtime/sse"
        self.daemon.convert("guide.md", "html")
        known, position = polled(self.daemon, since="oldest")
        id = f"Last-Event-ID: {position['epoch']}:{known[0]['seq']}"
        with Program("curl", "-sSN", "--unix-socket", self.daemon.socket, "-H", id, url) as curl:
            ack = curl.frame()
            self.assertEqual((ack["recovered"], ack["replaying"]), (True, len(known) - 1))
            self.assertEqual([curl.frame()["events"][0] for _ in known[1:]], known[1:])


class Front(http.server.ThreadingHTTPServer):
    """Serves the page, hands /v2/ on to the daemon as a reverse proxy would, and hears what the page has to say."""

    daemon_threads = True

    def __init__(self, daemon):
        self.daemon = daemon
        self.said = queue.Queue()
        super().__init__(("127.0.0.1", 0), Visit)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def hear(self):
        return self.said.get(timeout=PATIENCE)


class Visit(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        if not self.path.startswith("/v2/"):
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.replace("PORT", str(self.server.daemon.port)).encode() if found else b"")
            return
        connection = http.client.HTTPConnection("127.0.0.1", self.server.daemon.port, timeout=PATIENCE)
        try:
            connection.request("GET", self.path)
            response = connection.getresponse()
            self.send_response(response.status)
            self.send_header("Content-Type", response.headers["Content-Type"])
            self.end_headers()
            while line := response.readline():
                self.wfile.write(line)
        except OSError:
            pass  # one of both sides has gone; the browser comes again
        finally:
            connection.close()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.said.put((self.path, json.loads(body)))


@unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
class Browser(ClientCase):
    config = ""

    def test_websocket_and_event_source(self):
        front = Front(self.daemon)
        self.addCleanup(front.shutdown)
        # The page opens its WebSockets at the daemon itself, which is another origin.
        self.daemon.config.write_text(f"allow_origin = http://127.0.0.1:{front.server_port}\n")
        self.assertEqual(self.daemon.http("POST", "/v1/control/reload").status, 200)
        with Program(
            "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            f"--user-data-dir={self.new_folder()}", "--remote-debugging-port=0", f"http://127.0.0.1:{front.server_port}/",
        ):
            self.assertEqual(front.hear()[0], "/opened")
            id = self.submit({f"label-{n}": "x" * 200 for n in range(8)})
            path, told = front.hear()
        self.assertEqual(path, "/told")
        self.assertEqual([event["type"] for event in told["socket"]], STORY)
        self.assertEqual({event["subject"] for event in told["socket"]}, {id})
        self.assertEqual(told["packed"], told["socket"])
        self.assertEqual(told["source"], told["socket"])


if __name__ == "__main__":
    harness.main()
