"""The servers that fanout.py measures. Each is a context manager that is given a folder of its own, listens on loopback, is
pinned to one core and ended by its pid. `Absent` says why one cannot be had here."""

import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

import bench  # noqa: E402

SERVER_CPU, CLIENT_CPU = 0, 1
PATIENCE = 20  # seconds until a server is given up
NCHAN_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NODE_WS = pathlib.Path("/usr/share/nodejs/ws")
NOTES_HELLO = '{"services":["note"],"version":1}'


class Absent(Exception):
    pass


def program(name):
    found = next((p for p in harness.BIN.glob(f"**/{name}") if os.access(p, os.X_OK) and p.is_file()), None)
    if found is None:
        raise Absent(f"{name} is not built: ninja -C build/release {name}")
    return str(found)


def installed(name):
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        raise Absent(f"{name} is not installed")
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """`arguments`: what fanout_load has to be told beside --target and --pids."""

    name = "?"
    arguments = {}
    envelope = 0  # bytes that a frame has beside the published text

    def __enter__(self):
        self.folder = pathlib.Path(harness.tempfile.mkdtemp(prefix="convd-fanout.", dir="/tmp"))
        self.process = None
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, command, **options):
        self.process = subprocess.Popen(["taskset", "-c", str(SERVER_CPU), *map(str, command)], stdin=subprocess.DEVNULL, **options)

    def await_line(self):
        """Until "listening on TARGET"."""
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            raise AssertionError(f"{self.name} says nothing")
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening on "):
            raise AssertionError(f"{self.name} does not listen: {line}")
        self.target = line.split()[-1]

    def pids(self):
        return [self.process.pid]


class Raw(Server):
    def __init__(self, *flags):
        self.name = "raw deflate" if flags else "raw"
        self.flags = flags
        self.arguments = {"deflate": 1} if flags else {}

    def start(self):
        self.run([program("fanout_raw"), "127.0.0.1:0", *self.flags], stdout=subprocess.PIPE)
        self.await_line()


class Hub(Server):
    def __init__(self, deflate=False, unix=False):
        self.name = "hub deflate" if deflate else "hub unix" if unix else "hub"
        self.unix = unix
        hello = '{"services":["note"],"version":1,"compress":["deflate-raw"]}' if deflate else NOTES_HELLO
        self.arguments = {"path": "/v2/realtime/stream", "hello": hello}

    def start(self):
        where = f"unix:{self.folder}/hub.sock" if self.unix else "127.0.0.1:0"
        lines = self.folder / "events.sock"
        self.arguments = self.arguments | {"publish": f"lines:{lines}"}
        self.run([program("fanout_hub"), where, lines, self.folder], stdout=subprocess.PIPE)
        self.await_line()


class NodeWs(Server):
    SCRIPT = """
const { WebSocketServer } = require(process.argv[2]);
const listeners = new Set();
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4096, perMessageDeflate: process.argv[3] === "deflate" });
server.on("connection", (socket, request) => {
  socket.on("error", () => {});
  if (request.url.startsWith("/pub")) {
    socket.on("message", (text) => { for (const listener of listeners) listener.send(text, { binary: false }); });
  } else {
    listeners.add(socket);
    socket.on("close", () => listeners.delete(socket));
  }
});
server.on("listening", () => console.log("listening on 127.0.0.1:" + server.address().port));
"""

    def __init__(self, deflate=False):
        self.name = "ws deflate" if deflate else "ws"
        self.mode = "deflate" if deflate else "plain"
        self.arguments = {"deflate": 1} if deflate else {}

    def start(self):
        node = installed("node")
        if not NODE_WS.is_dir():
            raise Absent("node-ws is not installed")
        script = self.folder / "broadcast.js"
        script.write_text(self.SCRIPT)
        self.run([node, script, NODE_WS, self.mode], stdout=subprocess.PIPE)
        self.await_line()


class Nchan(Server):
    CONFIG = """
load_module {module};
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
user root;
pid nginx.pid;
error_log error.log error;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  nchan_shared_memory_size 256m;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /sub {{
      nchan_subscriber websocket;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
    }}
    location = /pub {{
      nchan_publisher http websocket;
      nchan_channel_id bench;
      nchan_message_buffer_length 128;
      nchan_message_timeout 10s;
      {deflate}
    }}
  }}
}}
"""

    def __init__(self, deflate=False):
        self.name = "nchan deflate" if deflate else "nchan"
        self.deflate = "nchan_deflate_message_for_websocket on;" if deflate else ""
        self.arguments = {"deflate": 1} if deflate else {}

    def start(self):
        nginx = installed("nginx")
        if not NCHAN_MODULE.exists():
            raise Absent("libnginx-mod-nchan is not installed")
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(self.CONFIG.format(module=NCHAN_MODULE, port=port, deflate=self.deflate))
        self.run([nginx, "-p", self.folder, "-c", config, "-e", self.folder / "error.log"])
        harness.eventually(lambda: answers(port) or self.process.poll() is not None, "nginx listens", PATIENCE)
        if self.process.poll() is not None:
            raise AssertionError(f"nginx ended: {(self.folder / 'error.log').read_text()}")
        self.target = f"127.0.0.1:{port}"

    def pids(self):
        return [self.process.pid, *harness.descendants(self.process.pid)]


class Convd(Server):
    """The whole daemon: notes, which are committed before they are told. Its principal may have all the connections."""

    arguments = {"path": "/v2/realtime/stream", "hello": NOTES_HELLO, "publishers": 32,
                 "publish": "note:/v1/conversions/00000000-0000-7000-8000-{n}/notes"}

    def __init__(self, unix=False):
        self.unix = unix
        self.name = "convd notes unix" if unix else "convd notes"

    def start(self):
        self.daemon = harness.Daemon(slots=1, warm_office="never", folder=self.folder, realtime_connections=20_000,
                                     realtime_connections_per_principal=20_000)
        self.daemon.start()
        if self.daemon.get("/v2/realtime/config").status != 200:
            raise Absent("this convd has no unified stream")
        # The versions of the engines are asked for after the start; that work is not part of this.
        harness.eventually(lambda: all(e["version"] for e in self.daemon.get("/v1/engines").json()["engines"] if e["available"]), "versions")
        self.conversions()
        self.settle()

    def conversions(self):
        """A thousand that have ended, for one takes a thousand notes only. Of the principal that the load will be."""
        tcp = not self.unix
        self.daemon.http("POST", "/documents?name=note.md", b"# A note\n", tcp=tcp)
        id = self.daemon.post("/v1/conversions", {"filename": "note.md", "to": "html"}, tcp=tcp).json()["id"]
        ended = lambda: self.daemon.http("GET", f"/conversion-status/{id}", tcp=tcp).json()["status"] == "completed"
        harness.eventually(ended, "a conversion", PATIENCE)
        self.daemon.stop()
        bench.fill(self.daemon, 1001)
        self.daemon.start()

    def settle(self):
        subprocess.run(["taskset", "-acp", str(SERVER_CPU), str(self.daemon.pid())], check=True, stdout=subprocess.DEVNULL)
        self.target = f"unix:{self.daemon.socket}" if self.unix else f"127.0.0.1:{self.daemon.port}"

    def restart(self):
        """On the same port, so that clients find it again."""
        where = f"127.0.0.1:{self.daemon.port}"
        self.daemon.stop()
        command = self.daemon.command
        command[command.index("--listen") + 1] = where
        self.daemon.start()
        self.settle()

    def pids(self):
        return [self.daemon.pid()]

    def __exit__(self, *_):
        if (daemon := getattr(self, "daemon", None)) is not None:
            daemon.stop()
        super().__exit__()
