"""Processes found by the state directory they work in: in their command line, their environment or what they have mounted."""

import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
import harness  # noqa: E402


def _text(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def marked(mark):
    """Pids of all living processes but ours that carry `mark`."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        # A process that dies has lost these already: nobody waits for it.
        if any(mark.encode() in _text(entry / part) for part in ("cmdline", "environ")) or b"/" + mark.encode() in _text(entry / "mountinfo"):
            if not is_dead(int(entry.name)):
                found.append(int(entry.name))
    return found


def asked_for_versions(mark):
    """Pids of engines, and of their sandboxes, that are to tell their version and nothing else."""
    return [pid for pid in marked(mark) if _text(pathlib.Path(f"/proc/{pid}/cmdline")).endswith((b"version\0", b"\0-v\0"))]


def may_be_stopped(pid, daemon):
    """Whether it has got so far that it would not outlast its parent, also when it is stopped: it has asked to be woken or killed
    then, or something else in its sandbox runs."""
    family = harness.family(daemon)
    if pid not in family:
        return False
    name, parent = family[pid]
    if name == "convd-runner":  # one below it is about to become something else
        return parent == daemon and catches(pid, signal.SIGTERM)
    if name == "bwrap":
        return any(below != "bwrap" for below in harness.descendants(pid).values())
    return True


def catches(pid, number):
    found = re.search(rb"SigCgt:\s+(\w+)", _text(pathlib.Path(f"/proc/{pid}/status")))
    return bool(found and int(found[1], 16) >> (number - 1) & 1)


def is_office(pid):
    """The warm LibreOffice and what belongs to it."""
    return b"convd-office" in _text(pathlib.Path(f"/proc/{pid}/cmdline"))


def is_dead(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return text.rsplit(") ", 1)[1][0] in "ZX"


def name(pid):
    """For a message: its command and state."""
    return f"{pid} {_text(pathlib.Path(f'/proc/{pid}/stat'))[:40].split()[1:3]} {_text(pathlib.Path(f'/proc/{pid}/cmdline'))[:60]}"


def send(pid, number):
    """False when the process has gone before."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def stop_all_threads(pid):
    """SIGSTOP, and returns when every thread stands: what was in a system call has come out of it."""
    os.kill(pid, signal.SIGSTOP)

    def standing():
        states = [_text(task / "stat").rsplit(b") ", 1)[1][:1] for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        return all(state in (b"T", b"t", b"Z", b"X") for state in states)

    harness.eventually(standing, "every thread stands")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def peak_rss_bytes(pid):
    """Since it began."""
    return int(re.search(rb"VmHWM:\s+(\d+) kB", _text(pathlib.Path(f"/proc/{pid}/status")))[1]) << 10


def rss_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
