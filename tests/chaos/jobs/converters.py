"""Converters that misbehave, added by a file in engines.d, while good documents convert beside them."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from . import processes
from .fault import Skip, fault
from .processes import harness

TRAP = pathlib.Path(__file__).with_name("trap.py")
MEBIBYTE = 1 << 20
# What the document tells the converter to do -> how that may end; None is well.
MISDEEDS = {
    "hang": {"stalled"},
    "deaf": {"timed_out"},
    "fork": {None},
    "bomb": {"engine_failed", "engine_crashed", "timed_out", "stalled", "out_of_memory"},
    "flood": {None, "timed_out"},
    "huge": {"output_too_large"},
    "many": {"output_too_large"},
    "eat": {"out_of_memory"},
    "symlink": {"engine_failed"},
    "hardlink": {"engine_failed"},
    "fifo": {"engine_failed"},
    "device": {"engine_failed"},
    "directory": {"engine_failed"},
    "crash": {"engine_crashed"},
}
TIMES = {"hang": {"stall_timeout_ms": 4_000}, "deaf": {"attempt_timeout_ms": 20_000}}
ALLOWED = set().union(*MISDEEDS.values()) - {None}


def description(trap):
    return {
        "name": "trap",
        "program": "/usr/bin/python3",
        "files": [str(trap)],
        "formats": [{"name": "trap", "title": "a trap", "extensions": ["trap"]}],
        "edges": [{"from": "trap", "to": "txt"}],
        "args": [str(trap), "{input}", "{output_dir}/{stem}.{to}"],
        "limits": {"memory_bytes": 128 * MEBIBYTE, "output_bytes": 32 * MEBIBYTE, "output_files": 50, "processes": 24},
    }


@contextlib.contextmanager
def trap_engine():
    """A folder for `engines_dir` that describes the trap."""
    keys = subprocess.run([str(harness.BIN / "convd"), "--help"], capture_output=True, text=True, check=False).stdout
    if "engines-dir" not in keys:
        raise Skip("this convd takes no engines from files")
    with tempfile.TemporaryDirectory(prefix="convd-engines.", dir="/tmp") as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        shutil.copy(TRAP, folder / "trap.py")
        (folder / "trap.py").chmod(0o644)
        (folder / "trap.json").write_text(json.dumps(description(folder / "trap.py")))
        yield folder


@fault("converters that misbehave", short=1, long=10)
def misbehaving(run):
    """A cycle is every misdeed once, two at a time, among good conversions."""
    with trap_engine() as folder:
        # More than any of them needs: those that are to come to an end by time alone are given less.
        options = {"engines_dir": folder, "attempts": 1, "stall_timeout": "60s", "attempt_timeout": "120s"}
        with run.ground(**options) as ground:
            for _ in range(run.cycles):
                misdeeds(run, ground)
                run.row.cycles += 1
                run.audit(ground, ALLOWED)
            run.last_audit(ground, ALLOWED)


def misdeeds(run, ground):
    order = list(MISDEEDS)
    run.random.shuffle(order)
    before = processes.peak_rss_bytes(ground.pid())
    free = shutil.disk_usage(ground.state).free
    clients = ground.load(clients=1, each=6, strays=0)
    tries = {misdeed: submit(ground, misdeed, **TIMES.get(misdeed, {})) for misdeed in order}
    for client in clients:
        client.join()
    least = free
    for misdeed, attempt in tries.items():
        status = ground.wait(attempt.id)
        least = min(least, shutil.disk_usage(ground.state).free)
        code = status["error_info"]["code"] if status["error_info"] else None
        run.check(code in MISDEEDS[misdeed], f"{misdeed} ended as {code}: {status['error']}")
    ground.rest()
    run.check(free - least < 2 << 30, f"they used {(free - least) >> 20} MiB of disk")
    grown = (processes.peak_rss_bytes(ground.pid()) - before) >> 20
    run.check(grown < 64, f"convd grew by {grown} MiB")


def submit(ground, misdeed, **fields):
    token = ground.token()
    attempt = ground.acks.attempt(token, "trap")
    text = f"{misdeed} {token} {os.getpid()}\n".encode()
    parts = [("to", "txt"), *((name, str(value)) for name, value in fields.items()), ("file", f"doc-{token}.trap", text)]
    answer = ground.post_parts("/v1/conversions", parts)
    assert answer.status == 202, answer
    ground.acks.accept(attempt, answer.json()["id"])
    return attempt
