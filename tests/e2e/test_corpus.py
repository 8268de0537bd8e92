"""Real and hostile documents from a folder beside the tree (CONVD_CORPUS) whose MANIFEST.tsv says what to expect of each.

Every row is a test. What fetches anything from the network shows at the canary, a listener on 127.0.0.1:9099. Text that only OCR
could find is not looked for; such rows are named at the end. Skipped when the folder is absent.
"""

import csv
import glob
import http.server
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unicodedata
import unittest

import harness
from harness import Case

CORPUS = pathlib.Path(os.environ.get("CONVD_CORPUS", harness.ROOT.parent / "shared" / "corpus"))
PREFERRED = ("pdf", "txt", "png", "mp3")
COUNTED = re.compile(r"(?:lo74_pages|pages|slides)=(\d+)")
# Rows that are expected to fail and may complete all the same, each with the reason. Every other one must end in an error.
HARMLESS = {"x-infinite-loop.html": "the loop is a script, and no engine here runs scripts"}


def rows():
    manifest = CORPUS / "MANIFEST.tsv"
    if not manifest.exists():
        return []
    lines = [line for line in manifest.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def name_of(row):
    return row["note"].split("use under the name: ")[-1] if "use under the name: " in (row["note"] or "") else row["file"]


def plain(text):
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


class Canary:
    """Hears every request that a document has made somebody send."""

    def __init__(self):
        heard = self.heard = []

        class Listener(http.server.BaseHTTPRequestHandler):
            def handle_one_request(self):
                heard.append(self.rfile.readline(1000))

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 9099), Listener)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@unittest.skipUnless(rows(), f"there is no MANIFEST.tsv in {CORPUS} (CONVD_CORPUS)")
class Corpus(Case):
    # One failed run is enough here, and nothing may take long.
    options = {"attempts": 1, "attempt_timeout": "100s", "stall_timeout": "60s"}
    waiting_for_ocr = []

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.canary = Canary()
        cls.addClassCleanup(cls.canary.close)
        cls.targets = {route["from"]: route["to"] for route in cls.daemon.get("/v1/formats").json()["routes"]}
        cls.ids = {row["file"]: cls.submit(row) for row in rows()}

    @classmethod
    def tearDownClass(cls):
        print("Text that waits for OCR:", ", ".join(sorted(cls.waiting_for_ocr)) or "none")

    @classmethod
    def submit(cls, row, **fields):
        """The id, or the answer that refused it."""
        name = name_of(row)
        cls.daemon.upload(name, (CORPUS / row["file"]).read_bytes())
        answer = cls.daemon.post("/v1/conversions", {"filename": name, "to": cls.target(name), **fields})
        return answer.json()["id"] if answer.status == 202 else answer

    @classmethod
    def target(cls, name):
        alias = {"htm": "html", "tif": "tiff", "jpeg": "jpg", "markdown": "md"}
        format = pathlib.PurePath(name).suffix[1:].lower()
        possible = cls.targets.get(alias.get(format, format), [])
        return next((target for target in PREFERRED if target in possible), "pdf")

    def check_row(self, row):
        id, expected = self.ids[row["file"]], row["expectation"]
        if not isinstance(id, str):
            self.assertEqual(id.status, 422, f"refused with {id}")
            self.assertRegex(expected, "error|ok-if-supported|unknown", f"not supported: {id}")
            return
        status = self.daemon.wait(id)
        if status["status"] == "error":
            self.assertTrue(status["error"])
            self.assertNotEqual(status["error_info"]["code"], "internal", status)
        if expected.startswith("error"):
            self.check_error(row, status)
        elif expected == "ok":
            self.assertCompleted(status)
        if status["status"] == "completed":
            self.check_result(row, id, status)

    def check_error(self, row, status):
        if row["file"] in HARMLESS and status["status"] == "completed":
            return
        self.assertEqual(status["status"], "error", status)
        if "password" in row["expectation"]:
            self.assertEqual(status["error_info"]["code"], "input_encrypted", status)
        if row["password"]:
            id = self.submit(row, password=row["password"])
            self.assertIsInstance(id, str, "the password is taken")
            status = self.daemon.wait(id)
            if status["status"] == "error" and not (harness.BIN / "convd-office").exists():
                self.assertIn("convd-office", status["error"])  # the command line of LibreOffice takes no password
                return
            self.assertCompleted(status)
            self.check_result(row, id, status)

    def check_result(self, row, id, status):
        answer = self.daemon.result(id)
        self.assertEqual(answer.status, 200)
        self.assertGreater(len(answer.body), 0)
        text, pages = self.read(answer.body, status["to"])
        if pages and (counted := COUNTED.search(row["extent"])):
            want = int(counted[1])
            self.assertLessEqual(abs(pages - want), max(1, want // 10), f"{pages} pages, not {want}")
        if text is not None:
            self.check_text(row, plain(text))

    def read(self, body, format):
        """(text or None, pages or None) of a result."""
        if format == "txt":
            return body.decode("utf-8"), None
        if format != "pdf":
            return None, None
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            file.write(body)
            file.flush()
            text = subprocess.run(["pdftotext", file.name, "-"], capture_output=True, check=True).stdout.decode()
            about = subprocess.run(["pdfinfo", file.name], capture_output=True, check=True).stdout.decode()
        return text, int(re.search(r"^Pages:\s+(\d+)", about, re.M)[1])

    def check_text(self, row, text):
        for rule in filter(None, re.split(r";(?=text:|ocr:|NOT:)", row["must_contain"] or "")):
            kind, _, wanted = rule.partition(":")
            if kind == "ocr":
                self.waiting_for_ocr.append(row["file"])
            elif kind == "NOT":
                self.assertNotIn(plain(wanted), text)
            else:
                self.assertIn(plain(wanted), text)

    def test_zz_nobody_called_home(self):
        for id in self.ids.values():
            if isinstance(id, str):
                self.daemon.wait(id)
        self.assertEqual(self.canary.heard, [])

    def test_zz_nothing_was_written_outside(self):
        self.assertEqual(glob.glob("/tmp/pwned*") + glob.glob("pwned*"), [])

    def test_zz_the_daemon_is_well(self):
        self.assertCompleted(self.daemon.convert("guide.md", "html"))
        harness.eventually(lambda: self.daemon.spool() == [], "nothing is left of an upload")
        harness.eventually(lambda: self.daemon.engines() == {}, "nothing is left of a run")


def add_tests():
    for row in rows():
        name = "test_" + re.sub(r"\W+", "_", row["file"])
        setattr(Corpus, name, lambda self, row=row: self.check_row(row))


add_tests()

if __name__ == "__main__":
    harness.main()
