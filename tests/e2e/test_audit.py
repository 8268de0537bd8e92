"""The audit log: who did what, through rotation and the worst of ends, without contents and tokens."""

import grp
import json
import os
import pathlib
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import threading
import unittest
import uuid

import harness
from harness import Case, Daemon, eventually

CANARY = "canary-1f6d0c"  # in contents
TOKEN = "token-8a52be"  # where tokens are sent
STRANGER = 65534  # a user of the machine who is nobody's operator


def entries(path):
    """Every line has to be whole."""
    return [json.loads(line) for line in pathlib.Path(path).read_bytes().splitlines()]


def summary(entry):
    outcome = entry["outcome"]
    return (entry["principal"], entry["action"], entry["subject"], outcome["status"], outcome.get("code"))


class Audit(Case):
    def setUp(self):
        self.daemon = Daemon().start()
        self.addCleanup(self.daemon.close)
        self.path = self.daemon.state / "audit.log"

    def curl(self, *args, as_stranger=True):
        command = ["curl", "-sS", "--unix-socket", self.daemon.socket, *args]
        if as_stranger:
            command = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups", *command]
        return subprocess.run(command, check=True, capture_output=True, timeout=harness.PATIENCE).stdout

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to be two users")
    @unittest.skipUnless(shutil.which("setpriv"), "setpriv is not installed")
    @harness.needs("curl")
    def test_a_session_of_two_users(self):
        me, other, url = f"uid:{os.getuid()}", f"uid:{STRANGER}", "http://localhost"
        note = self.daemon.state / "note.md"
        note.write_text(CANARY)
        done = self.daemon.convctl("convert", str(note), "--to", "html", "-o", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(CANARY.encode(), done.stdout)
        mine = next(e["subject"] for e in entries(self.path) if e["action"] == "submit")
        secret = ("-H", f"Authorization: Bearer {TOKEN}", "-H", f"Cookie: {TOKEN}")
        self.curl(*secret, f"{url}/v1/conversions/{mine}/result?access_token={TOKEN}")
        self.curl(*secret, "-X", "DELETE", f"{url}/v1/conversions/{mine}?token={TOKEN}")
        self.curl(*secret, "-X", "POST", f"{url}/v1/control/drain?token={TOKEN}")
        self.curl("-F", f"file={CANARY};filename=theirs.md", f"{url}/documents")
        self.curl("-H", "Content-Type: application/json", "-d", json.dumps({"text": CANARY}), f"{url}/v1/conversions/{mine}/notes")
        self.curl(f"{url}/documents/theirs.md?token={TOKEN}")
        self.assertEqual(self.daemon.watched(mine)[1], 1000)
        trace = uuid.uuid4().hex
        self.daemon.http("DELETE", f"/v1/conversions/{mine}", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        self.daemon.http("GET", "/documents/none%1b.md", tcp=True)
        self.daemon.http("GET", "/documents/none.md", tcp=True)

        told = entries(self.path)
        stories = [summary(e) for e in told]
        for story in (
            (me, "submit", mine, 202, None),
            (me, "fetch_result", mine, 200, None),
            (other, "fetch_result", mine, 404, "conversion_not_found"),
            (other, "delete", mine, 404, "conversion_not_found"),
            (other, "forbidden", None, 403, "forbidden"),
            (other, "upload", "theirs.md", 201, None),
            (other, "note", mine, 404, "conversion_not_found"),
            (other, "fetch_document", "theirs.md", 200, None),
            (me, "watch", mine, 101, None),
            (me, "delete", mine, 204, None),
            ("local", "fetch_document", "none.md", 404, "document_not_found"),
        ):
            self.assertIn(story, stories)
        self.assertEqual(told[-1]["address"], "127.0.0.1")
        self.assertEqual(told[-2] | {"ts": ""}, {
            "ts": "", "principal": me, "org": me, "role": "operator", "address": "", "action": "delete",
            "route": "DELETE /v1/conversions/{id}", "subject": mine, "outcome": {"status": 204}, "trace_id": trace,
        })
        text = self.path.read_text()
        for canary in (CANARY, TOKEN, "?"):
            self.assertNotIn(canary, text)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        metrics = self.daemon.get("/metrics").body.decode()
        self.assertIn(f"convd_audit_lines_total {len(told)}\n", metrics)

    def test_who_was_answered_stands_in_it_whatever_happens(self):
        answered, enough = [], threading.Event()

        def ask():
            while True:
                trace = uuid.uuid4().hex
                try:
                    self.daemon.get("/documents/" + "n" * 200, traceparent=f"00-{trace}-00f067aa0ba902b7-01")
                except (OSError, harness.http.client.HTTPException):
                    return
                answered.append(trace)
                if len(answered) > 300:
                    enough.set()

        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        self.assertTrue(enough.wait(harness.PATIENCE))
        self.daemon.kill9()
        for client in clients:
            client.join()
        told = {entry["trace_id"] for entry in entries(self.path)}
        self.assertLessEqual(set(answered), told)
        before = self.path.read_bytes()
        self.daemon.start()
        self.daemon.get("/documents/none.md")
        self.assertTrue(self.path.read_bytes().startswith(before), "it only grows")
        self.assertEqual(len(entries(self.path)), len(told) + 1)

    def test_who_leaves_before_the_answer_stands_in_it_too(self):
        names = [f"left-{number}.md" for number in range(20)]
        for name in names:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
                wire.connect(self.daemon.socket)
                wire.sendall(f"POST /documents?name={name} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx".encode())
        eventually(lambda: self.path.read_bytes().count(b"\n") == len(names), "a line for each")
        told = [(entry["action"], entry["subject"], entry["outcome"]["status"]) for entry in entries(self.path)]
        self.assertEqual(sorted(told), sorted(("upload", name, 201) for name in names))

    def test_a_hangup_makes_it_go_on_in_a_new_file(self):
        self.daemon.get("/documents/first.md")
        moved = self.path.with_suffix(".1")
        self.path.rename(moved)
        self.daemon.get("/documents/second.md")
        os.kill(self.daemon.pid(), signal.SIGHUP)
        eventually(self.path.exists, "the file is made again")
        self.daemon.get("/documents/third.md")
        self.assertEqual([e["subject"] for e in entries(moved)], ["first.md", "second.md"])
        self.assertEqual([e["subject"] for e in entries(self.path)], ["third.md"])

    @harness.needs("logrotate")
    def test_logrotate_takes_the_shipped_configuration(self):
        """As it is, but for the place, the user and how the daemon is found."""
        owner, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
        text = (harness.ROOT / "debian" / "convd.logrotate").read_text()
        for old, new in (("/var/lib/convd/audit.log", str(self.path)), ("su convd convd", f"su {owner} {group}"),
                         ("systemctl kill --signal=HUP --kill-who=main convd.service", f"kill -HUP {self.daemon.pid()}")):
            self.assertEqual(text.count(old), 1)
            text = text.replace(old, new)
        folder = self.new_folder()
        (folder / "convd").write_text(text)
        self.daemon.get("/documents/first.md")
        words = ["logrotate", "--force", "--state", folder / "state", folder / "convd"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        eventually(self.path.exists, "the file is made again")
        self.daemon.get("/documents/second.md")
        moved = self.path.with_name("audit.log.1")
        self.assertEqual([e["subject"] for e in entries(moved)], ["first.md"])
        self.assertEqual([e["subject"] for e in entries(self.path)], ["second.md"])


class Choice(Case):
    def test_none_keeps_nothing(self):
        with Daemon(audit_log="none") as daemon:
            daemon.get("/documents/none.md")
            self.assertFalse((daemon.state / "audit.log").exists())

    def test_elsewhere(self):
        folder = self.new_folder()
        with Daemon(audit_log=folder / "who.log") as daemon:
            daemon.get("/documents/none.md")
            self.assertEqual(len(entries(folder / "who.log")), 1)

    def test_a_place_that_is_not_there_stops_the_start(self):
        folder = self.new_folder()
        command = [str(harness.BIN / "convd"), "--socket", str(folder / "s"), "--state-dir", str(folder / "state"), "--listen", "none"]
        done = subprocess.run([*command, "--audit-log", str(folder / "none" / "a.log")], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn("audit_log: ", done.stderr)


if __name__ == "__main__":
    harness.main()
