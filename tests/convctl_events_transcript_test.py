"""Transcripts of `convctl events`, `note`, `notes` and `watchers` against a stand-in daemon.

Usage: convctl_events_transcript_test.py CONVCTL
"""

import contextlib
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))
import fake_realtime  # noqa: E402
from convctl_case import CONVCTL, LIMIT, Case  # noqa: E402
from fake_realtime import ack, leave, tell  # noqa: E402


class Events(Case):
    def setUp(self):
        super().setUp()
        self.log = self.daemon.log

    def events(self, *args, code=0):
        return self.check(self.run_ctl("events", "--json", *args), code)

    def seqs(self, output):
        return [line["seq"] for line in map(json.loads, output.splitlines()) if line["schema"] == "convctl.v1/event"]

    def next_line(self, process):
        line = process.stdout.readline()
        self.assertTrue(line, "the output has ended")
        return json.loads(line)

    def next_seqs(self, process, count):
        return [self.next_line(process)["seq"] for _ in range(count)]

    def interrupt(self, process):
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LIMIT), 130)
        return process.stderr.read()


class Replay(Events):
    def test_page_after_page_up_to_the_head(self):
        for _ in range(5):
            self.log.add()
        self.assertEqual(self.seqs(self.events().stdout), [1, 2, 3, 4, 5])
        asked = [(poll.get("since"), poll.get("lastSeq"), poll.get("epoch"), poll["wait"]) for poll in self.log.polls]
        self.assertEqual(asked, [("oldest", None, None, "0"), (None, "2", "e1", "0"), (None, "4", "e1", "0")])
        self.assertEqual({poll["services"] for poll in self.log.polls}, {"conversion"})
        self.assertEqual(self.log.handshakes, [])

    def test_what_comes_meanwhile_is_not_waited_for(self):
        for _ in range(4):
            self.log.add()
        self.log.page = 1
        first = {"epoch": "e1", "seq": 1, "head": 2, "events": self.log.events[:1], "rejected": []}
        self.log.answers = [(200, first, [])]
        self.assertEqual(self.seqs(self.events().stdout), [1, 2])

    def test_since(self):
        for _ in range(3):
            self.log.add()
        self.assertEqual(self.seqs(self.events("--since", "2").stdout), [3])
        self.assertEqual(self.seqs(self.events("--since", "e1:1").stdout), [2, 3])
        self.assertEqual(self.seqs(self.events("--since", "all").stdout), [1, 2, 3])
        self.assertEqual(self.seqs(self.events("--since", "0").stdout), [1, 2, 3])
        self.assertEqual(self.seqs(self.events("--since", "3").stdout), [])
        self.check(self.run_ctl("events", "--since", "yesterday"), 64)

    def test_lines_for_people(self):
        self.log.add(data=fake_realtime.status("018f-0001", 42))
        self.log.add("note.added", {"author": "uid:0", "text": "red\x1b[31m\u009b1m"}, seq=7)
        lines = self.check(self.run_ctl("events"), 0).stdout.decode().splitlines()
        self.assertEqual([line.split("\t") for line in lines], [
            ["TIME", "SEQ", "TYPE", "SUBJECT", "SUMMARY"],
            [fake_realtime.TIME, "1", "conversion.processing", "018f-0001", "report.docx: processing, 42%, Converting page 5 of 12"],
            [fake_realtime.TIME, "7", "note.added", "018f-0001", "uid:0: red?[31m?1m"],
        ])
        self.assertEqual(self.check(self.run_ctl("events", "-q"), 0).stdout.decode().splitlines(), lines[1:])
        self.assertEqual(self.check(self.run_ctl("events", "--since", "7"), 0).stdout, b"TIME\tSEQ\tTYPE\tSUBJECT\tSUMMARY\n")

    def test_json_lines_have_no_control_characters(self):
        self.log.add("note.added", {"author": "uid:0", "text": "red\x1b[31m\u009b1m\x7f"})
        output = self.events().stdout
        self.assertEqual([byte for byte in output[:-1] if byte < 32 or byte == 127] + [output.find(b"\xc2\x9b")], [-1])
        event = json.loads(output)
        self.assertEqual((event["schema"], event["epoch"], event["class"]), ("convctl.v1/event", "e1", "state"))
        self.assertEqual(event["data"]["text"], "red\x1b[31m\u009b1m\x7f")

    def all_of(self, master):
        """Of a terminal that nobody has open any more: it is handed on in pieces, and ends with an error."""
        pieces = []
        with contextlib.suppress(OSError):
            while piece := os.read(master, 4096):
                pieces.append(piece)
        return b"".join(pieces)

    def test_a_terminal_gets_columns_and_colours(self):
        self.log.add("conversion.error", {"filename": "report.docx", "status": "error", "error": "It broke \x1b[31mon page 3 of many pages."})
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        result = subprocess.run([CONVCTL, "events"], stdout=slave, stderr=subprocess.PIPE, env={**self.env, "COLUMNS": "80"}, timeout=LIMIT)
        os.close(slave)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = self.all_of(master).decode().splitlines()
        self.assertEqual(lines[0], "TIME      SEQ      TYPE                   SUBJECT        SUMMARY")
        self.assertEqual(lines[1], "09:00:00  1        \x1b[31mconversion.error     \x1b[0m  018f-0001      report.docx: error, I…")

    def test_services(self):
        self.log.add()
        result = self.events("--service", "conversion:018f-0001,note", "--service", "dance")
        self.assertEqual(self.log.polls[0]["services"], "conversion:018f-0001,note,dance")
        self.assertEqual(result.stderr, b"convctl: convd has no such service: dance\n")
        self.assertIn(b"convd has no such service: dance", self.events("--service", "dance", code=64).stderr)
        self.check(self.run_ctl("events", "--service", "note,"), 64)

    def test_what_has_expired_is_told(self):
        for _ in range(5):
            self.log.add()
        self.log.oldest = 4
        result = self.events("--since", "e1:1")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(lines[0], {"schema": "convctl.v1/gap", "epoch": "e1", "reason": "expired", "oldest": 4, "head": 5})
        self.assertEqual(self.seqs(result.stdout), [4, 5])
        self.assertEqual(result.stderr, b"convctl: events are missing here (expired): the log has only 4 to 5 now\n")
        self.assertIn(b"(epoch)", self.events("--since", "e0:5").stderr)
        self.assertIn(b"(ahead)", self.events("--since", "e1:50").stderr)

    def test_a_daemon_that_makes_no_sense(self):
        page = {"epoch": "e1", "seq": 0, "head": 9, "events": [{"seq": 0, "class": "state"}], "rejected": []}
        for body in ({}, {**page, "epoch": ""}, {**page, "events": [{"class": "state"}]}, [1]):
            self.log.answers = [(200, body, [])]
            self.events(code=76)
        self.log.answers = [(200, page, [])] * 2
        self.assertIn(b"do not advance", self.events(code=76).stderr)
        self.log.answers = [(204, b"", [])]
        self.events(code=76)
        self.log.answers = [(410, "cursor_expired", [])]
        self.events(code=66)

    def test_a_reader_that_wants_one_line(self):
        for _ in range(200):
            self.log.add()
        self.log.page = 1000
        process = self.start("events", "--json")
        self.assertEqual(self.next_seqs(process, 1), [1])
        process.stdout.close()
        self.assertEqual(process.wait(LIMIT), 74)

    def test_without_a_stream(self):
        self.log.answers = [(404, "not_found", [])]
        self.assertIn(b"this convd has no event stream", self.events(code=76).stderr)
        for flags in ([], ["-f"]):
            result = self.check(self.run_ctl("events", *flags, CONVD_SOCKET=str(self.dir / "nobody")), 69)
            self.assertIn(b"cannot reach convd", result.stderr)
            self.assertEqual(result.stdout, b"")


class Follow(Events):
    def follow(self, *args):
        return self.start("events", "-f", "--json", *args)

    def joined(self, count=1):
        self.log.wait_for(lambda: len(self.log.handshakes) >= count)

    def test_from_now_on(self):
        self.log.add()
        process = self.follow("--service", "conversion,queue", "--interval", "500")
        self.joined()
        self.assertEqual(self.log.handshakes, [{"services": ["conversion", "queue"], "version": 1, "progressMs": 500}])
        self.log.add()
        self.assertEqual(self.next_seqs(process, 1), [2])
        self.assertIn("convctl events -f --since e1:2", self.interrupt(process))
        self.assertEqual(self.daemon.requests, ["GET /v2/realtime/config", "GET /v2/realtime/stream"])

    def test_a_replay_first(self):
        for _ in range(3):
            self.log.add()
        for since, handshake, seqs in (("all", {"since": "oldest"}, [1, 2, 3]), ("1", {"lastSeq": 1}, [2, 3]),
                                       ("e1:2", {"lastSeq": 2, "epoch": "e1"}, [3])):
            process = self.follow("--since", since)
            self.assertEqual(self.next_seqs(process, len(seqs)), seqs)
            self.assertEqual(self.log.handshakes.pop(), {"services": ["conversion"], "version": 1, **handshake})
            self.interrupt(process)

    def test_a_lost_connection_is_gone_on_from_the_same_place(self):
        def break_off(log, connection):
            ack(log, connection)
            tell(connection, log.add())
            tell(connection, log.add(), log.add())
            leave(connection)

        def repeat(log, connection):
            ack(log, connection, recovered=True)
            tell(connection, *log.events[-2:])  # one of them is known
            tell(connection, log.add())
            connection.send({"type": "ping", "timestamp": fake_realtime.TIME, "seq": 20})
            said.append(connection.receive())
            log.add(seq=21)
            leave(connection)

        self.log.add()
        said = []
        self.log.scripts = [break_off, repeat]
        process = self.follow()
        self.joined(3)
        self.assertEqual([(hello.get("lastSeq"), hello.get("epoch")) for hello in self.log.handshakes], [(None, None), (4, "e1"), (20, "e1")])
        self.assertEqual(self.next_seqs(process, 5), [2, 3, 4, 5, 21])
        self.assertEqual(said, [{"type": "pong"}])
        self.interrupt(process)
        self.assertEqual(self.log.polls, [])

    def test_an_empty_log_is_not_mistaken_for_now(self):
        def break_off(log, connection):
            ack(log, connection)
            log.add()
            leave(connection)

        self.log.scripts = [break_off]
        process = self.follow()
        self.assertEqual(self.next_seqs(process, 1), [1])
        self.assertEqual(self.log.handshakes[1], {"services": ["conversion"], "version": 1, "since": "oldest"})
        self.interrupt(process)

    def test_a_silent_connection_is_dead(self):
        def silent(log, connection):
            ack(log, connection, heartbeatMs=20)
            self.assertIsNone(connection.receive())

        self.log.add()
        self.log.scripts = [silent]
        process = self.follow()
        self.joined(2)
        self.log.add()
        self.assertEqual(self.next_seqs(process, 1), [2])
        self.assertEqual(self.log.handshakes[1]["lastSeq"], 1)
        self.interrupt(process)

    def test_after_five_lost_sockets_the_long_poll(self):
        self.log.add()
        self.log.scripts = [lambda log, connection: (ack(log, connection), leave(connection))] * 6
        process = self.follow()
        self.log.wait_for(lambda: self.log.polls)
        self.assertEqual(len(self.log.handshakes), 6)
        self.assertEqual(self.log.polls[0], {"services": "conversion", "lastSeq": "1", "epoch": "e1", "wait": "25", "limit": "1000"})
        self.log.add()
        self.log.wait_for(lambda: len(self.log.polls) >= 2)
        self.log.add()
        self.assertEqual(self.next_seqs(process, 2), [2, 3])
        self.assertEqual(self.log.polls[1]["lastSeq"], "2")
        self.interrupt(process)

    def test_after_three_lost_polls_the_end(self):
        self.log.transport = "poll"
        busy = (503, "shutting_down", [("Retry-After", "0")])
        self.log.answers = [busy, (204, b"", [("Convd-Epoch", "e1"), ("Convd-Seq", "7")]), busy, busy, busy, busy]
        process = self.follow()
        self.assertEqual(process.wait(LIMIT), 75)
        complaint = process.stderr.read()
        self.assertIn("lost contact with convd: Not now. (shutting_down)", complaint)
        self.assertEqual([poll.get("lastSeq") for poll in self.log.polls], [None, None, "7", "7", "7", "7"])
        self.assertEqual(self.log.handshakes, [])

    def test_a_rollout_that_says_no(self):
        def refuse(log, connection):
            connection.close(4508, "realtime disabled")

        self.log.add()
        self.log.scripts = [refuse]
        process = self.follow("--since", "all")
        self.assertEqual(self.next_seqs(process, 1), [1])
        self.assertEqual((len(self.log.handshakes), self.log.polls[0]["since"]), (1, "oldest"))
        self.interrupt(process)

    def test_closed_for_good(self):
        for code, reason, exit_code in ((4500, "invalid token", 77), (4507, "forbidden", 77), (4504, "", 75), (4501, "bad message", 76),
                                        (1000, "finished", 76), (4999, "tired", 76)):
            with self.subTest(code):
                self.log.scripts = [lambda log, connection: connection.close(code, reason)]
                process = self.follow()
                self.assertEqual(process.wait(LIMIT), exit_code)
                self.assertIn(f"{reason or 'too many connections'} ({code})", process.stderr.read())
        self.assertEqual((len(self.log.handshakes), self.log.polls), (6, []))

    def test_errors_are_told(self):
        def complain(log, connection):
            connection.send({"type": "error", "code": "bad_message", "message": "Not \x1blike this.", "temporary": False})
            connection.close(4501, "bad message")

        self.log.scripts = [complain]
        process = self.follow("-q")
        self.assertEqual(process.wait(LIMIT), 76)
        self.assertTrue(process.stderr.read().startswith("convctl: Not ?like this. (bad_message)\n"))

    def test_a_gap_and_the_snapshots_behind_it(self):
        def lose_the_rest(log, connection):
            ack(log, connection)
            connection.send({"type": "gap", "reason": "expired", "oldest": log.oldest, "head": log.head()})
            tell(connection, {**log.events[-1], "type": "conversion.snapshot", "class": "snapshot"}, snapshot=True)
            leave(connection)

        for _ in range(5):
            self.log.add()
        self.log.oldest = 4
        self.log.scripts = [lose_the_rest]
        process = self.follow("--since", "e1:1")
        lines = [self.next_line(process) for _ in range(5)]
        gap = {"schema": "convctl.v1/gap", "epoch": "e1", "reason": "expired", "oldest": 4, "head": 5}
        self.assertEqual([line.get("class", line) for line in lines], [gap, "snapshot", gap, "snapshot", "snapshot"])
        self.log.add()
        self.assertEqual(self.next_seqs(process, 1), [6])
        # Nobody knew whether there were more snapshots: the same position was asked for again.
        self.assertEqual([hello["lastSeq"] for hello in self.log.handshakes], [1, 1])
        self.assertIn("convctl: events are missing here (expired): the log has only 4 to 5 now\n", self.interrupt(process))

    def test_a_gap_to_a_log_that_is_behind(self):
        self.log.add()
        self.log.add()
        process = self.follow("--since", "e0:70")
        self.assertEqual(self.next_line(process)["reason"], "epoch")
        self.assertEqual([self.next_line(process)["class"] for _ in range(2)], ["snapshot"] * 2)
        self.log.add()
        self.assertEqual(self.next_seqs(process, 1), [3])
        self.assertIn("--since e1:3", self.interrupt(process))

    def test_a_poll_that_is_too_late(self):
        self.log.transport = "poll"
        for _ in range(3):
            self.log.add()
        self.log.oldest = 3
        process = self.follow("--since", "1")
        self.assertEqual(self.next_line(process)["schema"], "convctl.v1/gap")
        self.assertEqual(self.next_seqs(process, 1), [3])
        self.assertEqual([poll.get("since") for poll in self.log.polls][:2], [None, "oldest"])
        self.interrupt(process)

    def test_nonsense(self):
        for text in ({"seq": 1}, {"type": "ping"}, {"type": "event", "events": [{"class": "state"}]}, {"type": "ack", "epoch": ""}, 7):
            with self.subTest(text):
                self.log.scripts = [lambda log, connection: (connection.send(text), connection.receive())]
                process = self.follow()
                self.assertEqual(process.wait(LIMIT), 76)
                self.assertIn("convd's events are not what was expected", process.stderr.read())

    def test_what_is_not_known_is_passed_over(self):
        def talk(log, connection):
            ack(log, connection, later="more")
            connection.send({"type": "weather", "seq": 70})
            tell(connection, {"seq": 1, "type": "tea.ready", "class": "new", "data": {"cups": 2}})
            connection.receive()

        self.log.scripts = [talk]
        process = self.start("events", "-f")
        self.assertEqual(process.stdout.readline().split(), ["TIME", "SEQ", "TYPE", "SUBJECT", "SUMMARY"])
        self.assertEqual(process.stdout.readline(), '\t1\ttea.ready\t\t{"cups":2}\n')
        self.interrupt(process)

    def test_an_unknown_service_is_told_once(self):
        self.log.scripts = [lambda log, connection: (ack(log, connection), leave(connection))] * 2
        process = self.follow("--service", "conversion,dance")
        self.joined(3)
        self.assertEqual(self.interrupt(process).count("convd has no such service: dance"), 1)
        process = self.follow("--service", "dance")
        self.assertEqual(process.wait(LIMIT), 64)

    def test_a_reader_that_goes_away_ends_an_idle_follower(self):
        process = self.follow("--since", "all")
        self.log.add()
        self.assertEqual(self.next_seqs(process, 1), [1])
        process.stdout.close()
        self.assertEqual(process.wait(LIMIT), 74)

    def test_timeout(self):
        self.check(self.run_ctl("events", "-f", "--timeout", "200ms"), 124)


class Notes(Case):
    def setUp(self):
        super().setUp()
        self.ident = self.run_ctl("convert", "-d", self.file("a.docx"), "--to", "pdf").stdout.decode().strip()

    def test_notes_are_left_and_read(self):
        self.assertEqual(self.check(self.run_ctl("note", self.ident, "Page 3 is\nupside down"), 0).stdout, b"n1\n")
        note = json.loads(self.check(self.run_ctl("note", self.ident, "-", "--json", stdin="Schön\n".encode()), 0).stdout)
        self.assertEqual((note["schema"], note["text"], note["author"]), ("convctl.v1/note", "Schön", "uid:0"))
        table = self.check(self.run_ctl("notes", self.ident), 0).stdout.decode().splitlines()
        self.assertEqual(table, ["ID\tCREATED\tAUTHOR\tTEXT", f"n1\t{fake_realtime.TIME}\tuid:0\tPage 3 is upside down",
                                 f"n2\t{fake_realtime.TIME}\tuid:0\tSchön"])
        document = json.loads(self.check(self.run_ctl("notes", self.ident, "--json"), 0).stdout)
        self.assertEqual((document["schema"], len(document["notes"])), ("convctl.v1/notes", 2))
        self.assertEqual(self.check(self.run_ctl("notes", "-q", self.ident), 0).stdout, b"n1\nn2\n")

    def test_notes_that_are_none(self):
        self.assertIn(b"invalid_option", self.check(self.run_ctl("note", self.ident, " "), 64).stderr)
        self.assertIn(b"too long", self.check(self.run_ctl("note", self.ident, "-", stdin=b"x" * 70_000), 64).stderr)
        self.check(self.run_ctl("note", self.ident, "-"), 66)
        self.check(self.run_ctl("note", self.ident), 64)
        for command in (["note", "nope", "x"], ["notes", "nope"], ["watchers", "nope"]):
            self.assertIn(b"conversion_not_found", self.check(self.run_ctl(*command), 66).stderr)

    def test_watchers(self):
        self.assertEqual(self.check(self.run_ctl("watchers", self.ident), 0).stdout, b"PRINCIPAL\tCONNECTIONS\nuid:0\t2\n")
        document = json.loads(self.check(self.run_ctl("watchers", self.ident, "--json"), 0).stdout)
        self.assertEqual((document["schema"], document["total"]), ("convctl.v1/watchers", 2))


if __name__ == "__main__":
    unittest.main()
