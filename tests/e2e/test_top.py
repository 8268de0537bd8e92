"""convctl top: on a terminal, in a pipe, for programs; against the real daemon."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

import harness
from harness import Case, Daemon

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """convctl on a terminal of its own."""

    def __init__(self, daemon, *args, size=(30, 110), **env):
        self.seen = ""
        self.ended = False
        base = {k: v for k, v in os.environ.items() if not k.startswith("CONVD_") and k not in ("NO_COLOR", "COLUMNS", "LINES")}
        command = [str(daemon.bin_dir / "convctl"), "--socket", daemon.socket, "top", *args]
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
            os.execve(command[0], command, base | {"TERM": "xterm"} | env)

    def until(self, pattern, since=0):
        """The end of the first match of `pattern` behind `since` in what it has written."""
        end = time.monotonic() + 60
        while not (found := re.compile(pattern).search(self.seen, since)):
            if not select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"never written: {pattern}\n{self.seen!r}")
            if not self.read():
                raise AssertionError(f"ended without {pattern}\n{self.seen!r}")
        return found.end()

    def read(self):
        try:
            piece = os.read(self.master, 65536)
        except OSError:
            piece = b""
        self.seen += piece.decode(errors="replace")
        return piece

    def type(self, keys):
        os.write(self.master, keys)

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def modes(self):
        return termios.tcgetattr(self.master)[3]

    def end(self):
        """Its exit code, after all it had to say."""
        while self.read():
            pass
        status = os.waitpid(self.pid, 0)[1]
        self.left = self.modes()
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)


class OnATerminal(Case):
    options = {"slots": 1, "tcp": False}

    def test_it_is_redrawn_in_place_until_q(self):
        terminal = Terminal(self.daemon, "--interval", "50")
        at = terminal.until("slots 0 of 1 busy")
        self.assertTrue(terminal.seen.startswith(ENTER))
        self.assertFalse(terminal.modes() & (termios.ICANON | termios.ECHO), "keys come one by one, and are not shown")
        at = terminal.until("slots 0 of 1 busy", at)
        self.assertIn("\x1b[H", terminal.seen)
        terminal.type(b"x")
        at = terminal.until("PER MINUTE", at)
        terminal.resize(30, 40)
        at = terminal.until(r"convd running, up \S+ +[^\r\n]{0,40}…", at)
        terminal.type(b"q")
        self.assertEqual(terminal.end(), 0)
        self.assertTrue(terminal.seen.endswith(LEAVE), terminal.seen[-80:])
        self.assertEqual(terminal.left & (termios.ICANON | termios.ECHO), termios.ICANON | termios.ECHO, "as it was")

    def test_a_low_window_says_what_it_leaves_out(self):
        terminal = Terminal(self.daemon, "--interval", "50", size=(4, 80))
        terminal.until(r"\(\d+ more lines\)")
        terminal.type(b"q")
        self.assertEqual(terminal.end(), 0)
        screens = terminal.seen.split("\x1b[H")[1:]
        self.assertLessEqual(max(screen.count("\n") for screen in screens), 3, "it never scrolls")

    def test_a_signal_ends_it_and_gives_the_screen_back(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number):
                terminal = Terminal(self.daemon)
                terminal.until("slots 0 of 1 busy")
                terminal.type(b"\x03") if number == signal.SIGINT else os.kill(terminal.pid, number)
                self.assertEqual(terminal.end(), code)
                self.assertTrue(terminal.seen.endswith(LEAVE), terminal.seen[-80:])

    def test_the_count_ends_it(self):
        terminal = Terminal(self.daemon, "-n", "3", "--interval", "20")
        self.assertEqual(terminal.end(), 0)
        self.assertEqual(terminal.seen.count("slots 0 of 1 busy"), 3)

    def test_a_dumb_terminal_gets_plain_blocks(self):
        terminal = Terminal(self.daemon, "-n", "2", "--interval", "20", TERM="dumb")
        self.assertEqual(terminal.end(), 0)
        self.assertNotIn("\x1b", terminal.seen)
        self.assertEqual(terminal.seen.count("slots 0 of 1 busy"), 2)

    def test_no_color_means_none(self):
        for value, painted in (("", True), ("1", False)):
            terminal = Terminal(self.daemon, "-n", "1", NO_COLOR=value)
            self.assertEqual(terminal.end(), 0)
            self.assertEqual("\x1b[32m" in terminal.seen, painted)

    def test_once_leaves_the_screen_alone(self):
        terminal = Terminal(self.daemon, "--once")
        self.assertEqual(terminal.end(), 0)
        self.assertNotIn(ENTER, terminal.seen)
        self.assertIn("slots 0 of 1 busy", terminal.seen)


class OverARestart(unittest.TestCase):
    def test_a_daemon_that_is_away_is_waited_for(self):
        with Daemon(slots=1, tcp=False) as daemon:
            terminal = Terminal(daemon, "--interval", "50")
            at = terminal.until("slots 0 of 1 busy")
            daemon.stop()
            at = terminal.until("convd does not answer: ", at)
            self.assertIn("slots 0 of 1 busy", terminal.seen[at:] or terminal.seen, "the last picture stays")
            daemon.start()
            terminal.until("\x1b\\[H(?:\x1b\\[32m)?convd running", at)
            terminal.type(b"q")
            self.assertEqual(terminal.end(), 0)


class InAPipe(Case):
    options = {"slots": 1}

    def test_blocks_and_lines_of_json(self):
        done = self.daemon.convctl("top", "-n", "2", "--interval", "20")
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn(b"\x1b", done.stdout)
        blocks = done.stdout.decode().split("\n\nconvd ")
        self.assertEqual(len(blocks), 2)
        self.assertIn("PER MINUTE\tACCEPTED\tCOMPLETED\tERROR\tCANCELLED\n", blocks[1])
        done = self.daemon.convctl("top", "--json", "-n", "3", "--interval", "20")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([line["schema"] for line in lines], ["convctl.v1/activity"] * 3)
        self.assertLess(lines[0]["uptime_ms"], lines[2]["uptime_ms"])
        self.assertEqual(len(self.daemon.convctl("top", "--json", "--once").stdout.splitlines()), 1)

    def test_one_who_is_no_operator_sees_totals_and_no_names(self):
        held = harness.Held(self.daemon)
        done = self.daemon.convctl("top", "--once", "--url", f"http://127.0.0.1:{self.daemon.port}")
        held.go_on()
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"slots 1 of 1 busy", done.stdout)
        self.assertIn(b"conversions of yours only", done.stdout)
        for word in (held.id, "held.gated", "uid:"):
            self.assertNotIn(word.encode(), done.stdout)
        self.daemon.wait(held.id)

    def test_a_signal_ends_it(self):
        running = subprocess.Popen([str(self.daemon.bin_dir / "convctl"), "--socket", self.daemon.socket, "top", "--interval", "20"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=harness.PATIENCE)
        self.assertEqual(running.returncode, 130)

    def test_no_daemon(self):
        done = self.daemon.convctl("top", "--once", env={"CONVD_SOCKET": "/nonexistent/convd.sock"})
        self.assertEqual(done.returncode, 69, done)
        done = self.daemon.convctl("top", "-n", "0")
        self.assertEqual(done.returncode, 64)


if __name__ == "__main__":
    harness.main()
