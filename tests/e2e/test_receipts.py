"""Receipts of documents made here: which font stood in for which, what was not fetched, pages, times, warnings, attempts."""

import hashlib
import io
import json
import signal
import subprocess
import unittest
import zipfile

import harness
from harness import Case, Daemon, eventually, sample

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
LINK = "http://192.0.2.1/logo.png"


def docx(paragraphs, relations=""):
    """A Word document of these paragraphs (XML)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/word/document.xml" ContentType='
            '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
        )
        relationships = '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        archive.writestr(
            "_rels/.rels",
            f'{relationships}<Relationship Id="r1" Type="{R}/officeDocument" Target="word/document.xml"/></Relationships>',
        )
        archive.writestr("word/_rels/document.xml.rels", f"{relationships}{relations}</Relationships>")
        archive.writestr(
            "word/document.xml",
            f'<?xml version="1.0"?><w:document xmlns:w="{W}" xmlns:r="{R}" '
            'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
            'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
            'xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture">'
            f"<w:body>{''.join(paragraphs)}</w:body></w:document>",
        )
    return packed.getvalue()


def words(text, font):
    return f'<w:p><w:r><w:rPr><w:rFonts w:ascii="{font}" w:hAnsi="{font}"/></w:rPr><w:t>{text}</w:t></w:r></w:p>'


PAGE = '<w:p><w:r><w:br w:type="page"/></w:r></w:p>'
PICTURE = (
    '<w:p><w:r><w:drawing><wp:inline><wp:extent cx="900000" cy="900000"/><wp:docPr id="1" name="p"/><a:graphic>'
    '<a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic><pic:nvPicPr>'
    '<pic:cNvPr id="1" name="p"/><pic:cNvPicPr/></pic:nvPicPr><pic:blipFill><a:blip r:link="far"/></pic:blipFill><pic:spPr>'
    '<a:xfrm><a:off x="0" y="0"/><a:ext cx="900000" cy="900000"/></a:xfrm><a:prstGeom prst="rect"/></pic:spPr></pic:pic>'
    "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
)
FAR = f'<Relationship Id="far" Type="{R}/image" Target="{LINK}" TargetMode="External"/>'


class ReceiptCase(Case):
    def receipt(self, id):
        answer = self.daemon.get(f"/v1/conversions/{id}/receipt")
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def convert(self, name, to, data, **fields):
        """The receipt of a conversion that succeeded."""
        status = self.daemon.convert(name, to, data, **fields)
        self.assertCompleted(status)
        return self.receipt(status["id"])


@unittest.skipUnless((harness.BIN / "convd-office").exists(), "this build has no convd-office")
class Warm(ReceiptCase):
    options = {"warm_office": "always"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        eventually(lambda: "warm office: LibreOffice" in cls.daemon.log(), "LibreOffice became warm")

    @harness.needs("pdffonts")
    def test_a_font_that_is_not_here(self):
        document = docx([words("first", "Optimus Princeps"), PAGE, words("second", "DejaVu Sans")])
        id = self.daemon.submit("letter.docx", "pdf", document)
        self.assertCompleted(self.daemon.wait(id))
        receipt = self.receipt(id)
        step = receipt["steps"][0]
        self.assertTrue(step["warm"])
        self.assertIn("Optimus Princeps", step["fonts_requested"])
        self.assertIn("DejaVu Sans", step["fonts_requested"])
        used = {font["requested"]: font["used"] for font in step["fonts_substituted"]}
        self.assertNotIn("DejaVu Sans", used)
        # What the result really has.
        pdf = self.daemon.result(id).body
        told = subprocess.run(["pdffonts", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
        self.assertIn("+" + used["Optimus Princeps"].replace(" ", ""), told)
        self.assertEqual((receipt["pages_in"], receipt["pages_out"]), (2, 2))
        self.assertEqual((step["pages_in"], step["pages_out"], step["ended"], step["exit_status"]), (2, 2, "exited", 0))

    def test_a_link_that_is_not_followed(self):
        receipt = self.convert("linked.docx", "pdf", docx([words("logo:", "DejaVu Sans"), PICTURE], FAR))
        self.assertEqual(receipt["steps"][0]["links_blocked"], [LINK])


class Receipts(ReceiptCase):
    @harness.needs("pandoc")
    def test_what_went_in_and_came_out(self):
        data = sample("guide.md")
        id = self.daemon.submit("guide.md", "html", data)
        self.assertCompleted(self.daemon.wait(id))
        receipt = self.receipt(id)
        self.assertEqual(receipt["input"], {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        result = self.daemon.result(id).body
        self.assertEqual(
            receipt["output"],
            {
                "size": len(result),
                "files": [
                    {
                        "name": "guide.html",
                        "media_type": "text/html",
                        "size": len(result),
                        "sha256": hashlib.sha256(result).hexdigest(),
                    }
                ],
            },
        )
        self.assertEqual(receipt["route"], [{"engine": "pandoc", "from": "md", "to": "html"}])
        self.assertEqual([(a["attempt"], a["outcome"]) for a in receipt["attempts"]], [(1, "ok")])
        self.assertEqual((receipt["failures"], receipt["interruptions"]), (0, 0))
        self.assertEqual((receipt["reused"], receipt["served_from"]), (None, None))
        attempt, timings, step = receipt["attempts"][0], receipt["timings"], receipt["steps"][0]
        self.assertGreaterEqual(attempt["wall_ms"], step["wall_ms"] + attempt["publish_ms"])
        self.assertGreaterEqual(timings["total_ms"], timings["waited_ms"])
        self.assertEqual((timings["publish_ms"], timings["input_check_ms"]), (attempt["publish_ms"], attempt["input_check_ms"]))
        self.assertGreater(step["peak_rss_bytes"], 1 << 20)
        self.assertEqual((step["warnings"], step["warnings_total"]), ([], 0))

    @harness.needs("pandoc")
    def test_pandoc_warns(self):
        step = self.convert("formula.md", "html", b"# x\n\nOne $\\frac{1}$ and two $\\sqrt{$\n")["steps"][0]
        self.assertEqual(len(step["warnings"]), step["warnings_total"], step)
        self.assertTrue(any("Could not convert TeX math" in warning for warning in step["warnings"]), step)

    @harness.needs("pdftotext")
    def test_poppler_warns(self):
        """Thirty pages that draw with a font nobody knows."""
        pages = 30
        kids = b" ".join(b"%d 0 R" % (10 + i) for i in range(pages))
        page = b"%d 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 3 0 R/Resources<<>>>>endobj\n"
        data = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        data += b"2 0 obj<</Type/Pages/Kids[%s]/Count %d>>endobj\n" % (kids, pages)
        data += b"3 0 obj<</Length 28>>stream\nBT /F1 12 Tf (hello) Tj ET  \nendstream endobj\n"
        data += b"".join(page % (10 + i) for i in range(pages)) + b"trailer<</Root 1 0 R>>\n"
        step = self.convert("broken.pdf", "png", data, options={"dpi": "20"})["steps"][0]
        self.assertIn("Syntax Error: Unknown font tag 'F1'", step["warnings"])
        self.assertGreaterEqual(step["warnings_total"], pages)
        self.assertLessEqual(len(step["warnings"]), 20)

    @harness.needs("pdftoppm")
    def test_pages_of_pictures(self):
        whole = self.convert("numbers.pdf", "jpg", sample("numbers.pdf"), options={"dpi": "20"})
        pages = len(whole["output"]["files"])
        self.assertEqual((whole["pages_in"], whole["pages_out"]), (pages, pages))
        part = self.convert("numbers.pdf", "jpg", sample("numbers.pdf"), options={"dpi": "20", "pages": "2-3"})
        self.assertEqual((part["pages_in"], part["pages_out"]), (None, 2))

    @harness.needs("pandoc")
    def test_convctl_shows_it(self):
        id = self.daemon.submit("shown.md", "html", sample("guide.md"))
        self.daemon.wait(id)
        text = self.daemon.convctl("status", id, "--receipt").stdout.decode()
        self.assertIn("shown.md, md to html: completed\n", text)
        self.assertRegex(text, r"\n  output   shown\.html, [0-9.]+ KiB, sha256 [0-9a-f]{64}\n")
        self.assertRegex(text, r"\nattempt 1: ok, [0-9.]+ s, input check [0-9.]+ s, publishing [0-9.]+ s\n  pandoc[ ,]")
        document = json.loads(self.daemon.convctl("status", id, "--receipt", "--json").stdout)
        self.assertEqual(document.pop("schema"), "convctl.v1/receipt")
        self.assertEqual(document, self.receipt(id))


class Interrupted(Case):
    """An engine that waits for a file to appear, so that the daemon can be killed in the middle of it."""

    def test_an_attempt_that_ended_with_the_daemon(self):
        folder = self.new_folder()
        folder.chmod(0o755)
        (folder / "shown").mkdir(mode=0o755)
        (folder / "wait.py").write_text(
            "import os, sys, time\n"
            "while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n"
            "open(sys.argv[2], 'w').write('done')\n"
        )
        engine = {
            "name": "patient",
            "program": "/usr/bin/python3",
            "files": [f"{folder}/wait.py", f"{folder}/shown"],
            "edges": [{"from": "txt", "to": "txt"}],
            "args": [f"{folder}/wait.py", f"{folder}/shown/go", "{output_dir}/{stem}.{to}"],
        }
        (folder / "patient.json").write_text(json.dumps(engine))
        daemon = Daemon(engines_dir=folder)
        with daemon:
            id = daemon.submit("a.txt", "txt", b"x")
            running = daemon.wait(id, lambda status: status["status"] == "processing")
            self.assertEqual(running["attempt"], 1)
            receipt = daemon.get(f"/v1/conversions/{id}/receipt").json()
            self.assertEqual(receipt["attempts"][0] | {"outcome": "running", "wall_ms": None}, receipt["attempts"][0])
            daemon.stop(signal.SIGKILL)
            (folder / "shown/go").touch()
            daemon.start()
            self.assertCompleted(daemon.wait(id))
            receipt = daemon.get(f"/v1/conversions/{id}/receipt").json()
            self.assertEqual([a["outcome"] for a in receipt["attempts"]], ["interrupted", "ok"])
            self.assertEqual((receipt["interruptions"], receipt["failures"]), (1, 0))
            self.assertEqual([step["attempt"] for step in receipt["steps"]], [2])


if __name__ == "__main__":
    harness.main()
