"""Disks that lose power, fail or are full."""

import contextlib
import ctypes
import fcntl
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import time

from . import processes
from .fault import Skip, fault
from .processes import harness

SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
CLONE_NEWNS = 0x20000
WITHOUT_LOG = 2  # nothing more is written, the journal neither
# While the disk is full or fails a result cannot be kept: after its attempts that is an error which says so.
UNSTORED = ("internal",)


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root, to mount")


@contextlib.contextmanager
def own_mounts():
    """What is mounted here is nobody else's: whoever else makes a mount namespace meanwhile would keep a cut disk in it."""
    home = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        if libc.unshare(CLONE_NEWNS) != 0:
            raise Skip(f"cannot make a mount namespace: {os.strerror(ctypes.get_errno())}")
        command("mount", "--make-rprivate", "/")
        yield
    finally:
        libc.setns(home, CLONE_NEWNS)
        os.close(home)


def command(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def mounted(*words):
    """A folder with `mount words` on it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="convd-disk.", dir="/tmp"))
    folder.chmod(0o755)
    try:
        command("mount", *words, str(folder))
    except subprocess.CalledProcessError as error:
        folder.rmdir()
        raise Skip(f"cannot mount: {error.stderr.strip()}") from None
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=False, capture_output=True)
        with contextlib.suppress(OSError):
            folder.rmdir()


@contextlib.contextmanager
def ext4(megabytes=96):
    """(image, folder) of a new file system in a file."""
    with tempfile.NamedTemporaryFile(prefix="convd-disk.", dir="/tmp") as image:
        image.truncate(megabytes << 20)
        command("mkfs.ext4", "-q", "-F", image.name)
        with mounted("-o", "loop", image.name) as folder:
            yield image.name, folder


@fault("power cut", short=3, long=100)
def power_cut(run):
    """The disk stops at once: what was not brought to it is gone."""
    need_root()
    left = run.cycles
    while left > 0:
        with own_mounts(), ext4() as (image, folder), run.ground(disk=folder, disk_floor="1M") as ground:
            for _ in range(min(left, 25)):
                cut_and_return(run, ground, image, folder)
                left -= 1
                run.row.cycles += 1
                run.audit(ground)
            run.last_audit(ground)


def cut_and_return(run, ground, image, folder):
    clients = ground.load()
    time.sleep(run.random.uniform(0, 0.4))
    cut(ground, image, folder)
    for client in clients:
        client.join()
    if run.random.random() < 0.2:  # and once more, while it starts
        starting = subprocess.Popen(ground.command, env=ground.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ground.process = starting
        time.sleep(run.random.uniform(0, 0.3))
        cut(ground, image, folder)
    ground.restart()
    ground.rest()


def cut(ground, image, folder):
    """Nothing the daemon has been told is done after its threads stand, so no answer is on its way that the disk does not know."""
    if ground.process.poll() is None:
        processes.stop_all_threads(ground.process.pid)
    root = os.open(folder, os.O_RDONLY)
    try:
        fcntl.ioctl(root, SHUTDOWN, struct.pack("I", WITHOUT_LOG))
    finally:
        os.close(root)
    ground.stop(signal.SIGKILL)
    harness.eventually(lambda: not processes.marked(ground.mark), "nothing works there any more")
    command("umount", str(folder))
    harness.eventually(lambda: is_mounted_anew(image, folder), "the disk is mounted anew")


def is_mounted_anew(image, folder):
    """What dies in a mount namespace of its own keeps the old mount, and its end, for a moment longer."""
    command("mount", "-o", "loop", image, str(folder))
    try:
        probe = pathlib.Path(folder, "probe")
        probe.touch()
        probe.unlink()
    except OSError:
        command("umount", str(folder))
        return False
    return True


@fault("EIO and ENOSPC, every call", short=1, long=8)
def failing_calls(run):
    """strace lets calls of a kind fail from the Nth on, in every thread: one, which is tried again at once, or some, as of a disk that
    is away for a moment. A cycle is one N of one kind: by chance under load, 1, 2, ... at a start."""
    if not harness.shutil.which("strace"):
        raise Skip("strace is not installed")
    # With about half as many as the load makes of them in one thread.
    kinds = [("fdatasync", "EIO", 16), ("fdatasync", "ENOSPC", 16), ("fsync", "EIO", 16), ("pwrite64", "ENOSPC", 400),
             ("pwrite64", "EIO", 400), ("openat", "EIO", 32), ("rename", "EIO", 6), ("mkdir", "ENOSPC", 6)]
    most = run.cycles + 1 if run.long else 1
    struck = 0
    with run.ground() as ground:
        for _ in range(most):
            for call, error, last in kinds:
                struck += fail_call(run, ground, call, error, run.random.randint(1, last))
        run.last_audit(ground, UNSTORED)
        for nth in range(1, 2 * most + 1):
            fail_at_start(run, ground, nth)
    run.row.notes.append(f"{struck} of {most * len(kinds)} calls failed under load")
    run.check(2 * struck > most * len(kinds), "hardly a call has failed")


def fail_call(run, ground, call, error, nth):
    """A daemon that goes on brings everything to its end without a start in between. Has a call failed?"""
    trace = ground.folder / "trace"
    when = f"{nth}..{nth + run.random.choice((0, 7))}"
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(ground.pid()), "-o", str(trace), "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    harness.eventually(lambda: traced(ground.pid()) or tracer.poll() is not None, "strace is attached")
    # How many calls a load makes is a matter of how much comes together: where it has not come to the Nth, some more.
    for _ in range(6):
        ground.load(each=4)
        ground.rest_or_fall()
        if has_struck(trace) or ground.process.poll() is not None:
            break
    if ground.process.poll() is not None:
        run.check(ground.process.poll() >= 0, f"{call} {error} number {nth}: it died of signal {-ground.process.poll()}")
    tracer.terminate()
    tracer.wait()
    ground.stop(signal.SIGKILL)
    ground.restart()
    ground.rest()
    run.row.cycles += 1
    run.audit(ground, UNSTORED)
    return has_struck(trace)


def has_struck(trace):
    return "(INJECTED)" in trace.read_text(errors="replace")


def traced(pid):
    return "TracerPid:\t0\n" not in pathlib.Path(f"/proc/{pid}/status").read_text()


def fail_at_start(run, ground, nth):
    """The same while it opens what it finds: it may refuse to start, with a word, or start."""
    call = ("fdatasync", "fsync", "pwrite64", "ftruncate")[nth % 4]
    plain = ground.command
    ground.command = ["strace", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:error=EIO:when={(nth + 3) // 4}", *plain]
    try:
        ground.start()
    except AssertionError as error:
        run.check("ended with -" not in str(error), f"{call} at start: {str(error)[:80]}")
        ground.fell()
    else:
        ground.work(each=1)
        ground.stop(signal.SIGKILL)
    finally:
        ground.command = plain
    ground.restart()
    ground.rest()
    run.row.cycles += 1
    run.audit(ground, UNSTORED)
    ground.stop(signal.SIGKILL)


@fault("disk full, then free", short=3, long=50)
def disk_full(run):
    """Filled under load: refused with 507, and accepted again by itself when there is room."""
    need_root()
    with mounted("-t", "tmpfs", "-o", "size=48M", "convd-chaos") as folder:
        with run.ground(disk=folder, disk_floor="8M") as ground:
            for _ in range(run.cycles):
                fill_and_free(run, ground, folder)
                run.row.cycles += 1
                run.audit(ground, UNSTORED)
            run.last_audit(ground, UNSTORED)


def fill_and_free(run, ground, folder):
    full = run.random.choice((2 << 20, 0))  # bytes left: below the floor, and none at all
    clients = ground.load(each=6)
    harness.eventually(lambda: ground.acks.accepted(), "something is accepted")
    filler = folder / "filler"
    fill(filler, full)
    for client in clients:
        client.join()
    answer = ground.post_parts("/v1/conversions", [("to", "txt"), ("file", "more.pdf", b"%PDF-1.4 " + b"x" * 100_000)])
    run.check(answer.status == 507, f"with {full} bytes left a submission is answered {answer}")
    some = ground.acks.accepted()[-1]
    answer = ground.get(f"/conversion-status/{some.id}")
    run.check(answer.status in (200, 404), f"with {full} bytes left a status is answered {answer}")
    filler.unlink()
    before = len(ground.acks.accepted())
    harness.eventually(lambda: recovered(ground, before), "it accepts again")
    ground.rest()
    # What was left in the middle of an upload goes with the next start at the latest.
    ground.stop(signal.SIGKILL)
    ground.restart()


def recovered(ground, before):
    for client in ground.load(clients=1, each=1, strays=0):
        client.join()
    return len(ground.acks.accepted()) > before


def fill(path, left):
    facts = os.statvfs(path.parent)
    # Without a buffer, whose last bytes close() would write once more on a disk that has just become full.
    with open(path, "wb", buffering=0) as file:
        room = max(0, facts.f_bavail * facts.f_frsize - left)
        with contextlib.suppress(OSError):
            for _ in range(room >> 16):
                file.write(b"\0" * 65536)
            if left == 0:
                while True:
                    file.write(b"\0" * 4096)
