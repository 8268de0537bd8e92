"""What the transcripts of convctl have in common: a stand-in daemon for each test, and ways to run the program beside it.

The program is the first argument of the test.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

import fake_convd

CONVCTL = str(pathlib.Path(sys.argv.pop(1)).resolve()) if len(sys.argv) > 1 else "convctl"
LIMIT = 60


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="convctl-")
        self.addCleanup(directory.cleanup)
        self.dir = pathlib.Path(directory.name)
        self.socket = str(self.dir / "s")
        self.daemon = fake_convd.Daemon(self.socket).start()
        self.addCleanup(self.daemon.server_close)
        self.addCleanup(self.daemon.shutdown)
        self.env = {"PATH": os.environ["PATH"], "CONVD_SOCKET": self.socket, "TERM": "xterm", "TMPDIR": str(self.dir)}

    def file(self, name, text="ok"):
        path = self.dir / name
        path.write_bytes(text.encode())
        return str(path)

    def run_ctl(self, *args, stdin=b"", **env):
        return subprocess.run([CONVCTL, *args], input=stdin, capture_output=True, env={**self.env, **env}, cwd=self.dir,
                              timeout=LIMIT)

    def start(self, *args, stderr=subprocess.PIPE):
        process = subprocess.Popen([CONVCTL, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                                   env=self.env, cwd=self.dir, text=True)
        pipes = [pipe for pipe in (process.stdout, process.stderr) if pipe]
        self.addCleanup(lambda: (process.kill(), process.wait(), [pipe.close() for pipe in pipes]))
        # Whoever reads what never comes gets the end of the output.
        watchdog = threading.Timer(LIMIT, process.kill)
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        return process

    def read_until(self, stream, word):
        for line in stream:
            if word in line:
                return line
        self.fail(f"the output ended without {word!r}")

    def check(self, result, code):
        self.assertEqual(result.returncode, code, (result.stdout, result.stderr))
        self.assertNotIn(b"\x1b", result.stdout + result.stderr)
        return result

    def leftovers(self):
        return [p.name for p in self.dir.iterdir() if p.name.startswith(".convctl") or p.name.startswith("convctl-")]
