#!/usr/bin/python3
"""Plays convd-office for the tests of the pool: says ready, and lets `sleep` stand for the child that converts a document.

FAKE_OFFICE (in the file beside it named *.mode): serve, die, refuse.
"""

import json
import os
import pathlib
import select
import socket
import subprocess
import sys

control = socket.socket(fileno=int(sys.argv[sys.argv.index("--socket-fd") + 1]))
mode = pathlib.Path(sys.argv[0] + ".mode").read_text().strip()
children = {}


def say(descriptors=(), **message):
    socket.send_fds(control, [json.dumps(message).encode()], list(descriptors))


if mode == "die":
    sys.exit(3)
if mode == "refuse":
    say(type="refused", reason="no such LibreOffice")
    sys.exit(69)
say(type="ready", version="7.4", confinement="pretence")
draining = False
while not (draining and not children):
    ready = select.select([control, *children], [], [])[0]
    if control in ready:
        text, descriptors, _, _ = socket.recv_fds(control, 1 << 20, 16)
        if not text:
            break
        message = json.loads(text)
        if message["type"] == "drain":
            draining = True
            continue
        # The output's name says how the child ends.
        child = subprocess.Popen(["sleep", "600"] if message["job"]["output"] == "never" else ["true"])
        pidfd = os.pidfd_open(child.pid)
        say([pidfd], type="started", id=message["id"])
        children[pidfd] = (message["id"], child)
        for descriptor in descriptors:
            os.close(descriptor)
    for pidfd in [fd for fd in ready if fd in children]:
        id, child = children.pop(pidfd)
        _, status, used = os.wait4(child.pid, 0)
        say(type="ended", id=id, status=status, user_ms=1, system_ms=2, peak_rss_bytes=used.ru_maxrss * 1024)
        os.close(pidfd)
for _, child in children.values():
    child.kill()
