"""Transcripts of convctl against a stand-in daemon: what it prints where, and with which exit code.

Usage: convctl_transcript_test.py CONVCTL
"""

import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))
import fake_convd  # noqa: E402
from convctl_case import CONVCTL, LIMIT, Case  # noqa: E402


class Convert(Case):
    def test_saves_beside_the_input_and_prints_the_path(self):
        result = self.check(self.run_ctl("convert", self.file("report.docx"), "--to", "pdf"), 0)
        self.assertEqual(result.stdout.decode(), str(self.dir / "report.pdf") + "\n")
        self.assertEqual((self.dir / "report.pdf").read_bytes(), b"RESULT ok")
        self.assertTrue(result.stderr.endswith(f"report.docx: 100% {self.dir}/report.pdf\n".encode()), result.stderr)
        self.assertEqual(self.leftovers(), [])

    def test_sends_what_was_asked_for(self):
        self.check(self.run_ctl("convert", self.file("a.docx"), "--to", "pdf", "-O", "dpi=300", "-O", "tagged=true", "-O", "v=1.5",
                                "--pages", "1-3", "--label", "team=red", "--priority", "7", "--deadline", "5m",
                                "--attempt-timeout", "90", CONVCTL_PASSWORD="secret"), 0)
        fields = self.daemon.conversions["018f-0001"].fields
        self.assertEqual(json.loads(fields["options"]), {"dpi": 300, "tagged": True, "v": "1.5"})
        self.assertEqual(json.loads(fields["labels"]), {"team": "red"})
        wanted = {"to": "pdf", "pages": "1-3", "password": "secret", "priority": "7", "deadline_ms": "300000",
                  "attempt_timeout_ms": "90000"}
        self.assertEqual({key: fields[key] for key in wanted}, wanted)

    def test_a_run_of_its_own_and_keys(self):
        def key(*args):
            self.check(self.run_ctl("convert", "-d", *args), 0)
            return self.daemon.keys[-1]

        first, second = self.file("a.docx", "ok one"), self.file("b.docx", "ok two")
        self.check(self.run_ctl("convert", "-d", first, "--no-cache"), 0)
        self.assertEqual(self.daemon.conversions["018f-0001"].fields["no_cache"], "true")
        self.assertIsNone(self.daemon.keys[-1])
        self.assertEqual(key(first, "--idempotency-key", 'say "hi"'.replace(" ", "-")), '"say-\\"hi\\""')
        auto = key(first, "--idempotency-key", "auto")
        self.assertRegex(auto, r'^"convctl-[0-9a-f]{40}"$')
        self.assertEqual(key(first, "--idempotency-key", "auto"), auto)
        self.assertNotEqual(key(second, "--idempotency-key", "auto"), auto)
        self.assertNotEqual(key(first, "--idempotency-key", "auto", "--pages", "1"), auto)
        (self.dir / "a.docx").write_bytes(b"ok onE")
        self.assertNotEqual(key(first, "--idempotency-key", "auto"), auto)
        self.check(self.run_ctl("convert", "-d", first, second, "--idempotency-key", "auto"), 0)
        self.assertEqual(len(set(self.daemon.keys[-2:])), 2)
        for args in ([first, second, "--idempotency-key", "k"], [first, "--idempotency-key", "a b"],
                     [first, "--idempotency-key", "k" * 256]):
            self.check(self.run_ctl("convert", "-d", *args), 64)
        self.check(self.run_ctl("convert", "-d", first, "--idempotency-key", "auto", CONVCTL_PASSWORD="x"), 64)

    def test_passwords_come_from_files(self):
        (self.dir / "in").write_text("sesame\n")
        (self.dir / "out").write_text("geheim\r\nrest")
        self.check(self.run_ctl("convert", self.file("a.docx"), "--to", "pdf", "--password-file", str(self.dir / "in"),
                                "--output-password-file", str(self.dir / "out"), "-O", "pdf_ua=true"), 0)
        fields = self.daemon.conversions["018f-0001"].fields
        self.assertEqual(fields["password"], "sesame")
        self.assertEqual(json.loads(fields["options"]), {"pdf_ua": True, "output_password": "geheim"})
        self.check(self.run_ctl("convert", self.file("b.docx"), "--to", "pdf", "--password-file", "-",
                                "--output-password-file", "-", stdin=b"x\n"), 64)

    def test_a_large_file_arrives_whole(self):
        text = "ok " + "0123456789abcdef" * 300_000
        self.check(self.run_ctl("convert", self.file("big.docx", text), "--to", "pdf"), 0)
        self.assertEqual((self.dir / "big.pdf").read_bytes(), b"RESULT " + text.encode())

    def test_stdin_to_stdout(self):
        result = self.check(self.run_ctl("convert", "-", "--from", "md", "--to", "html", stdin=b"ok # Title"), 0)
        self.assertEqual(result.stdout, b"RESULT ok # Title")
        self.assertEqual(self.daemon.conversions["018f-0001"].filename, "stdin.md")

    def test_stdin_needs_a_format_and_bytes(self):
        self.check(self.run_ctl("convert", "-", "--to", "html", stdin=b"x"), 64)
        result = self.check(self.run_ctl("convert", "-", "--from", "md", "--to", "html", stdin=b""), 66)
        self.assertIn(b"standard input is empty", result.stderr)

    def test_fates_become_exit_codes(self):
        table = {"engine_failed": 1, "timed_out": 1, "input_invalid": 65, "input_encrypted": 65, "input_too_large": 65,
                 "unsupported_conversion": 65, "cancelled_by_user": 3, "internal": 70}
        for code, exit_code in table.items():
            with self.subTest(code):
                result = self.check(self.run_ctl("convert", self.file("x.docx", "fail " + code), "--to", "pdf"), exit_code)
                self.assertIn(code.encode(), result.stderr)
                self.assertFalse((self.dir / "x.pdf").exists())

    def test_some_of_several_fail(self):
        files = [self.file("a.docx"), self.file("b.docx", "fail engine_failed"), self.file("c.docx")]
        result = self.check(self.run_ctl("convert", *files, "--to", "pdf", "--output-dir", "out"), 4)
        self.assertEqual(sorted(result.stdout.decode().split()), ["out/a.pdf", "out/c.pdf"])

    def test_many_files_and_a_quoted_pattern(self):
        for i in range(20):
            self.file(f"n{i:02}.docx")
        result = self.check(self.run_ctl("convert", "n*.docx", "--to", "pdf"), 0)
        self.assertEqual(sorted(result.stdout.decode().split()), [f"n{i:02}.pdf" for i in range(20)])

    def test_an_output_that_exists(self):
        source = self.file("a.docx")
        self.file("a.pdf", "old")
        result = self.check(self.run_ctl("convert", source, "--to", "pdf"), 73)
        self.assertIn(b"a.pdf exists", result.stderr)
        self.assertEqual(self.daemon.conversions, {})
        self.assertEqual(self.check(self.run_ctl("convert", source, "--to", "pdf", "--if-exists", "skip"), 0).stdout, b"")
        self.assertTrue(self.check(self.run_ctl("convert", source, "--to", "pdf", "--if-exists", "rename"), 0).stdout.endswith(b"a-1.pdf\n"))
        self.assertEqual((self.dir / "a.pdf").read_text(), "old")
        self.check(self.run_ctl("convert", source, "--to", "pdf", "--if-exists", "overwrite"), 0)
        self.assertEqual((self.dir / "a.pdf").read_text(), "RESULT ok")

    def test_an_output_that_cannot_be_written(self):
        self.check(self.run_ctl("convert", self.file("a.docx"), "-o", "/proc/nowhere/a.pdf"), 73)

    def test_several_outputs(self):
        source = self.file("deck.pptx", "parts")
        self.check(self.run_ctl("convert", source, "--to", "png"), 0)
        self.assertEqual((self.dir / "deck.zip").read_bytes(), b"PK")
        result = self.check(self.run_ctl("convert", source, "--to", "png", "--output-dir", "out"), 0)
        self.assertEqual(result.stdout, b"out/deck-page-1.png\nout/deck-page-2.png\n")
        self.assertEqual((self.dir / "out/deck-page-2.png").read_bytes(), b"two")

    def test_inputs_that_are_not_there(self):
        for name in ("nowhere.docx", str(self.dir), self.file("empty.docx", "")):
            self.check(self.run_ctl("convert", name, "--to", "pdf"), 66)

    def test_a_refused_pair_lists_the_possible_ones(self):
        result = self.check(self.run_ctl("convert", self.file("a.docx"), "--to", "mp3"), 65)
        self.assertIn(b"possible targets: pdf odt", result.stderr)

    def test_a_busy_daemon_is_asked_again(self):
        self.daemon.refuse = [(429, "queue_full", [("Retry-After", "1")])]
        self.check(self.run_ctl("convert", self.file("a.docx", "ok " + "x" * 5_000_000), "--to", "pdf"), 0)

    def test_a_daemon_that_stays_busy(self):
        self.daemon.refuse = [(503, "shutting_down", [("Retry-After", "1")])] * 9
        self.check(self.run_ctl("convert", self.file("a.docx"), "--to", "pdf"), 75)
        self.assertEqual(self.daemon.requests.count("POST /v1/conversions"), 5)

    def test_detach_prints_only_the_id(self):
        self.assertEqual(self.check(self.run_ctl("convert", "-d", self.file("a.docx"), "--to", "pdf"), 0).stdout, b"018f-0001\n")

    def test_json(self):
        result = self.check(self.run_ctl("convert", "--json", self.file("a.docx"), "--to", "pdf"), 0)
        document = json.loads(result.stdout)
        self.assertEqual((document["schema"], document["exit_code"], document["status"]), ("convctl.v1/conversion", 0, "completed"))
        self.assertEqual(document["outputs"], [str(self.dir / "a.pdf")])

    def test_progress_as_json(self):
        result = self.check(self.run_ctl("convert", "--progress", "json", self.file("a.docx"), "--to", "pdf"), 0)
        lines = [json.loads(line) for line in result.stderr.splitlines()]
        self.assertEqual(lines[-1]["status"], "completed")
        self.assertEqual({line["schema"] for line in lines}, {"convctl.v1/conversion"})

    def test_quiet_says_nothing(self):
        self.assertEqual(self.check(self.run_ctl("-q", "convert", self.file("a.docx"), "--to", "pdf"), 0).stderr, b"")

    def test_timeout_leaves_it_running(self):
        source = self.file("a.docx", "slow")
        # On a machine that stands still for a moment the time may be over before anything is accepted: then it gets more.
        for timeout in ("300ms", "5s", "30s"):
            result = self.check(self.run_ctl("convert", "--timeout", timeout, source, "--to", "pdf"), 124)
            if b"convctl watch" in result.stderr:
                break
        self.assertIn(b"convctl watch " + list(self.daemon.conversions)[-1].encode(), result.stderr)

    def test_a_refused_websocket_is_bridged_by_status_requests(self):
        self.daemon.websockets = False
        process = self.start("convert", self.file("a.docx", "slow"), "--to", "pdf")
        self.assertTrue(self.daemon.joined.wait(LIMIT))
        self.daemon.conversions["018f-0001"].move(status="completed", progress=100, files=[("a.pdf", b"late")])
        self.assertEqual(process.wait(LIMIT), 0)
        self.assertEqual((self.dir / "a.pdf").read_bytes(), b"late")

    def test_binary_is_not_written_to_a_terminal(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        process = subprocess.run([CONVCTL, "convert", self.file("a.docx"), "--to", "pdf", "-o", "-"], stdout=slave,
                                 stderr=subprocess.PIPE, env=self.env, timeout=LIMIT)
        os.close(slave)
        self.assertEqual(process.returncode, 64)
        self.assertEqual(self.daemon.conversions, {})

    def test_a_bar_on_a_terminal(self):
        master, slave = pty.openpty()
        process = self.start("convert", self.file("a.docx", "slow"), "--to", "pdf", stderr=slave)
        os.close(slave)
        seen = b""
        while b"\x1b[K" not in seen.partition(b"page 13/31")[2]:
            seen += os.read(master, 4096)
        self.assertRegex(seen, rb"a\.docx +\[#+-+\]   42%  libreoffice, page 13/31")
        process.send_signal(signal.SIGTERM)
        drain = threading.Thread(target=lambda: self.drain(master))
        drain.start()
        process.communicate(timeout=LIMIT)
        drain.join()
        self.assertEqual(process.returncode, 143)

    def drain(self, fd):
        try:
            while os.read(fd, 4096):
                pass
        except OSError:
            pass
        os.close(fd)

    def test_a_reader_that_goes_away(self):
        process = self.start("convert", self.file("a.md", "ok " + "x" * 3_000_000), "--to", "html", "-o", "-")
        process.stdout.read(10)
        process.stdout.close()
        self.assertEqual(process.wait(LIMIT), 74)


class Signals(Case):
    def running(self, *args):
        process = self.start("convert", self.file("a.docx", "slow"), "--to", "pdf", *args)
        self.read_until(process.stderr, "libreoffice")
        return process

    def test_the_first_interrupt_cancels(self):
        process = self.running()
        process.send_signal(signal.SIGINT)
        self.read_until(process.stderr, "cancelling 1 conversion - press Ctrl-C again to leave it running")
        self.assertEqual(process.wait(LIMIT), 130)
        self.cancelled()

    def cancelled(self):
        """Whoever has asked for it does not wait longer than five seconds for the word of it."""
        conversion = self.daemon.conversions["018f-0001"]
        conversion.wait_for_its_end()
        self.assertEqual(conversion.status, "cancelled")

    def test_the_second_interrupt_leaves_it_running(self):
        self.daemon.on_cancel = "ignore"
        # After five seconds it leaves by itself, which says nothing about the second one: then once more.
        for _ in range(5):
            process = self.running()
            ident = list(self.daemon.conversions)[-1]
            process.send_signal(signal.SIGINT)
            self.read_until(process.stderr, "cancelling 1 conversion")
            process.send_signal(signal.SIGINT)
            line = process.stderr.readline()
            if "not confirmed within 5 s" not in line:
                break
        self.assertIn("left running: " + ident, line)
        self.read_until(process.stderr, "convctl watch " + ident)
        self.assertEqual(process.wait(LIMIT), 130)

    def test_termination_cancels(self):
        process = self.running()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(LIMIT), 143)
        self.cancelled()

    def test_watch_only_detaches(self):
        self.check(self.run_ctl("convert", "-d", self.file("a.docx", "slow"), "--to", "pdf"), 0)
        process = self.start("watch", "018f-0001")
        self.read_until(process.stderr, "libreoffice")
        process.send_signal(signal.SIGINT)
        self.read_until(process.stderr, "convctl watch 018f-0001")
        self.assertEqual(process.wait(LIMIT), 130)
        self.assertEqual(self.daemon.conversions["018f-0001"].status, "processing")


class Others(Case):
    def made(self, text="ok", name="a.docx"):
        return self.run_ctl("convert", "-d", self.file(name, text), "--to", "pdf").stdout.decode().strip()

    def test_watch_ends_with_the_fate(self):
        self.check(self.run_ctl("watch", self.made()), 0)
        self.check(self.run_ctl("watch", self.made("fail engine_failed")), 1)
        self.check(self.run_ctl("watch", "018f-0001", "018f-0002"), 4)
        lines = [json.loads(line) for line in self.check(self.run_ctl("watch", "018f-0001", "--json"), 0).stdout.splitlines()]
        self.assertEqual((lines[-1]["schema"], lines[-1]["status"]), ("convctl.v1/conversion", "completed"))

    def test_the_receipt(self):
        ident = self.made()
        text = self.check(self.run_ctl("status", ident, "--receipt"), 0).stdout.decode()
        self.assertEqual(text, f"""a.docx, docx to pdf: completed
  id       {ident}
attempt 1: ok, 2.200 s
  libreoffice 7.4.7 (warm), docx to pdf: ok, exit status 0
    wall 2.150 s, CPU 2.100 s, memory 112.0 MiB, pages 31 in
    font missing: Futura, DejaVu Sans used instead
""")
        document = json.loads(self.check(self.run_ctl("status", ident, "--receipt", "--json"), 0).stdout)
        self.assertEqual((document["schema"], document["steps"][0]["engine"]), ("convctl.v1/receipt", "libreoffice"))
        self.check(self.run_ctl("status", "--receipt"), 64)
        self.check(self.run_ctl("status", "nonsense", "--receipt"), 66)

    def test_the_pace_of_a_watcher(self):
        ident = self.made()
        slow = self.made("slow")
        for flags, asked in (((), "10"), (("--interval", "500"), "500")):
            self.daemon.joined.clear()
            process = self.start("watch", slow, *flags)
            self.assertTrue(self.daemon.joined.wait(LIMIT))
            process.send_signal(signal.SIGINT)
            process.wait(LIMIT)
            self.assertIn(f"GET /ws/conversion/{slow}?progress_ms={asked}", self.daemon.requests)
        self.check(self.run_ctl("watch", ident, "--interval", "5"), 64)

    def follow_by_websocket(self, daemon, ident):
        self.assertEqual(self.made("slow"), ident)
        process = self.start("watch", ident, "--json")
        self.assertTrue(daemon.joined.wait(LIMIT))
        daemon.conversions[ident].move(status="error", progress=0, error="Thrown away.")
        self.assertEqual(process.wait(LIMIT), 1)
        self.assertIn("Thrown away.", process.stdout.read())
        self.assertEqual(daemon.requests.count("GET /conversion-status/" + ident), 1)

    def test_watch_lives_on_one_websocket(self):
        self.follow_by_websocket(self.daemon, "018f-0001")

    def test_watch_comes_back_unless_told_not_to(self):
        for code in (1001, 4001):
            with self.subTest(code):
                self.daemon.close_codes = [code]
                ident = self.made("slow")
                process = self.start("watch", ident)
                path = f"GET /ws/conversion/{ident}?progress_ms=10"
                self.daemon.wait_for(lambda: self.daemon.requests.count(path) >= 2)
                self.daemon.conversions[ident].move(status="completed", progress=100, files=[("a.pdf", b"x")])
                self.assertEqual(process.wait(LIMIT), 0)
        for code in (1000, 4504):
            with self.subTest(code):
                self.daemon.close_codes = [code]
                ident = self.made("slow")
                process = self.start("watch", ident)
                self.daemon.wait_for(lambda: f"GET /conversion-status/{ident}?wait=25" in self.daemon.requests)
                self.daemon.conversions[ident].move(status="completed", progress=100, files=[("a.pdf", b"x")])
                self.assertEqual(process.wait(LIMIT), 0)
                self.assertEqual([request.split("?")[0] for request in self.daemon.requests].count(f"GET /ws/conversion/{ident}"), 1)

    def test_wait(self):
        self.assertEqual(self.check(self.run_ctl("wait", self.made()), 0).stdout, b"018f-0001\tcompleted\n")
        self.check(self.run_ctl("wait", self.made("slow"), "--timeout", "200ms"), 124)

    def test_unknown_ids(self):
        for command in ("watch", "wait", "status", "result", "cancel", "retry", "rm"):
            with self.subTest(command):
                self.assertIn(b"conversion_not_found", self.check(self.run_ctl(command, "nope"), 66).stderr)

    def test_ls_and_status(self):
        for i in range(5):
            self.made(name=f"f{i}.docx")
        rows = self.check(self.run_ctl("ls", "--all"), 0).stdout.decode().splitlines()
        self.assertEqual([row.split("\t")[0] for row in rows], ["ID"] + [f"018f-000{i}" for i in (5, 4, 3, 2, 1)])
        self.assertEqual(self.check(self.run_ctl("ls", "-q", "--limit", "3"), 0).stdout.split(), [b"018f-0005", b"018f-0004", b"018f-0003"])
        document = json.loads(self.check(self.run_ctl("ls", "--json", "--limit", "1"), 0).stdout)
        self.assertEqual((document["schema"], len(document["conversions"])), ("convctl.v1/conversions", 1))
        self.assertEqual(json.loads(self.check(self.run_ctl("status", "018f-0002", "--output", "json"), 0).stdout)["id"], "018f-0002")
        self.check(self.run_ctl("ls", "--status", "sleeping"), 64)

    def test_result(self):
        ident = self.made("parts", "deck.pptx")
        self.assertEqual(self.check(self.run_ctl("result", ident), 0).stdout, b"deck.zip\n")
        self.check(self.run_ctl("result", ident), 73)
        self.check(self.run_ctl("result", ident, "--force"), 0)
        self.assertEqual(self.check(self.run_ctl("result", ident, "--part", "page-1.png", "-o", "-"), 0).stdout, b"one")
        self.assertIn(b"page-2.png", self.check(self.run_ctl("result", ident, "--part", "x"), 66).stderr)
        self.check(self.run_ctl("result", self.made("slow")), 75)

    def test_cancel_retry_rm(self):
        ident = self.made("slow")
        self.assertEqual(self.check(self.run_ctl("cancel", ident), 0).stdout.decode().strip(), ident)
        self.assertIn(b"already_finished", self.check(self.run_ctl("cancel", ident), 64).stderr)
        self.assertEqual(self.check(self.run_ctl("retry", ident, "--watch"), 0).stdout, b"018f-0002\n")
        self.check(self.run_ctl("rm", ident), 0)
        self.check(self.run_ctl("status", ident), 66)

    def test_formats_engines_metrics_version(self):
        self.assertIn(b"docx\todt pdf\n", self.check(self.run_ctl("formats"), 0).stdout)
        self.assertEqual(self.check(self.run_ctl("formats", "-q", "--from", "docx"), 0).stdout, b"odt\npdf\n")
        self.assertIn(b"dpi\tinteger\t10 to 600\t150", self.check(self.run_ctl("formats", "--from", "docx", "--to", "pdf"), 0).stdout)
        self.check(self.run_ctl("formats", "--from", "xyz"), 66)
        self.assertIn(b"pandoc\tpandoc\t\tno\tpandoc\tnot installed", self.check(self.run_ctl("engines"), 0).stdout)
        table = self.check(self.run_ctl("metrics"), 0).stdout
        self.assertIn(b"convd_api_seconds_mean\t\t0.5\tAPI latency.", table)
        self.assertIn(b"convd_realtime_connections\t\t7\tConnections that follow the events.", table)
        self.assertEqual(self.check(self.run_ctl("metrics", "--raw"), 0).stdout, fake_convd.METRICS)
        self.assertEqual(json.loads(self.check(self.run_ctl("version", "--json"), 0).stdout)["convd"], "0.1.0")
        for command in ("formats", "engines", "metrics", "doctor", "version", "ls"):
            schema = json.loads(self.run_ctl(command, "--json").stdout)["schema"]
            self.assertTrue(schema.startswith("convctl.v1/"), schema)

    def test_doctor(self):
        result = self.check(self.run_ctl("doctor"), 0)
        self.assertEqual(result.stdout.decode().splitlines(), [
            f"OK    daemon: answers at socket {self.socket}",
            "OK    version: convd 0.1.0",
            "OK    caller: you are uid:1000, not an operator",
            "OK    sandbox: bubblewrap",
            "WARN  pandoc: not installed; `apt install pandoc`",
        ])
        self.assertEqual(result.stderr, b"")
        self.assertEqual(self.check(self.run_ctl("doctor", "-q"), 0).stdout.count(b"\n"), 1)
        self.daemon.healthy = False
        self.assertIn(b"FAIL  sandbox", self.check(self.run_ctl("doctor"), 78).stdout)
        self.daemon.version = "9.9"
        self.assertIn(b"WARN  version: convd 9.9, but convctl is 0.1.0; install both", self.check(self.run_ctl("doctor"), 78).stdout)

    def test_doctor_as_json(self):
        document = json.loads(self.check(self.run_ctl("doctor", "--json"), 0).stdout)
        self.assertEqual((document["schema"], document["healthy"]), ("convctl.v1/doctor", True))
        self.assertEqual([check["name"] for check in document["checks"]], ["daemon", "version", "caller", "sandbox", "pandoc"])
        self.assertEqual(document["caller"]["principal"], "uid:1000")
        self.daemon.healthy = False
        self.assertIs(json.loads(self.check(self.run_ctl("doctor", "--json"), 78).stdout)["healthy"], False)

    def test_doctor_without_a_daemon(self):
        path = str(self.dir / "nobody")
        result = self.check(self.run_ctl("--socket", path, "doctor"), 69)
        lines = result.stdout.decode().splitlines()
        self.assertIn(f"FAIL  daemon: cannot reach convd at socket {path}", lines[0])
        self.assertIn("systemctl start convd", lines[0])
        self.assertIn(f"FAIL  socket: {path}: No such file or directory", lines[1])
        self.assertEqual([line.split(":")[0].split()[1] for line in lines], ["daemon", "socket", "convd", "bubblewrap"])
        self.assertIn(b"cannot reach convd", result.stderr)
        self.assertIn("is no socket", self.run_ctl("--socket", self.file("plain"), "doctor").stdout.decode())
        document = json.loads(self.check(self.run_ctl("--socket", path, "doctor", "--json"), 69).stdout)
        self.assertEqual((document["schema"], document["healthy"], document["checks"][0]["verdict"]), ("convctl.v1/doctor", False, "fail"))
        # Of another machine nothing can be said from here.
        away = self.check(self.run_ctl("--url", "http://127.0.0.1:1", "doctor"), 69)
        self.assertEqual(away.stdout.count(b"\n"), 1)

    def test_a_daemon_that_is_not_there(self):
        for command in (["ls"], ["watch", "x"], ["convert", self.file("a.docx"), "--to", "pdf"]):
            with self.subTest(command):
                result = self.check(self.run_ctl(*command, CONVD_SOCKET=str(self.dir / "nobody")), 69)
                self.assertIn(b"cannot reach convd at socket " + str(self.dir / "nobody").encode(), result.stderr)
                self.assertIn(b"systemctl start convd", result.stderr)
                self.assertEqual(result.stdout, b"")
        self.check(self.run_ctl("version", CONVD_SOCKET=str(self.dir / "nobody")), 0)

    def test_over_tcp(self):
        daemon = fake_convd.TcpDaemon(("127.0.0.1", 0)).start()
        self.addCleanup(daemon.server_close)
        self.addCleanup(daemon.shutdown)
        url = "http://127.0.0.1:%d" % daemon.server_address[1]
        self.check(self.run_ctl("--url", url, "convert", self.file("a.docx"), "--to", "pdf"), 0)
        self.assertEqual(self.check(self.run_ctl("ls", "-q", CONVD_URL=url), 0).stdout, b"018f-0001\n")
        self.env["CONVD_URL"] = url
        self.follow_by_websocket(daemon, "018f-0002")
        self.assertEqual(self.daemon.requests, [])

    def test_a_peer_that_is_no_daemon(self):
        path = str(self.dir / "odd")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        self.addCleanup(listener.close)

        def answer():
            connection, _ = listener.accept()
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            connection.sendall(b"220 mail ready\r\n\r\n")
            connection.close()

        threading.Thread(target=answer, daemon=True).start()
        self.check(self.run_ctl("ls", CONVD_SOCKET=path), 76)

    def test_usage(self):
        for line in ([], ["dance"], ["ls", "--limit", "x"], ["--color", "pink", "ls"], ["--timeout", "soon", "ls"],
                     ["convert"], ["convert", "-O", "novalue", self.file("a.docx"), "--to", "pdf"],
                     ["--url", "ftp://x", "ls"], ["--socket", "a", "--url", "http://b", "ls"]):
            with self.subTest(line):
                self.assertEqual(self.check(self.run_ctl(*line), 64).stdout, b"")

    def test_help_starts_with_examples(self):
        for command in ("convert", "watch", "ls", "result", "doctor"):
            text = self.check(self.run_ctl(command, "--help"), 0).stdout.decode()
            self.assertLess(text.index("Examples:"), text.index("Options:"))

    def test_completion_is_accepted_by_the_shells(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.check(self.run_ctl("completion", shell), 0).stdout
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=script, check=True, timeout=LIMIT)
        script = "COMP_WORDS=(convctl watch ''); COMP_CWORD=2; _convctl; echo ${COMPREPLY[@]}"
        self.made()
        # The completion gives up after a second, so that no shell stands still: whoever gets nothing tries again.
        for _ in range(10):
            answer = subprocess.run(["bash", "-c", f"PATH={os.path.dirname(CONVCTL)}:$PATH; source <(convctl completion bash); {script}"],
                                    capture_output=True, env=self.env, timeout=LIMIT)
            if answer.stdout.strip():
                break
        self.assertEqual(answer.stdout, b"018f-0001\n", answer.stderr)


FAKE_CONVD = """#!{python}
import os, socket, sys, signal
sys.path.insert(0, {support!r})
import fake_convd
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert arguments["--listen"] == "none" and not os.path.exists(arguments["--socket"])
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
if os.environ.get("BROKEN"):
    sys.exit("state directory is broken")
daemon = fake_convd.Daemon(arguments["--socket"]).start()
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.sigwait([signal.SIGTERM])
open({mark!r}, "w").write(arguments["--socket"])
"""


class Local(Case):
    def setUp(self):
        super().setUp()
        self.bin = self.dir / "bin"
        self.bin.mkdir()
        self.mark = self.dir / "stopped"
        shutil.copy(CONVCTL, self.bin / "convctl")
        program = self.bin / "convd"
        program.write_text(FAKE_CONVD.format(python=sys.executable, support=os.path.dirname(fake_convd.__file__), mark=str(self.mark)))
        program.chmod(0o755)

    def run_local(self, **env):
        return subprocess.run([self.bin / "convctl", "convert", "--local", self.file("a.docx"), "--to", "pdf"], capture_output=True,
                              env={**self.env, **env}, timeout=LIMIT)

    def test_a_private_daemon_for_the_run(self):
        self.check(self.run_local(), 0)
        self.assertEqual((self.dir / "a.pdf").read_bytes(), b"RESULT ok")
        self.assertEqual(self.daemon.requests, [])
        self.assertFalse(os.path.exists(os.path.dirname(self.mark.read_text())))

    def test_a_private_daemon_that_does_not_start(self):
        result = self.check(self.run_local(BROKEN="1"), 69)
        self.assertIn(b"state directory is broken", result.stderr)


if __name__ == "__main__":
    unittest.main()
