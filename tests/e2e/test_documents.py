"""The library: documents come in, are listed, read back and removed."""

import hashlib
import urllib.parse

import harness
from harness import Case, sample


class Library(Case):
    def test_raw_upload(self):
        data = sample("report.docx")
        answer = self.daemon.http("POST", "/documents?name=raw.docx", data)
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.headers["Location"], "/documents/raw.docx")
        (document,) = answer.json()["documents"]
        self.assertEqual(document["name"], "raw.docx")
        self.assertEqual(document["size"], len(data))
        self.assertEqual(document["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(document["media_type"], "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
        self.assertIsNone(document["pages"])
        self.assertIsNone(document["last_conversion"])
        self.assertIsNone(document["last_status"])

    def test_many_in_one_form(self):
        parts = [("file", "one.md", b"# one\n"), ("file", "two.md", b"# two\n")]
        answer = self.daemon.post_parts("/documents", parts)
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual([document["name"] for document in answer.json()["documents"]], ["one.md", "two.md"])
        self.assertEqual(self.daemon.get("/documents/two.md").body, b"# two\n")

    def test_read_back(self):
        data = sample("numbers.pdf")
        self.daemon.upload("back.pdf", data)
        answer = self.daemon.get("/documents/back.pdf")
        self.assertEqual((answer.status, answer.body), (200, data))
        self.assertEqual(answer.headers["ETag"], f'"{hashlib.sha256(data).hexdigest()}"')
        self.assertEqual(answer.headers.get_content_type(), "application/pdf")
        part = self.daemon.get("/documents/back.pdf", Range="bytes=0-3")
        self.assertEqual((part.status, part.body), (206, b"%PDF"))
        about = self.daemon.get("/documents/back.pdf", Accept="application/json").json()
        self.assertEqual((about["name"], about["size"]), ("back.pdf", len(data)))

    def test_names_of_all_kinds(self):
        for name in ("Ünïcödé 文書 📄.md", "-leading-dash.md", "has  spaces; $(touch pwned) & 'quotes' `id`.md", "100%.md", "a+b.md"):
            with self.subTest(name):
                self.assertEqual(self.daemon.upload(name, b"# hello\n")["name"], name)
                path = "/documents/" + urllib.parse.quote(name)
                answer = self.daemon.get(path)
                self.assertEqual(answer.body, b"# hello\n")
                self.assertIn("filename*=UTF-8''" + urllib.parse.quote(name, safe="!#$&+-.^_`|~"), answer.headers["Content-Disposition"])
                self.assertEqual(self.daemon.http("DELETE", path).status, 204)

    @harness.needs("strace")
    def test_nobody_waits_for_the_result_of_another(self):
        """However long it takes to store one."""
        with harness.slow_disk_for(self.daemon, "convd-files") as hangs:
            first = self.daemon.submit("first.md", "html", b"# first\n")
            harness.eventually(hangs, "its result is being stored")
            self.daemon.upload("second.md", b"# second\n")
            answer = self.daemon.post_parts("/v1/conversions", [("to", "html"), ("file", "third.md", b"# third\n")])
            self.assertEqual(answer.status, 202, answer)
            self.assertTrue(hangs(), "still")
            self.assertEqual(self.daemon.status(first)["status"], "processing")
        self.assertCompleted(self.daemon.wait(first))
        self.assertCompleted(self.daemon.wait(answer.json()["id"]))

    def test_the_same_name_again_replaces(self):
        self.daemon.upload("twice.md", b"# first\n")
        id = self.daemon.post("/convert", {"filename": "twice.md", "to": "html"}).json()["conversion_id"]
        self.daemon.upload("twice.md", b"# second\n")
        self.assertEqual(self.daemon.get("/documents/twice.md").body, b"# second\n")
        # The conversion keeps the bytes it was accepted with.
        self.assertCompleted(self.daemon.wait(id))
        self.assertIn(b"first", self.daemon.result(id).body)

    def test_the_badge_follows_the_last_conversion(self):
        status = self.daemon.convert("badge.md", "html", sample("guide.md"))
        document = self.daemon.get("/documents/badge.md", Accept="application/json").json()
        self.assertEqual((document["last_conversion"], document["last_status"]), (status["id"], "completed"))

    def test_delete(self):
        self.daemon.upload("gone.md", b"# gone\n")
        sha256 = hashlib.sha256(b"# gone\n").hexdigest()
        self.assertTrue((self.daemon.state / "blobs" / sha256[:2] / sha256).exists())
        self.assertEqual(self.daemon.http("DELETE", "/documents/gone.md").status, 204)
        self.assertFalse((self.daemon.state / "blobs" / sha256[:2] / sha256).exists(), "the answer says that it is gone")
        self.assertProblem(self.daemon.get("/documents/gone.md"), 404, "document_not_found")
        self.assertProblem(self.daemon.http("DELETE", "/documents/gone.md"), 404, "document_not_found")
        self.assertProblem(self.daemon.post("/convert", {"filename": "gone.md"}), 404, "document_not_found")

    def test_chunked_upload(self):
        pieces = (b"# in ", b"three ", b"pieces\n")
        answer = self.daemon.http("POST", "/documents?name=chunked.md", iter(pieces), {"Transfer-Encoding": "chunked"})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(self.daemon.get("/documents/chunked.md").body, b"".join(pieces))

    def test_large_upload_leaves_nothing_in_the_spool(self):
        data = bytes(range(256)) * (64 << 10)
        self.assertEqual(self.daemon.upload("large.bin", data)["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(self.daemon.spool(), [])


if __name__ == "__main__":
    harness.main()
