"""Attempts: what interrupts them, what ends them, and whom it concerns. Engines wait at gates, and are brought down from
outside."""

import json
import os
import signal
import socket

import harness
from harness import Case, Held, descendants, eventually, sample


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class HeldCase(Case):
    def assertGone(self, pids):
        self.assertFalse(set(pids) & set(descendants(self.daemon.pid())), "processes that have outlived their attempt")


class Interruptions(HeldCase):
    """With one attempt a single failure would be the end."""

    options = {"slots": 1, "attempts": 1, "drain_timeout": "100ms"}

    def reload(self):
        before = self.daemon.log().count("reload:")
        os.kill(self.daemon.pid(), signal.SIGHUP)
        eventually(lambda: self.daemon.log().count("reload:") > before, "it has read its configuration")

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
        runner = harness.runner_of(self.daemon)
        os.kill(runner, signal.SIGKILL)
        eventually(lambda: runner not in descendants(self.daemon.pid()), "the runner is gone")

    def test_none_is_a_failed_attempt(self):
        for interrupt in (self.reload, self.drain, self.two_terms, self.crash, self.lose_runner):
            with self.subTest(interrupt.__name__):
                held = Held(self.daemon)
                attempt = self.daemon.status(held.id)["attempt"]
                for _ in range(3):
                    interrupt()
                    if interrupt != self.reload:
                        attempt += 1
                    held.runs(attempt)
                held.go_on()
                status = self.daemon.wait(held.id)
                self.assertCompleted(status)
                self.assertEqual(status["attempt"], attempt)


class Crashes(HeldCase):
    options = {"slots": 1}

    def crash(self, held):
        for attempt in (1, 2, 3):
            held.runs(attempt)
            send(held.engines(), signal.SIGSEGV)
            status = self.daemon.wait(held.id, lambda s: s["status"] == "error" or s["attempt"] > attempt)
        return status

    def test_a_document_that_crashes_its_engine_three_times_is_kept_from_it(self):
        held = Held(self.daemon)
        self.assertFailed(self.crash(held), "engine_crashed")
        held.go_on()  # it would not be in anybody's way any more
        for restart in (False, True):
            if restart:
                self.daemon.kill9()
                self.daemon.start()
            status = self.daemon.convert("again.gated", "txt", held.gate.encode())
            self.assertFailed(status, "engine_crashed")
            self.assertIs(status["error_info"]["retryable"], False)
            self.assertIn("3 times", status["error"])
            self.assertRegex(status["error"], r"not given it again before \d{4}-\d\d-\d\dT")
            self.assertEqual(status["attempt"], 0)
        good = Held(self.daemon, waits=True)
        good.go_on()
        self.assertCompleted(self.daemon.wait(good.id))


class Times(HeldCase):
    options = {"slots": 1}

    def test_a_deadline_in_the_queue(self):
        running = Held(self.daemon)
        late = self.daemon.submit("guide.md", "html", deadline_ms=300)
        status = self.daemon.wait(late)
        self.assertFailed(status, "timed_out")
        self.assertEqual((status["attempt"], status["error_info"]["stage"]), (0, "queued"))
        self.assertEqual(self.daemon.status(running.id)["status"], "processing")
        running.go_on()
        self.assertCompleted(self.daemon.wait(running.id))

    def test_the_timeout_of_an_attempt(self):
        held = Held(self.daemon, waits=True, attempt_timeout_ms=2000)
        status = self.daemon.wait(held.id)
        self.assertFailed(status, "timed_out")
        self.assertEqual(status["attempt"], 1)
        self.assertFalse(held.engines(), "it is gone")
        self.assertCompleted(self.daemon.convert("guide.md", "html"))

    def test_a_stall_is_tried_once_more(self):
        held = Held(self.daemon, waits=True, stall_timeout_ms=1000)
        status = self.daemon.wait(held.id)
        self.assertFailed(status, "stalled")
        self.assertEqual(status["attempt"], 2)
        self.assertFalse(held.engines(), "they are gone")
        self.assertCompleted(self.daemon.convert("guide.md", "html"))


class Cancel(HeldCase):
    options = {"slots": 1}

    def test_the_tree_is_gone_and_the_next_one_starts(self):
        for stopped in (True, False):
            with self.subTest(stopped=stopped):
                held = Held(self.daemon)
                engines = held.engines()
                self.assertTrue(engines)
                if stopped:
                    send(engines, signal.SIGSTOP)
                waiting = self.daemon.submit("guide.md", "html")
                self.assertEqual(self.daemon.status(waiting)["status"], "pending")
                held.cancel()
                self.assertGone(engines)
                self.assertCompleted(self.daemon.wait(waiting))


class Leaving(HeldCase):
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
        blocker = Held(self.daemon)
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
                    self.daemon.http("POST", f"/v1/conversions/{id}/cancel", tcp=tcp)
        self.assertEqual(self.daemon.status(blocker.id)["status"], "processing")

        # Who has only ended the sending half is still there, as far as the local socket can tell.
        connection = self.ask("/v1/conversions", self.daemon.socket, Prefer="wait=60")
        connection.shutdown(socket.SHUT_WR)
        self.accepted(False)
        blocker.go_on()
        self.assertIn(b" 200 OK", connection.recv(65536))


if __name__ == "__main__":
    harness.main()
