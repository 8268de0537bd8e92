"""Hostile documents: those made in hostile_documents.py, and the hostile rows of the corpus (CONVD_CORPUS). While they are converted a
listener waits at 127.0.0.1:9099 and files lie about that nobody may read: in /tmp, in the state directory, and in the workspace of
a conversion that runs beside them. Nobody calls, nothing leaks, nothing is written, each one ends as it should, and good
conversions among them give what they give alone.

Each document is converted into one format. CONVD_HOSTILE_ALL=1 takes every format it can become, which needs some minutes.
"""

import csv
import datetime
import io
import json
import os
import pathlib
import random
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
import uuid
import zipfile
import zlib

import harness
from harness import Case
from hostile_documents import Bait, cases, png

CORPUS = pathlib.Path(os.environ.get("CONVD_CORPUS", harness.ROOT.parent / "shared" / "corpus"))
EVERY_TARGET = bool(os.environ.get("CONVD_HOSTILE_ALL"))
PORT = 9099
PREFERRED = ("pdf", "txt", "html", "png", "wav", "mp4")
MARK = "CANARY" + uuid.uuid4().hex
COLOUR = (255, 0, 254)  # of the pictures nobody may read
# What has to come of the hostile rows of the corpus.
CORPUS_ENDS = {
    "docx_external_image.docx": {"completed"},
    "libreoffice-linked-external.fodt": {"completed"},
    "x-billion-laughs.odt": {"input_invalid"},
    "x-binary-garbage.txt": {"completed", "input_invalid"},
    "x-empty.docx": {"input_invalid"},
    "x-encrypted-aes256.pdf": {"input_encrypted"},
    "x-ext-image.docx": {"completed"},
    "x-external-ref.svg": {"completed", "input_invalid"},
    "x-file-iframe.html": {"completed"},
    "x-formula.csv": {"completed"},
    "x-hls-named.mp4": {"input_invalid"},
    "x-huge-60000x60000.png": {"input_too_large"},
    "x-include.rst": {"completed", "input_invalid"},
    "x-infinite-loop.html": {"completed"},
    "x-input-write18.tex": {"completed", "input_invalid"},
    "x-local-image.md": {"completed"},
    "x-name-leading-dash.txt": {"completed"},
    "x-name-shell-characters.md": {"completed"},
    "x-png-named.docx": {"input_invalid"},
    "x-section-link.fodt": {"completed"},
    "x-truncated.docx": {"input_invalid"},
    "x-xxe.docx": {"input_invalid"},
    "x-zipbomb.docx": {"input_too_large"},
}
# Limits say which one it was: the sentence names the key of the configuration.
KEYS = {
    "huge.": "input_pixels", "pages": "input_pages", "bomb.docx": "archive_", "entries.docx": "archive_entries", "x-zipbomb.docx": "archive_", "x-huge": "input_pixels",
}


class Listener:
    """Hears who calls, by TCP or UDP, over both families."""

    def __init__(self):
        self.heard = []
        self.sockets = [self.bound(*row) for row in (
            (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"), (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
            (socket.AF_INET6, socket.SOCK_STREAM, "::1"), (socket.AF_INET6, socket.SOCK_DGRAM, "::1"))]
        self.stop, stopped = socket.socketpair()
        self.thread = threading.Thread(target=self.listen, args=(stopped,), daemon=True)
        self.thread.start()

    @staticmethod
    def bound(family, kind, address):
        one = socket.socket(family, kind)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind((address, PORT))
        if kind == socket.SOCK_STREAM:
            one.listen(64)
        return one

    def listen(self, stopped):
        while stopped not in (ready := select.select([stopped, *self.sockets], [], [])[0]):
            for one in ready:
                if one.type == socket.SOCK_DGRAM:
                    self.heard.append(one.recv(1000))
                    continue
                with one.accept()[0] as caller:
                    caller.settimeout(1)
                    try:
                        self.heard.append(caller.recv(1000) or b"a connection")
                    except OSError:
                        self.heard.append(b"a connection")

    def close(self):
        self.stop.close()
        self.thread.join()
        for one in self.sockets:
            one.close()


def has_colour(pixels):
    """Whether enough pixels of RGB bytes are near the colour of the mark."""
    near = sum(1 for r, g, b in zip(pixels[0::3], pixels[1::3], pixels[2::3]) if r > 240 and g < 15 and b > 240)
    return near > 10


def pixels_of(data, kind):
    """RGB bytes of a picture or of the pages of a PDF, small; nothing when it cannot be drawn."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = pathlib.Path(folder) / f"x.{kind}"
        path.write_bytes(data)
        if kind == "pdf":
            subprocess.run(["pdftoppm", "-r", "36", "-l", "20", path, path.with_suffix("")], capture_output=True, check=False)
            return b"".join(page.read_bytes()[15:] for page in pathlib.Path(folder).glob("*.ppm"))
        command = ["ffmpeg", "-v", "quiet", "-i", path, "-frames:v", "1", "-vf", "scale='min(300,iw)':-1:flags=neighbor", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
        return subprocess.run(command, capture_output=True, check=False).stdout


def words_of(data, kind):
    if kind == "pdf":
        return subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=False).stdout
    return data


def parts_of(data):
    """(name, bytes) of a result, and of what is packed in it."""
    yield "", data
    if data[:4] == b"PK\3\4":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                yield member.filename, archive.read(member)


def parsed(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def is_picture(name):
    return name.endswith((".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp"))


class Hostile(Case):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="convd-hostile.", dir="/tmp"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.folder.chmod(0o755)
        # A conversion that stays while the others run, so that there is a workspace beside theirs.
        (cls.folder / "stay.json").write_text(json.dumps({
            "name": "stay", "program": "/usr/bin/sleep", "edges": [{"from": "secret", "to": "txt"}], "args": ["900"],
            "formats": [{"name": "secret", "title": "a secret", "media_type": "text/x-secret", "extensions": ["secret"]}]}))
        cls.options = {"engines_dir": cls.folder, "attempts": 1, "attempt_timeout": "60s", "slots": 3}
        super().setUpClass()
        cls.bait = cls.laid_out()
        cls.listener = Listener()
        cls.addClassCleanup(cls.listener.close)
        cls.routes = {route["from"]: route["to"] for route in cls.daemon.get("/v1/formats").json()["routes"]}
        cls.submit_all()

    @classmethod
    def laid_out(cls):
        texts, pictures = [], []
        red, _, blue = COLOUR
        picture = png(40, 40, (b"\0" + bytes([red, 0, blue]) * 40) * 40)
        places = [cls.folder / "canary", cls.daemon.state / "canary", cls.neighbour("canary")]
        for place in places:
            for path, data, into in ((f"{place}.txt", f"{MARK}\n".encode(), texts), (f"{place}.png", picture, pictures)):
                pathlib.Path(path).write_bytes(data)
                pathlib.Path(path).chmod(0o644)
                into.append(path)
        texts.append(str(cls.workspace / "in" / "source.secret"))
        # As the warm LibreOffice would see it.
        texts.append(f"/.work/{cls.workspace.name}/in/source.secret")
        return Bait(f"http://127.0.0.1:{PORT}", texts, pictures, f"/tmp/convd-pwned-{uuid.uuid4().hex}")

    @classmethod
    def neighbour(cls, name):
        cls.staying = cls.daemon.submit("kept.secret", "txt", f"{MARK}\n".encode(), attempt_timeout_ms=900_000, stall_timeout_ms=900_000)
        cls.daemon.wait(cls.staying, lambda status: status["status"] == "processing")
        found = harness.eventually(lambda: list(cls.daemon.state.glob("**/in/source.secret")), "a workspace beside the others")
        cls.workspace = found[0].parents[1]
        return cls.workspace / "in" / name

    @classmethod
    def submit_all(cls):
        extensions = sorted(cls.routes.keys() - {"secret"})
        cls.ids, cls.cases = {}, {}
        wanted = list(cases(cls.bait, extensions)) + list(cls.corpus_rows())
        random.Random(1).shuffle(wanted)
        cls.alone = {good: cls.good_result(good) for good in GOOD}
        cls.beside = {good: [] for good in GOOD}
        for number, case in enumerate(wanted):
            for to in cls.targets(case):
                cls.ids[(case.name, to)] = cls.daemon.submit(case.name, to, case.data)
            cls.cases[case.name] = case
            if number % 12 == 0:
                for good in GOOD:
                    cls.beside[good].append(cls.daemon.submit(good[0], good[1]))

    @classmethod
    def corpus_rows(cls):
        from hostile_documents import HostileCase
        manifest = CORPUS / "MANIFEST.tsv"
        if not manifest.exists():
            return
        lines = [line for line in manifest.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["file"] in CORPUS_ENDS:
                yield HostileCase(row["file"], (CORPUS / row["file"]).read_bytes(), frozenset(CORPUS_ENDS[row["file"]]))

    @classmethod
    def format_of(cls, name):
        extension = pathlib.PurePath(name).suffix[1:].lower()
        return {"htm": "html", "tif": "tiff", "jpeg": "jpg"}.get(extension, extension)

    @classmethod
    def targets(cls, case):
        possible = cls.routes[cls.format_of(case.name)]
        if EVERY_TARGET:
            return possible
        return [case.to or next((to for to in PREFERRED if to in possible), possible[0])]

    @classmethod
    def good_result(cls, good):
        id = cls.daemon.submit(*good)
        status = cls.daemon.wait(id)
        assert status["status"] == "completed", status
        return zlib.crc32(cls.daemon.result(id).body)

    @classmethod
    def tearDownClass(cls):
        def seconds(status):
            return round(parsed(status["completed_at"]) - parsed(status["started_at"] or status["completed_at"]), 1)

        took = sorted(((seconds(cls.daemon.status(id)), f"{name} to {to}") for (name, to), id in cls.ids.items()), reverse=True)
        print("The slowest, in seconds:", took[:6])

    def ended(self):
        for (name, to), id in self.ids.items():
            yield name, to, id, self.daemon.wait(id)

    def test_each_ends_as_it_should(self):
        wrong = []
        for name, to, id, status in self.ended():
            code = status["error_info"]["code"] if status["error_info"] else status["status"]
            ends = self.cases[name].ends
            # The other targets go by other engines.
            if EVERY_TARGET and to != (self.cases[name].to or "pdf"):
                ends = ends | {"completed", "input_invalid", "engine_failed", "input_too_large", "output_too_large"}
            if code not in ends:
                wrong.append(f"{name} to {to}: {code}, not one of {sorted(ends)}: {status['error']} {(status['error_info'] or {}).get('detail', '')[-300:]}")
            key = next((key for start, key in KEYS.items() if name.startswith(start)), "")
            if code == "input_too_large" and key not in status["error"]:
                wrong.append(f"{name}: {status['error']!r} does not name the limit {key}")
        self.assertEqual(wrong, [])

    def test_nothing_leaks(self):
        for name, to, id, status in self.ended():
            with self.subTest(name=name, to=to):
                said = json.dumps(status) + json.dumps(self.daemon.get(f"/v1/conversions/{id}/receipt").json())
                self.assertNotIn(MARK, said)
                self.assertNotIn(str(self.daemon.state / "work"), status["error"] or "")
                if status["status"] == "completed":
                    self.check_result(name, to, self.daemon.result(id).body)

    def check_result(self, name, to, body):
        for part, data in parts_of(body):
            self.assertNotIn(MARK.encode(), data, part)
            if is_picture(part):
                self.assertFalse(has_colour(pixels_of(data, pathlib.PurePath(part).suffix[1:])), part)
        words = words_of(body, to)
        self.assertNotIn(MARK.encode(), words)
        self.assertNotIn(b"root:x:0", words)
        if to in ("pdf", "png", "jpg", "gif", "webp", "tiff"):
            self.assertFalse(has_colour(pixels_of(body, to)), "a picture from elsewhere")
        kept = self.cases[name].kept
        if kept and to in ("pdf", "txt", "html", "csv", "md"):
            self.assertIn(kept.encode(), b" ".join(words.split()), "what is the document's own")

    def test_nobody_calls(self):
        list(self.ended())
        self.assertEqual(self.listener.heard, [])

    def test_nothing_is_written_outside(self):
        list(self.ended())
        left = [str(path) for place in ("/tmp", "/var/tmp", ".") for path in pathlib.Path(place).glob("*pwned*")]
        self.assertEqual(left, [])

    def test_good_ones_beside_them_are_unharmed(self):
        for good, ids in self.beside.items():
            for id in ids:
                self.assertCompleted(self.daemon.wait(id))
                self.assertEqual(zlib.crc32(self.daemon.result(id).body), self.alone[good], good)

    def test_every_format_has_an_enemy(self):
        self.assertEqual({self.format_of(name) for name in self.cases}, set(self.routes) - {"secret"})

    def test_a_mark_would_be_seen(self):
        self.assertTrue(has_colour(pixels_of(pathlib.Path(self.bait.pictures[0]).read_bytes(), "png")))
        self.assertTrue(self.daemon.wait(self.staying, lambda status: status["status"] == "processing"), "the neighbour is there")

    def test_zz_the_daemon_is_well(self):
        list(self.ended())
        self.daemon.post(f"/v1/conversions/{self.staying}/cancel", {})
        self.assertEqual(self.daemon.wait(self.staying)["status"], "cancelled")
        harness.eventually(lambda: self.daemon.spool() == [], "nothing is left of an upload")
        harness.eventually(lambda: self.daemon.engines() == {}, "nothing is left of a run")


GOOD = (("guide.md", "html"), ("report.docx", "txt"), ("numbers.pdf", "txt"), ("tone.wav", "flac"), ("lighthouse.png", "jpg"), ("lighthouse.svg", "png"))

if __name__ == "__main__":
    harness.main()
