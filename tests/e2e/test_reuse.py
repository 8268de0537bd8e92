"""The same work is done once, and a request made again starts nothing."""

import re

import harness
from harness import Case, Held, eventually, multipart, sample


class Thrifty(Case):
    options = {"slots": 1, "short_slots": 0, "reuse": "on"}

    def setUp(self):
        # Results of engines whose version is not known are nobody else's.
        known = lambda: all(e["version"] for e in self.daemon.get("/v1/engines").json()["engines"] if e["available"])  # noqa: E731
        eventually(known, "the versions of the engines are known", 60)

    def metric(self, name):
        text = self.daemon.get("/metrics").body.decode()
        return int(float(re.search(rf"(?m)^{re.escape(name)} (\S+)$", text)[1]))

    def runs(self):
        return self.metric("convd_attempts_total")

    def cached(self):
        return self.metric('convd_reuse_total{kind="cache"}')

    def document(self, word):
        """Bytes that no other test converts."""
        return f"# {self.id()} {word}\n\nSome *text*.\n".encode()

    def submit(self, name, to, data, tcp=False, key=None, **fields):
        body, media_type = multipart([("file", name, data), ("to", to), *fields.items()])
        headers = {"Content-Type": media_type} | ({"Idempotency-Key": key} if key else {})
        return self.daemon.http("POST", "/v1/conversions", body, headers, tcp=tcp)

    def converted(self, name, to, data, **kwargs):
        answer = self.submit(name, to, data, **kwargs)
        self.assertEqual(answer.status, 202, answer)
        status = self.daemon.wait(answer.json()["id"])
        self.assertCompleted(status)
        return status


class Cache(Thrifty):
    def test_the_same_file_twice(self):
        data = self.document("one")
        first = self.converted("report.md", "html", data)
        runs, cached = self.runs(), self.cached()
        answer = self.submit("copy.md", "html", data)
        self.assertEqual(answer.status, 202, answer)
        again = answer.json()
        self.assertEqual((again["status"], again["progress"], again["message"]), ("completed", 100, "Served from cache"))
        self.assertNotEqual(again["id"], first["id"])
        self.assertEqual(again["result"]["name"], "copy.html")
        self.assertEqual((self.runs(), self.cached()), (runs, cached + 1))
        self.assertEqual(self.daemon.result(again["id"]).body, self.daemon.result(first["id"]).body)
        steps = [self.daemon.get(f"/v1/conversions/{id}/receipt").json()["steps"] for id in (first["id"], again["id"])]
        self.assertEqual(steps[0], steps[1])
        self.assertEqual(self.daemon.http("DELETE", f"/v1/conversions/{first['id']}").status, 204)
        self.assertEqual(self.daemon.result(again["id"]).status, 200)

    def test_watchers_come_late_and_see_the_end(self):
        data = self.document("one")
        self.converted("report.md", "html", data)
        id = self.submit("report.md", "html", data).json()["id"]
        frames, code = self.daemon.watched(id)
        self.assertEqual(([f["status"] for f in frames], code), (["completed"], 1000))

    def test_several_files_under_another_name(self):
        first = self.converted("numbers.pdf", "png", sample("numbers.pdf"), options='{"dpi":30}')
        runs = self.runs()
        again = self.converted("copy.pdf", "png", sample("numbers.pdf"), options='{"dpi":30}')
        self.assertEqual(self.runs(), runs)
        self.assertEqual([part["name"] for part in again["result"]["parts"]], [f"copy-{i}.png" for i in range(1, 13)])
        self.assertEqual([p["sha256"] for p in again["result"]["parts"]], [p["sha256"] for p in first["result"]["parts"]])

    def test_what_asks_for_a_run_or_is_not_the_same_runs(self):
        data = self.document("one")
        self.converted("report.md", "html", data)
        for what in ({"no_cache": "true"}, {"tcp": True}):
            runs = self.runs()
            answer = self.submit("report.md", "html", data, **what)
            self.assertEqual(answer.status, 202, answer)
            tcp = what.get("tcp", False)
            done = self.daemon.http("GET", f"/conversion-status/{answer.json()['id']}?wait=20", tcp=tcp).json()
            while done["status"] in ("pending", "processing"):
                done = self.daemon.http("GET", f"/conversion-status/{done['id']}?wait=20", tcp=tcp,
                                        headers={"If-None-Match": f'"r{done["rev"]}"'}).json()
            self.assertEqual((done["status"], done["message"]), ("completed", "Completed"), what)
            self.assertEqual(self.runs(), runs + 1, what)

    def test_a_damaged_result_is_made_anew(self):
        data = self.document("one")
        first = self.converted("report.md", "html", data)
        good = self.daemon.result(first["id"]).body
        path = self.daemon.state / "results" / first["id"] / "report.html"
        path.write_bytes(good[:-1] + b"?")
        runs = self.runs()
        again = self.converted("report.md", "html", data)
        self.assertEqual((again["message"], self.runs()), ("Completed", runs + 1))
        self.assertEqual(self.daemon.result(again["id"]).body, good)

    def test_convctl_no_cache(self):
        folder = self.new_folder()
        (folder / "report.md").write_bytes(self.document("one"))
        runs = []
        for args in ((), (), ("--no-cache",)):
            done = self.daemon.convctl("convert", "report.md", "--to", "html", "--if-exists", "overwrite", *args, cwd=folder)
            self.assertEqual(done.returncode, 0, done)
            runs.append(self.runs())
        self.assertEqual([runs[1] - runs[0], runs[2] - runs[1]], [0, 1])


class Twins(Thrifty):
    def held(self):
        """Fills the slot with an engine that waits; returns how to let it go on."""
        held = Held(self.daemon)

        def go_on():
            held.go_on()
            self.daemon.wait(held.id)

        return go_on

    def test_two_at_once_are_one_run(self):
        data = self.document("one")
        go_on = self.held()
        runs = self.runs()
        ids = [self.submit(name, "html", data).json()["id"] for name in ("a.md", "b.md", "c.md")]
        self.assertEqual([self.daemon.status(id)["status"] for id in ids], ["pending"] * 3)
        go_on()
        for id, name in zip(ids, ("a.html", "b.html", "c.html")):
            self.assertEqual(self.assertCompleted(self.daemon.wait(id))["name"], name)
        self.assertEqual(self.runs(), runs + 1)
        self.assertEqual(len({self.daemon.result(id).body for id in ids}), 1)
        self.assertGreaterEqual(self.metric('convd_reuse_total{kind="run"}'), 2)

    def test_twins_outlive_kill_9(self):
        data = self.document("one")
        go_on = self.held()
        ids = [self.submit("a.md", "html", data).json()["id"] for _ in range(3)]
        self.daemon.kill9()
        self.daemon.start()
        go_on()
        for id in ids:
            self.assertCompleted(self.daemon.wait(id))
        self.assertLessEqual(self.runs(), 2, "the one that was held, and one for all three")

    def test_the_next_one_runs_when_the_first_is_cancelled(self):
        data = self.document("one")
        go_on = self.held()
        first, second = (self.submit("a.md", "html", data).json()["id"] for _ in range(2))
        self.assertEqual(self.daemon.http("POST", f"/v1/conversions/{first}/cancel").status, 200)
        go_on()
        self.assertCompleted(self.daemon.wait(second))
        self.assertEqual(self.daemon.status(first)["status"], "cancelled")


class Keys(Thrifty):
    options = {"slots": 1, "short_slots": 0, "reuse": "off"}

    def test_the_same_again(self):
        data = self.document("one")
        first = self.submit("a.md", "html", data, key='"k-again"')
        self.assertEqual(first.status, 202, first)
        self.assertNotIn("Idempotency-Replayed", first.headers)
        self.daemon.wait(first.json()["id"])
        runs, replays = self.runs(), self.metric("convd_idempotent_replays_total")
        again = self.submit("a.md", "html", data, key="k-again")
        self.assertEqual((again.status, again.headers["Idempotency-Replayed"]), (202, "true"))
        self.assertEqual((again.json()["id"], again.json()["status"]), (first.json()["id"], "completed"))
        self.assertEqual((self.runs(), self.metric("convd_idempotent_replays_total")), (runs, replays + 1))

    def test_something_else_is_refused(self):
        first = self.submit("a.md", "html", self.document("one"), key="k-else")
        self.assertEqual(first.status, 202, first)
        for answer in (self.submit("a.md", "html", self.document("two"), key="k-else"),
                       self.submit("a.md", "txt", self.document("one"), key="k-else"),
                       self.submit("b.md", "html", self.document("one"), key="k-else")):
            self.assertProblem(answer, 422, "idempotency_mismatch")
        other = self.submit("a.md", "html", self.document("one"), key="k-else", tcp=True)
        self.assertEqual(other.status, 202, "another org has keys of its own")
        self.assertProblem(self.submit("a.md", "html", self.document("one"), key='"a b"'), 400, "invalid_request")

    def test_after_kill_9_without_an_answer(self):
        data = self.document("one")
        accepted = self.metric("convd_conversions_submitted_total")
        body, media_type = multipart([("file", "a.md", data), ("to", "html")])
        connection = harness.UnixConnection(self.daemon.socket)
        connection.request("POST", "/v1/conversions", body, {"Content-Type": media_type, "Idempotency-Key": "k-kill"})
        eventually(lambda: self.metric("convd_conversions_submitted_total") > accepted, "it is accepted")
        self.daemon.kill9()
        connection.close()
        self.daemon.start()
        known = {c["id"] for c in self.daemon.get("/v1/conversions?limit=500").json()["conversions"]}
        again = self.submit("a.md", "html", data, key="k-kill")
        self.assertEqual((again.status, again.headers["Idempotency-Replayed"]), (202, "true"))
        self.assertIn(again.json()["id"], known)
        self.assertCompleted(self.daemon.wait(again.json()["id"]))

    def test_a_repeated_upload_leaves_a_newer_document(self):
        self.assertEqual(self.submit("doc.md", "html", b"# old\n", key="k-doc").status, 202)
        self.daemon.upload("doc.md", b"# new\n")
        self.assertEqual(self.submit("doc.md", "html", b"# old\n", key="k-doc").headers["Idempotency-Replayed"], "true")
        self.assertEqual(self.daemon.get("/documents/doc.md").body, b"# new\n")

    def test_convctl_auto(self):
        folder = self.new_folder()
        (folder / "report.md").write_bytes(self.document("one"))
        ids = [self.daemon.convctl("convert", "-d", "report.md", "--to", "html", "--idempotency-key", "auto", cwd=folder).stdout
               for _ in range(2)]
        self.assertTrue(ids[0])
        self.assertEqual(ids[0], ids[1])


if __name__ == "__main__":
    harness.main()
