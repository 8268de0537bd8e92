"""kill -9 in the middle of a batch: what was accepted is finished after the restart, and ends exactly once."""

import collections
import contextlib
import os
import select
import signal

import harness
from harness import Case, TERMINAL, descendants, eventually, sample

BATCH = 20
RECOVERED = 1 << 20  # what a recovery adds to rev


class KilledInABatch(Case):
    options = {"slots": 2}

    def processing(self):
        return self.daemon.get("/v1/conversions?status=processing&limit=50").json()["conversions"]

    def test_twenty_results_and_one_end_each(self):
        self.daemon.upload("numbers.pdf", sample("numbers.pdf"))
        request = {"filename": "numbers.pdf", "to": "png", "options": {"dpi": 100}}
        ids = []
        for _ in range(BATCH):
            answer = self.daemon.post("/v1/conversions", request)
            self.assertEqual(answer.status, 202, answer)
            ids.append(answer.json()["id"])
        # Some are done, two run and are held where they are, the rest waits: then the power goes.
        self.daemon.wait(ids[0])
        eventually(self.hold_two, "two engines run at the same time")
        running = {status["id"] for status in self.processing()}
        self.assertGreaterEqual(len(running), 2)
        children = descendants(self.daemon.pid())
        self.daemon.kill9()
        eventually(lambda: not any(os.path.exists(f"/proc/{pid}/exe") for pid in children), "no child outlives the daemon")

        self.daemon.start()
        for id in ids:
            with self.subTest(id):
                result = self.assertCompleted(self.daemon.wait(id))
                self.assertEqual(self.daemon.result(id).headers["ETag"], f'"{result["sha256"]}"')
                self.assertEqual(len(result["parts"]), 12)
        for id in running:
            self.assertGreaterEqual(self.daemon.status(id)["rev"], RECOVERED, "it was running when the daemon died")
            self.assertIsNone(self.daemon.status(id)["error"])
        self.assertEqual(self.daemon.spool(), [])
        self.assertEqual(self.daemon.stop(), 0)
        self.check_log(ids)
        self.daemon.start()

    def hold_two(self):
        """Stops the engines of two conversions, so that they still run when the daemon dies."""
        engines = self.daemon.engines()
        if len(self.processing()) < 2 or len(engines) < 2:
            return False
        for pid in engines:
            try:
                os.kill(pid, signal.SIGSTOP)
            except ProcessLookupError:
                pass
        if len(self.processing()) >= 2 and len(self.daemon.engines()) >= 2:
            return True
        for pid in engines:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        return False

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
        id = self.daemon.submit("numbers.pdf", "png", options={"dpi": 200})
        before = self.daemon.wait(id, lambda status: status["status"] == "processing")
        self.daemon.kill9()
        self.daemon.start()
        frames, code = self.daemon.watched(id)
        self.assertGreater(frames[0]["rev"], before["rev"])
        self.assertEqual(frames[-1]["status"], "completed")
        self.assertEqual(code, 1000)


class LeftBehind(Case):
    def test_a_runner_that_stands_still_goes_with_its_daemon(self):
        runner = next(pid for pid, name in descendants(self.daemon.pid()).items() if name == "convd-runner")
        process = os.pidfd_open(runner)
        self.addCleanup(os.close, process)
        os.kill(runner, signal.SIGSTOP)
        self.daemon.kill9()
        try:
            eventually(lambda: select.select([process], [], [], 1)[0], "the runner goes", 60)
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
