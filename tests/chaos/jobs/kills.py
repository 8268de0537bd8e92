"""Processes that are killed or stopped: the daemon anywhere and at named points, and everything below it; storms of signals."""

import contextlib
import hashlib
import http.client
import re
import signal
import sqlite3
import subprocess
import time

from . import inputs, processes
from .fault import Skip, fault
from .processes import harness

SOURCES = harness.ROOT / "convd"
# Killed again and again a conversion may use up its attempts.
KILLED = ("engine_crashed", "interrupted")


@fault("kill -9, any moment", short=6, long=500)
def kill_at_random(run):
    def cycle(ground):
        clients = ground.load()
        time.sleep(run.random.uniform(0, 0.4))
        ground.kill9()
        for client in clients:
            client.join()
        ground.restart()
    run.each_cycle(cycle)


def crash_points():
    """Every name in the sources, in order."""
    texts = (path.read_text() for path in sorted(SOURCES.rglob("*.cc")))
    return sorted({name for text in texts for name in re.findall(r'loop::crash_point\("([^"]+)"\)', text)})


def need_crash_points():
    if b"CONVD_CRASH_AT" not in (harness.BIN / "convd").read_bytes():
        raise Skip("convd is built without CONVD_CRASH_POINTS")


@fault("kill -9, named points", short=1, long=3)
def kill_at_points(run):
    """A cycle is one point; `--cycles N` goes N times through all of them."""
    need_crash_points()
    rounds, points = run.cycles, crash_points()
    run.row.notes.append(f"{len(points)} points")
    reuse = [p for p in points if p.startswith("reuse.") or p == "result.before_seal"]
    daemons = [p for p in points if p.split(".")[0] not in ("recovery", "migration", "runner") and p not in reuse]
    for _ in range(rounds):
        with run.ground() as ground:
            for point in points:
                if point not in daemons:
                    continue
                die_at(run, ground, point)
            for point in reuse:
                die_in_reuse(run, ground, point)
            for point in (p for p in points if p.startswith("recovery.")):
                die_in_recovery(run, ground, point)
            for point in (p for p in points if p.startswith("runner.")):
                runner_dies_at(run, ground, point)
            run.last_audit(ground, KILLED)
        for point in (p for p in points if p.startswith("migration.")):
            die_in_migration(run, point)


def armed(ground, point, nth=1):
    """Stops the daemon and starts it with the point set; the next start is without it."""
    ground.stop(signal.SIGKILL)
    ground.env["CONVD_CRASH_AT"] = f"{point}:{nth}"
    try:
        ground.start()
    finally:
        del ground.env["CONVD_CRASH_AT"]


def armed_or_dead(ground, point, nth):
    """Some points lie on the way to the first READY=1 too."""
    with contextlib.suppress(AssertionError):
        armed(ground, point, nth)


def finish_cycle(run, ground, errors=()):
    ground.restart()
    ground.rest()
    run.row.cycles += 1
    run.audit(ground, errors)


def die_at(run, ground, point):
    armed_or_dead(ground, point, 1 if point.startswith("drain.") else run.random.randint(1, 2))
    is_provoked = point.startswith(("drain.", "requeue."))
    # What clients do is left to chance: a few times more, where it has not come to the point.
    for _ in range(1 if is_provoked else 6):
        for client in ground.load(clients=3, each=4, strays=0.7):
            client.join()
        if ground.process.poll() is not None:
            break
    if is_provoked and ground.process.poll() is None:
        provoke(ground, point)
    try:
        status = ground.process.wait(harness.PATIENCE)
    except subprocess.TimeoutExpired:
        status = None
    if status != -signal.SIGKILL:
        run.wrong(f"{point} was not reached (status {status})")
        if status is None:
            ground.stop(signal.SIGKILL)
    ground.up.clear()
    ground.process = None
    finish_cycle(run, ground)


def die_in_reuse(run, ground, point):
    """The same bytes a second time, whose result is there already."""
    ground.env["CONVD_REUSE"] = "on"
    try:
        armed(ground, point)
        # Before it is known which version makes a result, none is used again.
        harness.eventually(lambda: all(e["version"] for e in ground.get("/v1/engines").json()["engines"]
                                       if e["available"]), "the versions of the engines are known")
        token, again = ("%032x" % run.random.getrandbits(128) for _ in range(2))
        submit_pdf(ground, ground.acks.attempt(token, "pdf"), token)
        ground.rest()
        with contextlib.suppress(OSError, http.client.HTTPException):
            submit_pdf(ground, ground.acks.attempt(again, "a copy"), token)
        if ground.fell() != -signal.SIGKILL:
            run.wrong(f"{point} was not reached")
    finally:
        ground.env["CONVD_REUSE"] = "off"
    finish_cycle(run, ground)


def submit_pdf(ground, attempt, token):
    parts = [("to", "txt"), ("file", f"doc-{attempt.token}.pdf", inputs.pdf(token))]
    answer = ground.post_parts("/v1/conversions", parts)
    if answer.status == 202:
        ground.acks.accept(attempt, answer.json()["id"])


def provoke(ground, point):
    """What a load alone does not bring about."""
    if point.startswith("requeue."):
        harness.eventually(lambda: lose_runner(ground), f"{point} is reached")
    else:
        processes.send(ground.process.pid, signal.SIGTERM)


def lose_runner(ground):
    """Kills it while something runs, which may be no conversion. Has the daemon ended by that?"""
    ground.load(clients=1, each=2)
    harness.eventually(lambda: ground.engines() or ground.process.poll() is not None, "an engine runs")
    for pid in runners(ground):
        processes.send(pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        ground.process.wait(0.5)
    return ground.process.poll() is not None


def die_in_recovery(run, ground, point):
    clients = ground.load()
    harness.eventually(lambda: ground.acks.accepted()[-1:] , "something is accepted")
    ground.kill9()
    for client in clients:
        client.join()
    die_at_start(run, ground, point)
    finish_cycle(run, ground)


def die_at_start(run, ground, point):
    try:
        armed(ground, point)
    except AssertionError:
        ground.fell()
        return
    run.wrong(f"{point} was not reached")


def runners(ground):
    return [p for p, name in harness.descendants(ground.pid()).items() if name == "convd-runner"]


def runner_dies_at(run, ground, point):
    armed(ground, point, run.random.randint(1, 2))
    ground.rest()
    old = harness.eventually(lambda: runners(ground), "there is a runner")
    clients = ground.load(each=2)
    harness.eventually(lambda: all(processes.is_dead(p) for p in old), f"{point} is reached")
    for client in clients:
        client.join()
    ground.kill9()  # its runners go on dying there
    finish_cycle(run, ground, KILLED)


def old_database(path, version):
    """As an earlier release has left it: the first `version` steps of the schema."""
    text = (SOURCES / "store" / "schema.cc").read_text()
    steps = re.findall(r'R"sql\((.*?)\)sql"', text, re.S)
    number = int(re.search(r"application_id = (\w+);", (SOURCES / "store" / "schema.h").read_text())[1], 0)
    database = sqlite3.connect(path)
    database.executescript("".join(steps[:version]))
    database.executescript(f"PRAGMA application_id = {number}; PRAGMA user_version = {version}; PRAGMA journal_mode = WAL;")
    database.close()
    return len(steps)


def die_in_migration(run, point):
    with run.ground() as ground:
        ground.stop()
        for file in ground.state.glob("convd.db*"):
            file.unlink()
        newest = old_database(ground.state / "convd.db", 1)
        token, name = ground.token(), "doc-{}.pdf"
        add_old_conversion(ground, token, name.format(token))
        die_at_start(run, ground, point)
        ground.restart()
        run.check(ground.rows("PRAGMA user_version")[0][0] == newest, "the schema is not the newest")
        finish_cycle_in_place(run, ground)


def add_old_conversion(ground, token, name):
    """Accepted by the earlier release, to be run by this one."""
    data = inputs.pdf(token)
    digest = hashlib.sha256(data).hexdigest()
    blob = ground.state / "blobs" / digest[:2] / digest
    blob.parent.mkdir(mode=0o700, exist_ok=True)
    blob.write_bytes(data)
    attempt = ground.acks.attempt(token, "pdf")
    id = "01890000-0000-7000-8000-" + token[:12]
    with sqlite3.connect(ground.state / "convd.db") as database:
        columns = {row[1]: row for row in database.execute("PRAGMA table_info(conversions)")}
        known = {"id": id, "org": "uid:0", "principal": "uid:0", "filename": name, "status": "pending", "options_json": "{}", "labels_json": "{}",
                 "message": "Queued", "rev": 1, "priority": 5, "created_ms": 1_600_000_000_000, "input_sha256": digest, "input_bytes": len(data)}
        known |= {column: value for column, value in {"source_format": "pdf", "target_format": "txt", "attempt": 0, "failures": 0}.items() if column in columns}
        database.execute(f"INSERT INTO conversions ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})", list(known.values()))
    database.close()
    ground.acks.accept(attempt, id)


def finish_cycle_in_place(run, ground):
    ground.rest()
    run.row.cycles += 1
    run.audit(ground)


@fault("kill -9 and SIGSTOP below", short=4, long=150)
def kill_below(run):
    """Of the runner, bubblewrap, engines and the warm office."""
    def cycle(ground):
        clients = ground.load(each=2)
        harness.eventually(lambda: ground.acks.accepted(), "something is accepted")
        for _ in range(2):
            strike(run, ground)
            time.sleep(run.random.uniform(0, 0.2))
        for client in clients:
            client.join()
        ground.rest()
    # Longer than a machine stands still: what has stalled twice has failed.
    run.each_cycle(cycle, KILLED, warm_office="always", stall_timeout="10s")


def strike(run, ground):
    family = sorted(harness.descendants(ground.pid()).items())
    if not family:
        return
    pid, name = run.random.choice(family)
    number = run.random.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGSTOP))
    if number == signal.SIGSTOP and not processes.may_be_stopped(pid, ground.pid()):
        return
    run.say(f"  {number.name} for {name}", detail=True)
    processes.send(pid, number)


@fault("SIGTERM and SIGHUP storms", short=3, long=60)
def signal_storms(run):
    def cycle(ground):
        clients = ground.load()
        daemon = ground.process
        for _ in range(run.random.randint(3, 30)):
            processes.send(daemon.pid, signal.SIGHUP)
            time.sleep(run.random.uniform(0, 0.01))
        if daemon.poll() is not None:
            run.wrong(f"SIGHUP ended it with {daemon.poll()}")
        for _ in range(run.random.randint(1, 3)):
            processes.send(daemon.pid, run.random.choice((signal.SIGTERM, signal.SIGHUP, signal.SIGTERM)))
            time.sleep(run.random.uniform(0, 0.05))
        processes.send(daemon.pid, signal.SIGTERM)
        status = ground.fell()
        run.check(status == 0, f"SIGTERM ended it with {status}")
        for client in clients:
            client.join()
        ground.restart()
    run.each_cycle(cycle, drain_timeout="2s")
