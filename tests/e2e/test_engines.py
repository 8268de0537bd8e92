"""Engines that an administrator adds by files in engines.d: they convert, tell progress, refuse bad documents, are shown by
convctl; a wrong file stops the start."""

import json
import pathlib
import shutil
import subprocess
import tempfile

import harness
from harness import Case, Daemon

UPPER = {
    "name": "upper",
    "title": "Upper case",
    "package": "coreutils",
    "program": "/usr/bin/dd",
    "version_command": ["/usr/bin/dd", "--version"],
    "edges": [{"from": "txt", "to": "shout", "cost": 20, "quality": 90}],
    "args": ["status=none", "conv=ucase", "if={input}", "of={output_dir}/{stem}.{to}"],
    "formats": [{"name": "shout", "title": "shouting", "media_type": "text/x-shout", "extensions": ["shout", "loud"]}],
}

# Says how far it is, and what it thinks of the document. Never written to disk by convd: the file is shown to it.
COUNTER = """
import os, sys, time
text = open(sys.argv[1]).read()
if text.startswith("locked"):
    print("this one is locked", file=sys.stderr)
    sys.exit(1)
print("page 2 of 5", flush=True)
while text.startswith("wait") and not os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), "shown/go")):
    time.sleep(0.01)
for name in ("one", "two") if text == "two" else ("one",):
    open(f"{sys.argv[2]}/source-{name}.md", "w").write(f"# {name}: {text}")
"""


class EngineFiles(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="convd-engines.", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.folder.chmod(0o755)
        (cls.folder / "shown").mkdir()
        (cls.folder / "counter.py").write_text(COUNTER)
        cls.put("10-upper.json", UPPER)
        cls.put(
            "20-counter.json",
            {
                "name": "counter",
                "program": "/usr/bin/python3",
                "files": [f"{cls.folder}/counter.py", f"{cls.folder}/shown"],
                "edges": [{"from": "shout", "to": "md"}],
                "args": [f"{cls.folder}/counter.py", "{input}", "{output_dir}"],
                "env": {"PYTHONDONTWRITEBYTECODE": "1"},
                "outputs": "{stem}-*.md",
                "limits": {"memory_bytes": 512 << 20, "output_files": 2},
                "progress": {"pattern": "^page (?<done>[0-9]+) of (?<total>[0-9]+)", "stream": "stdout", "unit": "page"},
                "errors": [{"pattern": "is locked$", "code": "input_encrypted", "message": "somebody has locked it"}],
            },
        )
        cls.put(
            "30-absent.json",
            {
                "name": "absent",
                "package": "no-such-package",
                "program": "/usr/bin/no-such-program",
                "edges": [{"from": "txt", "to": "png"}],
                "args": ["{input}"],
            },
        )
        cls.options = {"engines_dir": cls.folder}
        super().setUpClass()

    @classmethod
    def put(cls, name, description):
        (cls.folder / name).write_text(json.dumps(description))

    def test_a_file_is_an_engine(self):
        status = self.daemon.convert("words.txt", "shout", b"Quiet words, \xc3\xa4.\n")
        result = self.assertCompleted(status)
        self.assertEqual(result["media_type"], "text/x-shout")
        answer = self.daemon.result(status["id"])
        self.assertEqual(answer.body, b"QUIET WORDS, \xc3\xa4.\n")
        self.assertEqual(answer.headers.get_content_type(), "text/x-shout")

    def test_it_may_leave_several_results(self):
        status = self.daemon.convert("words.loud", "md", b"two")
        self.assertEqual([part["name"] for part in self.assertCompleted(status)["parts"]], ["words-1.md", "words-2.md"])
        self.assertEqual(self.daemon.result(status["id"], "words-2.md").body, b"# two: two")

    def test_it_is_a_step_of_routes(self):
        route = self.daemon.get("/v1/formats?from=loud&to=html").json()
        self.assertEqual([step["engine"] for step in route["steps"]], ["counter", "pandoc"])
        status = self.daemon.convert("words.loud", "html", b"OH")
        self.assertCompleted(status)
        self.assertIn(b"one: OH</h1>", self.daemon.result(status["id"]).body)

    def test_progress_comes_from_what_it_prints(self):
        id = self.daemon.submit("pages.loud", "md", b"wait")
        status = self.daemon.wait(id, lambda status: status["stage"] and status["stage"]["done"] == 2)
        self.assertEqual(status["stage"] | {"name": "counter", "unit": "page", "total": 5, "kind": "measured"}, status["stage"])
        self.assertEqual(status["message"], "Converting page 2 of 5")
        (self.folder / "shown/go").touch()
        self.assertCompleted(self.daemon.wait(id))

    def test_its_words_become_an_error(self):
        status = self.daemon.convert("locked.loud", "md", b"locked away")
        self.assertFailed(status, "input_encrypted")
        self.assertEqual(status["error"], "counter: somebody has locked it")
        self.assertIn("this one is locked", status["error_info"]["detail"])
        self.assertFalse(status["error_info"]["retryable"])

    def test_it_is_shown(self):
        def upper():
            engines = {engine["name"]: engine for engine in self.daemon.get("/v1/engines").json()["engines"]}
            return engines["upper"]["version"] and engines

        engines = harness.eventually(upper, "the version of dd is known")
        self.assertTrue(engines["upper"]["available"])
        self.assertRegex(engines["upper"]["version"], r"^\d+\.\d+ \(10-upper\.json [0-9a-f]{8}\)$")
        self.assertRegex(engines["counter"]["version"], r"^20-counter\.json [0-9a-f]{8}$")
        self.assertFalse(engines["absent"]["available"])
        self.assertEqual(engines["absent"]["problem"], "absent is not installed; its package is no-such-package")
        table = self.daemon.convctl("engines").stdout.decode()
        self.assertRegex(table, r"upper\s+Upper case\s+\d+\.\d+ \(10-upper\.json")
        formats = self.daemon.convctl("formats", "--from", "txt").stdout.decode()
        self.assertIn("shout", formats)
        doctor = self.daemon.convctl("doctor").stdout.decode()
        self.assertRegex(doctor, r"upper: Upper case \d")
        self.assertRegex(doctor, r"absent: absent is not installed; its package is no-such-package")
        self.daemon.upload("x.txt", b"x")
        problem = self.assertProblem(self.daemon.post("/convert", {"filename": "x.txt", "to": "flac"}), 422, "unsupported_conversion")
        self.assertIn("shout", problem["targets"])

    def test_a_wrong_file_is_found_by_a_reload_too(self):
        daemon = Daemon(config="", engines_dir=self.folder)
        wrong = self.folder / "99-wrong.json"
        with daemon:
            wrong.write_text("{}")
            self.addCleanup(wrong.unlink, missing_ok=True)
            daemon.reload("")
            harness.eventually(
                lambda: f"reload: {wrong}: $.name: required; nothing has changed" in daemon.log(), "the reload is refused"
            )
            wrong.unlink()


class WrongFiles(Case):
    """Nothing is started: --check-config finds them, as every start does."""

    @classmethod
    def setUpClass(cls):
        pass

    def check(self, description, *args):
        folder = self.new_folder()
        if description is not None:
            (folder / "mine.json").write_text(description if isinstance(description, str) else json.dumps(description))
        command = [str(harness.BIN / "convd"), "--engines-dir", str(folder), "--state-dir", str(folder), *args]
        told = subprocess.run(command, capture_output=True, timeout=harness.PATIENCE, check=False)
        return told.returncode, told.stderr.decode().replace(str(folder) + "/", "")

    def test_good_ones(self):
        self.assertEqual(self.check(None, "--check-config"), (0, "convd: the configuration is good\n"))
        self.assertEqual(self.check(UPPER, "--check-config"), (0, "convd: the configuration is good\n"))

    def test_a_wrong_one_stops_the_start(self):
        edge = {"from": "txt", "to": "papyrus"}
        said = 'convd: mine.json: $.edges[0].to: expected a format that is known or declared in "formats", got "papyrus"\n'
        for args in ([], ["--check-config"]):
            with self.subTest(args):
                self.assertEqual(self.check(UPPER | {"edges": [edge]}, *args), (78, said))

    def test_what_else_can_be_wrong(self):
        for description, said in (
            ("{", "mine.json: syntax error at byte 1"),
            (UPPER | {"name": "pandoc"}, 'mine.json: $.name: expected a name that no other engine has, got "pandoc"'),
            (UPPER | {"sheel": "sh"}, "mine.json: $.sheel: unknown key; known are name, title"),
            (UPPER | {"args": ["{file}"]}, "mine.json: $.args[0]: expected a text with the placeholders {input}"),
            (UPPER | {"program": "/opt/dd"}, "mine.json: $.program: expected a program below /usr"),
        ):
            with self.subTest(said):
                status, words = self.check(description)
                self.assertEqual(status, 78)
                self.assertIn(said, words)

    def test_a_directory_that_is_not_there(self):
        folder = self.new_folder() / "absent"
        command = [str(harness.BIN / "convd"), "--engines-dir", str(folder), "--check-config"]
        told = subprocess.run(command, capture_output=True, timeout=harness.PATIENCE, check=False)
        self.assertEqual(told.returncode, 78)
        self.assertEqual(told.stderr.decode(), f'convd: engines_dir: expected a directory, got "{folder}"\n')


if __name__ == "__main__":
    harness.main()
