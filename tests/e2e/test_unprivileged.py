"""The daemon run by somebody who is not root, as most people will first try it."""

import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

import harness
from harness import Case, Daemon

PROGRAMS = ("convd", "convctl", "convd-runner", "convd-layout", "convd-inspect", "convd-office")


@unittest.skipUnless(os.geteuid() == 0, "needs root, to become nobody")
@unittest.skipUnless(shutil.which("runuser"), "runuser is not installed")
class Nobody(Case):
    @classmethod
    def setUpClass(cls):
        # The tree may lie where nobody cannot look: programs and state go to a folder of their own.
        home = tempfile.TemporaryDirectory(prefix="convd-nobody.", dir="/tmp")
        cls.addClassCleanup(home.cleanup)
        folder = pathlib.Path(home.name)
        for program in PROGRAMS:
            if (harness.BIN / program).exists():
                shutil.copy2(harness.BIN / program, folder / program)
        shutil.chown(folder, "nobody", "nogroup")
        cls.nobody = ["runuser", "-u", "nobody", "--"]
        (folder / "run").mkdir()
        shutil.chown(folder / "run", "nobody", "nogroup")
        cls.daemon = Daemon(command=cls.nobody, bin_dir=folder, folder=folder / "run").start()
        cls.addClassCleanup(cls.daemon.close)

    def test_runs_as_nobody(self):
        uid = harness.pathlib.Path(f"/proc/{self.daemon.pid()}/status").stat().st_uid
        self.assertEqual(uid, 65534)

    def test_converts_in_the_sandbox(self):
        self.assertIs(self.daemon.get("/v1/doctor").json()["sandbox"]["sandboxed"], os.environ.get("CONVD_SANDBOX") != "off")
        for name, target in (("report.docx", "pdf"), ("guide.md", "html"), ("numbers.pdf", "png"), ("lighthouse.png", "webp")):
            with self.subTest(name):
                self.assertCompleted(self.daemon.convert(name, target))

    @unittest.skipUnless((harness.BIN / "convd-office").exists(), "this build has no convd-office")
    def test_keeps_libreoffice_warm(self):
        # What only a warm one can do.
        self.assertCompleted(self.daemon.convert("report.docx", "pdf", options={"landscape": True}))
        self.assertIn("warm office: LibreOffice", self.daemon.log())

    def test_convctl_as_nobody(self):
        done = subprocess.run(
            [*self.nobody, str(self.daemon.bin_dir / "convctl"), "convert", "-", "--from", "md", "--to", "html", "-o", "-"],
            input=b"# hello\n", capture_output=True, check=False, timeout=harness.PATIENCE, cwd="/",
            env={"PATH": os.environ["PATH"], "CONVD_SOCKET": self.daemon.socket, "HOME": "/nonexistent"},
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"hello</h1>", done.stdout)

    def test_the_state_is_private(self):
        self.assertEqual(stat.S_IMODE(self.daemon.state.stat().st_mode), 0o700)

    def test_root_and_nobody_are_two_callers(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        done = subprocess.run(
            [*self.nobody, str(self.daemon.bin_dir / "convctl"), "status", id], capture_output=True, check=False, cwd="/",
            timeout=harness.PATIENCE, env={"PATH": os.environ["PATH"], "CONVD_SOCKET": self.daemon.socket},
        )
        self.assertEqual(done.returncode, 66, "another's conversion is an unknown one")


if __name__ == "__main__":
    harness.main()
