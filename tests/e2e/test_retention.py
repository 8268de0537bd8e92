"""What goes after its time, what an org may store, what nobody owns, what is damaged, and a disk without room."""

import contextlib
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import unittest

import harness
from harness import Case, Daemon, eventually, sample

needs_root = unittest.skipUnless(os.geteuid() == 0, "only root can mount a small file system")


def page(letter, size=20_000):
    """Markdown that becomes HTML of about that size."""
    return (f"# {letter}\n\n" + (letter * 60 + "\n") * (size // 61)).encode()


def setUpModule():
    """What goes by age or size is looked for every ten seconds: all of it is begun now, and waits together."""
    for story in (ByAge, BySize, Documents):
        story.daemon = Daemon(config=story.config, **story.options).start()
        unittest.addModuleCleanup(story.daemon.close)
        story.begin()


class Begun(Case):
    @classmethod
    def setUpClass(cls):
        pass


class ByAge(Begun):
    config = "keep_history = 1h\n"

    @classmethod
    def begin(cls):
        cls.before = cls.daemon.convert("numbers.pdf", "png")
        cls.daemon.reload("keep_history = 1h\nkeep_results = 1s\n")

    def test_gone_says_when_and_why(self):
        before, id = self.before, self.before["id"]
        self.assertCompleted(before)
        part = before["result"]["parts"][0]["name"]
        answer = eventually(lambda: (a := self.daemon.result(id)).status == 410 and a, "the result goes")
        problem = self.assertProblem(answer, 410, "result_gone")
        after = self.daemon.status(id)
        self.assertIn(after["result"]["gone_at"], problem["detail"])
        self.assertIn("keep_results", problem["detail"])

        path = f"/v1/conversions/{id}/result"
        self.assertProblem(self.daemon.result(id, part), 410, "result_gone")
        self.assertProblem(self.daemon.get(path, Range="bytes=0-9"), 410, "result_gone")
        self.assertProblem(self.daemon.get(path, If_None_Match=f'"{before["result"]["sha256"]}"'), 410, "result_gone")
        head = self.daemon.http("HEAD", path)
        self.assertEqual((head.status, head.body), (410, b""))

        # Of the status object only that has changed.
        self.assertEqual(after["rev"], before["rev"] + 1)
        del after["result"]["gone_at"]
        self.assertEqual(after | {"rev": before["rev"]}, before)
        eventually(lambda: not (self.daemon.state / "results" / id).exists(), "the files go")

        told = self.daemon.convctl("result", id, "-o", "-")
        self.assertEqual(told.returncode, 66, told)
        self.assertIn(problem["detail"], told.stderr.decode())
        events = self.daemon.convctl("events", "--since", "all", "--json").stdout.decode().splitlines()
        of_it = [event for event in map(json.loads, events) if event.get("subject") == id]
        self.assertEqual(of_it[-1]["type"], "conversion.result_removed")
        metrics = self.daemon.get("/metrics").body.decode()
        self.assertIn('convd_results_removed_total{reason="age"} ', metrics)
        self.assertEqual(self.daemon.get("/v1/usage").json()["results"], 0)


class BySize(Begun):
    options = {"results_limit": "50K", "slots": 1}

    @classmethod
    def begin(cls):
        cls.ids = [cls.daemon.convert(f"{c}.md", "html", page(c))["id"] for c in "abc"]

    def test_the_oldest_go_first(self):
        first, second, third = self.ids
        answer = eventually(lambda: (a := self.daemon.result(first)).status == 410 and a, "the oldest goes")
        self.assertIn("results_limit", answer.json()["detail"])
        self.assertEqual(self.daemon.result(second).status, 200)
        self.assertEqual(self.daemon.result(third).status, 200)


class Documents(Begun):
    config = ""

    @classmethod
    def begin(cls):
        cls.ended = cls.daemon.convert("a.md", "html", b"# a\n")["id"]
        cls.daemon.reload("keep_documents = 1s\nkeep_history = 2s\n")

    def test_what_nobody_uses_and_what_ended_long_ago(self):
        id = self.ended
        eventually(lambda: self.daemon.get("/documents/a.md").status == 404, "the document goes")
        eventually(lambda: self.daemon.get(f"/v1/conversions/{id}").status == 404, "the conversion goes")
        eventually(lambda: not any((self.daemon.state / "results").iterdir()), "its files go")
        eventually(lambda: not any((self.daemon.state / "blobs").glob("*/*")), "the bytes go")


class Quota(Case):
    config = "org_quota = 100K\norg_quota_of = uid:4242 1M\n"

    def setUp(self):
        self.addCleanup(self.empty)

    def empty(self):
        for document in self.daemon.get("/documents").json()["documents"]:
            self.daemon.http("DELETE", "/documents/" + document["name"])
        for conversion in self.daemon.get("/v1/conversions").json()["conversions"]:
            self.daemon.http("DELETE", "/v1/conversions/" + conversion["id"])

    def put(self, name, size):
        return self.daemon.http("POST", f"/documents?name={name}", b"x" * size)

    def test_refused_with_the_figures_and_removing_helps_at_once(self):
        self.assertEqual(self.put("a.md", 60_000).status, 201)
        problem = self.assertProblem(self.put("b.md", 60_000), 507, "quota_exceeded")
        for figure in ("60000", "102400"):
            self.assertIn(figure, problem["detail"])
        self.assertEqual(self.put("b.md", 42_400).status, 201)
        self.assertProblem(self.daemon.post("/convert", {"filename": "a.md", "to": "html"}), 507, "quota_exceeded")
        form = [("to", "html"), ("file", "c.md", "# c\n")]
        self.assertProblem(self.daemon.post_parts("/v1/conversions", form), 507, "quota_exceeded")
        usage = self.daemon.get("/v1/usage").json()
        self.assertEqual((usage["documents"], usage["bytes"], usage["quota"]), (2, 102_400, 102_400))
        self.assertFalse(usage["queue"]["accepting"])

        self.assertEqual(self.daemon.http("DELETE", "/documents/a.md").status, 204)
        self.assertEqual(self.put("c.md", 60_000).status, 201)

    def test_two_at_once_do_not_both_slip_through(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as slow:
            slow.connect(self.daemon.socket)
            slow.sendall(b"POST /documents?name=slow.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n" + b"x" * 1000)
            eventually(lambda: self.daemon.get("/v1/usage").json()["uploading_bytes"] >= 60_000, "the first is counted")
            self.assertProblem(self.put("b.md", 60_000), 507, "quota_exceeded")
            slow.sendall(b"x" * 59_000)
            response = http.client.HTTPResponse(slow)
            response.begin()
            self.assertEqual(response.status, 201)
        eventually(lambda: self.daemon.get("/v1/usage").json()["uploading_bytes"] == 0, "nothing is under way")

    def test_what_is_broken_off_counts_no_more(self):
        def uploading():
            return self.daemon.get("/v1/usage").json()["uploading_bytes"]

        def begin(wire, size):
            wire.connect(self.daemon.socket)
            wire.sendall(f"POST /documents?name=x.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: {size}\r\n\r\n".encode())

        # Another one is under way all the time: where there is none, nothing is counted anyway.
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as staying:
            begin(staying, 5_000)
            eventually(lambda: uploading() >= 5_000, "the first is counted")
            alone = uploading()
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as broken:
                begin(broken, 80_000)
                eventually(lambda: uploading() >= alone + 80_000, "it is counted")
            eventually(lambda: uploading() == alone, "it is counted no more")
        eventually(lambda: uploading() == 0, "nothing is counted")

    def test_convctl_usage(self):
        self.put("a.md", 51_200)
        table = self.daemon.convctl("usage").stdout.decode()
        rows = {line.split("\t")[0]: line.split("\t")[1:] for line in table.splitlines()}
        self.assertEqual(rows["documents"], ["1", "50.0 KiB", "kept until removed"])
        self.assertEqual(rows["results"][2], "kept for 7 days")
        self.assertEqual(rows["together"][1:], ["50.0 KiB", "of 100 KiB (50%)"])
        document = json.loads(self.daemon.convctl("usage", "--json").stdout)
        self.assertEqual((document["schema"], document["bytes"]), ("convctl.v1/usage", 51_200))
        refused = self.daemon.convctl("convert", "-", "--from", "md", "--to", "html", "-o", "-", stdin=b"x" * 60_000)
        self.assertEqual(refused.returncode, 77, refused)
        self.assertIn(b"102400", refused.stderr)


class Leftovers(unittest.TestCase):
    def test_what_nobody_owns_goes_after_a_start_and_nothing_else(self):
        with Daemon() as daemon:
            kept = daemon.convert("a.md", "html", b"# kept\n")
            daemon.kill9()
            for number in range(1_000):
                folder = daemon.state / "results" / f"left-over-{number}"
                folder.mkdir()
                (folder / "x.html").write_text("x")
            sha256 = hashlib.sha256(b"nobody's").hexdigest()
            blob = daemon.state / "blobs" / sha256[:2] / sha256
            blob.parent.mkdir(exist_ok=True)
            blob.write_bytes(b"nobody's")
            (daemon.state / "incoming" / "half").write_bytes(b"half")
            daemon.start()
            eventually(lambda: os.listdir(daemon.state / "results") == [kept["id"]], "the results of nobody go")
            eventually(lambda: not blob.exists() and daemon.spool() == [], "the rest goes")
            self.assertIn(b"kept", daemon.result(kept["id"]).body)
            self.assertEqual(daemon.get("/documents/a.md").body, b"# kept\n")
            counted = 'convd_leftovers_removed_total{kind="result"} 1000\n'
            eventually(lambda: counted in daemon.get("/metrics").body.decode(), "they are counted")


class Damage(Case):
    def setUp(self):
        self.status = self.daemon.convert("a.md", "html", b"# the very bytes\n")
        self.path = self.daemon.state / "results" / self.status["id"] / self.status["result"]["name"]

    def refused(self):
        path = f"/v1/conversions/{self.status['id']}/result"
        self.assertProblem(self.daemon.get(path), 500, "result_damaged")
        self.assertProblem(self.daemon.get(path, Range="bytes=0-3"), 500, "result_damaged")
        self.assertEqual(self.daemon.http("HEAD", path).status, 500)
        self.assertEqual(self.daemon.convctl("result", self.status["id"], "-o", "-").returncode, 70)

    def flip(self):
        data = bytearray(self.path.read_bytes())
        data[len(data) // 2] ^= 1
        self.path.write_bytes(data)

    def test_a_flipped_bit(self):
        self.assertEqual(self.daemon.result(self.status["id"]).status, 200)
        self.flip()
        self.refused()
        self.assertRegex(self.daemon.get("/metrics").body.decode(), r"convd_results_damaged_total [1-9]")

    def test_a_bit_that_flipped_by_itself_while_convd_was_away(self):
        facts = self.path.stat()
        self.daemon.stop()
        self.flip()
        os.utime(self.path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        self.daemon.start()
        self.refused()

    def test_short_or_missing(self):
        os.truncate(self.path, 5)
        self.refused()
        self.path.unlink()
        self.refused()

    def test_a_sound_one_is_served_after_a_start_also_in_parts(self):
        self.daemon.stop()
        self.daemon.start()
        part = self.daemon.get(f"/v1/conversions/{self.status['id']}/result", Range="bytes=0-3")
        self.assertEqual((part.status, part.body), (206, self.path.read_bytes()[:4]))


class BrokenDatabase(unittest.TestCase):
    def test_refused_with_the_way_back_and_left_as_it_is(self):
        with Daemon() as daemon:
            daemon.convert("a.md", "html", b"# a\n")
            daemon.stop()
            database = daemon.state / "convd.db"
            copy = database.read_bytes()
            broken = copy[: 4096 * 3] + b"\xa5" * 8192 + copy[4096 * 5 :]
            database.write_bytes(broken)
            run = subprocess.run(daemon.command, env=daemon.env, capture_output=True, timeout=harness.PATIENCE, check=False)
            self.assertEqual(run.returncode, 69)
            self.assertIn("is damaged", run.stderr.decode())
            self.assertIn("restore", run.stderr.decode())
            self.assertEqual(database.read_bytes(), broken)
            database.write_bytes(copy)
            daemon.start()
            self.assertEqual(daemon.get("/documents/a.md").body, b"# a\n")


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder], check=True)
    try:
        yield folder / "filler"
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    """To the last byte."""
    with open(path, "ab", buffering=0) as filler:
        size = 1 << 20
        while size:
            try:
                filler.write(b"f" * size)
            except OSError:
                size //= 2


@needs_root
class FullDisk(Case):
    @classmethod
    def setUpClass(cls):
        """The daemon of each test is its own."""

    def setUp(self):
        folder = pathlib.Path(harness.tempfile.mkdtemp(prefix="convd-e2e.", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.filler = self.enterContext(small_disk(folder / "state", "64m"))
        self.daemon = self.enterContext(Daemon(folder=folder, disk_floor="16M", slots=1))

    def refused(self):
        put = self.daemon.http("POST", "/documents?name=new.md", b"# new\n")
        self.assertProblem(put, 507, "disk_full")
        self.assertProblem(self.daemon.post("/v1/conversions", {"filename": "a.md", "to": "html"}), 507, "disk_full")
        self.assertProblem(self.daemon.post_parts("/convert", [("file", "n.md", "# n\n")]), 507, "disk_full")

    def test_full_to_the_last_byte_while_conversions_run(self):
        done = self.daemon.convert("a.md", "html", page("a"))["id"]
        waiting = [self.daemon.submit("numbers.pdf", "png") for _ in range(5)]
        last = harness.Held(self.daemon, waits=True)
        fill(self.filler)
        self.refused()
        note = {"text": "is there room?"}
        self.assertProblem(self.daemon.post(f"/v1/conversions/{done}/notes", note), 507, "disk_full")
        self.assertProblem(self.daemon.http("POST", f"/v1/conversions/{done}/retry"), 507, "disk_full")
        ready = self.daemon.get("/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn("[-] disk", ready.body.decode())

        # Reading, cancelling, removing.
        self.assertEqual(self.daemon.result(done).status, 200)
        self.assertEqual(self.daemon.get("/documents/a.md").body, page("a"))
        self.assertEqual(self.daemon.get("/v1/conversions").status, 200)
        last.cancel()
        self.assertEqual(self.daemon.http("DELETE", f"/v1/conversions/{waiting[-1]}").status, 204)
        waiting.pop()
        self.assertEqual(self.daemon.http("DELETE", f"/v1/conversions/{done}").status, 204)
        self.assertEqual(self.daemon.result(done).status, 404)
        self.assertEqual(self.daemon.http("DELETE", "/documents/a.md").status, 204)

        # What was said once is not said with every request.
        self.assertEqual(self.daemon.log().count("nothing new is accepted"), 1, self.daemon.log())

        self.filler.unlink()
        eventually(lambda: self.daemon.get("/readyz").status == 200, "it recovers by itself")
        self.assertCompleted(self.daemon.convert("b.md", "html", b"# b\n"))
        for id in waiting:
            self.daemon.wait(id)
        self.assertIn("new work is accepted again", self.daemon.log())
        eventually(lambda: (self.daemon.state / "reserve").stat().st_blocks * 512 >= 8 << 20, "it has its reserve again")

    def test_it_starts_on_a_full_disk_and_lets_things_be_removed(self):
        done = self.daemon.convert("a.md", "html", page("a"))["id"]
        self.daemon.kill9()
        fill(self.filler)
        self.daemon.start()
        self.refused()
        self.assertEqual(self.daemon.result(done).status, 200)
        self.assertEqual(self.daemon.http("DELETE", f"/v1/conversions/{done}").status, 204)
        self.filler.unlink()
        eventually(lambda: self.daemon.get("/readyz").status == 200, "it recovers by itself")
        self.assertCompleted(self.daemon.convert("b.md", "html", b"# b\n"))


if __name__ == "__main__":
    harness.main()
