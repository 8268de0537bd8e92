"""Upgrades: a state directory of every schema there was, with work in all states, is taken up by today's daemon; the way back
stays open; a directory of tomorrow is refused and left as it is."""

import hashlib
import json
import pathlib
import signal
import sqlite3
import subprocess
import unittest

import harness
import old_schemas
from harness import BIN, Daemon

UNAVAILABLE = 69
SCHEMA_OF_KEYS = 5
OWN_TABLES = ("conversions", "documents", "logs", "events", "runtimes", "notes", "idempotency_keys", "poisons")


def columns(database, table):
    return [row[1] for row in database.execute(f"PRAGMA table_info({table})")]


def turn_back(path, schema):
    """Rewrites the database as the release of that schema would have left it."""
    path = pathlib.Path(path)
    new = path.with_suffix(".old")
    today = sqlite3.connect(path)
    then = sqlite3.connect(new)
    for step in old_schemas.STEPS[:schema]:
        then.executescript(step)
    then.execute(f"PRAGMA application_id = {old_schemas.APPLICATION_ID}")
    then.execute(f"PRAGMA user_version = {schema}")
    tables = {name for (name,) in then.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in (name for name in OWN_TABLES if name in tables):
        names = [name for name in columns(then, table) if name in columns(today, table)]
        rows = today.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()
        then.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)
    then.commit()
    then.execute("PRAGMA journal_mode = WAL")
    then.close()
    today.close()
    for name in ("convd.db-wal", "convd.db-shm"):
        (path.parent / name).unlink(missing_ok=True)
    new.rename(path)


def version_of(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return database.execute("PRAGMA user_version").fetchone()[0]
    finally:
        database.close()


class Upgrading(unittest.TestCase):
    def submit_under_a_key(self, daemon):
        head = {"Content-Type": "application/json", "Idempotency-Key": "of-before"}
        return daemon.http("POST", "/v1/conversions", json.dumps({"filename": "guide.md", "to": "txt"}), head).json()["id"]

    def make_work(self, daemon):
        """Ids of a completed, a running and a waiting conversion, in a state directory whose daemon was killed."""
        completed = daemon.submit("guide.md", "html")
        self.assertEqual(daemon.wait(completed)["status"], "completed")
        result = daemon.result(completed).body
        self.keyed = self.submit_under_a_key(daemon)
        daemon.wait(self.keyed)
        held = harness.Held(daemon)
        pending = daemon.submit("guide.md", "html")
        daemon.kill9()
        held.go_on()
        return completed, result, held.id, pending

    def events(self, daemon):
        return daemon.get("/v2/realtime/poll?since=oldest&limit=1000").json()["events"]

    def check_taken_up(self, daemon, completed, result, processing, pending):
        status = daemon.status(completed)
        self.assertEqual((status["status"], status["progress"]), ("completed", 100))
        self.assertEqual(daemon.result(completed).body, result)
        for id in (processing, pending):
            self.assertEqual(daemon.wait(id)["status"], "completed")
            self.assertEqual(daemon.result(id).status, 200)
        self.assertEqual(daemon.get("/documents/guide.md").body, harness.sample("guide.md"))
        events = self.events(daemon)
        for id in (completed, processing, pending):
            ends = [event for event in events if event["subject"] == id and event["type"] == "conversion.completed"]
            self.assertEqual(len(ends), 1, "it ends once, also over an upgrade")
        seqs = [event["seq"] for event in events]
        self.assertEqual(seqs, sorted(set(seqs)), "the log goes on behind its last number")

    def test_work_of_every_schema_is_taken_up(self):
        for schema in range(1, len(old_schemas.STEPS) + 1):
            with self.subTest(schema=schema), Daemon(slots=1, tcp=False) as daemon:
                work = self.make_work(daemon)
                path = daemon.state / "convd.db"
                turn_back(path, schema)
                self.assertEqual(version_of(path), schema)
                daemon.start()
                self.check_taken_up(daemon, *work)
                if schema >= SCHEMA_OF_KEYS:
                    self.assertEqual(self.submit_under_a_key(daemon), self.keyed, "a key of before starts nothing")
                self.assertEqual(daemon.stop(), 0)
                newest = version_of(path)
                self.assertGreater(newest, schema)
                copy = daemon.state / f"convd.db.schema-{schema}"
                self.assertEqual(version_of(copy), schema, "the copy is of before")
                self.assertEqual(copy.stat().st_mode & 0o077, 0)

                # The way back, as convd(8) has it: what the copy holds is as it was.
                for name in ("convd.db", "convd.db-wal", "convd.db-shm"):
                    (daemon.state / name).unlink(missing_ok=True)
                copy.rename(path)
                database = sqlite3.connect(path)
                states = dict(database.execute("SELECT id, status FROM conversions"))
                database.close()
                self.assertEqual([states[id] for id in (work[0], *work[2:])], ["completed", "processing", "pending"])
                daemon.start()
                self.check_taken_up(daemon, *work)

    def test_a_newer_schema_is_refused_and_left_as_it_is(self):
        with Daemon(slots=1, tcp=False) as daemon:
            self.make_work(daemon)
            daemon.start()
            self.assertEqual(daemon.stop(), 0)
            path = daemon.state / "convd.db"
            database = sqlite3.connect(path)
            database.execute("PRAGMA user_version = 99")
            database.close()

            def picture():
                return {str(file.relative_to(daemon.state)): hashlib.sha256(file.read_bytes()).hexdigest()
                        for folder in ("blobs", "results") for file in (daemon.state / folder).rglob("*") if file.is_file()} | {
                            file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in daemon.state.glob("convd.db*")}

            before = picture()
            self.assertIn("convd.db", before)
            done = subprocess.run([str(BIN / "convd"), "--socket", daemon.socket, "--listen", "none", "--state-dir", str(daemon.state)],
                                  capture_output=True, text=True, timeout=harness.PATIENCE, check=False)
            self.assertEqual(done.returncode, UNAVAILABLE, done.stderr)
            self.assertRegex(done.stderr, r"convd\.db was written by a newer convd \(schema 99, this one knows \d+\): start that version, "
                                          r"or restore the copy made before the upgrade")
            self.assertEqual(picture(), before, "not a byte has changed")


if __name__ == "__main__":
    harness.main()
