"""Bytes that change where they lie: in the database, its log, and results."""

import hashlib
import http.client
import json
import re
import shutil
import signal

from . import processes
from .fault import fault
from .processes import harness

FACTS = "SELECT id, filename, status, input_sha256, result_json, labels_json, source_format, target_format FROM conversions ORDER BY id"
EVENTS = "SELECT l.epoch, e.seq, e.type, e.subject FROM events e JOIN logs l ON l.org = e.org"


@fault("flipped bytes, database", short=8, long=200)
def flip_database(run):
    """Of a database that is not open. Either the start or the reading notices, or what is told is still true."""
    outcomes = dict.fromkeys(("refused at start", "noticed later", "harmless", "silent"), 0)
    with run.ground() as ground:
        ground.work(clients=4, each=3, strays=0)
        ground.stop()  # these rows are in the database, those to come in its log
        ground.start()
        ground.work(clients=4, each=3, strays=0)
        truth = ground.rows(FACTS), set(ground.rows(EVENTS))
        kill(ground)
        good = ground.folder / "good"
        shutil.copytree(ground.state, good, symlinks=True)
        labels = [labels.encode() for *_, labels, _, _ in truth[0] if labels != "{}"]
        for cycle in range(run.cycles):
            name = flip(run, ground.state, labels if cycle % 2 else ())
            outcomes[fate(run, ground, truth)] += 1
            run.say(f"  {name}: {outcomes}", detail=True)
            run.row.cycles += 1
            shutil.rmtree(ground.state)
            shutil.copytree(good, ground.state, symlinks=True)
        ground.restart()
        ground.rest()
        run.last_audit(ground)
    run.row.notes.append(", ".join(f"{count} {what}" for what, count in outcomes.items() if count))
    run.check(outcomes["silent"] == 0, f"{outcomes['silent']} times something untrue was told and nobody noticed")


def flip(run, state, labels):
    """Anywhere; or in one of `labels`, wherever that is: there all pages and cells are in place, and no index knows better than the
    row itself."""
    files = [p for p in (state / "convd.db", state / "convd.db-wal") if p.exists() and p.stat().st_size > 0]
    path = run.random.choice(files)
    data = bytearray(path.read_bytes())
    there = [label for label in labels if label in data]
    if there:
        for found in re.finditer(re.escape(run.random.choice(there)), bytes(data)):
            data[found.end() - 3] ^= 1
    else:
        for _ in range(run.random.choice((1, 8, 64))):
            data[run.random.randrange(len(data))] ^= 1 << run.random.randrange(8)
    path.write_bytes(data)
    return f"{path.name}, {'a label' if there else 'anywhere'}"


def kill(ground):
    """With its runner, which tidies up after the death of its convd: in a place that is to be copied or replaced."""
    ground.stop(signal.SIGKILL)
    harness.eventually(lambda: not processes.marked(ground.mark), "nothing works there any more")


def fate(run, ground, truth):
    conversions, events = truth
    try:
        ground.start()
    except AssertionError as error:
        status = ground.fell()
        run.check(status > 0, f"a damaged database killed it: {str(error)[:200]}")
        return "refused at start"
    try:
        noticed, told_untrue = what_is_told(run, ground, conversions, events)
    except (OSError, http.client.HTTPException):  # it has ended: only when it did not die of it
        run.check(ground.fell() >= 0, "a damaged database killed it")
        noticed, told_untrue = True, False
    if ground.process is not None and ground.process.poll() is not None:
        run.check(ground.process.poll() >= 0, "a damaged database killed it")
    kill(ground)
    log = ground.log()
    ground.log_path.write_text("")
    if told_untrue:
        return "silent" if not any(word in log for word in ("malformed", "damaged", "does not match its sum")) else "noticed later"
    return "noticed later" if noticed else "harmless"


def what_is_told(run, ground, conversions, events):
    """(whether it says that something is wrong, whether it says something that is wrong)"""
    noticed = told_untrue = False
    for id, filename, status, sha256, result, labels, source, target in conversions:
        answer = ground.get(f"/conversion-status/{id}")
        if answer.status != 200:
            noticed |= answer.status >= 500
            told_untrue |= answer.status < 500
            run.say(f"  {id}: {answer.status}", detail=True)
            continue
        told = answer.json()
        wanted = (filename, status, source, target, json.loads(labels))
        given = (told["filename"], told["status"], told["from"], told["to"], told["labels"])
        if wanted != given:
            told_untrue = True
            run.say(f"  {id}: {given}, not {wanted}", detail=True)
        if status == "completed" and not right_result(ground, id, json.loads(result)):
            told_untrue = True
            run.say(f"  {id}: another result", detail=True)
    answer = ground.get("/v2/realtime/poll?since=oldest&limit=1000&services=conversion,document")
    noticed |= answer.status >= 400
    if answer.status == 200:
        told = answer.json()
        newest = max(seq for _, seq, _, _ in events)
        found = {(told["epoch"], e["seq"], e["type"], e["subject"]) for e in told["events"] if e["seq"] <= newest}
        if found != events:
            told_untrue = True
            run.say(f"  events: {sorted(found ^ events)}"[:2000], detail=True)
    return noticed, told_untrue


def right_result(ground, id, result):
    """Or an error, which is no lie."""
    answer = ground.result(id)
    return answer.status >= 400 or hashlib.sha256(answer.body).hexdigest() == result["sha256"]


@fault("flipped bytes, results", short=3, long=50)
def flip_results(run):
    """A result that is not what its row says is an error with a code of its own, never handed out."""
    with run.ground() as ground:
        ground.work(strays=0)
        done = [a.id for a in ground.acks.accepted()]
        handed_out = 0
        for _ in range(run.cycles):
            id = run.random.choice(done)
            path = next(p for p in (ground.state / "results" / id).iterdir() if p.is_file())
            good = path.read_bytes()
            bad = bytearray(good)
            bad[run.random.randrange(len(bad))] ^= 0x10
            path.write_bytes(bad)
            answer = ground.result(id)
            if answer.status == 200 and answer.body == bytes(bad):
                handed_out += 1
            elif answer.status != 200:
                run.check(answer.status == 500 and answer.json()["code"] == "result_damaged", f"a damaged result is answered {answer}")
            path.write_bytes(good)
            run.row.cycles += 1
        if handed_out and not notices_damage():
            run.row.notes.append(f"{handed_out} handed out; open: this convd does not look")
        else:
            run.check(handed_out == 0, f"{handed_out} damaged results were handed out")
        run.last_audit(ground)


def notices_damage():
    return any("ErrorCode::result_damaged" in path.read_text() for path in (harness.ROOT / "convd" / "jobs").glob("*.cc"))
