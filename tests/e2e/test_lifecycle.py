"""Start, refusal to start, and the end of the daemon."""

import pathlib
import signal
import subprocess
import tempfile
import unittest

import harness
from harness import BIN, Case, Daemon

CONFIG = 78


class Starting(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="convd-start.", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def convd(self, *args, **env):
        base = {k: v for k, v in harness.os.environ.items() if not k.startswith("CONVD_")}
        done = subprocess.run([str(BIN / "convd"), *args], capture_output=True, text=True, timeout=harness.PATIENCE,
                              check=False, env=base | env)
        self.assertNotRegex(done.stderr, harness.SANITIZER)
        return done

    def config(self, text):
        path = self.folder / "convd.conf"
        path.write_text(text)
        return str(path)

    def check_config(self, text, **env):
        return self.convd("--config", self.config(text), "--check-config", **env)

    def test_a_good_configuration(self):
        done = self.check_config("# all is well\nslots = 3\nattempt_timeout = 5m\ninput_limit = 256M\nlisten = none\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse((self.folder / "state").exists(), "checking starts nothing")

    def test_wrong_configurations_say_file_line_key_and_what_is_right(self):
        for line, words in {
            "slotz = 3": ("slotz",),
            "slots = many": ("slots", "many"),
            "attempt_timeout = 5 parsecs": ("attempt_timeout", "5 parsecs"),
            "input_limit = -1": ("input_limit", "-1"),
            "sandbox = perhaps": ("sandbox", "perhaps", "off"),
            "no equals sign": ("=",),
        }.items():
            with self.subTest(line):
                done = self.check_config("# one\n\n" + line + "\n")
                self.assertEqual(done.returncode, CONFIG, done.stderr)
                self.assertIn("convd.conf:3:", done.stderr)
                for word in words:
                    self.assertIn(word, done.stderr)

    def test_wrong_environment_names_the_variable(self):
        done = self.check_config("", CONVD_SLOTS="none at all")
        self.assertEqual(done.returncode, CONFIG)
        self.assertIn("CONVD_SLOTS", done.stderr)

    def test_missing_configuration_file(self):
        done = self.convd("--config", str(self.folder / "nothing.conf"), "--check-config")
        self.assertEqual(done.returncode, CONFIG)
        self.assertIn("nothing.conf", done.stderr)

    def test_unknown_flag(self):
        self.assertEqual(self.convd("--frobnicate").returncode, 64)

    def test_version(self):
        done = self.convd("--version")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, r"\d+\.\d+\.\d+")

    def test_beyond_loopback_there_must_be_a_key(self):
        for address in ("0.0.0.0:0", "192.0.2.1:8080"):
            with self.subTest(address):
                done = self.convd("--socket", str(self.folder / "s"), "--state-dir", str(self.folder / "state"), "--listen", address)
                self.assertEqual(done.returncode, CONFIG, done.stderr)
                self.assertIn(address, done.stderr)
                self.assertIn("auth.key", done.stderr)

    def test_state_directory_that_cannot_be_made(self):
        done = self.convd("--socket", str(self.folder / "s"), "--listen", "none", "--state-dir", "/proc/nothing/state")
        self.assertEqual(done.returncode, 69)
        self.assertIn("/proc/nothing/state", done.stderr)

    def test_flags_beat_environment_beats_file(self):
        config = self.config("slots = 1\nqueue_limit = 11\n")
        with Daemon("--config", config, "--slots", "3", slots=2, queue_limit=12) as daemon:
            self.assertEqual(daemon.get("/v1/capacity").json()["slots"], 3)


class Locked(Case):
    def test_a_second_daemon_on_the_same_state_is_refused(self):
        other = str(self.daemon.folder / "other.sock")
        done = subprocess.run(
            [str(BIN / "convd"), "--socket", other, "--listen", "none", "--state-dir", str(self.daemon.state)],
            capture_output=True, text=True, timeout=harness.PATIENCE, check=False,
        )
        self.assertEqual(done.returncode, 69)
        self.assertIn(str(self.daemon.state), done.stderr)
        self.assertEqual(self.daemon.get("/livez").status, 200, "the first one is not disturbed")

    def test_a_second_daemon_on_the_same_socket_is_refused(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            done = subprocess.run(
                [str(BIN / "convd"), "--socket", self.daemon.socket, "--listen", "none", "--state-dir", folder + "/state"],
                capture_output=True, text=True, timeout=harness.PATIENCE, check=False,
            )
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.daemon.socket, done.stderr)
        self.assertEqual(self.daemon.get("/livez").status, 200)

    def test_anyone_may_connect_and_nobody_may_look(self):
        self.assertEqual(pathlib.Path(self.daemon.socket).stat().st_mode & 0o777, 0o666)
        self.assertEqual(self.daemon.state.stat().st_mode & 0o777, 0o700)


class Ending(unittest.TestCase):
    def test_sigterm_finishes_what_runs_and_refuses_what_comes(self):
        with Daemon(slots=1, drain_timeout="10m") as daemon:
            held = harness.Held(daemon)
            waiting = daemon.submit("guide.md", "html")
            harness.os.kill(daemon.pid(), signal.SIGTERM)
            harness.eventually(lambda: daemon.get("/v1/capacity").json()["accepting"] is False, "it drains")
            refused = daemon.post("/v1/conversions", {"filename": "guide.md", "to": "html"})
            self.assertEqual((refused.status, refused.json()["code"]), (503, "shutting_down"), refused)
            self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
            self.assertEqual(daemon.get("/readyz").status, 503)
            self.assertEqual(daemon.get("/livez").status, 200)
            self.assertEqual(daemon.status(held.id)["status"], "processing")
            held.go_on()
            self.assertEqual(daemon.process.wait(harness.PATIENCE), 0)
            daemon.process = None
            self.assertFalse(pathlib.Path(daemon.socket).exists(), "the socket is gone")
            daemon.start()
            status = daemon.status(held.id)
            self.assertEqual((status["status"], status["attempt"]), ("completed", 1), status)
            self.assertEqual(daemon.wait(waiting)["status"], "completed")

    def test_what_does_not_end_in_time_is_requeued(self):
        with Daemon(slots=1, drain_timeout="100ms") as daemon:
            held = harness.Held(daemon)
            self.assertEqual(daemon.stop(), 0)
            daemon.start()
            self.assertEqual(held.runs()["attempt"], 2)
            held.go_on()
            self.assertEqual(daemon.wait(held.id)["status"], "completed")

    def test_second_sigterm_is_now(self):
        with Daemon(slots=1, drain_timeout="10m") as daemon:
            held = harness.Held(daemon)
            pid = daemon.pid()
            harness.os.kill(pid, signal.SIGTERM)
            harness.eventually(lambda: daemon.get("/v1/capacity").json()["accepting"] is False, "it drains")
            harness.os.kill(pid, signal.SIGTERM)
            self.assertEqual(daemon.process.wait(harness.PATIENCE), 0)
            daemon.process = None
            daemon.start()
            held.go_on()
            self.assertEqual(daemon.wait(held.id)["status"], "completed")


if __name__ == "__main__":
    harness.main()
