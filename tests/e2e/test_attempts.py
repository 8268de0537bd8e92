"""Attempts: what interrupts them, what ends them, and whom it concerns. Engines are held where they are by SIGSTOP, and
brought down from outside."""

import json
import os
import pathlib
import signal
import socket

import harness
from harness import Case, descendants, eventually, sample

LONG = {"options": {"dpi": 300}}


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def arguments(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


class Held(Case):
    """Helpers for conversions whose engine stands still."""

    def begin(self, filename="numbers.pdf", **fields):
        """The id of a conversion that runs, its engine held."""
        id = self.daemon.submit(filename, "png", sample("numbers.pdf"), **(LONG | fields))
        self.hold(id)
        return id

    def hold(self, id, attempt=1):
        """Stops the engine of this attempt or a later one; its processes."""
        self.daemon.wait(id, lambda s: s["status"] == "processing" and s["attempt"] >= attempt)
        engines = eventually(self.engines, "an engine runs")
        send(engines, signal.SIGSTOP)
        return engines

    def engines(self):
        """Not those that are asked for their version only."""
        return {pid for pid, name in self.daemon.engines().items() if name == "pdftoppm" and b"-v" not in arguments(pid)}

    def let_go(self):
        send(self.engines(), signal.SIGCONT)

    def assertGone(self, pids):
        self.assertFalse(pids & set(descendants(self.daemon.pid())), "processes that have outlived their attempt")


class Interruptions(Held):
    """With one attempt a single failure would be the end."""

    options = {"slots": 1, "attempts": 1, "drain_timeout": "100ms"}

    def reload(self):
        os.kill(self.daemon.pid(), signal.SIGHUP)
        eventually(lambda: self.daemon.log().count("reload:") > self.reloads, "it has read its configuration")
        self.reloads += 1

    def drain(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()

    def two_terms(self):
        pid = self.daemon.pid()
        send([pid], signal.SIGTERM)
        send([pid], signal.SIGTERM)
        self.daemon.process.wait(harness.PATIENCE)
        self.daemon.process = None
        self.daemon.start()

    def crash(self):
        self.daemon.kill9()
        self.daemon.start()

    def lose_runner(self):
        runner = [pid for pid, name in descendants(self.daemon.pid()).items() if name == "convd-runner"]
        send(runner, signal.SIGKILL)
        eventually(lambda: not set(runner) & set(descendants(self.daemon.pid())), "the runner is gone")

    def test_none_is_a_failed_attempt(self):
        self.reloads = 0
        for interrupt in (self.reload, self.drain, self.two_terms, self.crash, self.lose_runner):
            with self.subTest(interrupt.__name__):
                id = self.begin()
                attempt = self.daemon.status(id)["attempt"]
                for _ in range(3):
                    interrupt()
                    if interrupt != self.reload:
                        attempt += 1
                    self.hold(id, attempt)
                self.let_go()
                status = self.daemon.wait(id)
                self.assertCompleted(status)
                self.assertEqual(status["attempt"], attempt)


class Crashes(Held):
    options = {"slots": 1}

    def crash(self, id):
        for attempt in (1, 2, 3):
            engines = self.hold(id, attempt)
            send(engines, signal.SIGSEGV)
            send(engines, signal.SIGCONT)
            status = self.daemon.wait(id, lambda s: s["status"] == "error" or s["attempt"] > attempt)
        return status

    def test_a_document_that_crashes_its_engine_three_times_is_kept_from_it(self):
        id = self.daemon.submit("bad.pdf", "png", sample("numbers.pdf") + b"\n%bad\n", **LONG)
        self.assertFailed(self.crash(id), "engine_crashed")
        for restart in (False, True):
            if restart:
                self.daemon.kill9()
                self.daemon.start()
            status = self.daemon.convert("again.pdf", "png", sample("numbers.pdf") + b"\n%bad\n", **LONG)
            self.assertFailed(status, "engine_crashed")
            self.assertIs(status["error_info"]["retryable"], False)
            self.assertIn("3 times", status["error"])
            self.assertRegex(status["error"], r"not given it again before \d{4}-\d\d-\d\dT")
            self.assertEqual(status["attempt"], 0)
        self.assertCompleted(self.daemon.convert("good.pdf", "png", sample("numbers.pdf")))


class Times(Held):
    options = {"slots": 1, "stall_timeout": "60s"}

    def test_a_deadline_in_the_queue(self):
        running = self.begin()
        late = self.daemon.submit("guide.md", "html", deadline_ms=300)
        status = self.daemon.wait(late)
        self.assertFailed(status, "timed_out")
        self.assertEqual((status["attempt"], status["error_info"]["stage"]), (0, "queued"))
        self.assertEqual(self.daemon.status(running)["status"], "processing")
        self.let_go()
        self.assertCompleted(self.daemon.wait(running))

    def test_the_timeout_of_an_attempt(self):
        id = self.daemon.submit("numbers.pdf", "png", attempt_timeout_ms=5000, **LONG)
        engines = self.hold(id)
        status = self.daemon.wait(id)
        self.assertFailed(status, "timed_out")
        self.assertEqual(status["attempt"], 1)
        self.assertGone(engines)
        self.assertCompleted(self.daemon.convert("guide.md", "html"))

    def test_a_stall_is_tried_once_more(self):
        id = self.daemon.submit("numbers.pdf", "png", stall_timeout_ms=1000, **LONG)
        engines = self.hold(id, 1) | self.hold(id, 2)
        status = self.daemon.wait(id)
        self.assertFailed(status, "stalled")
        self.assertEqual(status["attempt"], 2)
        self.assertGone(engines)
        self.assertCompleted(self.daemon.convert("guide.md", "html"))


class Cancel(Held):
    options = {"slots": 1}

    def test_the_tree_is_gone_and_the_next_one_starts(self):
        for held in (True, False):
            with self.subTest(held=held):
                id = self.begin()
                engines = self.engines()
                if not held:
                    self.let_go()
                waiting = self.daemon.submit("guide.md", "html")
                self.assertEqual(self.daemon.status(waiting)["status"], "pending")
                answer = self.daemon.post(f"/v1/conversions/{id}/cancel", {})
                self.assertEqual((answer.status, answer.json()["status"]), (200, "cancelled"), answer)
                self.assertGone(engines)
                self.assertCompleted(self.daemon.wait(waiting))


class Leaving(Held):
    """One who waits for the answer and leaves before it takes the conversion along."""

    options = {"slots": 1}

    def ask(self, path, address, **headers):
        body = json.dumps({"filename": "wanted.md", "to": "html"}).encode()
        lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        connection = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(connection.close)
        connection.settimeout(harness.PATIENCE)
        connection.connect(address)
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return connection

    def newest(self, tcp):
        """Or a stand-in when there is none."""
        listed = self.daemon.http("GET", "/v1/conversions?limit=1", tcp=tcp).json()["conversions"]
        return listed[0] if listed else {"id": None, "filename": None}

    def accepted(self, tcp):
        """The conversion just asked for, once it is there."""
        return eventually(lambda: (c := self.newest(tcp))["filename"] == "wanted.md" and c["status"] == "pending" and c,
                          "it is accepted")["id"]

    def status(self, id, tcp):
        return self.daemon.http("GET", f"/conversion-status/{id}", tcp=tcp).json()

    def test_who_waits_and_leaves(self):
        blocker = self.begin()
        for tcp in (False, True):
            with self.subTest(tcp=tcp):
                address = ("127.0.0.1", self.daemon.port) if tcp else self.daemon.socket
                self.daemon.http("POST", "/documents?name=wanted.md", sample("guide.md"), tcp=tcp)
                connection = self.ask("/v1/conversions", address, Prefer="wait=60")
                id = self.accepted(tcp)
                connection.close()
                eventually(lambda: self.status(id, tcp)["status"] == "cancelled", "its conversion is cancelled")

                stays = []
                connection = self.ask("/v1/conversions", address)
                self.assertIn(b" 202 ", connection.recv(65536))
                connection.close()
                stays.append(self.newest(tcp)["id"])
                connection = self.ask("/v1/conversions", address, Prefer="wait=1")
                self.assertIn(b" 202 ", connection.recv(65536))
                connection.close()
                stays.append(self.newest(tcp)["id"])
                before = self.newest(tcp)["id"]
                connection = self.ask("/convert", address, Prefer="wait=60")
                connection.close()
                stays.append(eventually(lambda: (c := self.newest(tcp)["id"]) != before and c, "it is accepted"))
                # Another one who leaves, so that the daemon has had every reason to look at the others.
                connection = self.ask("/v1/conversions", address, Prefer="wait=60")
                id = eventually(lambda: (c := self.newest(tcp)["id"]) != stays[-1] and c, "it is accepted")
                connection.close()
                eventually(lambda: self.status(id, tcp)["status"] == "cancelled", "its conversion is cancelled")
                for id in stays:
                    self.assertEqual(self.status(id, tcp)["status"], "pending")
        self.assertEqual(self.daemon.status(blocker)["status"], "processing")

        # Who has only ended the sending half is still there, as far as the local socket can tell.
        connection = self.ask("/v1/conversions", self.daemon.socket, Prefer="wait=60")
        connection.shutdown(socket.SHUT_WR)
        self.accepted(False)
        self.let_go()
        self.assertIn(b" 200 OK", connection.recv(65536))


if __name__ == "__main__":
    harness.main()
