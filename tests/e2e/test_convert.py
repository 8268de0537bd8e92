"""The original contract: POST /convert answers at once, the WebSocket tells the rest."""

import asyncio

import harness
from harness import Case, Held, sample

MESSAGE = "Conversion task started. Use WebSocket to track progress."


class Contract(Case):
    def accepted(self, answer, filename):
        self.assertEqual(answer.status, 200, answer)
        body = answer.json()
        id = body.pop("conversion_id")
        self.assertEqual(body, {"status": "accepted", "filename": filename, "message": MESSAGE})
        return id

    def test_json(self):
        self.daemon.upload("json.md", sample("guide.md"))
        id = self.accepted(self.daemon.post("/convert", {"filename": "json.md", "to": "html"}), "json.md")
        self.assertEqual(self.assertCompleted(self.daemon.wait(id))["media_type"], "text/html")

    def test_form(self):
        self.daemon.upload("form.md", sample("guide.md"))
        id = self.accepted(self.daemon.post_form("/convert", {"filename": "form.md", "to": "html"}), "form.md")
        self.assertCompleted(self.daemon.wait(id))

    def test_multipart_names_a_document(self):
        self.daemon.upload("parts.md", sample("guide.md"))
        answer = self.daemon.post_parts("/convert", [("filename", "parts.md"), ("to", "html")])
        self.assertCompleted(self.daemon.wait(self.accepted(answer, "parts.md")))

    def test_multipart_brings_the_file(self):
        parts = [("to", "html"), ("file", "brought.md", sample("guide.md"))]
        answer = self.daemon.post_parts("/convert", parts)
        self.assertCompleted(self.daemon.wait(self.accepted(answer, "brought.md")))
        # It is a document of the library now.
        self.assertEqual(self.daemon.get("/documents/brought.md").body, sample("guide.md"))

    def test_over_tcp_as_well(self):
        parts = [("to", "html"), ("file", "tcp.md", sample("guide.md"))]
        id = self.accepted(self.daemon.post_parts("/convert", parts, tcp=True), "tcp.md")
        # Another caller than the one on the Unix socket, who does not see it.
        self.assertProblem(self.daemon.get(f"/conversion-status/{id}"), 404, "conversion_not_found")
        self.assertEqual(self.daemon.http("GET", f"/conversion-status/{id}", tcp=True).status, 200)

    def test_target_is_pdf_unless_said(self):
        self.daemon.upload("plain.docx", sample("report.docx"))
        id = self.accepted(self.daemon.post("/convert", {"filename": "plain.docx"}), "plain.docx")
        self.assertEqual(self.daemon.status(id)["to"], "pdf")
        self.assertCompleted(self.daemon.wait(id))

    def test_target_is_markdown_for_a_pdf(self):
        self.daemon.upload("numbers.pdf", sample("numbers.pdf"))
        answer = self.daemon.post("/convert", {"filename": "numbers.pdf"})
        if "md" not in self.daemon.targets("pdf"):
            self.assertProblem(answer, 422, "unsupported_conversion")
            self.skipTest("this build has no engine from pdf to md")
        id = self.accepted(answer, "numbers.pdf")
        self.assertEqual(self.daemon.status(id)["to"], "md")
        self.assertCompleted(self.daemon.wait(id))
        self.assertIn("This is page 7 of twelve", self.daemon.result(id).body.decode())

    def test_unknown_prompt_mode_lists_the_known_ones(self):
        self.daemon.upload("mode.docx", sample("report.docx"))
        answer = self.daemon.post("/convert", {"filename": "mode.docx", "prompt_mode": "prompt_sing"})
        problem = self.assertProblem(answer, 422, "invalid_option")
        for mode in ("prompt_layout_all_en", "prompt_layout_only_en", "prompt_ocr"):
            self.assertIn(mode, problem["detail"])

    def test_accepted_in_no_time_while_all_slots_are_busy(self):
        busy = [Held(self.daemon) for _ in range(self.daemon.get("/v1/capacity").json()["slots"])]
        self.daemon.upload("late.md", sample("guide.md"))
        id = self.accepted(self.daemon.post("/convert", {"filename": "late.md", "to": "html"}), "late.md")
        self.assertEqual(self.daemon.status(id)["status"], "pending")
        for held in busy:
            held.cancel()
        self.assertCompleted(self.daemon.wait(id))

    def test_prefer_wait_answers_with_the_result(self):
        self.daemon.upload("wait.md", sample("guide.md"))
        body = '{"filename":"wait.md","to":"html"}'
        head = {"Content-Type": "application/json", "Prefer": "wait=60"}
        answer = self.daemon.http("POST", "/v1/conversions", body, head)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.headers["Preference-Applied"], "wait=60")
        self.assertCompleted(answer.json())


class Watching(Case):
    options = {"slots": 2}

    def check_story(self, frames, id):
        self.assertEqual({frame["id"] for frame in frames}, {id})
        order = {"pending": 0, "processing": 1, "completed": 2}
        steps = [order[frame["status"]] for frame in frames]
        self.assertEqual(steps, sorted(steps), "pending, then processing, then completed")
        self.assertEqual([frame["status"] for frame in frames].count("completed"), 1)
        self.assertEqual(frames[-1]["status"], "completed")
        progress = [frame["progress"] for frame in frames]
        self.assertEqual(progress, sorted(progress))
        self.assertTrue(all(value < 100 for value in progress[:-1]))
        self.assertEqual(progress[-1], 100)
        revs = [frame["rev"] for frame in frames]
        self.assertEqual(revs, sorted(set(revs)), "every frame is a newer one")

    def test_from_pending_to_completed_and_closed(self):
        # A busy daemon, so that the first frame is a pending one.
        blockers = [Held(self.daemon) for _ in range(2)]
        id = self.daemon.submit("numbers.pdf", "png")
        frames, code = self.daemon.watched(id, lambda _: [blocker.go_on() for blocker in blockers])
        self.check_story(frames, id)
        self.assertEqual(frames[0]["status"], "pending")
        self.assertIn("processing", {frame["status"] for frame in frames})
        self.assertEqual(code, 1000)
        for blocker in blockers:
            self.assertCompleted(self.daemon.wait(blocker.id))

    def test_one_who_comes_late_hears_the_end(self):
        id = self.daemon.submit("guide.md", "html")
        self.daemon.wait(id)
        frames, code = self.daemon.watched(id)
        self.assertEqual([frame["status"] for frame in frames], ["completed"])
        self.assertEqual(code, 1000)

    def test_ten_at_once_do_not_mix(self):
        words = ["anchor", "beacon", "compass", "dinghy", "ensign", "fathom", "galley", "halyard", "inlet", "jetty"]
        ids = {}
        for word in words:
            ids[word] = self.daemon.submit(f"{word}.md", "html", f"# {word}\n\nOnly the {word}.\n".encode())

        async def watch_all():
            return await asyncio.gather(*(self.daemon.watch(ids[word]) for word in words))

        stories = asyncio.run(asyncio.wait_for(watch_all(), harness.PATIENCE))
        for word, (frames, code) in zip(words, stories):
            with self.subTest(word):
                self.assertEqual(code, 1000)
                self.check_story(frames, ids[word])
                self.assertEqual({frame["filename"] for frame in frames}, {f"{word}.md"})
                text = self.daemon.result(ids[word]).body.decode()
                self.assertEqual([other for other in words if other in text], [word])

    def test_unknown_conversion_is_refused_before_the_upgrade(self):
        head = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        answer = self.daemon.http("GET", "/ws/conversion/018f0000-0000-7000-8000-000000000000", headers=head)
        self.assertProblem(answer, 404, "conversion_not_found")

    def test_without_upgrade(self):
        id = self.daemon.submit("guide.md", "html")
        self.assertProblem(self.daemon.get(f"/ws/conversion/{id}"), 426, "upgrade_required")
        self.daemon.wait(id)


class Progress(Case):
    options = {"slots": 1}

    def test_pages_are_counted(self):
        for _ in range(5):  # a daemon that stands still meanwhile hears of the last page only
            counted, measured = self.pages_of_a_run()
            self.assertEqual(counted, sorted(counted))
            self.assertTrue(set(counted) <= set(range(13)), counted)
            self.assertTrue(measured)
            self.assertEqual({stage["total"] for stage in measured}, {12})
            if any(0 < done < 12 for done in counted):
                return
        self.fail("nothing was heard on the way")

    def pages_of_a_run(self):
        """(the numbers of pages, the stages that are measured) in what is said of it."""
        frames, _ = self.daemon.watched(self.daemon.submit("numbers.pdf", "png", options={"dpi": 300}))
        stages = [frame["stage"] for frame in frames if frame["stage"] and frame["stage"]["unit"] == "page"]
        counted = [stage["done"] for stage in stages if stage["done"] is not None]
        return counted, [stage for stage in stages if stage["kind"] == "measured"]

    @harness.long
    def test_an_engine_that_stands_still_makes_no_progress(self):
        held = Held(self.daemon)
        before = held.runs()
        heard = []

        async def story():
            watching = asyncio.create_task(self.daemon.watch(held.id, heard.append))
            # The three seconds are what is being looked at: whatever is said in them must not be progress.
            await asyncio.sleep(3)
            silent = list(heard)
            held.go_on()
            frames, code = await watching
            return silent, frames, code

        silent, frames, code = asyncio.run(asyncio.wait_for(story(), harness.PATIENCE))
        self.assertTrue(silent)
        self.assertEqual({(frame["progress"], frame["stage"]["done"]) for frame in silent}, {(before["progress"], 1)})
        self.assertEqual(frames[-1]["status"], "completed")
        self.assertEqual(code, 1000)


if __name__ == "__main__":
    harness.main()
