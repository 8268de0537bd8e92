"""Everything that can be wrong with a request or a document: the status, the code, what convctl makes of it, and that the daemon
is none the worse: an empty spool, and the next conversion works."""

import os
import pathlib
import tempfile
import unittest
import zlib
import struct

import harness
from harness import Case, sample

CORPUS = pathlib.Path(os.environ.get("CONVD_CORPUS", harness.ROOT.parent / "shared" / "corpus"))
UNKNOWN = "018f0000-0000-7000-8000-000000000000"


def huge_png(side):
    """A valid 1-bit PNG of side x side pixels, all black, that is small as a file."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    squeeze = zlib.compressobj(9)
    row = b"\0" * (1 + side // 8)
    data = b"".join(squeeze.compress(row) for _ in range(side)) + squeeze.flush()
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


class Careful(Case):
    def tearDown(self):
        harness.eventually(lambda: self.daemon.spool() == [], "nothing is left of what was refused")
        self.assertCompleted(self.daemon.convert("next.md", "html", sample("guide.md")))


class Requests(Careful):
    options = {"input_limit": "256K"}

    def test_bad_names(self):
        for name in ("../secret.md", "a/b.md", "..", "", "line\n.md", "x" * 253 + ".md"):
            with self.subTest(name):
                self.assertProblem(self.daemon.post("/convert", {"filename": name, "to": "html"}), 400, "invalid_filename")
        # The JSON reader refuses \u0000 before a name is seen.
        self.assertProblem(self.daemon.post("/convert", {"filename": "nul\0.md"}), 400, "invalid_json")

    def test_bad_name_of_an_upload(self):
        self.assertProblem(self.daemon.http("POST", "/documents?name=..%2Fx.md", b"# x\n"), 400, "invalid_filename")
        self.assertProblem(self.daemon.http("POST", "/documents?name=x%00.md", b"# x\n"), 400, "invalid_request")

    def test_no_filename(self):
        self.assertEqual(self.daemon.post("/convert", {"to": "pdf"}).status, 400)

    def test_unknown_document(self):
        self.assertProblem(self.daemon.post("/convert", {"filename": "never.docx"}), 404, "document_not_found")

    def test_impossible_pair_lists_what_is_possible(self):
        self.daemon.upload("pair.docx", sample("report.docx"))
        problem = self.assertProblem(
            self.daemon.post("/convert", {"filename": "pair.docx", "to": "mp3"}), 422, "unsupported_conversion"
        )
        self.assertIn("pdf", problem["targets"])

    def test_unknown_target(self):
        self.daemon.upload("target.docx", sample("report.docx"))
        self.assertProblem(
            self.daemon.post("/convert", {"filename": "target.docx", "to": "papyrus"}), 422, "unsupported_conversion"
        )

    def test_unknown_option_and_wrong_value(self):
        self.daemon.upload("option.pdf", sample("numbers.pdf"))
        request = {"filename": "option.pdf", "to": "png"}
        problem = self.assertProblem(self.daemon.post("/v1/conversions", request | {"options": {"colour": "red"}}), 422, "invalid_option")
        self.assertIn("colour", problem["detail"])
        problem = self.assertProblem(self.daemon.post("/v1/conversions", request | {"options": {"dpi": -1}}), 422, "invalid_option")
        self.assertIn("dpi", problem["detail"])

    def test_malformed_json_names_the_place(self):
        head = {"Content-Type": "application/json"}
        self.assertProblem(self.daemon.http("POST", "/v1/conversions", '{"filename":', head), 400, "invalid_json")
        answer = self.daemon.http("POST", "/v1/conversions", '{"filename":"a.md","labels":{"a":1}}', head)
        self.assertIn("$.labels.a", self.assertProblem(answer, 400, "invalid_json")["detail"])
        answer = self.daemon.http("POST", "/v1/conversions", '{"filename":7}', head)
        self.assertIn("$.filename", self.assertProblem(answer, 400, "invalid_json")["detail"])

    def test_media_type(self):
        answer = self.daemon.http("POST", "/convert", "<filename/>", {"Content-Type": "text/xml"})
        self.assertProblem(answer, 415, "unsupported_media_type")

    def test_body_over_the_limit(self):
        head = f"POST /documents?name=big.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: {1 << 20}\r\n\r\n".encode()
        answer = self.daemon.raw(head)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 "), answer[:200])
        self.assertIn(b'"code":"body_too_large"', answer)

    def test_chunked_body_over_the_limit(self):
        head = b"POST /documents?name=big.bin HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = self.daemon.raw(head + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 8)
        self.assertTrue(answer.startswith(b"HTTP/1.1 413 ") or answer == b"", answer[:200])

    def test_unknown_ids(self):
        for path in (f"/conversion-status/{UNKNOWN}", f"/v1/conversions/{UNKNOWN}", f"/v1/conversions/{UNKNOWN}/result", "/conversion-status/nonsense"):
            self.assertProblem(self.daemon.get(path), 404, "conversion_not_found")
        self.assertProblem(self.daemon.post(f"/v1/conversions/{UNKNOWN}/cancel", {}), 404, "conversion_not_found")

    def test_unknown_route_and_method(self):
        self.assertProblem(self.daemon.get("/no/such/route"), 404, "not_found")
        answer = self.daemon.http("PUT", "/convert", "{}")
        self.assertProblem(answer, 405, "method_not_allowed")
        self.assertIn("POST", answer.headers["Allow"])

    def test_half_closed_connections(self):
        started = b"POST /documents?name=half.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n# half"
        for data in (b"", b"GET /conv", b"GET / HTTP/1.1\r\nHost: localhost\r\n", started):
            with self.subTest(data):
                answer = self.daemon.raw(data, half_close=True)
                self.assertFalse(answer.startswith(b"HTTP/1.1 2"), answer[:100])
        harness.eventually(lambda: self.daemon.spool() == [], "the half upload is removed")
        self.assertProblem(self.daemon.get("/documents/half.md"), 404, "document_not_found")

    def test_not_http_at_all(self):
        for data in (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 64, b"HELO there\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                     b"POST /convert HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                     b"POST /convert HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     b"POST /convert HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"):
            with self.subTest(data[:40]):
                answer = self.daemon.raw(data, half_close=True)
                self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:100])

    def test_too_long_a_header(self):
        answer = self.daemon.raw(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * (1 << 20) + b"\r\n\r\n")
        self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 431 "), answer[:100])


class Documents(Careful):
    """What is wrong with the content is found by the job."""

    options = {"attempt_timeout": "60s"}

    def fails(self, filename, data, to, *codes):
        self.assertFailed(self.daemon.convert(filename, to, data), *codes)

    def test_empty_file(self):
        self.fails("empty.docx", b"", "pdf", "input_invalid")

    def test_truncated_docx(self):
        data = sample("report.docx")
        self.fails("truncated.docx", data[: len(data) * 6 // 10], "pdf", "input_invalid", "engine_failed")

    def test_garbage_called_docx(self):
        self.fails("garbage.docx", bytes((7 * i * i + 13 * i) % 251 for i in range(5000)), "pdf", "input_invalid")

    def test_a_picture_called_docx(self):
        self.fails("picture.docx", sample("lighthouse.png"), "pdf", "input_invalid")

    def test_pdf_with_a_password(self):
        self.fails("locked.pdf", sample("locked.pdf"), "txt", "input_encrypted")
        self.assertFailed(self.daemon.convert("locked.pdf", "txt", password="wrong"), "input_encrypted")
        status = self.daemon.convert("locked.pdf", "txt", password="harbour")
        self.assertCompleted(status)
        self.assertIn("Lindqvist", self.daemon.result(status["id"]).body.decode())
        self.assertNotIn("harbour", str(status["labels"]) + str(status["message"]), "no secret in what is told")

    @unittest.skipUnless(CORPUS.is_dir(), f"no corpus in {CORPUS} (CONVD_CORPUS)")
    def test_docx_with_a_password(self):
        data = (CORPUS / "protected_page_1.docx").read_bytes()
        self.fails("protected.docx", data, "pdf", "input_encrypted")

    @harness.long
    def test_huge_picture(self):
        self.fails("huge.png", huge_png(60000), "webp", "input_too_large", "engine_failed", "out_of_memory", "timed_out")

    def test_a_failure_is_over(self):
        status = self.daemon.convert("over.docx", "pdf", b"")
        self.assertIsNone(status["result"])
        self.assertProblem(self.daemon.post(f"/v1/conversions/{status['id']}/cancel", {}), 409, "already_finished")


class CommandLine(Careful):
    """The same through convctl: its exit status and a sentence that names the place."""

    options = {"warm_office": "never"}  # what is wrong with these is found before LibreOffice is needed

    def setUp(self):
        self.folder = self.new_folder()

    def run_on(self, name, data, *args):
        path = self.folder / name
        path.write_bytes(data)
        done = self.daemon.convctl("convert", *args, "--output-dir", str(self.folder / "out"), "--", str(path))
        self.assertEqual(done.stdout, b"", "stdout carries results only")
        self.assertNotEqual(done.stderr, b"")
        self.assertFalse(list((self.folder / "out").glob("*")) if (self.folder / "out").exists() else [])
        return done

    def test_bad_content(self):
        self.assertEqual(self.run_on("empty.docx", b"", "--to", "pdf").returncode, 66)
        self.assertEqual(self.run_on("garbage.docx", b"\x01\x02\x03" * 999, "--to", "pdf").returncode, 65)
        # Whether the reader calls it damaged or just fails is its own affair.
        self.assertIn(self.run_on("cut.docx", sample("report.docx")[:5000], "--to", "pdf").returncode, (1, 65))
        self.assertEqual(self.run_on("locked.pdf", sample("locked.pdf"), "--to", "txt").returncode, 65)

    def test_impossible_pair(self):
        done = self.run_on("pair.docx", sample("report.docx"), "--to", "mp3")
        self.assertEqual(done.returncode, 65, done.stderr)
        self.assertIn(b"pdf", done.stderr)

    def test_missing_file(self):
        done = self.daemon.convctl("convert", "--to", "pdf", "--", str(self.folder / "nothing.docx"))
        self.assertEqual(done.returncode, 66, done.stderr)
        self.assertIn(b"nothing.docx", done.stderr)

    def test_unknown_id(self):
        self.assertEqual(self.daemon.convctl("status", UNKNOWN).returncode, 66)

    def test_usage(self):
        self.assertEqual(self.daemon.convctl("convert").returncode, 64)
        self.assertEqual(self.daemon.convctl("frobnicate").returncode, 64)

    def test_no_daemon(self):
        nowhere = str(self.folder / "no-such" / "convd.sock")
        done = self.daemon.convctl("status", env={"CONVD_SOCKET": nowhere})
        self.assertEqual(done.returncode, 69)
        self.assertIn(nowhere.encode(), done.stderr)


class OneSlotLeft(Case):
    """A full queue says so, with the time to come back."""

    options = {"slots": 1, "queue_limit": 2, "queue_limit_per_org": 2}

    def test_queue_full(self):
        held = harness.Held(self.daemon)
        request = {"filename": "held.gated", "to": "txt"}
        ids, answer = [], None
        for _ in range(3):
            answer = self.daemon.post("/v1/conversions", request)
            if answer.status != 202:
                break
            ids.append(answer.json()["id"])
        self.assertProblem(answer, 429, "queue_full")
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertEqual(len(ids), 2)
        for id in (held.id, *ids):
            self.daemon.post(f"/v1/conversions/{id}/cancel", {})
            self.assertEqual(self.daemon.wait(id)["status"], "cancelled")


if __name__ == "__main__":
    harness.main()
