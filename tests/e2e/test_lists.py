"""Lists: newest first, page by page, also while new ones arrive; nobody sees what belongs to another."""

import harness
from harness import Case, sample


class Conversions(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ids = [cls.daemon.convert(f"list-{n}.md", "html", sample("guide.md"))["id"] for n in range(7)]

    def pages(self, query=""):
        """All ids, page by page."""
        found, cursor = [], ""
        while True:
            page = self.daemon.get(f"/v1/conversions?limit=3{query}{cursor}").json()
            self.assertLessEqual(len(page["conversions"]), 3)
            found += [status["id"] for status in page["conversions"]]
            if page["next"] is None:
                return found
            cursor = f"&before={page['next']}"

    def test_newest_first_and_complete(self):
        found = self.pages()
        self.assertEqual([id for id in found if id in self.ids], self.ids[::-1])
        self.assertEqual(len(found), len(set(found)))

    def test_a_new_one_does_not_shift_the_pages(self):
        first = self.daemon.get("/v1/conversions?limit=3&status=completed").json()
        new = self.daemon.convert("intruder.md", "html", sample("guide.md"))["id"]
        second = self.daemon.get(f"/v1/conversions?limit=3&status=completed&before={first['next']}").json()
        ids = [status["id"] for page in (first, second) for status in page["conversions"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertNotIn(new, ids)

    def test_filters(self):
        (only,) = self.daemon.get("/v1/conversions?filename=list-3.md").json()["conversions"]
        self.assertEqual(only["id"], self.ids[3])
        self.assertEqual(self.daemon.get("/v1/conversions?status=error").json(), {"conversions": [], "next": None})
        self.assertEqual(set(self.ids) - set(self.pages("&status=completed")), set())

    def test_wrong_parameters(self):
        for query in ("limit=0", "limit=501", "limit=x", "status=asleep"):
            with self.subTest(query):
                answer = self.daemon.get(f"/v1/conversions?{query}")
                self.assertEqual(answer.status, 400, answer)
                self.assertIn(query.split("=")[0], answer.json()["detail"])

    def test_the_list_is_the_status_object(self):
        listed = self.daemon.get("/v1/conversions?filename=list-0.md").json()["conversions"][0]
        self.assertEqual(listed, self.daemon.status(self.ids[0]))

    def test_others_see_nothing_of_it(self):
        listed = self.daemon.http("GET", "/v1/conversions", tcp=True).json()
        self.assertEqual(listed["conversions"], [])
        answer = self.daemon.http("GET", f"/v1/conversions/{self.ids[0]}/result", tcp=True)
        self.assertProblem(answer, 404, "conversion_not_found")


class Documents(Case):
    def test_by_name_page_by_page(self):
        names = sorted(f"doc {letter}.md" for letter in "zyxdcba")
        for name in reversed(names):
            self.daemon.upload(name, b"# " + name.encode())
        found, cursor = [], ""
        while True:
            page = self.daemon.get(f"/documents?limit=2{cursor}").json()
            found += [document["name"] for document in page["documents"]]
            if page["next"] is None:
                break
            cursor = "&after=" + harness.urllib.parse.quote(page["next"])
        self.assertEqual(found, names)


class Knowledge(Case):
    def test_formats(self):
        routes = {route["from"]: route["to"] for route in self.daemon.get("/v1/formats").json()["routes"]}
        self.assertIn("pdf", routes["docx"])
        self.assertIn("html", routes["md"])
        way = self.daemon.get("/v1/formats?from=docx&to=png").json()
        self.assertEqual((way["from"], way["to"]), ("docx", "png"))
        self.assertGreaterEqual(len(way["steps"]), 1)
        self.assertIn("dpi", [option["name"] for option in way["options"]])

    def test_two_steps_are_two_stages(self):
        steps = {step["engine"] for step in self.daemon.get("/v1/formats?from=docx&to=png").json()["steps"]}
        self.assertEqual(len(steps), 2)
        told = set()
        for _ in range(5):  # who stands still meanwhile is told of what is newest only
            frames, _ = self.daemon.watched(self.daemon.submit("report.docx", "png"))
            self.assertEqual(frames[-1]["status"], "completed")
            told |= {frame["stage"]["name"] for frame in frames if frame["stage"]}
            if steps <= told:
                return
        self.fail(f"no stage for {steps - told}")

    def test_engines(self):
        engines = {engine["name"]: engine for engine in self.daemon.get("/v1/engines").json()["engines"]}
        for name in ("libreoffice", "pandoc", "poppler"):
            with self.subTest(name):
                self.assertTrue(engines[name]["available"], engines[name])
                self.assertIsNone(engines[name]["problem"])
                self.assertTrue(engines[name]["package"])

    def test_capacity_and_doctor(self):
        capacity = self.daemon.get("/v1/capacity").json()
        self.assertGreaterEqual(capacity["slots"], 1)
        self.assertIs(capacity["accepting"], True)
        doctor = self.daemon.get("/v1/doctor").json()
        self.assertEqual([check for check in doctor["checks"] if not check["ok"]], [])
        self.assertIs(doctor["sandbox"]["sandboxed"], harness.os.environ.get("CONVD_SANDBOX") != "off")


if __name__ == "__main__":
    harness.main()
