"""kill -9 in the middle of a batch: what was accepted is finished after the restart, and ends exactly once."""

import collections
import contextlib
import os
import select
import signal

import harness
from harness import Case, Held, Processes, TERMINAL, descendants, eventually, sample

BATCH = 20
RECOVERED = 1 << 20  # what a recovery adds to rev


class KilledInABatch(Case):
    options = {"slots": 2}

    def test_twenty_results_and_one_end_each(self):
        self.daemon.upload("numbers.pdf", sample("numbers.pdf"))
        # Some are done, two run and are held where they are, the rest waits: then the power goes.
        numbers = [self.submit() for _ in range(4)]
        held = [Held(self.daemon) for _ in range(2)]
        numbers += [self.submit() for _ in range(BATCH - 6)]
        running = {one.id for one in held}
        ids = [*numbers[:4], *running, *numbers[4:]]
        states = [self.daemon.status(id)["status"] for id in ids]
        self.assertEqual(states, ["completed"] * 4 + ["processing"] * 2 + ["pending"] * (BATCH - 6))
        self.assertEqual(len(held[0].engines()), 2)
        children = Processes(descendants(self.daemon.pid()))
        self.addCleanup(children.close)
        self.daemon.kill9()
        eventually(children.gone, "no child outlives the daemon")

        for one in held:
            one.go_on()
        self.daemon.start()
        for id in ids:
            with self.subTest(id):
                result = self.assertCompleted(self.daemon.wait(id))
                self.assertEqual(self.daemon.result(id).headers["ETag"], f'"{result["sha256"]}"')
                if id not in running:
                    self.assertEqual(len(result["parts"]), 12)
        for id in running:
            self.assertGreaterEqual(self.daemon.status(id)["rev"], RECOVERED, "it was running when the daemon died")
            self.assertIsNone(self.daemon.status(id)["error"])
        self.assertEqual(self.daemon.spool(), [])
        self.assertEqual(self.daemon.stop(), 0)
        self.check_log(ids)
        self.daemon.start()

    def submit(self):
        answer = self.daemon.post("/v1/conversions", {"filename": "numbers.pdf", "to": "png", "options": {"dpi": 100}})
        self.assertEqual(answer.status, 202, answer)
        return answer.json()["id"]

    def check_log(self, ids):
        """Exactly one terminal event for each conversion, and it is the last one."""
        with self.daemon.database() as database:
            rows = database.execute(
                "SELECT subject, type, seq FROM events WHERE service = 'conversion' ORDER BY org, seq"
            ).fetchall()
        database.close()
        types = collections.defaultdict(list)
        for subject, type, _ in rows:
            types[subject].append(type.removeprefix("conversion."))
        for id in ids:
            ends = [type for type in types[id] if type in TERMINAL]
            self.assertEqual(ends, ["completed"], types[id])
            self.assertEqual(types[id][-1], "completed")
        seqs = [seq for _, _, seq in rows]
        self.assertEqual(len(seqs), len(set(seqs)))


class KilledAgainAndAgain(Case):
    options = {"slots": 2}

    @harness.long
    def test_five_times(self):
        ids = [self.daemon.submit(f"again-{n}.md", "html", sample("guide.md")) for n in range(10)]
        ids += [self.daemon.submit("numbers.pdf", "png", options={"dpi": 150}) for _ in range(4)]
        for _ in range(5):
            self.daemon.kill9()
            self.daemon.start()
        for id in ids:
            # A restart is not a failed attempt: five of them exhaust nobody.
            self.assertCompleted(self.daemon.wait(id))

    def test_a_watcher_who_returns_sees_only_newer_states(self):
        held = Held(self.daemon)
        before = self.daemon.status(held.id)
        self.daemon.kill9()
        self.daemon.start()
        frames, code = self.daemon.watched(held.id, lambda _: held.go_on())
        self.assertGreater(frames[0]["rev"], before["rev"])
        self.assertEqual(frames[-1]["status"], "completed")
        self.assertEqual(code, 1000)


class LeftBehind(Case):
    def test_a_runner_that_stands_still_goes_with_its_daemon(self):
        runner = harness.runner_of(self.daemon)
        process = os.pidfd_open(runner)
        self.addCleanup(os.close, process)
        os.kill(runner, signal.SIGSTOP)
        self.daemon.kill9()
        try:
            eventually(lambda: select.select([process], [], [], 1)[0], "the runner goes")
        finally:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        self.daemon.start()


class Results(Case):
    def test_results_and_documents_survive(self):
        status = self.daemon.convert("keep.md", "html", sample("guide.md"))
        body = self.daemon.result(status["id"]).body
        self.daemon.kill9()
        self.daemon.start()
        again = self.daemon.status(status["id"])
        self.assertEqual({key: again[key] for key in again if key not in ("rev", "position", "eta_ms")},
                         {key: status[key] for key in status if key not in ("rev", "position", "eta_ms")})
        self.assertEqual(self.daemon.result(status["id"]).body, body)
        self.assertEqual(self.daemon.get("/documents/keep.md").body, sample("guide.md"))

    def test_half_an_upload_is_swept(self):
        import socket

        head = b"POST /documents?name=half.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 70000
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sender:
            sender.connect(self.daemon.socket)
            sender.sendall(head)
            eventually(self.daemon.spool, "the upload has begun")
            self.daemon.kill9()
        self.daemon.start()
        eventually(lambda: self.daemon.spool() == [], "what nobody receives is removed, while the daemon serves already")
        self.assertProblem(self.daemon.get("/documents/half.md"), 404, "document_not_found")


if __name__ == "__main__":
    harness.main()
