"""Runs the real convd on a folder of its own and talks to it as clients do: HTTP over its Unix socket and TCP, WebSockets,
convctl. Nothing waits by sleeping: READY=1 says that the daemon is up, long polls say that a conversion has moved.

A test file ends with harness.main(), which prints "N passed, N failed, N skipped" as its last line.
"""

import asyncio
import contextlib
import functools
import http.client
import json
import os
import pathlib
import platform
import re
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CONVD_BIN_DIR", ROOT / "build" / "release")).resolve()
SAMPLES = ROOT / "tests" / "samples"
SHORT = bool(os.environ.get("CONVD_E2E_SHORT"))
TERMINAL = ("completed", "error", "cancelled")
PATIENCE = int(os.environ.get("CONVD_E2E_PATIENCE", 180))  # seconds until a test gives up; nothing waits this long when all is well
SANITIZER = re.compile(r"ERROR: (?:Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")

long = unittest.skipIf(SHORT, "only in the release build")
needs_slow = unittest.skipUnless(os.environ.get("CONVD_E2E_SLOW"), "takes half a minute: only with CONVD_E2E_SLOW=1")


def needs(program):
    return unittest.skipUnless(shutil.which(program), f"{program} is not installed")


def sample(name):
    return (SAMPLES / name).read_bytes()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"HTTP {self.status} {self.body[:300]!r}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def multipart(parts):
    """parts: (name, value) or (name, filename, bytes). Returns body and Content-Type."""
    boundary = uuid.uuid4().hex
    body = b""
    for name, *rest in parts:
        head = f'form-data; name="{name}"'
        if len(rest) == 2:
            head += f'; filename="{rest[0]}"'
        value = rest[-1].encode() if isinstance(rest[-1], str) else rest[-1]
        body += f"--{boundary}\r\nContent-Disposition: {head}\r\n\r\n".encode() + value + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def eventually(condition, what, seconds=PATIENCE):
    """For facts that nobody announces (a process gone, a file removed): asks until `condition` gives something."""
    end = time.monotonic() + seconds
    while True:
        late = time.monotonic() >= end  # it is asked once more after that: we may have stood still ourselves
        if found := condition():
            return found
        if late:
            raise AssertionError(f"never happened: {what}")
        time.sleep(0.01)


def _stat(pid):
    """(name, parent) of a process, or None when it has gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    name, rest = text[text.index("(") + 1 :].rsplit(") ", 1)
    state, parent = rest.split()[:2]
    return None if state == "Z" else (name, int(parent))


def family(pid):
    """{pid: (name, parent)} of all living processes below `pid`."""
    every = {int(p): s for p in os.listdir("/proc") if p.isdigit() and (s := _stat(p))}
    found, grown = {pid}, True
    while grown:
        more = {p for p, (_, parent) in every.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return {p: every[p] for p in found - {pid} if p in every}


def descendants(pid):
    """{pid: name} of all living processes below `pid`."""
    return {p: name for p, (name, _) in family(pid).items()}


def runner_of(daemon):
    """The process id of its runner, once there is one."""
    return eventually(lambda: next((p for p, name in descendants(daemon.pid()).items() if name == "convd-runner"), None), "it runs")


class Processes:
    """Processes as they are now, by descriptors: their numbers may be others' soon."""

    def __init__(self, pids):
        self.descriptors = []
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                self.descriptors.append(os.pidfd_open(pid))

    def gone(self):
        """Whether none of them is left; then it is not asked again."""
        living = [fd for fd in self.descriptors if not select.select([fd], [], [], 0)[0]]
        if not living:
            self.close()
        return not living

    def close(self):
        while self.descriptors:
            os.close(self.descriptors.pop())


SYSTEM_CALLS = {
    "x86_64": {"fsync": 74, "fdatasync": 75, "epoll_wait": 232},
    "aarch64": {"fsync": 82, "fdatasync": 83, "epoll_pwait": 22},
}


@contextlib.contextmanager
def slow_thread(daemon, thread, words):
    """Meanwhile every system call of that thread whose name begins with one of `words` takes ten minutes, or until this
    is left. Gives a function: is one under way?"""
    calls = {name: number for name, number in SYSTEM_CALLS[platform.machine()].items() if name.startswith(words)}
    with _traced(daemon, thread, calls, "delay_enter=600000000") as task:
        yield lambda: (task / "syscall").read_text().startswith(tuple(f"{number} " for number in calls.values()))


@contextlib.contextmanager
def _traced(daemon, thread, calls, injected):
    """strace at that thread of the daemon; gives its folder in /proc."""
    tasks = pathlib.Path(f"/proc/{daemon.pid()}/task")
    # A thread that has just begun may not have its name yet.
    task = eventually(lambda: next((t for t in tasks.iterdir() if (t / "comm").read_text().strip() == thread), None), thread)
    names = ",".join(calls)
    tracer = subprocess.Popen(["strace", "-qq", "-p", task.name, "-e", f"trace={names}", "-e", f"inject={names}:{injected}",
                               "-o", str(daemon.folder / "strace")], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        eventually(lambda: not re.search(r"TracerPid:\s0$", (task / "status").read_text(), re.M), "strace is there")
        yield task
    finally:
        tracer.terminate()
        tracer.communicate()


def slow_disk_for(daemon, thread):
    return slow_thread(daemon, thread, ("fsync", "fdatasync"))


def broken_disk_for(daemon, thread):
    """Meanwhile that thread can bring nothing to the disk."""
    return _traced(daemon, thread, ("pwrite64", "fsync", "fdatasync"), "error=EIO")


class Gates:
    """An engine from "gated" to text that says it is at page 1 of 2, and waits until the test lets it go on: its document names a
    FIFO, which it opens. While it waits it uses no CPU."""

    ENGINE = """
import os, sys
gate = open(sys.argv[1]).read()
print("page 1 of 2", flush=True)
os.close(os.open(sys.argv[2] + "/" + gate, os.O_RDONLY))
print("page 2 of 2", flush=True)
open(sys.argv[3], "w").write(gate)
"""

    def __init__(self, folder):
        self.folder = folder / "gates"
        self.engines = folder / "engines.d"
        self.number = 0
        self.opened = {}

    def build(self):
        for place in (self.folder, self.engines):
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
        (self.folder / "gate.py").write_text(self.ENGINE)
        (self.engines / "gate.json").write_text(json.dumps({
            "name": "gate",
            "program": "/usr/bin/python3",
            "files": [str(self.folder)],
            "formats": [{"name": "gated", "extensions": ["gated"]}],
            "edges": [{"from": "gated", "to": "txt", "cost": 60_000}],
            "args": ["-IS", f"{self.folder}/gate.py", "{input}", str(self.folder), "{output_dir}/{stem}.{to}"],
            "progress": {"pattern": "^page (?<done>[0-9]+) of (?<total>[0-9]+)", "stream": "stdout", "unit": "page"},
        }))

    def new(self):
        """The name of one more, which is shut."""
        self.number += 1
        name = f"gate-{self.number}"
        os.mkfifo(self.folder / name)
        (self.folder / name).chmod(0o644)
        return name

    def open(self, name):
        """For good: whoever comes later does not wait."""
        if name not in self.opened:
            self.opened[name] = os.open(self.folder / name, os.O_RDWR)

    def close(self):
        for descriptor in self.opened.values():
            os.close(descriptor)
        self.opened = {}


class Daemon:
    """One convd. `options` become environment (slots=2 -> CONVD_SLOTS=2); `config` is the text of its configuration file;
    `command` is put in front (runuser, ...). It has the engine of Gates, unless it is given other engines_dir."""

    def __init__(self, *args, folder=None, tcp=True, command=(), bin_dir=BIN, config=None, **options):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="convd-e2e.", dir="/tmp"))
        self.folder.chmod(0o755)
        self.owned = folder is None
        self.socket = str(self.folder / "convd.sock")
        self.state = self.folder / "state"
        self.log_path = self.folder / "convd.log"
        self.command = [*command, str(bin_dir / "convd"), "--socket", self.socket, "--state-dir", str(self.state)]
        self.command += ["--listen", "127.0.0.1:0" if tcp else "none", *args]
        self.config = self.folder / "convd.conf"
        if config is not None:
            self.config.write_text(config)
            self.command += ["--config", str(self.config)]
        self.bin_dir = bin_dir
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("CONVD_") or k == "CONVD_SANDBOX"}
        # Warming LibreOffice costs two seconds of a core: only who converts office documents shall pay for it.
        self.env |= {"CONVD_WARM_OFFICE": "when-needed"}
        # Most tests say how many may run, and mean just that many.
        self.env |= {"CONVD_SHORT_SLOTS": "0"}
        # The same samples are converted again and again, and most stories are about a run.
        self.env |= {"CONVD_REUSE": "off"}
        self.gates = Gates(self.folder)
        if "engines_dir" not in options:
            self.gates.build()
            self.env |= {"CONVD_ENGINES_DIR": str(self.gates.engines)}
        self.env |= {"CONVD_" + k.upper(): str(v) for k, v in options.items()}
        self.tcp = tcp
        self.process = None
        self.port = None
        self.notified = ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # Life and death

    def start(self):
        notify_path = self.folder / "notify"
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.log_path, "ab") as log:
            notify.bind(str(notify_path))
            notify_path.chmod(0o666)
            self.process = subprocess.Popen(
                self.command, env=self.env | {"NOTIFY_SOCKET": str(notify_path)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
            self._await_ready(notify)
        if self.tcp:
            # A table that changes while it is read may leave lines out.
            self.port = eventually(self._listening_port, "convd listens on a TCP port", 30)
        return self

    def _await_ready(self, notify):
        pidfd = os.pidfd_open(self.process.pid)
        self.notified = ""
        try:
            end = time.monotonic() + PATIENCE
            while "READY=1" not in self.notified.split("\n"):
                ready = select.select([notify, pidfd], [], [], max(0, end - time.monotonic()))[0]
                if notify in ready:
                    self.notified += notify.recv(4096).decode() + "\n"
                elif ready:
                    raise AssertionError(f"convd ended with {self.process.wait()} before READY=1:\n{self.log()}")
                else:
                    raise AssertionError(f"convd was not ready in time:\n{self.log()}")
        finally:
            os.close(pidfd)

    def pid(self):
        """Of convd itself, also when it was started through another program."""
        if self.command[0].endswith("/convd"):
            return self.process.pid
        return next(p for p, name in descendants(self.process.pid).items() if name == "convd")

    def _listening_port(self):
        """From /proc: the port the daemon listens on."""
        pid = self.pid()
        inodes = set()
        for fd in os.listdir(f"/proc/{pid}/fd"):
            try:
                if found := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}")):
                    inodes.add(found[1])
            except OSError:
                pass
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                return int(fields[1].split(":")[1], 16)
        return None

    def stop(self, number=signal.SIGTERM):
        """Ends the daemon and returns its exit status; nothing when it has ended before."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            os.kill(self.pid(), number)
        status = self.process.wait(PATIENCE)
        self.process = None
        return status

    def reload(self, config):
        """Writes another configuration file and asks for it to be read."""
        self.config.write_text(config)
        os.kill(self.pid(), signal.SIGHUP)

    def kill9(self):
        return self.stop(signal.SIGKILL)

    def close(self):
        """Stops; fails when the daemon did not end well or a sanitizer has spoken."""
        status = self.stop()
        self.gates.close()
        log = self.log()
        if self.owned:
            shutil.rmtree(self.folder, ignore_errors=True)
        if status not in (None, 0):
            raise AssertionError(f"convd ended with {status}:\n{log[-8000:]}")
        if SANITIZER.search(log):
            raise AssertionError(f"a sanitizer has found something:\n{log[-20000:]}")

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def engines(self):
        """{pid: name} of the engine programs running now."""
        own = re.compile(r"convd|bwrap|setpriv|runuser|prlimit")
        return {pid: name for pid, name in descendants(self.pid()).items() if not own.match(name)}

    def spool(self):
        return sorted(p.name for p in (self.state / "incoming").iterdir())

    def database(self):
        """Only while the daemon is stopped."""
        assert self.process is None
        return sqlite3.connect(self.state / "convd.db")

    # HTTP

    def http(self, method, path, body=None, headers=None, tcp=False):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE) if tcp else UnixConnection(self.socket)
        try:
            connection.request(method, path, body, headers or {}, encode_chunked="Transfer-Encoding" in (headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.http("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, value, **kwargs):
        return self.http("POST", path, json.dumps(value), {"Content-Type": "application/json"}, **kwargs)

    def post_form(self, path, fields, **kwargs):
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.http("POST", path, urllib.parse.urlencode(fields), head, **kwargs)

    def post_parts(self, path, parts, **kwargs):
        body, media_type = multipart(parts)
        return self.http("POST", path, body, {"Content-Type": media_type}, **kwargs)

    def raw(self, data, half_close=False, tcp=False):
        """What comes back until the daemon closes, for bytes no HTTP library would send."""
        family, address = (socket.AF_INET, ("127.0.0.1", self.port)) if tcp else (socket.AF_UNIX, self.socket)
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(address)
            answer = b""
            # It may close in the middle: what has been answered can be read.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer

    # Conversions

    def upload(self, name, data):
        answer = self.http("POST", "/documents?name=" + urllib.parse.quote(name), data)
        assert answer.status == 201, answer
        return answer.json()["documents"][0]

    def submit(self, filename, to, data=None, **fields):
        """Uploads `data` (default: the sample of that name) and submits it; the id."""
        self.upload(filename, sample(filename) if data is None else data)
        answer = self.post("/v1/conversions", {"filename": filename, "to": to, **fields})
        assert answer.status == 202, answer
        return answer.json()["id"]

    def status(self, id):
        return self.get(f"/conversion-status/{id}").json()

    def wait(self, id, until=lambda status: status["status"] in TERMINAL):
        """Long polls until the status object satisfies `until`."""
        end = time.monotonic() + PATIENCE
        answer = self.get(f"/conversion-status/{id}")
        last = answer.json()
        while not until(last):
            if time.monotonic() > end or last["status"] in TERMINAL:
                raise AssertionError(f"waited in vain, last seen: {last}\n{self.log()[-4000:]}")
            answer = self.get(f"/conversion-status/{id}?wait=20", If_None_Match=f'"r{last["rev"]}"')
            if answer.status == 200:
                last = answer.json()
            elif answer.status != 304:
                raise AssertionError(answer)
        return last

    def convert(self, filename, to, data=None, **fields):
        return self.wait(self.submit(filename, to, data, **fields))

    def result(self, id, name=""):
        return self.get(f"/v1/conversions/{id}/result" + (f"/{urllib.parse.quote(name)}" if name else ""))

    @functools.cache
    def targets(self, source):
        """The formats that `source` can become."""
        routes = self.get("/v1/formats").json()["routes"]
        return next((route["to"] for route in routes if route["from"] == source), [])

    # WebSocket

    async def watch(self, id, on_frame=None):
        """(frames, close code) of /ws/conversion/{id}; `on_frame` sees each frame as it comes."""
        import websockets

        frames = []
        uri = f"ws://localhost/ws/conversion/{id}"
        async with websockets.unix_connect(self.socket, uri, open_timeout=PATIENCE) as connection:
            async for message in connection:
                frames.append(json.loads(message))
                if on_frame:
                    on_frame(frames[-1])
            return frames, connection.close_code

    def watched(self, id, on_frame=None):
        return asyncio.run(asyncio.wait_for(self.watch(id, on_frame), PATIENCE))

    # convctl

    def convctl(self, *args, stdin=b"", env=None, cwd=None):
        base = {k: v for k, v in os.environ.items() if not k.startswith("CONVD_")}
        return subprocess.run(
            [str(self.bin_dir / "convctl"), *args], input=stdin, capture_output=True, timeout=PATIENCE, check=False,
            cwd=cwd, env=base | {"CONVD_SOCKET": self.socket} | (env or {}),
        )


class Held:
    """A conversion that runs as long as the test wants: its engine waits at a gate. With `waits` it may be in the queue still."""

    def __init__(self, daemon, name="held.gated", waits=False, **fields):
        self.daemon = daemon
        self.gate = daemon.gates.new()
        self.id = daemon.submit(name, "txt", self.gate.encode(), **fields)
        if not waits:
            self.runs()

    def runs(self, attempt=1):
        """Waits until the engine of this attempt or a later one stands at its gate; the status then."""
        return self.daemon.wait(self.id, lambda s: s["status"] == "processing" and s["attempt"] >= attempt
                                and s["stage"] and s["stage"]["done"] == 1)

    def engines(self):
        """Process ids of all engines at gates."""
        return {pid for pid, name in self.daemon.engines().items() if name.startswith("python3")}

    def go_on(self):
        self.daemon.gates.open(self.gate)

    def cancel(self):
        answer = self.daemon.post(f"/v1/conversions/{self.id}/cancel", {})
        assert (answer.status, answer.json()["status"]) == (200, "cancelled"), answer
        return answer


class Case(unittest.TestCase):
    """Tests that share one daemon, started with `options` and, when there is one, the text of a configuration file."""

    options = {}
    config = None
    daemon = None

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(config=cls.config, **cls.options).start()
        cls.addClassCleanup(cls.daemon.close)

    def new_folder(self):
        """A folder that goes with the test."""
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(folder.cleanup)
        return pathlib.Path(folder.name)

    def assertProblem(self, answer, status, code):
        """An RFC 9457 problem of that status and code."""
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
        problem = answer.json()
        self.assertEqual(problem["code"], code, problem)
        self.assertEqual(problem["status"], status)
        for field in ("type", "title", "detail", "retryable", "trace_id"):
            self.assertIn(field, problem)
        self.assertNotIn(str(self.daemon.state), answer.body.decode(), "no host path in an answer")
        return problem

    def assertFailed(self, status, *codes):
        """The status object of a conversion that ended in one of these error codes."""
        self.assertEqual(status["status"], "error", status)
        self.assertIn(status["error_info"]["code"], codes, status)
        self.assertTrue(status["error"], "a sentence for people")
        self.assertEqual(status["progress"], 0)
        self.assertNotIn(str(self.daemon.state), json.dumps(status), "no host path in an answer")

    def assertCompleted(self, status):
        self.assertEqual(status["status"], "completed", status)
        self.assertEqual(status["progress"], 100)
        self.assertIsNone(status["error"])
        return status["result"]


class _Result(unittest.TextTestResult):
    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main():
    program = unittest.main(
        exit=False, verbosity=2, testRunner=unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=_Result)
    )
    result = program.result
    for test, reason in result.skipped:
        print(f"SKIPPED {test.id().removeprefix('__main__.')}: {reason}")
    failed = len({str(test) for test, _ in result.failures + result.errors}) + len(result.unexpectedSuccesses)
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    sys.exit(1 if failed else 0)
