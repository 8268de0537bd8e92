"""The unified stream as an honest client meets it: it connects, is told what happens, comes back, and has missed nothing."""

import asyncio
import datetime
import json

import harness
from harness import PATIENCE, eventually
from stream_clients import Case, ends, state_events

ACK = {"type", "seq", "timestamp", "connectionId", "epoch", "head", "oldest", "recovered", "replaying", "rejected", "heartbeatMs",
       "compress"}


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Connecting(Case):
    async def test_ack_then_pings_both_ways(self):
        async with await self.stream() as stream:
            ack = stream.ack
            self.assertEqual(set(ack), ACK)
            self.assertEqual((ack["seq"], ack["recovered"], ack["replaying"], ack["rejected"]), (0, False, 0, []))
            self.assertEqual((ack["heartbeatMs"], ack["compress"]), (30000, None))
            self.assertTrue(ack["connectionId"] and ack["epoch"])
            pong = await stream.ask(type="ping")
            self.assertEqual(set(pong), {"type", "timestamp"})
            self.assertEqual(pong["type"], "pong")
            when(pong["timestamp"])
            await asyncio.wait_for(await stream.connection.ping(), PATIENCE)
            # A pong of ours is no answer's question.
            await stream.connection.send('{"type":"pong"}')
            self.assertEqual((await stream.ask(type="ping"))["type"], "pong")

    async def test_each_connection_has_an_id_of_its_own(self):
        async with await self.stream() as one, await self.stream() as other:
            self.assertNotEqual(one.ack["connectionId"], other.ack["connectionId"])
            self.assertEqual(one.ack["epoch"], other.ack["epoch"])

    async def test_over_tcp_another_org_has_another_log(self):
        async with await self.stream(tcp=True) as tcp, await self.stream() as local:
            self.assertNotEqual(tcp.ack["epoch"], local.ack["epoch"])
            id = self.daemon.submit("guide.md", "html")
            await local.events(ends(id))
            self.assertEqual(await tcp.settle(), [])

    @harness.needs_slow
    async def test_a_ping_every_thirty_seconds_is_a_bookmark(self):
        async with await self.stream(["document"]) as stream:
            self.daemon.convert("guide.md", "html", labels={"no": "document event"})
            while (frame := await stream.frame())["type"] != "ping":
                pass
            self.assertGreaterEqual(frame["seq"], stream.ack["head"])
            async with await self.stream(["document"], lastSeq=frame["seq"], epoch=stream.ack["epoch"]) as again:
                self.assertEqual((again.ack["recovered"], again.ack["replaying"]), (True, 0))


class Delivery(Case):
    options = {"slots": 2}

    async def test_a_conversion_from_beginning_to_end(self):
        async with await self.stream() as stream:
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            events = await stream.events(ends(id))
            now = datetime.datetime.now(datetime.timezone.utc)
            types = [event["type"] for event in state_events(events)]
            self.assertEqual(types, ["conversion.pending", "conversion.processing", "conversion.completed"])
            for event in events:
                self.assertEqual(set(event), {"seq", "ts", "type", "subject", "class", "data"})
                self.assertEqual((event["subject"], event["data"]["id"]), (id, id))
            revs = [event["data"]["rev"] for event in events]
            self.assertEqual(revs, sorted(set(revs)))
            self.assertEqual(events[-1]["data"], self.daemon.status(id), "the whole status object")
            print(f"completed -> read: {(now - when(events[-1]['ts'])).total_seconds() * 1000:.1f} ms", end=" ")

    async def test_progress_comes_between(self):
        async with await self.stream(progressMs=10) as stream:
            held = harness.Held(self.daemon)
            events = await stream.events(lambda event: event["class"] == "progress")
            held.go_on()
            events += await stream.events(ends(held.id))
            progress = [event for event in events if event["class"] == "progress"]
            self.assertTrue(progress)
            self.assertEqual({event["type"] for event in progress}, {"conversion.progress"})
            values = [event["data"]["progress"] for event in events]
            self.assertEqual(values, sorted(values))

    async def test_one_conversion_alone(self):
        other, id = self.running_conversion(), self.running_conversion()
        async with await self.stream([f"conversion:{id}"]) as stream:
            self.cancel(other, id)
            events = await stream.events(ends(id))
        self.assertEqual({event["subject"] for event in events}, {id})

    async def test_failure_and_cancellation_are_told(self):
        async with await self.stream() as stream:
            broken = await asyncio.to_thread(self.daemon.submit, "broken.pdf", "txt", b"no document at all")
            events = await stream.events(ends(broken))
            self.assertEqual(events[-1]["type"], "conversion.error")
            self.assertEqual(events[-1]["data"]["error_info"]["code"], "input_invalid")
            running = self.running_conversion()
            self.cancel(running)
            self.assertEqual((await stream.events(ends(running)))[-1]["type"], "conversion.cancelled")
            await asyncio.to_thread(self.daemon.http, "DELETE", f"/v1/conversions/{running}")
            removed = (await stream.events(lambda event: event["type"] == "conversion.removed"))[-1]
            self.assertEqual((removed["subject"], removed["class"]), (running, "state"))


class ComingBack(Case):
    options = {"drain_timeout": "100ms"}

    async def test_exactly_what_was_missed(self):
        async with await self.stream() as witness:
            async with await self.stream() as first:
                id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
                await first.events(ends(id))
                known = await witness.events(ends(id))
            for _ in range(3):
                id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
                known += await witness.events(ends(id))
            missed = [event for event in state_events(known) if event["seq"] > first.chain.position]
            before = self.metrics()["missedEventsReplayed"]
            async with await self.stream(**first.position) as second:
                self.assertEqual((second.ack["recovered"], second.ack["replaying"]), (True, len(missed)))
                self.assertEqual(len(missed), 9)
                self.assertEqual(state_events(await second.settle()), missed)
                self.assertEqual(self.metrics()["missedEventsReplayed"], before + len(missed))
                # And on it goes.
                id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
                self.assertEqual(state_events(await second.events(ends(id))), state_events(await witness.events(ends(id))))

    async def test_a_position_at_the_head_has_missed_nothing(self):
        self.daemon.convert("guide.md", "html")
        async with await self.stream() as stream:
            head = stream.ack["head"]
            async with await self.stream(lastSeq=head) as again:
                self.assertEqual((again.ack["recovered"], again.ack["replaying"], again.ack["head"]), (True, 0, head))
                self.assertEqual(await again.settle(), [])

    async def test_in_the_middle_of_a_conversion(self):
        """A position after each event is as good as any other."""
        async with await self.stream() as witness:
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            known = await witness.events(ends(id))
        for event in known:
            async with await self.stream(lastSeq=event["seq"], epoch=witness.ack["epoch"]) as stream:
                after = [other for other in state_events(known) if other["seq"] > event["seq"]]
                self.assertEqual(state_events(await stream.settle()), after)
                self.assertTrue(stream.ack["recovered"])

    async def test_over_a_restart_and_kill_9(self):
        async with await self.stream() as stream:
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            seen = await stream.events(ends(id))
        epoch = stream.ack["epoch"]
        for end in (self.daemon.stop, self.daemon.kill9):
            running = self.running_conversion()
            end()
            self.daemon.start()
            self.daemon.wait(running, lambda status: status["status"] == "processing")
            self.cancel(running)
            async with await self.stream(**stream.position) as stream:
                self.assertEqual((stream.ack["epoch"], stream.ack["recovered"]), (epoch, True))
                events = await stream.settle()
                self.assertEqual(events[-1]["type"], "conversion.cancelled")
                seen += events
        seqs = [event["seq"] for event in seen]
        self.assertEqual(seqs, sorted(set(seqs)), "no seq twice")


class Many(Case):
    async def test_a_hundred_connections_are_one_subscription(self):
        streams = await asyncio.gather(*(self.stream() for _ in range(100)))
        metrics = self.metrics()
        self.assertEqual(metrics["activeConnections"], 100)
        self.assertEqual(metrics["connectionPoolStats"], {"totalSubscriptions": 1, "totalConnections": 100, "totalOrgs": 1})
        id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
        told = await asyncio.gather(*(stream.events(ends(id)) for stream in streams))
        stories = {json.dumps(state_events(events)) for events in told}
        self.assertEqual(len(stories), 1, "all are told the same")
        self.assertGreaterEqual(self.metrics()["eventsDelivered"], metrics["eventsDelivered"] + 300)
        await asyncio.gather(*(stream.connection.close() for stream in streams))
        eventually(lambda: self.metrics()["activeConnections"] == 0, "all have gone")
        after = self.metrics()
        self.assertGreaterEqual(after["totalConnections"], 100)
        self.assertEqual(after["connectionPoolStats"]["totalConnections"], 0)

    async def test_one_subscription_for_each_service_that_somebody_follows(self):
        async with await self.stream(["conversion", "note"]), await self.stream(["note", "document"]):
            self.assertEqual(self.metrics()["connectionPoolStats"]["totalSubscriptions"], 3)


if __name__ == "__main__":
    harness.main()
