"""A copy of the sources with a build of its own, where mechanisms can be removed."""

import contextlib
import os
import shutil
import signal
import subprocess

from .mutation import PROGRAMS

LOG_BYTES = 20_000


class Workplace:
    """`work` holds the copy (tree/), which is left there: the next time only what differs is built."""

    def __init__(self, root, work):
        self.root, self.tree = root, work.resolve() / "tree"
        self.build_dir = self.tree / "build" / "dev"
        self.log = work.resolve() / "log"
        self.passing = set()  # tests, when nothing is removed

    def __enter__(self):
        self.tree.mkdir(parents=True, exist_ok=True)
        self.copy_sources()
        if not (self.build_dir / "build.ninja").exists():
            werror = os.environ.get("CONVD_WERROR", "OFF")
            # Each source by itself, and nothing for debuggers: a change costs one source and a link.
            self.command("cmake", "--preset", "dev", f"-DCONVD_WERROR={werror}", "-DCMAKE_CXX_FLAGS_DEBUG=-O0", check=True)
        return self

    def __exit__(self, *_):
        pass

    def copy_sources(self):
        """What git knows or would take, as it is in the checkout; what has gone there goes here."""
        words = ["git", "-C", str(self.root), "ls-files", "--cached", "--others", "--exclude-standard"]
        names = {name for name in subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
                 if (self.root / name).is_file()}
        for name in names:
            target = self.tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists() or target.read_bytes() != (self.root / name).read_bytes():
                shutil.copy(self.root / name, target)
        for path in self.tree.rglob("*"):
            name = path.relative_to(self.tree)
            if path.is_file() and name.parts[0] != "build" and str(name) not in names and "__pycache__" not in name.parts:
                path.unlink()

    @contextlib.contextmanager
    def mutated(self, mutation):
        path = self.tree / mutation.file
        text = path.read_text()
        path.write_text(mutation.applied_to(text))
        try:
            yield
        finally:
            path.write_text(text)

    def prove_all(self, tests):
        """What fails anyway says nothing. All before the first change, so that each program is linked once for it."""
        self.build({target for test in tests for target in test.targets})
        self.passing = {test for test in sorted(tests, key=lambda t: t.name) if self.run(test)}

    def build(self, targets):
        words = list(targets)
        # The office is a program only where LibreOffice can be built against.
        if set(PROGRAMS) <= set(words) and "convd-office: " in self.command("ninja", "-C", str(self.build_dir), "-t", "targets", "all").stdout:
            words.append("convd-office")
        return self.command("nice", "-n", "19", "ninja", "-j2", "-k0", "-C", str(self.build_dir), *words).returncode == 0

    def run(self, test):
        """Whether it passes. One that does not end in its time does not."""
        words = [word.replace("{build}", str(self.build_dir)) for word in test.command]
        # Many a broken mechanism shows in something that never comes.
        environment = os.environ | {"CONVD_BIN_DIR": str(self.build_dir), "CONVD_E2E_PATIENCE": "60"}
        if not shutil.which(words[0]):
            return False  # it could not be built
        with open(self.log, "ab") as log:
            log.write(f"\n== {test.name}\n".encode())
            log.flush()
            process = subprocess.Popen(words, cwd=self.tree, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            try:
                return process.wait(test.timeout_s) == 0
            except subprocess.TimeoutExpired:
                return False
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def command(self, *words, check=False):
        done = subprocess.run(words, cwd=self.tree, check=False, capture_output=True, text=True)
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"\n== {' '.join(words)}\n{done.stdout[-LOG_BYTES:]}{done.stderr[-LOG_BYTES:]}")
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")
        return done
