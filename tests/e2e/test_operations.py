"""What operators do with the running daemon: pause, drain, resume, reload, log more; and the watchdog that watches it."""

import contextlib
import http.client
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import threading
import time
import unittest
import unittest.mock

import harness
from harness import Case, Daemon, eventually
from stream_clients import Stream


def state(daemon):
    answer = daemon.get("/v1/control")
    assert answer.status == 200, answer
    return answer.json()


def ask(daemon, verb):
    answer = daemon.http("POST", "/v1/control/" + verb)
    assert answer.status == 200, answer
    return answer.json()


class Holding(Case):
    options = {"slots": 1}

    def setUp(self):
        self.addCleanup(ask, self.daemon, "resume")

    def test_a_pause_accepts_and_starts_nothing(self):
        held = harness.Held(self.daemon)
        paused = ask(self.daemon, "pause")
        self.assertEqual((paused["state"], paused["running"]), ("paused", 1))
        held.go_on()
        self.assertEqual(self.daemon.wait(held.id)["status"], "completed", "what runs goes on")
        waiting = self.daemon.submit("guide.md", "html")
        status = self.daemon.status(waiting)
        self.assertEqual((status["status"], status["position"]), ("pending", 1))
        self.assertEqual((state(self.daemon)["running"], state(self.daemon)["waiting"]), (0, 1))
        ready = self.daemon.get("/readyz?verbose")
        self.assertEqual(ready.status, 200, "it accepts: it is ready, and says that it is paused")
        self.assertIn(b"[+] paused: an operator has paused it", ready.body)
        self.assertEqual(ask(self.daemon, "pause"), state(self.daemon) | {"uptime_ms": unittest.mock.ANY}, "again changes nothing")
        self.assertEqual(state(self.daemon)["since"], paused["since"])
        resumed = ask(self.daemon, "resume")
        self.assertEqual(resumed["state"], "running")
        self.assertNotIn(b"paused", self.daemon.get("/readyz?verbose").body)
        self.assertEqual(self.daemon.wait(waiting)["status"], "completed")

    def test_a_drain_refuses_and_stays(self):
        held = harness.Held(self.daemon)
        waiting = self.daemon.submit("guide.md", "html")
        draining = ask(self.daemon, "drain")
        self.assertEqual((draining["state"], draining["idle"], draining["running"], draining["waiting"]), ("draining", False, 1, 1))
        refused = self.daemon.post("/v1/conversions", {"filename": "guide.md", "to": "html"})
        self.assertProblem(refused, 503, "shutting_down")
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 10)
        self.assertProblem(self.daemon.http("POST", "/documents?name=x.md", b"x"), 503, "shutting_down")
        self.assertFalse(self.daemon.get("/v1/capacity").json()["accepting"])
        ready = self.daemon.get("/readyz?verbose")
        self.assertEqual(ready.status, 503)
        self.assertIn(b"[-] draining: ", ready.body)
        self.assertEqual(self.daemon.get("/livez").status, 200)
        held.go_on()
        self.assertEqual(self.daemon.wait(held.id)["status"], "completed")
        eventually(lambda: state(self.daemon)["idle"], "it is drained")
        self.assertEqual(self.daemon.status(waiting)["status"], "pending", "the queue waits")
        self.assertEqual(ask(self.daemon, "drain")["since"], draining["since"], "again changes nothing")
        self.assertEqual(ask(self.daemon, "resume")["state"], "running")
        self.assertEqual(self.daemon.wait(waiting)["status"], "completed")
        self.assertEqual(self.daemon.get("/readyz").status, 200)

    def test_only_operators(self):
        for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/drain"), ("POST", "/resume"), ("POST", "/reload"),
                             ("POST", "/log-level")):
            with self.subTest(path):
                self.assertProblem(self.daemon.http(method, "/v1/control" + path, tcp=True), 403, "forbidden")
        url = f"http://127.0.0.1:{self.daemon.port}"
        for words in (["pause"], ["drain"], ["drain", "--wait"], ["resume"], ["reload"], ["log-level", "debug"], ["log-level"]):
            with self.subTest(words):
                done = self.daemon.convctl(*words, "--url", url)
                self.assertEqual((done.returncode, done.stdout), (77, b""), done)
                self.assertIn(b"only operators may do this", done.stderr)
        self.assertEqual(state(self.daemon)["state"], "running")

    def test_convctl_tells_how_it_is(self):
        done = self.daemon.convctl("pause")
        self.assertEqual((done.returncode, done.stdout), (0, b"paused: new work is accepted, and waits; 0 running, 0 waiting\n"))
        done = self.daemon.convctl("drain")
        self.assertEqual(done.stdout, b"drained: nothing runs, nothing new is accepted; 0 running, 0 waiting\n", done)
        done = self.daemon.convctl("resume", "--json")
        told = harness.json.loads(done.stdout)
        self.assertEqual((told["schema"], told["state"], told["log_level"]), ("convctl.v1/control", "running", "info"))

    def test_convctl_waits_for_the_end_of_what_runs(self):
        held = harness.Held(self.daemon)
        for patience in ("300ms", "3s", "30s"):  # enough to be told that something runs
            done = self.daemon.convctl("drain", "--wait", "--timeout", patience)
            self.assertEqual((done.returncode, done.stdout), (124, b""), done)
            if b"waiting" in done.stderr:
                break
        self.assertIn(b"waiting for 1 conversion(s)", done.stderr)
        self.assertEqual(state(self.daemon)["state"], "draining", "to give up waiting is not to resume")
        waiter = subprocess.Popen([str(self.daemon.bin_dir / "convctl"), "--socket", self.daemon.socket, "drain", "--wait"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertIn(b"waiting for 1", waiter.stderr.readline())
        held.go_on()
        out, _ = waiter.communicate(timeout=harness.PATIENCE)
        self.assertEqual((waiter.returncode, out), (0, b"drained: nothing runs, nothing new is accepted; 0 running, 0 waiting\n"))
        self.assertEqual(self.daemon.status(held.id)["status"], "completed")


class Telling(unittest.IsolatedAsyncioTestCase):
    async def test_the_stream_is_told_of_every_change_once(self):
        with Daemon(slots=1) as daemon:
            held = harness.Held(daemon)
            async with await Stream.open(daemon, ["system"]) as stream:
                async def next_type():
                    return (await stream.events(lambda _: True))[-1]["type"]

                ask(daemon, "pause")
                ask(daemon, "pause")
                self.assertEqual(await next_type(), "system.paused")
                ask(daemon, "drain")
                self.assertEqual(await next_type(), "system.draining")
                held.go_on()
                self.assertEqual(await next_type(), "system.drained", "when nothing runs any more")
                ask(daemon, "drain")
                ask(daemon, "resume")
                self.assertEqual(await next_type(), "system.resumed", "and nothing in between")
                ask(daemon, "resume")
                ask(daemon, "drain")
                await stream.events(lambda event: event["type"] == "system.drained")  # at once, where nothing runs


class Ending(unittest.TestCase):
    def end(self, daemon):
        os.kill(daemon.pid(), signal.SIGTERM)
        self.assertEqual(daemon.process.wait(harness.PATIENCE), 0)
        daemon.process = None

    def test_a_drained_daemon_leaves_at_once(self):
        with Daemon(slots=1, drain_timeout="1h") as daemon:
            ask(daemon, "pause")
            waiting = daemon.submit("guide.md", "html")
            ask(daemon, "drain")
            self.end(daemon)
            daemon.start()
            self.assertEqual(state(daemon)["state"], "running", "a drain does not outlive the daemon")
            self.assertEqual(daemon.wait(waiting)["status"], "completed")

    def test_a_draining_daemon_lets_what_runs_finish(self):
        with Daemon(slots=1, drain_timeout="1h") as daemon:
            held = harness.Held(daemon)
            ask(daemon, "drain")
            os.kill(daemon.pid(), signal.SIGTERM)
            eventually(lambda: state(daemon)["stopping"], "it stops")
            refused = daemon.http("POST", "/v1/control/resume")
            self.assertEqual((refused.status, refused.json()["code"]), (503, "shutting_down"))
            held.go_on()
            self.assertEqual(daemon.process.wait(harness.PATIENCE), 0)
            daemon.process = None
            daemon.start()
            status = daemon.status(held.id)
            self.assertEqual((status["status"], status["attempt"]), ("completed", 1))


class Reloading(Case):
    config = "slots = 1\nlog_level = info\n"

    def setUp(self):
        self.write("slots = 1\nlog_level = info\n")
        ask(self.daemon, "reload")

    def write(self, text):
        self.daemon.config.write_text(text)

    def test_what_changed_and_what_needs_a_restart(self):
        self.write("slots = 2\nlog_level = info\nlog_format = json\nattempt_timeout = 2m\ninput_limit = 1M\n")
        self.assertEqual(ask(self.daemon, "reload"), {
            "changed": [{"key": "slots", "from": "1", "to": "2"}, {"key": "attempt_timeout", "from": "5m", "to": "2m"}],
            "needs_restart": [{"key": "log_format", "from": "text", "to": "json"}, {"key": "input_limit", "from": "1G", "to": "1M"}],
        })
        self.assertEqual(self.daemon.get("/v1/capacity").json()["slots"], 2)
        done = self.daemon.convctl("reload")
        self.assertEqual(done.stdout, b"needs a restart: log_format = json (in force is text)\n"
                                      b"needs a restart: input_limit = 1M (in force is 1G)\n", done)
        self.write("log_format = text\nslots = 1\n")
        done = self.daemon.convctl("reload")
        self.assertEqual((done.returncode, done.stdout), (0, b"changed: slots = 1 (was 2)\n"
                                                             b"changed: attempt_timeout = 5m (was 2m)\n"))
        self.assertEqual(self.daemon.convctl("reload").stdout, b"nothing differs\n")

    def test_more_slots_start_what_waits(self):
        held = harness.Held(self.daemon)
        waiting = self.daemon.submit("guide.md", "html")
        self.assertEqual(self.daemon.status(waiting)["position"], 1)
        self.write("slots = 2\n")
        ask(self.daemon, "reload")
        self.assertEqual(self.daemon.wait(waiting)["status"], "completed", "while the other still runs")
        self.assertEqual(self.daemon.status(held.id)["status"], "processing")
        held.go_on()
        self.daemon.wait(held.id)

    def test_a_wrong_file_changes_nothing(self):
        self.write("slots = 7\nstall_timeout = soon\n")
        refused = self.daemon.http("POST", "/v1/control/reload")
        self.assertEqual((refused.status, refused.json()["code"]), (422, "invalid_option"))
        self.assertRegex(refused.json()["detail"], r"convd\.conf:2: stall_timeout: expected a duration .*, got \"soon\"")
        self.assertEqual(self.daemon.get("/v1/capacity").json()["slots"], 1)
        done = self.daemon.convctl("reload")
        self.assertEqual((done.returncode, done.stdout), (78, b""))
        self.assertIn(b"convd.conf:2: stall_timeout", done.stderr)
        self.assertIn(b"nothing has changed", done.stderr)

    def test_a_storm_of_hangups_harms_nothing(self):
        held = harness.Held(self.daemon)
        for _ in range(2_000):
            os.kill(self.daemon.pid(), signal.SIGHUP)
        self.write("slots = 3\n")
        os.kill(self.daemon.pid(), signal.SIGHUP)
        eventually(lambda: self.daemon.get("/v1/capacity").json()["slots"] == 3, "the last one counts")
        held.go_on()
        status = self.daemon.wait(held.id)
        self.assertEqual((status["status"], status["attempt"]), ("completed", 1))

    def test_the_log_tells_more_until_it_is_told_less(self):
        answer = self.daemon.post("/v1/control/log-level", {"level": "debug"})
        self.assertEqual((answer.status, answer.json()["log_level"]), (200, "debug"))
        eventually(lambda: re.search(r"convd-runner: log_level is debug now", self.daemon.log()), "the runner follows")
        self.assertProblem(self.daemon.post("/v1/control/log-level", {"level": "loud"}), 422, "invalid_option")
        self.assertProblem(self.daemon.post("/v1/control/log-level", {"volume": 7}), 400, "invalid_json")
        self.assertEqual(self.daemon.convctl("log-level").stdout, b"debug\n")
        self.assertEqual(self.daemon.convctl("log-level", "loud").returncode, 64)
        self.assertEqual(ask(self.daemon, "reload")["changed"], [{"key": "log_level", "from": "debug", "to": "info"}])
        self.assertEqual(self.daemon.convctl("log-level", "warn").stdout, b"warn\n")
        self.assertIn("convd: log_level is debug now", self.daemon.log())
        self.assertNotIn("convd: log_level is warn now", self.daemon.log(), "which is no warning")
        # A runner that comes later is told as well.
        runner = harness.runner_of(self.daemon)
        os.kill(runner, signal.SIGKILL)
        eventually(lambda: re.search(r"convd-runner: log_level is warn now", self.daemon.log().split(f"process {runner}")[-1]),
                   "the new runner follows")


class Hangups(unittest.TestCase):
    """SIGHUP when the daemon has no ear for it yet, or no more."""

    def test_one_that_comes_while_it_starts_is_obeyed(self):
        daemon = Daemon(config="")
        self.addCleanup(daemon.close)
        daemon.config.unlink()
        os.mkfifo(daemon.config)
        starting = threading.Thread(target=daemon.start)
        starting.start()
        with eventually(lambda: self.opened(daemon.config), "it reads its configuration") as fifo:
            eventually(lambda: daemon.process, "it is known")
            daemon.config.unlink()
            daemon.reload("slots = 3\n")
            fifo.write("slots = 2\n")
        starting.join()
        eventually(lambda: daemon.get("/v1/capacity").json()["slots"] == 3, "it has read it again")

    @staticmethod
    def opened(fifo):
        """Its writing end, once somebody reads."""
        try:
            return open(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK), "w")
        except OSError:
            return None

    @harness.needs("strace")
    def test_one_that_comes_while_it_ends_harms_nothing(self):
        daemon = Daemon()
        self.addCleanup(daemon.close)
        daemon.start()
        status = pathlib.Path(f"/proc/{daemon.pid()}/status")
        with harness.slow_disk_for(daemon, "convd-store") as hangs:
            upload = threading.Thread(target=self.upload_in_vain, args=(daemon,))
            upload.start()
            eventually(hangs, "a commit hangs")
            os.kill(daemon.pid(), signal.SIGTERM)
            eventually(lambda: not int(re.search(r"SigCgt:\s(\w+)", status.read_text())[1], 16) & 1, "nobody hears it any more")
            os.kill(daemon.pid(), signal.SIGHUP)
        upload.join()
        self.assertEqual(daemon.stop(), 0)

    @staticmethod
    def upload_in_vain(daemon):
        with contextlib.suppress(OSError, http.client.HTTPException):
            daemon.upload("a.md", b"# a")


class Activity(Case):
    options = {"slots": 1}

    def test_what_runs_and_what_waits(self):
        held = harness.Held(self.daemon)
        next_id = self.daemon.submit("guide.md", "html")
        own = f"uid:{os.getuid()}"
        seen = self.daemon.get("/v1/activity").json()
        self.assertEqual((seen["state"], seen["all_orgs"], seen["slots"]["running"], seen["queue"]["waiting"]), ("running", True, 1, 1))
        running = [(run["org"], run["conversion"]["id"], run["engine"]) for run in seen["running"]]
        self.assertEqual(running, [(own, held.id, "gate")])
        self.assertEqual([(one["org"], one["conversion"]["id"], one["conversion"]["position"]) for one in seen["next"]], [(own, next_id, 1)])
        self.assertEqual(seen["waiting_by_org"], [{"org": own, "waiting": 1}])
        self.assertGreaterEqual(seen["per_minute"]["last_1_minute"]["accepted"], 2)
        for number in (seen["resident_bytes"], seen["store"]["last_commit_us"], seen["uptime_ms"], seen["running"][0]["elapsed_ms"] + 1):
            self.assertGreater(number, 0)
        other = self.daemon.http("GET", "/v1/activity", tcp=True).json()
        self.assertEqual((other["all_orgs"], other["running"], other["next"], other["waiting_by_org"]), (False, [], [], []))
        self.assertEqual((other["slots"]["running"], other["queue"]["waiting"]), (1, 1), "the totals are for everybody")
        self.assertNotIn(own, harness.json.dumps(other))
        done = self.daemon.convctl("top", "--once")
        self.assertEqual(done.returncode, 0, done)
        for word in (held.id, next_id, own, "held.gated", "guide.md", "slots 1 of 1 busy", "gated>txt"):
            self.assertIn(word, done.stdout.decode())
        held.go_on()
        self.daemon.wait(next_id)
        rates = self.daemon.get("/v1/activity").json()["per_minute"]["last_15_minutes"]
        self.assertGreater(rates["completed"], 0)


class Watchdog(unittest.TestCase):
    PERIOD = 0.2  # how often it is to be fed

    def setUp(self):
        self.daemon = Daemon(slots=1)
        self.addCleanup(self.daemon.close)
        self.daemon.env["WATCHDOG_USEC"] = str(int(self.PERIOD * 2_000_000))
        self.daemon.start()
        path = self.daemon.folder / "notify"
        path.unlink()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.notify.bind(str(path))
        path.chmod(0o666)

    def fed(self, seconds):
        """Whether it is fed within that time."""
        end = time.monotonic() + seconds
        while select.select([self.notify], [], [], max(0, end - time.monotonic()))[0]:
            if b"WATCHDOG=1" in self.notify.recv(4096):
                return True
        return False

    def starves(self):
        """Whether it is not fed for ten times as long as it may be; what was on its way before does not count."""
        return not self.fed(10 * self.PERIOD)

    @harness.needs("strace")
    def test_it_is_fed_only_while_the_store_gets_on(self):
        self.assertTrue(self.fed(60))
        with harness.slow_disk_for(self.daemon, "convd-store") as hangs:
            upload = threading.Thread(target=self.daemon.upload, args=("a.md", b"# a"))
            upload.start()
            eventually(hangs, "a commit hangs")
            eventually(self.starves, "nobody feeds it, as the store hangs", 30)
            self.assertEqual(self.daemon.get("/livez").status, 200, "the loop does not")
        upload.join()
        self.assertTrue(self.fed(60), "the store gets on again")

    @harness.needs("strace")
    def test_a_disk_that_takes_nothing_is_no_sign_of_life(self):
        self.assertTrue(self.fed(60))
        with harness.broken_disk_for(self.daemon, "convd-store"):
            lost = self.daemon.http("POST", "/documents?name=a.md", b"# a")
            self.assertEqual(lost.status, 503)
            eventually(self.starves, "nobody feeds it", 30)
            unready = self.daemon.get("/readyz")
            self.assertEqual((unready.status, unready.body[:10]), (503, b"[-] store:"))
        self.assertTrue(self.fed(60), "the disk takes something again")
        eventually(lambda: self.daemon.get("/readyz").status == 200, "it is ready again, though nobody has asked it for anything")

    @harness.needs("strace")
    def test_it_is_not_fed_when_the_loop_hangs(self):
        self.assertTrue(self.fed(60))
        with harness.slow_thread(self.daemon, "convd", "epoll") as hangs:
            eventually(hangs, "the loop hangs, and no other thread")
            eventually(self.starves, "nobody feeds it", 30)
        self.assertTrue(self.fed(60))


if __name__ == "__main__":
    harness.main()
