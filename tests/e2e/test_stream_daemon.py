"""The stream and its daemon: how it says goodbye, whom it is for, what is counted."""

import asyncio
import functools
import os
import re
import signal
import subprocess
import unittest

import harness
from bare_websocket import Bare
from harness import ROOT, Daemon, eventually, needs
from stream_clients import Case, Events, Stream, ends, handshake, poll, polled


class Leaving(unittest.IsolatedAsyncioTestCase):
    async def test_goodbye(self):
        with Daemon(slots=1) as daemon:
            streams = [await Stream.open(daemon, ["conversion", "system"]) for _ in range(3)]
            events = Events(daemon, services="conversion,system")
            self.assertEqual(events.next()[0], "ack")
            held = harness.Held(daemon)
            watcher = Bare(daemon, f"/ws/conversion/{held.id}")
            running = watcher.frame()["id"]
            os.kill(daemon.pid(), signal.SIGTERM)
            for stream in streams:
                told = (await stream.events(lambda event: event["type"] == "system.draining"))[-1]
                self.assertEqual((told["subject"], told["class"]), ("convd", "progress"))
                self.assertTrue(told["data"]["message"])
            held.go_on()
            for stream in streams:
                frames, code = await stream.closed()
                self.assertEqual(code, 4001)
                goodbye = {"type": "goodbye", "reason": "shutdown", "reconnectMs": [0, 15000]}
                self.assertEqual([frame for frame in frames if frame["type"] != "event"], [goodbye])
                self.assertEqual(frames[-1], goodbye)
                stream.told = [event for frame in frames[:-1] for event in frame["events"]]
            frames, code = watcher.end()
            self.assertEqual((frames[-1]["status"], code), ("completed", 1000), "the original socket is as it was")
            watcher.socket.close()
            names = []
            while (name := events.next()[0]) is not None:
                names.append(name)
            self.assertEqual(names[-1], "goodbye")
            self.assertEqual(daemon.process.wait(harness.PATIENCE), 0)
            daemon.process = None
            daemon.start()
            for former in streams:
                async with await Stream.open(daemon, ["conversion"], **former.position) as stream:
                    self.assertTrue(stream.ack["recovered"])
                    told = former.told + await stream.settle()
                    self.assertEqual(len(list(filter(ends(running), told))), 1, "what ended meanwhile is told once")

    async def test_a_poll_that_waits_is_answered(self):
        with Daemon() as daemon:
            daemon.convert("guide.md", "html")
            _, position = polled(daemon, since="oldest")
            waiting = asyncio.create_task(asyncio.to_thread(poll, daemon, wait=60, **position))
            metrics = functools.partial(daemon.get, "/v2/realtime/metrics")
            await asyncio.to_thread(eventually, lambda: metrics().json()["activeConnections"] == 1, "it waits")
            os.kill(daemon.pid(), signal.SIGTERM)
            self.assertEqual(daemon.process.wait(harness.PATIENCE), 0)
            daemon.process = None
            self.assertEqual((await waiting).status, 204)


class Rollout(Case):
    config = ""

    def answer(self, tcp=False):
        return self.daemon.http("GET", "/v2/realtime/config", tcp=tcp).json()

    async def reload(self, text):
        """Ends when the daemon has taken it: it says so on the stream, or the answer has changed."""
        before = self.daemon.log().count("reload")
        self.daemon.reload(text)
        await asyncio.to_thread(eventually, lambda: self.daemon.log().count("reload") > before, "the configuration is read again")

    async def first(self, tcp=False):
        """The first frame's type, or the close code."""
        def ask():
            with Bare(self.daemon, tcp=tcp) as bare:
                bare.send(handshake())
                frames, code = bare.end() if not self.streams(tcp) else ([bare.frame()], None)
                return code or frames[0]["type"]
        return await asyncio.to_thread(ask)

    def streams(self, tcp=False):
        return self.answer(tcp)["transport"] == "stream"

    async def test_whom_the_stream_is_for(self):
        config = self.answer()
        self.assertEqual(set(config), {"enabled", "ticket", "rollout_percent", "transport", "fallback", "version", "services", "compress",
                                       "heartbeat_ms", "stream", "sse", "poll"})
        self.assertEqual((config["enabled"], config["rollout_percent"], config["transport"], config["fallback"]), (True, 100, "stream", None))
        self.assertEqual((config["version"], config["compress"], config["heartbeat_ms"]), (1, ["deflate-raw"], 30000))
        self.assertEqual(await self.first(), "ack")
        async with await self.stream(["system"]) as stream:
            await self.reload("realtime.enabled = false\n")
            event = (await stream.events(lambda event: event["type"] == "system.reloaded"))[-1]
            self.assertEqual(event["subject"], "configuration")
        await self.check_out()
        await self.reload("realtime.enabled = true\nrealtime.rollout_percent = 0\n")
        await self.check_out()
        await self.reload(f"realtime.rollout_percent = 0\nrealtime.users = uid:{os.getuid()} uid:4711\n")
        self.assertEqual((await self.first(), await self.first(tcp=True)), ("ack", 4508))
        await self.reload("")
        self.assertEqual((await self.first(), await self.first(tcp=True)), ("ack", "ack"))

    async def check_out(self):
        config = self.answer()
        self.assertEqual((config["transport"], config["fallback"]), ("poll", "poll"))
        self.assertEqual(await self.first(), 4508)
        problem = self.assertProblem(self.daemon.get("/v2/realtime/sse"), 403, "realtime_disabled")
        self.assertEqual(problem["fallback"], "poll")
        id = self.daemon.submit("guide.md", "html")
        frames, code = await self.daemon.watch(id)
        self.assertEqual((frames[-1]["status"], code), ("completed", 1000), "the original socket is for everybody")
        self.assertEqual(polled(self.daemon, since="oldest")[0][-1]["subject"], id)

    async def test_the_same_answer_each_time_and_none_is_put_out_by_growth(self):
        was_in = set()
        for percent in (0, 10, 35, 50, 51, 75, 99, 100):
            await self.reload(f"realtime.rollout_percent = {percent}\n")
            answers = [(self.streams(), self.streams(tcp=True)) for _ in range(3)]
            self.assertEqual(len(set(answers)), 1)
            now_in = {n for n, is_in in enumerate(answers[0]) if is_in}
            self.assertGreaterEqual(now_in, was_in)
            was_in = now_in
        self.assertEqual(was_in, {0, 1})

    def test_the_aliases(self):
        for alias, value, expected in (("REALTIME_STREAMING_V2", "false", (False, 100)), ("REALTIME_ROLLOUT_PERCENT", "0", (True, 0))):
            with self.subTest(alias):
                daemon = Daemon(tcp=False)
                daemon.env[alias] = value
                with daemon:
                    config = daemon.get("/v2/realtime/config").json()
                    self.assertEqual((config["enabled"], config["rollout_percent"]), expected)
                    self.assertEqual(config["transport"], "poll")


class Counting(Case):
    def prometheus(self):
        return self.daemon.get("/metrics").body.decode()

    def page(self):
        return (ROOT / "man" / "convd-protocol.7").read_text()

    def value(self, name):
        return float(re.search(rf"(?m)^{name} (\S+)$", self.prometheus())[1])

    def test_the_names_are_those_of_the_contract(self):
        metrics = self.metrics()
        contract = {"activeConnections", "totalConnections", "eventsDelivered", "compressedMessages", "missedEventsReplayed",
                    "connectionPoolStats"}
        self.assertLessEqual(contract, set(metrics))
        self.assertEqual(set(metrics["connectionPoolStats"]), {"totalSubscriptions", "totalConnections", "totalOrgs"})
        self.assertLessEqual({"p50", "p99"}, set(metrics["deliveryLagMs"]))
        described = set(re.findall(r"(?m)^\.It Li (\S+) Ta Li convd_realtime_", self.page()))
        given = {name for name in metrics if name != "connectionPoolStats"}
        given |= {f"connectionPoolStats.{name}" for name in metrics["connectionPoolStats"]}
        self.assertEqual(given, described, "convd-protocol(7) has them all, and no others")

    def test_the_series_are_those_of_the_manual(self):
        described = set(re.findall(r"convd_realtime_\w+", self.page()))
        given = set(re.findall(r"(?m)^# TYPE (convd_realtime_\w+) ", self.prometheus()))
        self.assertEqual(given, described)
        self.assertEqual(set(re.findall(r'convd_realtime_gaps_total\{reason="(\w+)"\}', self.prometheus())),
                         {"expired", "epoch", "ahead", "lagged", "damaged"})

    async def test_both_count_the_same(self):
        async with await self.stream(lastSeq=1 << 40) as stream:
            self.assertEqual((await stream.expect("gap"))["reason"], "ahead")
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            await stream.events(ends(id))
            metrics = self.metrics()
            self.assertEqual(self.value("convd_realtime_connections"), metrics["activeConnections"])
            self.assertEqual(self.value("convd_realtime_connections_opened_total"), metrics["totalConnections"])
            self.assertEqual(self.value("convd_realtime_events_delivered_total"), metrics["eventsDelivered"])
            self.assertEqual(self.value("convd_realtime_subscriptions"), 1)
            self.assertEqual(self.value("convd_realtime_orgs"), 1)
            self.assertEqual(self.value(r'convd_realtime_gaps_total\{reason="ahead"\}'), metrics["gaps"]["ahead"])
            self.assertGreater(self.value("convd_realtime_ring_bytes"), 0)
            self.assertGreaterEqual(self.value("convd_realtime_delivery_lag_seconds_count"), 3)

    @needs("promtool")
    async def test_promtool_has_no_complaint(self):
        async with await self.stream(lastSeq=1 << 40) as stream:
            id = await asyncio.to_thread(self.daemon.submit, "guide.md", "html")
            await stream.expect("gap")
            await stream.events(ends(id))
        text = self.prometheus()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), text)


if __name__ == "__main__":
    harness.main()
