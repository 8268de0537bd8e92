"""The order of what goes to the disk and what is said, read from a trace of the daemon's system calls."""

import hashlib
import re
import subprocess

from . import inputs
from .fault import Skip, fault
from .processes import harness

CALLS = "openat,write,writev,sendto,sendmsg,pwrite64,fsync,fdatasync,rename,renameat,renameat2"
LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class Call:
    """`begin` and `end` are lines: what ended before another began came before it, whatever the threads."""

    def __init__(self, name, text, begin):
        self.name, self.text, self.begin, self.end = name, text, begin, None

    def path(self):
        """Of the first descriptor."""
        found = re.match(r"\d+<([^>]*)>", self.text)
        return found[1] if found else ""


def read_trace(path):
    calls, open_calls = [], {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines()):
        found = LINE.match(line)
        if not found:
            continue
        thread, resumed, name, rest = found.groups()
        if resumed:
            call = open_calls.pop(thread, None)
            if call:
                call.text += rest
        else:
            call = Call(name, rest, number)
            calls.append(call)
            if rest.endswith("<unfinished ...>"):
                open_calls[thread] = call
                continue
        if call:
            call.end = number
    return [c for c in calls if c.end is not None and "= -1 " not in c.text]


class Order:
    def __init__(self, calls):
        self.calls = calls

    def first(self, what, after=-1):
        return next((c for c in self.calls if c.begin > after and what(c)), None)

    def synced(self, path_ends, after, before):
        """A sync of that file or directory, wholly between the two lines."""
        return any(c.name in ("fsync", "fdatasync") and c.path().endswith(path_ends) and c.begin > after and c.end < before for c in self.calls)

    def first_in_log(self, text):
        return self.first(lambda c: c.name == "pwrite64" and c.path().endswith("convd.db-wal") and text in c.text)


@fault("order of fsync and answers", short=1, long=5)
def order(run):
    """No 202 before its input and its row are on the disk; no `completed` before its result is."""
    if not harness.shutil.which("strace"):
        raise Skip("strace is not installed")
    for _ in range(run.cycles):
        with run.ground() as ground:
            trace = ground.folder / "trace"
            tracer = subprocess.Popen(
                ["strace", "-f", "-y", "-s", "8192", "-p", str(ground.pid()), "-o", str(trace), "-e", f"trace={CALLS}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )
            while "attached" not in (line := tracer.stderr.readline()):
                if not line:
                    raise Skip(f"strace has ended with {tracer.wait()}")
            ground.work(each=5, strays=0)
            run.last_audit(ground)
            tracer.wait(harness.PATIENCE)
            check(run, ground, Order(read_trace(trace)))
            run.row.cycles += 1


def check(run, ground, order):
    checked = 0
    results = {id: info for id, info in ground.rows("SELECT id, json_extract(result_json, '$.sha256') FROM conversions WHERE status = 'completed'")}
    for attempt in ground.acks.accepted():
        checked += check_accepted(run, order, attempt) + check_completed(run, order, attempt.id, results[attempt.id])
    run.check(checked == 2 * len(ground.acks.accepted()), f"{checked} orders seen of {2 * len(ground.acks.accepted())}")
    run.row.notes.append(f"{checked} answers and ends in order")


def check_accepted(run, order, attempt):
    said = order.first(lambda c: c.name in ("write", "writev", "sendto", "sendmsg") and "202 Accepted" in c.text and attempt.id in c.text)
    written = order.first_in_log(attempt.id)
    digest = hashlib.sha256(inputs.KINDS[attempt.kind][2](attempt.token)).hexdigest()
    renamed = order.first(lambda c: c.name.startswith("rename") and digest in c.text)
    if not (said and written and renamed):
        run.wrong(f"not in the trace: answer {bool(said)}, row {bool(written)}, input {bool(renamed)} of {attempt.id}")
        return 0
    incoming = re.search(r'incoming/\w+', renamed.text)[0]
    run.check(order.synced(incoming, -1, renamed.begin), f"the input of {attempt.id} was renamed before it was synced")
    run.check(order.synced("blobs/" + digest[:2], renamed.end, written.begin), f"the directory of the input of {attempt.id} was not synced")
    run.check(order.synced("convd.db-wal", written.end, said.begin), f"{attempt.id} was answered before its row was synced")
    return 1


def check_completed(run, order, id, sha256):
    written = order.first_in_log(sha256)
    if not written:
        run.wrong(f"the end of {id} is not in the trace")
        return 0
    made = order.first(lambda c: c.name == "openat" and f"results/{id}" in c.text and "O_CREAT" in c.text)
    renamed = order.first(lambda c: c.name.startswith("rename") and f"results/{id}" in c.text)
    if not (made and renamed):
        run.wrong(f"the result of {id} is not in the trace")
        return 0
    name = re.search(rf"results/{id}\.\d+/[^\"]+", made.text)[0]
    run.check(order.synced(name, made.end, renamed.begin), f"the result of {id} was renamed before it was synced")
    for path in (f"results/{id}", "/results"):
        run.check(order.synced(path, renamed.end, written.begin), f"{id} was completed before {path.split('/')[-1]} was synced")
    told = order.first(lambda c: c.name in ("write", "writev", "sendto", "sendmsg") and id in c.text and '\\"completed\\"' in c.text)
    if told:
        run.check(order.synced("convd.db-wal", written.end, told.begin), f"{id} was told completed before its row was synced")
    return 1
