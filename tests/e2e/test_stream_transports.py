"""WebSocket, server-sent events and long poll: the same log, the same events, large ones compressed."""

import asyncio
import concurrent.futures
import zlib

import harness
import stream_clients
from harness import eventually, sample
from stream_clients import Case, Events, Stream, ends, poll, polled, state_events

LABELS = {f"label-{n}": "a value that says little and takes its room " * 4 for n in range(8)}  # makes events large


class Transports(Case):
    """All of them tell the same events."""

    async def test_the_same_events_by_every_transport(self):
        for name in ("one.md", "two.md", "three.md"):
            self.daemon.convert(name, "html", sample("guide.md"), labels=LABELS)
        everything = ["conversion", "document"]
        async with await self.stream(everything, since="oldest") as plain:
            self.assertTrue(plain.ack["recovered"])
            known = await plain.settle()
        self.assertEqual(len(known), plain.ack["replaying"])
        self.assertGreaterEqual(len(known), 12)
        async with await self.stream(everything, since="oldest", compress=["deflate-raw"]) as packed:
            self.assertEqual(await packed.settle(), known)
        with Events(self.daemon, services="conversion,document", since="oldest") as events:
            self.assertEqual(events.response.headers.get_content_type(), "text/event-stream")
            name, ack = events.next()
            self.assertEqual((name, ack["type"], ack["recovered"], ack["replaying"]), ("ack", "ack", True, len(known)))
            self.assertEqual(events.retry_ms, 1000)
            self.assertEqual(events.until(lambda event: event["seq"] == known[-1]["seq"]), known)
        for limit in (1, 5, 1000):
            found, position = polled(self.daemon, services="conversion,document", since="oldest", limit=limit)
            self.assertEqual(found, known)
            self.assertGreaterEqual(position["lastSeq"], known[-1]["seq"])
            self.assertEqual(position["epoch"], plain.ack["epoch"])

    async def test_a_position_goes_from_one_transport_to_the_next(self):
        async with await self.stream() as stream:
            first = self.daemon.submit("guide.md", "html")
            await stream.events(ends(first))
        second = self.daemon.convert("guide.md", "html")["id"]
        position = stream.position
        with Events(self.daemon, last_event_id=f"{position['epoch']}:{position['lastSeq']}", lastSeq=1) as events:
            name, ack = events.next()
            self.assertEqual((name, ack["recovered"], ack["replaying"]), ("ack", True, 3))
            by_events = events.until(ends(second))
            epoch, seq = events.id.split(":")
        self.assertEqual(state_events(polled(self.daemon, **position)[0]), by_events)
        third = self.daemon.convert("guide.md", "html")["id"]
        found, position = polled(self.daemon, epoch=epoch, lastSeq=seq)
        self.assertEqual({event["subject"] for event in found}, {third})
        async with await self.stream(**position) as stream:
            self.assertEqual((stream.ack["recovered"], stream.ack["replaying"]), (True, 0))

    async def test_a_poll_waits_for_what_comes(self):
        async with await self.stream() as stream:
            position = stream.position
        self.alone()
        waiting = asyncio.create_task(asyncio.to_thread(poll, self.daemon, **position, wait=60))
        await asyncio.to_thread(eventually, lambda: self.metrics()["activeConnections"] == 1, "it waits")
        id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
        page = (await waiting).json()
        self.assertEqual((page["events"][0]["type"], page["events"][0]["subject"]), ("conversion.pending", id))
        self.assertEqual(set(page), {"epoch", "seq", "head", "events", "rejected"})
        self.daemon.wait(id)

    def alone(self):
        eventually(lambda: self.metrics()["activeConnections"] == 0, "those before have gone")

    def test_a_poll_with_nothing_to_tell_is_a_bookmark(self):
        self.daemon.convert("guide.md", "html")
        found, position = polled(self.daemon, services="document", since="oldest")
        self.assertEqual({event["type"] for event in found}, {"document.created"})
        answer = poll(self.daemon, services="note", **position)
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertEqual(answer.headers["Convd-Epoch"], position["epoch"])
        self.assertGreaterEqual(int(answer.headers["Convd-Seq"]), position["lastSeq"])
        strange = poll(self.daemon, services="note,weather", **position)
        self.assertEqual((strange.status, strange.json()["events"], strange.json()["rejected"]), (200, [], ["weather"]))

    async def test_more_events_than_are_held_in_memory(self):
        ids = [self.daemon.convert("guide.md", "html")["id"] for _ in range(3)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda n: self.daemon.post(f"/v1/conversions/{ids[n % 3]}/notes", {"text": f"note {n}"}), range(2400)))
        self.daemon.kill9()
        self.daemon.start()
        async with await self.stream(["conversion", "note"], since="oldest") as stream:
            events = await stream.replay()
        notes = [event["data"] for event in events if event["type"] == "note.added"]
        self.assertEqual({note["text"] for note in notes}, {f"note {n}" for n in range(2400)})
        self.assertEqual(polled(self.daemon, services="conversion,note", since="oldest", limit=700)[0], events)
        with Events(self.daemon, services="note", lastSeq=events[0]["seq"]) as source:
            source.next()
            self.assertEqual([event["data"] for event in source.until(lambda event: event["seq"] == events[-1]["seq"])], notes)

    async def test_an_empty_log_has_a_position_to_go_on_from(self):
        daemon = harness.Daemon(tcp=False).start()
        self.addCleanup(daemon.close)
        async with await Stream.open(daemon) as stream:
            position = stream.position
        _, bookmark = polled(daemon, since="oldest")
        self.assertEqual(bookmark, position)
        id = daemon.convert("guide.md", "html")["id"]
        async with await Stream.open(daemon, **position) as stream:
            self.assertEqual((stream.ack["recovered"], stream.ack["replaying"]), (True, 3))
        self.assertEqual([event["subject"] for event in polled(daemon, **bookmark)[0]], [id] * 3)

    def test_a_poll_without_a_position_is_a_bookmark_of_now(self):
        self.daemon.convert("guide.md", "html")
        answer = poll(self.daemon)
        self.assertEqual(answer.status, 204, answer)
        page = poll(self.daemon, lastSeq=answer.headers["Convd-Seq"], epoch=answer.headers["Convd-Epoch"])
        self.assertEqual(page.status, 204, page)


class Compression(Case):
    async def test_large_events_are_smaller_and_the_same(self):
        before = self.metrics()["compressedMessages"]
        async with await self.stream(["conversion", "note"]) as plain:
            async with await self.stream(["conversion", "note"], compress=["deflate-raw"]) as packed:
                self.assertEqual(packed.ack["compress"], "deflate-raw")
                id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html", labels=LABELS)
                await asyncio.to_thread(self.daemon.wait, id)
                note = await asyncio.to_thread(self.daemon.post, f"/v1/conversions/{id}/notes", {"text": "short"})
                self.assertEqual(note.status, 201, note)
                for stream in (plain, packed):
                    await stream.events(lambda event: event["type"] == "note.added")
        # Progress may differ; what is durable may not.
        texts = [message for message in plain.messages[1:] if '"class":"state"' in message]
        sent = [message for message in packed.messages[1:] if state_events(stream_clients.parsed(message).get("events", ()))]
        self.assertEqual([zlib.decompress(m, -15).decode() if isinstance(m, bytes) else m for m in sent], texts)
        for message, text in zip(sent, texts):
            self.assertEqual(isinstance(message, bytes), len(text.encode()) >= 1024, "only large ones are compressed")
        self.assertLess(sum(map(len, sent)), sum(map(len, texts)) / 2)
        self.assertGreater(self.metrics()["compressedMessages"], before)
        print(f"{sum(map(len, texts))} -> {sum(map(len, sent))} bytes", end=" ")

    async def test_unknown_compressions_are_not_used(self):
        async with await self.stream(compress=["brotli"]) as stream:
            self.assertIsNone(stream.ack["compress"])
        async with await self.stream(compress=["brotli", "deflate-raw"]) as stream:
            self.assertEqual(stream.ack["compress"], "deflate-raw")


if __name__ == "__main__":
    harness.main()
