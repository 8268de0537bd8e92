"""Much that is stored already."""

import os
import shutil
import signal
import sqlite3
import time

from .fault import fault


@fault("READY with many results", short=2_000, long=100_000)
def many_results(run):
    """A cycle is a stored result. What is looked for at a start must not grow with what is stored."""
    with run.ground(keep_history="0s", keep_results="0s", results_limit="0") as ground:
        ground.work(clients=1, each=1, strays=0)
        ground.stop()
        few = calls_until_ready(ground)
        run.row.cycles = multiply(ground, run.cycles)
        times = [start_ms(ground, number) for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL)]
        ground.ready_ms += times
        ground.work(clients=1, each=2, strays=0)
        run.check(ground.rows("PRAGMA integrity_check") == [("ok",)], "the database is damaged")
        run.check(len(os.listdir(ground.state / "results")) >= run.row.cycles, "results that are stored have gone")
        check_one(run, ground)
        run.row.notes.append(f"READY after {max(times):.0f} ms at most")
        ground.stop()
        compare(run, few, calls_until_ready(ground))


def multiply(ground, count):
    """Rows and directories like the first one, by hand: to convert as many would take hours. Their input is none of the library's."""
    with sqlite3.connect(ground.state / "convd.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(conversions)") if row[1] not in ("row", "id", "sum")]
        first = database.execute("SELECT id FROM conversions WHERE status = 'completed' ORDER BY id DESC LIMIT 1").fetchone()[0]
        words = ", ".join(columns)
        for i in range(count):
            id = f"01890000-0000-7000-8000-{i:012x}"
            database.execute(f"INSERT INTO conversions (id, {words}) SELECT ?, {words} FROM conversions WHERE id = ?", (id, first))
            directory = ground.state / "results" / id
            directory.mkdir(mode=0o700)
            for file in (ground.state / "results" / first).iterdir():
                shutil.copy(file, directory / file.name, follow_symlinks=False)
    database.close()
    return count


def start_ms(ground, number):
    if ground.process is not None:
        ground.stop(number)
    began = time.monotonic()
    ground.start()
    return (time.monotonic() - began) * 1000


def calls_until_ready(ground):
    """How many system calls the loop makes at a start, but for those that read the database: on every machine about the same. None
    without strace."""
    if not shutil.which("strace"):
        return None
    trace, plain = ground.folder / "trace", ground.command
    # Without -f: of the first thread, which is the loop's.
    ground.command = ["strace", "-o", str(trace), "-e", "trace=!pread64", *plain]
    try:
        ground.start()
        ground.stop()
    finally:
        ground.command = plain
    lines = trace.read_text(errors="replace").splitlines()
    return next(number for number, line in enumerate(lines) if "READY=1" in line)


def compare(run, few, many):
    if few is None:
        return run.row.notes.append("strace is not installed: its calls were not counted")
    run.row.notes.append(f"{few} calls until then with one result, {many} with all")
    run.check(many < few + max(200, run.row.cycles // 4), f"a start makes {many} calls, {few} with one result")


def check_one(run, ground):
    id = "01890000-0000-7000-8000-000000000000"
    answer = ground.result(id)
    run.check(answer.status == 200, f"one of many results is answered {answer}")
