"""What runs out, and clocks that jump."""

import contextlib
import os
import pathlib
import resource
import signal
import socket
import time

from . import converters, inputs, processes
from .fault import Skip, fault
from .processes import harness

FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
DAY_S = 86_400


@fault("no descriptors left", short=1, long=10)
def no_descriptors(run):
    """More connections than descriptors: the daemon goes on, does not spin, and accepts again when some are free."""
    with run.ground() as ground:
        for _ in range(run.cycles):
            crowd_out(run, ground)
            ground.rest()
            run.row.cycles += 1
            run.audit(ground, ("internal",))
        run.last_audit(ground, ("internal",))


def crowd_out(run, ground):
    pid = ground.pid()
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    most = processes.descriptors(pid) + run.random.randint(4, 40)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, before[1]))
    clients = ground.load(each=4)
    crowd = []
    try:
        for _ in range(most + 50):
            crowd.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            crowd[-1].settimeout(harness.PATIENCE)
            crowd[-1].connect(ground.socket)
        harness.eventually(lambda: processes.descriptors(pid) >= most - 3, "the descriptors are used up")
        shares = quiet_or_not(pid)
        run.check(shares[-1] < 0.5, f"without descriptors it goes on to use {shares[-1]:.0%} of a CPU")
    finally:
        for connection in crowd:
            connection.close()
        for client in clients:
            client.join()
    answer = ground.get("/livez")
    run.check(answer.status == 200, f"afterwards /livez is {answer}")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    accepted = len(ground.acks.accepted())
    for client in ground.load(clients=1, each=1):
        client.join()
    run.check(len(ground.acks.accepted()) > accepted, "afterwards nothing is accepted")


def quiet_or_not(pid):
    """Shares of a CPU, in one half of a second after the other, until it is quiet for three of them. One that has work to do comes
    to its end, on a slow machine after a while; one that spins does not."""
    shares, end = [], time.monotonic() + 60
    while time.monotonic() < end:
        busy, began = cpu_s(pid), time.monotonic()
        time.sleep(0.5)  # what is measured is the CPU of a time
        shares.append((cpu_s(pid) - busy) / (time.monotonic() - began))
        if len(shares) >= 3 and max(shares[-3:]) < 0.5:
            break
    return shares[:-3] + sorted(shares[-3:])


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@fault("no memory left", short=1, long=10)
def no_memory(run):
    """An address space that is hardly larger than what is in use: refusals and an end are allowed, a loss is not."""
    with run.ground() as ground:
        for _ in range(run.cycles):
            starve(run, ground)
            ground.restart()
            ground.rest()
            run.row.cycles += 1
            run.audit(ground)
        run.last_audit(ground)


def starve(run, ground):
    pid = ground.pid()
    in_use = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.prlimit(pid, resource.RLIMIT_AS, (in_use + run.random.randint(0, 256) * 1024,) * 2)
    for client in ground.load(clients=8, each=6, pause_s=0):
        client.join()
    status = ground.process.poll()
    run.say(f"  without memory: {'it goes on' if status is None else f'ended with {status}'}", detail=True)
    run.check(status is None or status != -signal.SIGSEGV, "without memory it died of SIGSEGV")
    ground.stop(signal.SIGKILL)


@fault("clock jumps", short=2, long=20)
def clock_jumps(run):
    """An hour back and a year on while conversions run or wait, and while there is no daemon; and their deadlines with them."""
    if FAKETIME is None:
        raise Skip("faketime is not installed")
    with converters.trap_engine() as engines, run.ground(engines_dir=engines, stall_timeout="10m") as ground:
        ground.stop()
        ground.base_descriptors += 4  # those of libfaketime
        clock = ground.folder / "clock"
        set_clock(clock, "+0")
        ground.env |= {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_NO_CACHE": "1",
                       "FAKETIME_DONT_FAKE_MONOTONIC": "1", "CONVD_KEEP_RESULTS": "100000h", "CONVD_KEEP_HISTORY": "100000h"}
        for _ in range(run.cycles):
            set_clock(clock, "+0")
            ground.start()
            jump(run, ground, clock)
            jump_between(run, ground, clock)
            ground.rest()
            run.row.cycles += 1
            run.audit(ground, ("timed_out",))
            ground.stop(run.random.choice((signal.SIGTERM, signal.SIGKILL)))
        set_clock(clock, "+0")
        ground.restart()
        ground.rest()
        run.last_audit(ground, ("timed_out",))


def set_clock(clock, offset):
    """Of all processes that look there, at once: a file that is just being written would be a clock without hands."""
    new = clock.with_suffix(".new")
    new.write_text(offset + "\n")
    new.rename(clock)


def jump(run, ground, clock):
    clients = ground.load(each=6)
    harness.eventually(lambda: ground.acks.accepted(), "something is accepted")
    # This one waits behind the others, and may wait for ten minutes.
    patient = submit_with_deadline(ground, 600_000)
    for offset in run.random.sample(("-3600", f"+{365 * DAY_S}", "+0", f"-{DAY_S}"), 3):
        set_clock(clock, offset)
        time.sleep(run.random.uniform(0.05, 0.3))
    for client in clients:
        client.join()
    ground.rest()
    run.check(ground.status(patient.id)["status"] == "completed", "a jump of the clock has ended what could still wait")


def jump_between(run, ground, clock):
    """The clock is set back while no daemon runs. What may wait for two seconds does not wait for an hour then."""
    in_the_way = [converters.submit(ground, "hang", priority=9) for _ in range(2)]
    harness.eventually(lambda: all(ground.status(a.id)["status"] == "processing" for a in in_the_way), "both slots are taken")
    hasty = submit_with_deadline(ground, 2_000)
    ground.kill9()
    set_clock(clock, "-3600")
    ground.restart()
    told = ground.wait(hasty.id)
    run.check(told["error_info"] and told["error_info"]["code"] == "timed_out", f"what could wait for two seconds is {told['status']}")
    for attempt in in_the_way:
        ground.acks.note(attempt, "cancel", "tried")
        answer = ground.post(f"/v1/conversions/{attempt.id}/cancel", {})
        run.check(answer.status == 200, f"a cancel of what hangs is answered {answer}")
        ground.acks.note(attempt, "cancel", "acked")


def submit_with_deadline(ground, deadline_ms):
    """A document that only waits in the queue for so long, behind everything else."""
    token = ground.token()
    attempt = ground.acks.attempt(token, "pdf")
    ground.upload(f"doc-{token}.pdf", inputs.pdf(token))
    body = {"filename": f"doc-{token}.pdf", "to": "txt", "priority": 0, "deadline_ms": deadline_ms, "labels": {"token": token}}
    answer = ground.post("/v1/conversions", body)
    assert answer.status == 202, answer
    ground.acks.accept(attempt, answer.json()["id"])
    return attempt


@fault("RSS and descriptors flat", short=400, long=10_000)
def flat(run):
    """A cycle is one conversion. What the second half adds to the resident memory is compared with what the first half had."""
    with run.ground() as ground:
        pids = {"convd": ground.pid()} | {name: p for p, name in harness.descendants(ground.pid()).items() if name == "convd-runner"}
        opened = {name: processes.descriptors(pid) for name, pid in pids.items()}
        sizes = {name: [] for name in pids}
        rounds = 10
        each = max(1, run.cycles // rounds // 4)
        for _ in range(rounds):
            # Some at a time: what is waited for has to come within the patience of everything else.
            for begun in range(0, each, 25):
                ground.work(clients=4, each=min(25, each - begun), pause_s=0)
            for name, pid in pids.items():
                sizes[name].append(processes.rss_bytes(pid) >> 10)
            run.row.cycles += 4 * each
        run.audit(ground)
        for name, size in sizes.items():
            half = size[rounds // 2 - 1]
            # What a conversion leaves: bounded tables such as that of run times fill in the first half.
            run.check(size[-1] - half < max(4096, half // 10), f"RSS of {name} grew by {size[-1] - half} KiB in the second half: {size}")
            run.row.notes.append(f"RSS of {name} {size[0] >> 10} MiB, half way {half >> 10}, end {size[-1] >> 10}")
        def more():
            return processes.descriptors(pids["convd-runner"]) - opened["convd-runner"]

        with contextlib.suppress(AssertionError):  # what has just ended is let go a moment after that was told
            harness.eventually(lambda: more() <= 0, "convd-runner has let go what it held", 60)
        run.check(more() <= 0, f"convd-runner has {more()} descriptors more than in the beginning")
        run.last_audit(ground)
