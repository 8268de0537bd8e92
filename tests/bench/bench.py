#!/usr/bin/python3
"""What convd costs, as ratios against a baseline run beside it. Asserts nothing; bounded; stops by itself.

    tests/bench/bench.py [accept] [overhead] [delivery] [memory] [--rows N] [--conversions N]

accept     durable submissions a second on 8 connections, beside a loop of bare SQLite FULL commits; with 1,000 rows in
           the store and with --rows (1,000,000)
overhead   md -> html for 100 small files through convd, beside bare pandoc in the same kind of sandbox (on an idle machine)
delivery   from a change of a conversion to its watcher, 10 watched while two run; beside one bare commit, which it includes
memory     RSS idle and after --conversions (10,000) of pdf -> txt
"""

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

NOTE = b"# A note\n\nWith *some* text, a [link](https://example.org) and a list:\n\n* one\n* two\n"


def submit(daemon, filename, to):
    return daemon.post("/v1/conversions", {"filename": filename, "to": to}).json()["id"]


def row(name, **figures):
    print(f"{name:32} " + "  ".join(f"{key} {value}" for key, value in figures.items()), flush=True)


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def bare_commits(folder, count=1500):
    """Two-row FULL commits a second, one by one: what a submission writes."""
    database = sqlite3.connect(pathlib.Path(folder) / "bare.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE t(id TEXT PRIMARY KEY, data TEXT)")
    start = time.monotonic()
    for i in range(count):
        database.execute("BEGIN IMMEDIATE")
        database.execute("INSERT INTO t VALUES(?, ?)", (f"a{i}", "x" * 200))
        database.execute("INSERT INTO t VALUES(?, ?)", (f"b{i}", "x" * 400))
        database.execute("COMMIT")
    return count / (time.monotonic() - start)


def fill(daemon, rows):
    """Copies one finished conversion until there are `rows`."""
    database = daemon.database()
    columns = [c[1] for c in database.execute("PRAGMA table_info(conversions)")]
    key = next((c[1] for c in database.execute("PRAGMA table_info(conversions)") if c[5]), None)
    names = [c for c in columns if c != key or c == "id"]
    have = database.execute("SELECT count(*) FROM conversions").fetchone()[0]
    picked = ", ".join("printf('00000000-0000-7000-8000-%012d', n)" if c == "id" else c for c in names)
    database.execute("PRAGMA synchronous=OFF")
    database.execute(
        f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {rows - have}) "
        f"INSERT INTO conversions({', '.join(names)}) SELECT {picked} FROM c, "
        "(SELECT * FROM conversions WHERE status = 'completed' LIMIT 1)"
    )
    database.commit()
    database.close()


def accept(options):
    binary = harness.BIN / "accept_load"
    if not binary.exists():
        binary = next(iter(harness.BIN.glob("**/accept_load")), None)
    if binary is None:
        sys.exit("build it first: ninja -C build/release accept_load")
    rates = {}
    for rows in (1_000, options.rows):
        with harness.Daemon(slots=1, tcp=False, queue_limit=1_000_000, queue_limit_per_org=1_000_000) as daemon:
            daemon.upload("note.md", NOTE)
            daemon.convert("note.md", "html", NOTE)
            daemon.stop()
            fill(daemon, rows)
            daemon.start()
            # The versions of the engines are asked for after the start; that work is not part of this.
            harness.eventually(lambda: all(e["version"] for e in daemon.get("/v1/engines").json()["engines"]), "versions")
            bare = bare_commits(daemon.folder)
            answer = subprocess.run([binary, daemon.socket, "8", "8000", "note.md", "html"], capture_output=True, text=True, check=True)
            load = json.loads(answer.stdout)
            rates[rows] = load["per_second"]
            row(f"accept, {rows:,} rows", convd=f"{load['per_second']:.0f}/s", p99=f"{load['p99_ms']:.2f} ms",
                bare=f"{bare:.0f}/s", ratio=f"{load['per_second'] / bare:.2f}")
            daemon.kill9()  # 8,000 conversions wait; nobody wants them
    small, large = rates.values()
    row("accept, few rows / many rows", ratio=f"{small / large:.2f}")


def machine_cpu():
    """Seconds of CPU the whole machine has used: what runs in a namespace is charged to nobody we could ask."""
    user, nice, system = (int(f) for f in pathlib.Path("/proc/stat").read_text().split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK")


def bare_pandoc(folder, index):
    out = folder / f"{index}.html"
    subprocess.run(
        ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH", "/usr/bin", "--setenv", "HOME", "/tmp",
         "--setenv", "LANG", "C.UTF-8", "--ro-bind", "/usr", "/usr",
         "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64", "--proc", "/proc", "--dev", "/dev",
         "--tmpfs", "/tmp", "--ro-bind", str(folder / "note.md"), "/in/source.md", "--", "pandoc", "--sandbox", "-s", "--metadata", "title=note", "--metadata", "lang=en",
         "-f", "markdown", "-t", "html", "/in/source.md"],
        stdout=open(out, "wb"), check=True)


def overhead(_):
    count = 100
    folder = pathlib.Path(tempfile.mkdtemp(prefix="convd-bench."))
    (folder / "note.md").write_bytes(NOTE)
    cpu, start = machine_cpu(), time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda i: bare_pandoc(folder, i), range(count)))
    bare_wall, bare_cpu = time.monotonic() - start, machine_cpu() - cpu
    shutil.rmtree(folder)

    with harness.Daemon(slots=2, tcp=False) as daemon:
        for i in range(count):
            daemon.upload(f"note{i}.md", NOTE)
        daemon.convert("note0.md", "html", NOTE)
        cpu, start = machine_cpu(), time.monotonic()
        ids = [submit(daemon, f"note{i}.md", "html") for i in range(count)]
        for id in ids:
            daemon.wait(id)
        wall, cpu = time.monotonic() - start, machine_cpu() - cpu
    row("overhead, 100 x md -> html", wall=f"{wall:.2f} s", bare=f"{bare_wall:.2f} s", ratio=f"{wall / bare_wall:.2f}")
    row("overhead, CPU", cpu=f"{cpu:.2f} s", bare=f"{bare_cpu:.2f} s", ratio=f"{cpu / bare_cpu:.2f}")


def delivery(_):
    """From started_at in the object, taken right before its commit, to the frame. completed_at would count the results' fsync.
    Only of those that were watched before they started: for the others it would be the time until the watcher came."""
    import websockets

    delays = []

    async def watch(daemon, id):
        async with websockets.unix_connect(daemon.socket, f"ws://localhost/ws/conversion/{id}") as socket:
            before = None
            async for frame in socket:
                now = datetime.now(timezone.utc)
                status = json.loads(frame)
                change, before = (before, status["status"]), status["status"]
                if change == ("pending", "processing"):
                    then = datetime.fromisoformat(status["started_at"].replace("Z", "+00:00"))
                    delays.append((now - then).total_seconds() * 1000)

    async def all_of(daemon, ids):
        await asyncio.gather(*(watch(daemon, id) for id in ids))

    pages = (ROOT / "tests" / "samples" / "numbers.pdf").read_bytes()
    with harness.Daemon(slots=2, tcp=False) as daemon:
        daemon.upload("numbers.pdf", pages)
        for _ in range(5):
            asyncio.run(all_of(daemon, [submit(daemon, "numbers.pdf", "png") for _ in range(10)]))
        commit_ms = 1000 / bare_commits(daemon.folder, 200)
    row("delivery, change -> watcher", p50=f"{statistics.median(delays):.1f} ms", p99=f"{quantile(delays, 0.99):.1f} ms",
        bare_commit=f"{commit_ms:.1f} ms", events=len(delays))


def rss_kib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def memory(options):
    pages = (ROOT / "tests" / "samples" / "numbers.pdf").read_bytes()
    with harness.Daemon(slots=2, tcp=False, queue_limit=1_000_000) as daemon:
        daemon.upload("numbers.pdf", pages)
        pid = daemon.pid()
        row("memory, idle", rss=f"{rss_kib(pid)} KiB")
        marks = [options.conversions // 10, options.conversions]
        done = 0
        for mark in marks:
            while done < mark:
                ids = [submit(daemon, "numbers.pdf", "txt") for _ in range(min(100, mark - done))]
                for id in ids:
                    daemon.wait(id)
                done += len(ids)
            row(f"memory, after {done:,}", rss=f"{rss_kib(pid)} KiB", descriptors=len(os.listdir(f"/proc/{pid}/fd")))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--conversions", type=int, default=10_000)
    options = parser.parse_args()
    for what in options.what or ["accept", "overhead", "delivery", "memory"]:
        globals()[what](options)


if __name__ == "__main__":
    main()
