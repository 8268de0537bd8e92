"""What else the stream tells: notes, watchers, the queue, uploads, documents."""

import os
import socket

import harness
from bare_websocket import Bare
from harness import sample
from stream_clients import Case, Events, handshake, polled


class Notes(Case):
    async def test_a_note_is_told_and_kept(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        path = f"/v1/conversions/{id}/notes"
        self.assertEqual(self.daemon.get(path).json(), {"notes": []})
        async with await self.stream(["note"]) as stream:
            answer = self.daemon.post(path, {"text": "  Page 3 needs a look \u2014 Zo\u00eb \U0001f600\n"})
            self.assertEqual(answer.status, 201, answer)
            note = answer.json()
            self.assertEqual(set(note), {"id", "conversion", "author", "text", "created_at"})
            self.assertEqual((note["conversion"], note["author"]), (id, f"uid:{os.getuid()}"))
            self.assertEqual(note["text"], "Page 3 needs a look \u2014 Zo\u00eb \U0001f600")
            event = (await stream.events(lambda event: True))[0]
            self.assertEqual((event["type"], event["class"], event["subject"]), ("note.added", "state", id))
            self.assertEqual(event["data"], note)
        second = self.daemon.post(path, {"text": "x" * 4000}).json()
        self.assertEqual(self.daemon.get(path).json(), {"notes": [note, second]})
        self.daemon.kill9()
        self.daemon.start()
        self.assertEqual(self.daemon.get(path).json(), {"notes": [note, second]})
        self.assertEqual(self.daemon.http("DELETE", f"/v1/conversions/{id}").status, 204)
        self.assertProblem(self.daemon.get(path), 404, "conversion_not_found")

    def test_what_is_no_note(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        path = f"/v1/conversions/{id}/notes"
        for body in ({}, {"text": None}, {"text": 7}, {"text": ""}, {"text": " \n\t "}, {"text": "x" * 4001}, []):
            with self.subTest(str(body)[:40]):
                answer = self.daemon.post(path, body)
                self.assertIn(answer.status, (400, 422), answer)
                self.assertEqual(answer.headers.get_content_type(), "application/problem+json")
        json_type = {"Content-Type": "application/json"}
        for raw in (b"{", b'{"text":"\xff\xfe"}'):
            self.assertIn(self.daemon.http("POST", path, raw, json_type).status, (400, 422))
        self.assertEqual(self.daemon.get(path).json(), {"notes": []})
        self.assertEqual(self.daemon.post(path, {"text": "\u20ac" * 4000}).status, 201, "characters are counted, not bytes")

    def test_only_on_conversions_of_ones_own(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        nobodys = "018f0000-0000-7000-8000-000000000000"
        self.assertProblem(self.daemon.post(f"/v1/conversions/{nobodys}/notes", {"text": "x"}), 404, "conversion_not_found")
        for path in (f"/v1/conversions/{id}/notes", f"/v1/conversions/{id}/watchers"):
            self.assertProblem(self.daemon.http("GET", path, tcp=True), 404, "conversion_not_found")
        answer = self.daemon.post(f"/v1/conversions/{id}/notes", {"text": "x"}, tcp=True)
        self.assertProblem(answer, 404, "conversion_not_found")


class Presence(Case):
    def watchers(self, id):
        return self.daemon.get(f"/v1/conversions/{id}/watchers").json()

    async def changed(self, stream, total):
        return (await stream.events(lambda event: event["data"]["total"] == total))[-1]

    async def test_who_watches(self):
        me = f"uid:{os.getuid()}"
        blocker, id = self.endless_conversion(), self.endless_conversion()
        self.assertEqual(self.watchers(id), {"conversion": id, "watchers": [], "total": 0})
        async with await self.stream(["presence"]) as stream:
            with Bare(self.daemon, f"/ws/conversion/{id}") as watcher:
                watcher.frame()
                event = await self.changed(stream, 1)
                self.assertEqual((event["type"], event["class"], event["subject"]), ("presence.changed", "progress", id))
                one = {"conversion": id, "watchers": [{"principal": me, "connections": 1}], "total": 1}
                self.assertEqual((event["data"], self.watchers(id)), (one, one))
                with Bare(self.daemon) as other, Events(self.daemon, services=f"conversion:{id}") as third:
                    other.send(handshake([f"conversion:{id}"]))
                    other.frame()
                    third.next()
                    three = {"conversion": id, "watchers": [{"principal": me, "connections": 3}], "total": 3}
                    self.assertEqual((await self.changed(stream, 3))["data"], three)
                    self.assertEqual(self.watchers(id), three)
                await self.changed(stream, 1)
            event = await self.changed(stream, 0)
            self.assertEqual(event["data"], {"conversion": id, "watchers": [], "total": 0})
        self.cancel(blocker, id)

    async def test_who_follows_everything_watches_nothing_in_particular(self):
        id = self.endless_conversion()
        async with await self.stream(["conversion"]):
            self.assertEqual(self.watchers(id)["total"], 0)
        self.cancel(id)


class Others(Case):
    options = {"slots": 1}

    async def test_the_queue(self):
        async with await self.stream(["queue"]) as stream:
            running, waiting = self.endless_conversion(), self.endless_conversion()
            depth = (await stream.events(lambda event: (event["data"]["running"], event["data"]["waiting"]) == (1, 1)))[-1]
            self.assertEqual((depth["type"], depth["class"], depth["subject"]), ("queue.depth", "progress", "queue"))
            fields = {"slots", "short_slots", "running", "running_short", "waiting", "wait_ms", "accepting"}
            own = {"org_running", "org_waiting", "org_wait_ms", "org_next"}
            self.assertEqual(set(depth["data"]), fields | own)
            data = depth["data"]
            self.assertEqual([(place["id"], place["position"]) for place in data["org_next"]], [(waiting, 1)])
            self.assertEqual((data["slots"], data["running"], data["org_running"], data["org_waiting"]), (1, 1, 1, 1))
            self.assertIs(data["accepting"], True)
            for id in (waiting, running):
                self.daemon.post(f"/v1/conversions/{id}/cancel", {})
            await stream.events(lambda event: (event["data"]["running"], event["data"]["waiting"]) == (0, 0))

    async def test_an_upload_as_it_comes_in(self):
        data = b"lighthouse " * 200_000
        async with await self.stream(["upload", "document"]) as stream:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sender:
                sender.connect(self.daemon.socket)
                sender.sendall(f"POST /documents?name=large.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n".encode())
                sender.sendall(data[:1_000_000])
                part = (await stream.events(lambda event: event["data"]["received"] == 1_000_000))[-1]
                self.assertEqual((part["type"], part["class"]), ("upload.progress", "progress"))
                self.assertEqual(set(part["data"]), {"id", "filename", "principal", "received", "total", "state"})
                expected = ("large.md", f"uid:{os.getuid()}", len(data), "receiving")
                self.assertEqual(tuple(part["data"][key] for key in ("filename", "principal", "total", "state")), expected)
                sender.sendall(data[1_000_000:])
                found = {}
                while set(found) < {"upload.progress", "document.created"}:
                    event = (await stream.events(lambda event: event["class"] == "state" or event["data"]["state"] == "stored"))[-1]
                    found[event["type"]] = event
            self.assertEqual(found["upload.progress"]["data"] | {"state": ""}, part["data"] | {"received": len(data), "state": ""})
            created = found["document.created"]
            self.assertEqual((created["subject"], created["class"]), ("large.md", "state"))
            listed = next(d for d in self.daemon.get("/documents").json()["documents"] if d["name"] == "large.md")
            self.assertEqual({key: listed[key] for key in ("name", "size_bytes") if key in created["data"]},
                             {key: created["data"][key] for key in ("name", "size_bytes") if key in created["data"]})
            self.assertEqual(self.daemon.http("DELETE", "/documents/large.md").status, 204)
            removed = (await stream.events(lambda event: event["class"] == "state"))[-1]
            self.assertEqual((removed["type"], removed["subject"]), ("document.removed", "large.md"))

    async def test_an_upload_that_breaks_off(self):
        async with await self.stream(["upload"]) as stream:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sender:
                sender.connect(self.daemon.socket)
                sender.sendall(b"POST /documents?name=torn.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n" + b"x" * 2_000_000)
                await stream.events(lambda event: event["data"]["received"] > 0)
            event = (await stream.events(lambda event: event["data"]["state"] != "receiving"))[-1]
            self.assertEqual((event["data"]["state"], event["data"]["filename"]), ("failed", "torn.md"))

    def test_a_conversion_from_an_upload_makes_its_document(self):
        position = polled(self.daemon, services="document", since="oldest")[1]
        answer = self.daemon.post_parts("/convert", [("to", "html"), ("file", "brought.md", sample("guide.md"))])
        self.daemon.wait(answer.json()["conversion_id"])
        found, _ = polled(self.daemon, services="document", **position)
        self.assertEqual([(event["type"], event["subject"]) for event in found], [("document.created", "brought.md")])


if __name__ == "__main__":
    harness.main()
