"""convctl against the real daemon: results on stdout, everything else on stderr, an exit status for scripts."""

import json
import os
import pathlib
import signal
import subprocess
import threading
import unittest

import harness
from harness import Case, SAMPLES

ID = rb"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n$"


class Convctl(Case):
    def setUp(self):
        self.folder = self.new_folder()

    def run_well(self, *args, **kwargs):
        done = self.daemon.convctl(*args, cwd=self.folder, **kwargs)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertNotIn(b"\x1b", done.stdout + done.stderr, "no escape codes unless it is a terminal")
        return done

    def test_one(self):
        out = self.folder / "out.pdf"
        done = self.run_well("convert", str(SAMPLES / "report.docx"), "--to", "pdf", "-o", str(out))
        self.assertEqual(done.stdout.decode(), f"{out}\n")
        self.assertTrue(out.read_bytes().startswith(b"%PDF-"))

    def test_many(self):
        files = [str(SAMPLES / name) for name in ("report.md", "letter.md", "guide.md")]
        done = self.run_well("convert", *files, "--to", "html", "--output-dir", "made")
        self.assertEqual(sorted(pathlib.Path(line).name for line in done.stdout.decode().splitlines()),
                         ["guide.html", "letter.html", "report.html"])
        for line in done.stdout.decode().splitlines():
            self.assertIn(b"<p", (self.folder / line).read_bytes())

    def test_some_failed(self):
        (self.folder / "empty.docx").touch()
        done = self.daemon.convctl("convert", str(SAMPLES / "report.docx"), "empty.docx", "--to", "pdf", "--output-dir", ".", cwd=self.folder)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertTrue((self.folder / "report.pdf").exists())
        self.assertIn(b"empty.docx", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root, for a hosts file of its own")
    def test_a_name_with_two_addresses(self):
        """The first one refuses; over HTTP and over the WebSocket it is the second, then."""
        hosts = self.folder / "hosts"
        hosts.write_text("::1 localhost\n127.0.0.1 localhost\n")
        url = f"http://localhost:{self.daemon.port}"
        script = f"mount --bind {hosts} /etc/hosts && exec \"$0\" --url {url} convert {SAMPLES / 'guide.md'} --to html -o out.html"
        done = subprocess.run(["unshare", "--mount", "sh", "-c", script, str(self.daemon.bin_dir / "convctl")], cwd=self.folder,
                              capture_output=True, timeout=harness.PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, b"out.html\n"), done.stderr)

    def test_stdin_to_stdout(self):
        done = self.run_well("convert", "-", "--from", "md", "--to", "html", "-o", "-", stdin=b"# From *standard* input\n")
        self.assertIn(b"<em>standard</em>", done.stdout)

    def test_detached_then_wait_and_result(self):
        done = self.run_well("convert", "-d", str(SAMPLES / "guide.md"), "--to", "html")
        self.assertRegex(done.stdout, ID)
        id = done.stdout.decode().strip()
        self.run_well("wait", id)
        self.assertEqual(self.daemon.status(id)["status"], "completed")
        self.run_well("result", id, "-o", "got.html")
        self.assertEqual((self.folder / "got.html").read_bytes(), self.daemon.result(id).body)

    def test_watch_ends_with_the_fate(self):
        id = self.daemon.submit("report.docx", "pdf")
        self.run_well("watch", id)
        bad = self.daemon.submit("bad.docx", "pdf", b"\x01\x02\x03" * 999)
        self.assertEqual(self.daemon.convctl("watch", bad).returncode, 65)

    def test_status_as_json(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        status = json.loads(self.run_well("status", id, "--json").stdout)
        self.assertTrue(status["schema"].startswith("convctl.v1/"), status)
        self.assertIn(id, json.dumps(status))
        self.assertIn("completed", json.dumps(status))

    def test_tables(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        self.assertIn(id.encode(), self.run_well("status").stdout)
        self.assertIn(b"guide.md", self.run_well("ls").stdout)
        self.assertIn(b"docx", self.run_well("formats").stdout)
        self.assertIn(b"pandoc", self.run_well("engines").stdout)
        self.assertTrue(self.run_well("metrics").stdout)

    def test_doctor(self):
        lines = self.run_well("doctor").stdout.decode().splitlines()
        found = {line[6:].split(":")[0]: line for line in lines}
        self.assertIn(f"answers at socket {self.daemon.socket}", found["daemon"])
        for name in ("version", "caller", "store", "runner", "sandbox", "users", "memory", "pandoc", "fonts", "disk"):
            self.assertRegex(found[name], f"^(OK|WARN)  +{name}: .")
        self.assertIn(f"uid:{os.getuid()}, an operator", found["caller"])
        self.assertIn(f"{self.daemon.state} is on ", found["state"])
        self.assertIn(f"{self.daemon.socket}, 127.0.0.1:{self.daemon.port}", found["listening"])

    def test_doctor_tells_a_stranger_no_paths(self):
        answer = self.run_well("doctor", "--json", "--url", f"http://127.0.0.1:{self.daemon.port}").stdout.decode()
        document = json.loads(answer)
        self.assertEqual(document["caller"], {"principal": "local", "operator": False})
        self.assertIs(document["healthy"], True)
        self.assertNotIn(str(self.daemon.folder), answer)

    def test_every_json_is_json(self):
        self.daemon.convert("guide.md", "html")
        for command in ("status", "ls", "formats", "engines", "metrics", "doctor", "version"):
            with self.subTest(command):
                for line in self.run_well(command, "--json").stdout.decode().strip().splitlines() or [""]:
                    self.assertTrue(json.loads(line)["schema"].startswith("convctl.v1/"))

    def test_cancel_and_its_exit_status(self):
        id = harness.Held(self.daemon).id
        self.run_well("cancel", id)
        self.assertEqual(self.daemon.convctl("wait", id).returncode, 3)

    def test_retry_and_rm(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        again = self.run_well("retry", id)
        self.assertTrue(again.stdout)
        self.run_well("rm", id)
        self.assertEqual(self.daemon.convctl("status", id).returncode, 66)

    def test_over_tcp(self):
        url = f"http://127.0.0.1:{self.daemon.port}"
        self.run_well("convert", "--url", url, str(SAMPLES / "guide.md"), "--to", "html", "-o", "tcp.html")
        self.assertTrue((self.folder / "tcp.html").exists())

    def test_without_a_daemon(self):
        done = self.run_well("convert", "--local", str(SAMPLES / "guide.md"), "--to", "html", "-o", "local.html",
                             env={"CONVD_SOCKET": str(self.folder / "nobody.sock")})
        self.assertEqual(done.stdout, b"local.html\n")
        self.assertIn(b"How to moor", (self.folder / "local.html").read_bytes())

    def test_an_existing_file_that_cannot_be_written(self):
        done = self.daemon.convctl("convert", str(SAMPLES / "guide.md"), "--to", "html", "-o", "/proc/nothing.html")
        self.assertIn(done.returncode, (73, 74), done.stderr)

    def test_notes_and_who_watches(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        note = self.run_well("note", id, "-", stdin="Schön \u2713\n".encode()).stdout.decode().strip()
        notes = json.loads(self.run_well("notes", id, "--json").stdout)["notes"]
        self.assertEqual([(one["id"], one["text"], one["author"]) for one in notes], [(note, "Schön \u2713", f"uid:{os.getuid()}")])
        told = json.loads(self.run_well("events", "--json", "--service", "note").stdout.splitlines()[-1])
        self.assertEqual((told["type"], told["subject"], told["data"]), ("note.added", id, notes[0]))
        self.assertEqual(self.run_well("watchers", id).stdout, b"PRINCIPAL\tCONNECTIONS\n")

    def test_events_page_by_page(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        lines = [json.loads(line) for line in self.run_well("events", "--json").stdout.splitlines()]
        self.assertEqual([line["type"] for line in lines if line["subject"] == id],
                         ["conversion.pending", "conversion.processing", "conversion.completed"])
        middle = lines[len(lines) // 2]
        rest = self.run_well("events", "--json", "--since", f"{middle['epoch']}:{middle['seq']}").stdout.splitlines()
        self.assertEqual([json.loads(line)["seq"] for line in rest], [line["seq"] for line in lines if line["seq"] > middle["seq"]])
        other = self.run_well("events", "--json", "--since", f"other:{middle['seq']}")
        self.assertEqual(json.loads(other.stdout.splitlines()[0])["reason"], "epoch")
        self.assertIn(b"another log", other.stderr)


class Follower(unittest.TestCase):
    def read_until(self, process, kind):
        for line in process.stdout:
            self.seen.append(json.loads(line))
            if self.seen[-1]["type"] == kind:
                return
        self.fail(f"the output ended without {kind}: {process.stderr.read()}")

    def test_goes_on_after_a_restart(self):
        self.seen = []
        with harness.Daemon() as daemon:
            process = subprocess.Popen([str(harness.BIN / "convctl"), "events", "-f", "--json", "--since", "all"], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env=os.environ | {"CONVD_SOCKET": daemon.socket})
            self.addCleanup(lambda: (process.kill(), process.wait(), process.stdout.close(), process.stderr.close()))
            watchdog = threading.Timer(harness.PATIENCE, process.kill)
            watchdog.start()
            self.addCleanup(watchdog.cancel)
            daemon.convert("guide.md", "html")
            self.read_until(process, "conversion.completed")
            daemon.stop()
            daemon.start()
            daemon.convert("report.md", "html")
            self.read_until(process, "conversion.completed")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(harness.PATIENCE), 130)
        states = [line["type"] for line in self.seen if line["class"] == "state"]
        self.assertEqual(states, ["conversion.pending", "conversion.processing", "conversion.completed"] * 2)
        seqs = [line["seq"] for line in self.seen]
        self.assertEqual(seqs, sorted(set(seqs)))
        self.assertEqual(len({line["epoch"] for line in self.seen}), 1)


if __name__ == "__main__":
    harness.main()
