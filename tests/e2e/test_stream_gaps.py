"""Positions that cannot be gone on from: the stream says so, tells how things stand, and goes on."""

import asyncio

import harness
from harness import eventually, sample
from stream_clients import Case, Events, ends, poll, polled

KEPT = 12  # events


class GapCase(Case):
    async def check_gap(self, reason, **position):
        """The stream begun from that position says the reason, then all that stands, then what happens."""
        ended = self.daemon.convert("guide.md", "html")["id"]
        running = self.running_conversion()
        async with await self.stream(["conversion", "document"], **position) as stream:
            ack = stream.ack
            self.assertEqual((ack["recovered"], ack["replaying"]), (False, 0))
            gap = await stream.expect("gap")
            self.assertEqual(set(gap), {"type", "reason", "oldest", "head"})
            self.assertEqual((gap["reason"], gap["oldest"], gap["head"]), (reason, ack["oldest"], ack["head"]))
            events = await stream.events(lambda event: event["type"] == "document.snapshot")
            self.cancel(running)
            events += await stream.events(ends(running))
        snapshots = [event for event in events if event["class"] == "snapshot"]
        self.assertEqual(snapshots, events[: len(snapshots)], "snapshots come first")
        self.assertEqual({event["seq"] for event in snapshots}, {gap["head"]})
        self.assertEqual({event["type"] for event in snapshots}, {"conversion.snapshot", "document.snapshot"})
        conversions = {event["subject"]: event["data"] for event in snapshots if event["type"] == "conversion.snapshot"}
        self.assertEqual(conversions[running]["status"], "processing")
        self.assertEqual(conversions[ended], self.daemon.status(ended))
        documents = {event["subject"]: event["data"] for event in snapshots if event["type"] == "document.snapshot"}
        self.assertEqual(set(documents), {document["name"] for document in self.daemon.get("/documents").json()["documents"]})
        self.assertTrue(all(event["seq"] > gap["head"] for event in events[len(snapshots) :]))
        return stream

    async def counted(self, reason, **position):
        before = self.metrics()["gaps"].get(reason, 0)
        stream = await self.check_gap(reason, **position)
        self.assertEqual(self.metrics()["gaps"][reason], before + 1)
        # The position it leads to is a good one.
        async with await self.stream(["conversion", "document"], **stream.position) as again:
            self.assertTrue(again.ack["recovered"])


class Gaps(GapCase):
    async def test_a_position_that_was_never_given_out(self):
        await self.counted("ahead", lastSeq=1 << 40)
        await self.counted("ahead", lastSeq=(1 << 53) - 1)

    async def test_a_position_in_another_log(self):
        await self.counted("epoch", lastSeq=1, epoch="0" * 32)

    async def test_in_no_log_at_all(self):
        for epoch in ("", "x", "../../etc/passwd", "'; DROP TABLE events; --", "\u00e9" * 100):
            with self.subTest(epoch):
                async with await self.stream(lastSeq=1, epoch=epoch) as stream:
                    if epoch:
                        self.assertEqual((await stream.expect("gap"))["reason"], "epoch")

    async def test_one_conversion_alone(self):
        self.daemon.convert("guide.md", "html")
        id = self.running_conversion()
        async with await self.stream([f"conversion:{id}"], lastSeq=1 << 40) as stream:
            await stream.expect("gap")
            events = await stream.events(lambda event: True)
            self.cancel(id)
            events += await stream.events(ends(id))
        self.assertEqual({event["subject"] for event in events}, {id})
        self.assertEqual(events[0]["type"], "conversion.snapshot")

    async def test_a_restored_backup(self):
        """The log is that of yesterday: who has seen today is told."""
        self.daemon.convert("guide.md", "html")
        self.daemon.stop()
        backup = self.new_folder()
        database = self.daemon.database()
        database.execute("VACUUM INTO ?", (str(backup / "convd.db"),))
        database.close()
        self.daemon.start()
        for _ in range(3):
            self.daemon.kill9()
            self.daemon.start()
            id = self.daemon.convert("guide.md", "html")["id"]
        found, position = polled(self.daemon, since="oldest")
        self.assertEqual(found[-1]["subject"], id)
        self.daemon.stop()
        for path in self.daemon.state.glob("convd.db*"):
            path.unlink()
        (self.daemon.state / "convd.db").write_bytes((backup / "convd.db").read_bytes())
        self.daemon.start()
        async with await self.stream(lastSeq=found[-1]["seq"], epoch=position["epoch"]) as stream:
            self.assertFalse(stream.ack["recovered"])
            self.assertIn((await stream.expect("gap"))["reason"], ("ahead", "epoch"))


class OtherTransports(Case):
    def test_server_sent_events_tell_the_gap(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        with Events(self.daemon, last_event_id="0123456789abcdef:17") as events:
            name, ack = events.next()
            self.assertEqual((name, ack["recovered"]), ("ack", False))
            name, gap = events.next()
            self.assertEqual((name, gap["type"], gap["reason"]), ("gap", "gap", "epoch"))
            snapshots = events.until(lambda event: event["subject"] == id)
            self.assertEqual(snapshots[-1]["type"], "conversion.snapshot")
            self.assertEqual(events.id, "0123456789abcdef:17", "who is cut off now is told all of it again")
            self.daemon.submit("guide.md", "html")
            self.assertEqual(events.until(lambda event: True)[0]["class"], "state")
            self.assertEqual(events.id.split(":")[0], ack["epoch"])

    def test_a_poll_is_told_410(self):
        self.daemon.convert("guide.md", "html")
        head = polled(self.daemon, since="oldest")[1]
        for query, reason in (({"lastSeq": 1 << 40}, "ahead"), ({"lastSeq": 1, "epoch": "0" * 32}, "epoch")):
            with self.subTest(reason):
                problem = self.assertProblem(poll(self.daemon, **query), 410, "cursor_expired")
                self.assertEqual((problem["reason"], problem["epoch"]), (reason, head["epoch"]))
                self.assertEqual(problem["snapshot"], "/v1/conversions")
                self.assertGreaterEqual(problem["head"], problem["oldest"] - 1)
                self.assertEqual(self.daemon.get(problem["snapshot"]).status, 200)
                follow = poll(self.daemon, lastSeq=problem["head"], epoch=problem["epoch"])
                self.assertIn(follow.status, (200, 204), follow)

    def test_parameters_that_are_wrong(self):
        for query in (
            {"lastSeq": -1}, {"lastSeq": "many"}, {"lastSeq": "1.5"}, {"lastSeq": ""}, {"lastSeq": "9" * 30}, {"wait": -1},
            {"wait": 61}, {"wait": "long"}, {"limit": 0}, {"limit": 1001}, {"limit": "all"}, {"since": "yesterday"},
        ):
            with self.subTest(query):
                answer = poll(self.daemon, **query)
                self.assertEqual((answer.status, answer.json()["code"]), (400, "invalid_request"), answer)

    def test_an_event_id_that_is_none(self):
        for id in ("17", "x", ":", "abc:", "abc:-1", "abc:1.5", "abc:many"):
            with self.subTest(id), Events(self.daemon, last_event_id=id) as events:
                self.assertIn(events.response.status, (200, 400))
                if events.response.status == 200:
                    self.assertFalse(events.next()[1]["recovered"])


class Expired(GapCase):
    config = f"realtime.retention_events = {KEPT}\n"

    async def test_what_is_no_longer_kept(self):
        async with await self.stream() as stream:
            for n in range(KEPT):
                id = await asyncio.to_thread(self.daemon.submit, f"many-{n}.md", "html", sample("guide.md"))
                events = await stream.events(ends(id))
                if n == 0:
                    first = events[0]["seq"]
        # Removal is nobody's hurry: a restart does it at the latest.
        self.daemon.stop()
        self.daemon.start()
        oldest = await asyncio.to_thread(self.pruned, first)
        await self.counted("expired", lastSeq=first)
        problem = self.assertProblem(poll(self.daemon, lastSeq=first), 410, "cursor_expired")
        self.assertEqual(problem["reason"], "expired")
        async with await self.stream(since="oldest") as stream:
            self.assertTrue(stream.ack["recovered"], "all that is kept follows")
            self.assertGreaterEqual(stream.ack["oldest"], oldest)
            self.assertGreaterEqual(min(event["seq"] for event in await stream.replay()), oldest)
        async with await self.stream(lastSeq=oldest - 1) as stream:
            self.assertEqual(stream.ack["oldest"] <= oldest, stream.ack["recovered"], "nothing between is missing")

    def pruned(self, first):
        def oldest():
            found = poll(self.daemon, lastSeq=first)
            return found.status == 410 and found.json()["oldest"]

        return eventually(oldest, "old events are removed")


if __name__ == "__main__":
    harness.main()
