"""Results over HTTP: ranges, conditions, HEAD, names, several files."""

import hashlib
import io
import urllib.parse
import zipfile

import harness
from harness import Case, sample


class OneFile(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.status = cls.daemon.convert("guide.md", "html")
        cls.id = cls.status["id"]
        cls.body = cls.daemon.result(cls.id).body
        cls.tag = f'"{hashlib.sha256(cls.body).hexdigest()}"'

    def result(self, method="GET", **headers):
        head = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.daemon.http(method, f"/v1/conversions/{self.id}/result", headers=head)

    def test_whole(self):
        answer = self.result()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["ETag"], self.tag)
        self.assertEqual(answer.headers["Content-Length"], str(len(self.body)))
        self.assertEqual(answer.headers["Accept-Ranges"], "bytes")
        self.assertEqual(answer.headers.get_content_type(), "text/html")
        self.assertTrue(answer.headers["Content-Disposition"].startswith("attachment"))
        self.assertIn("guide.html", answer.headers["Content-Disposition"])
        file = self.status["result"]
        self.assertEqual((file["name"], file["size"], f'"{file["sha256"]}"'), ("guide.html", len(self.body), self.tag))

    def test_ranges(self):
        size = len(self.body)
        for spec, first, last in (("0-9", 0, 9), ("10-", 10, size - 1), ("-7", size - 7, size - 1), (f"5-{size * 2}", 5, size - 1)):
            with self.subTest(spec):
                answer = self.result(Range=f"bytes={spec}")
                self.assertEqual((answer.status, answer.body), (206, self.body[first : last + 1]))
                self.assertEqual(answer.headers["Content-Range"], f"bytes {first}-{last}/{size}")

    def test_range_beyond_the_end(self):
        answer = self.result(Range=f"bytes={len(self.body)}-")
        self.assertProblem(answer, 416, "range_not_satisfiable")
        self.assertEqual(answer.headers["Content-Range"], f"bytes */{len(self.body)}")

    def test_if_range(self):
        self.assertEqual(self.result(Range="bytes=0-1", If_Range=self.tag).status, 206)
        self.assertEqual(self.result(Range="bytes=0-1", If_Range='"other"').status, 200)

    def test_if_none_match(self):
        answer = self.result(If_None_Match=f'"other", {self.tag}')
        self.assertEqual((answer.status, answer.body), (304, b""))
        self.assertEqual(answer.headers["ETag"], self.tag)
        self.assertEqual(self.result(If_None_Match='"other"').status, 200)

    def test_head(self):
        answer = self.result("HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["Content-Length"], str(len(self.body)))
        self.assertEqual(answer.headers["ETag"], self.tag)

    def test_by_name(self):
        self.assertEqual(self.daemon.result(self.id, "guide.html").body, self.body)
        self.assertProblem(self.daemon.result(self.id, "other.html"), 404, "not_found")
        self.assertIn(self.daemon.result(self.id, "../../convd.db").status, (400, 404))

    def test_long_poll(self):
        answer = self.daemon.get(f"/conversion-status/{self.id}")
        self.assertEqual(answer.headers["ETag"], f'"r{self.status["rev"]}"')
        # Nothing will change any more: the answer is there after the second that was asked for.
        again = self.daemon.get(f"/conversion-status/{self.id}?wait=1", If_None_Match=answer.headers["ETag"])
        self.assertEqual(again.status, 304)


class Names(Case):
    def test_unicode_name_round_trips(self):
        name = "Ünïcödé 文書 📄.md"
        answer = self.daemon.result(self.daemon.convert(name, "html", sample("guide.md"))["id"])
        disposition = answer.headers["Content-Disposition"]
        encoded = disposition.split("filename*=UTF-8''")[1].split(";")[0]
        self.assertEqual(urllib.parse.unquote(encoded), "Ünïcödé 文書 📄.html")


class ManyFiles(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.status = cls.daemon.convert("numbers.pdf", "png")
        cls.id = cls.status["id"]

    def test_zip(self):
        answer = self.daemon.result(self.id)
        self.assertEqual(answer.headers.get_content_type(), "application/zip")
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            self.assertIsNone(archive.testzip())
            self.assertEqual(archive.namelist(), [part["name"] for part in self.status["result"]["parts"]])
            self.assertEqual(len(archive.namelist()), 12)

    def test_one_by_one(self):
        for part in self.status["result"]["parts"]:
            with self.subTest(part["name"]):
                answer = self.daemon.result(self.id, part["name"])
                self.assertEqual(answer.headers.get_content_type(), "image/png")
                self.assertEqual(hashlib.sha256(answer.body).hexdigest(), part["sha256"])
                self.assertEqual(len(answer.body), part["size"])

    def test_range_of_a_part(self):
        name = self.status["result"]["parts"][0]["name"]
        answer = self.daemon.http("GET", f"/v1/conversions/{self.id}/result/{name}", headers={"Range": "bytes=1-3"})
        self.assertEqual((answer.status, answer.body), (206, b"PNG"))


class Ends(Case):
    options = {"slots": 1}

    def test_not_yet(self):
        held = harness.Held(self.daemon)
        self.assertTrue(held.engines())
        self.assertProblem(self.daemon.result(held.id), 409, "not_finished")
        held.cancel()
        self.assertFalse(held.engines(), "the whole tree is dead")
        self.assertProblem(self.daemon.post(f"/v1/conversions/{held.id}/cancel", {}), 409, "already_finished")

    def test_delete_takes_the_result_along(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        self.assertEqual(self.daemon.http("DELETE", f"/v1/conversions/{id}").status, 204)
        self.assertProblem(self.daemon.get(f"/v1/conversions/{id}"), 404, "conversion_not_found")
        self.assertProblem(self.daemon.result(id), 404, "conversion_not_found")
        self.assertFalse((self.daemon.state / "results" / id).exists(), "the answer says that it is gone")

    def test_retry_is_a_new_conversion(self):
        first = self.daemon.convert("guide.md", "html")
        answer = self.daemon.post(f"/v1/conversions/{first['id']}/retry", {})
        self.assertEqual(answer.status, 202, answer)
        again = answer.json()
        self.assertEqual(answer.headers["Location"], f"/v1/conversions/{again['id']}")
        self.assertEqual(again["retry_of"], first["id"])
        self.assertEqual(self.assertCompleted(self.daemon.wait(again["id"]))["sha256"], first["result"]["sha256"])

    def test_labels_come_back(self):
        status = self.daemon.convert("guide.md", "html", labels={"ticket": "42"})
        self.assertEqual(status["labels"], {"ticket": "42"})


if __name__ == "__main__":
    harness.main()
