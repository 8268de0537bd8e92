"""A converter that does what its document says, and that is never good. Runs in the sandbox: trap.py INPUT OUTPUT"""

import os
import signal
import sys
import time

CHUNK = b"x" * (1 << 20)


def hang():
    while True:
        time.sleep(3600)


def deaf():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def fork():
    """Leaves children in sessions of their own, and ends well."""
    for _ in range(5):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                hang()
            os._exit(0)
    result(b"forked\n")


def bomb():
    while True:
        os.fork()


def flood():
    for _ in range(200):
        os.write(1, CHUNK)
        os.write(2, CHUNK)
    result(b"flooded\n")


def huge():
    with open(output, "wb") as file:
        for _ in range(10 << 10):
            file.write(CHUNK)


def many():
    for number in range(10_000):
        open(f"{output}.{number}", "wb").close()  # noqa: SIM115
    result(b"many\n")


def eat():
    hoard = []
    while True:
        hoard.append(bytearray(CHUNK))


def symlink():
    os.symlink("/etc/passwd", output)


def hardlink():
    result(b"twice\n")
    os.link(output, output + ".again")


def fifo():
    os.mkfifo(output)


def device():
    try:
        os.mknod(output, 0o20666, os.makedev(1, 5))
    except OSError:
        os.symlink("/dev/zero", output)


def directory():
    os.mkdir(output)


def crash():
    os.kill(os.getpid(), signal.SIGSEGV)


def result(data):
    with open(output, "wb") as file:
        file.write(data)


output = sys.argv[2]
with open(sys.argv[1]) as document:
    globals()[document.read().split()[0]]()
