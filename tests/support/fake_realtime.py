"""The event log of the stand-in daemon, its stream and its poll.

Left alone it tells the truth. What is to go wrong is put into `scripts` (functions of the log and a connection, one for each of the
next WebSockets) and `answers` (status, body, headers: one for each of the next polls). Nothing here sleeps.
"""

import threading

import fake_websocket

SERVICES = ("conversion", "document", "upload", "queue", "note", "presence", "system")
TIME = "2026-11-21T09:00:00.123Z"


def status(ident, progress=100, **changes):
    done = "completed" if progress == 100 else "processing"
    return {"id": ident, "filename": "report.docx", "status": done, "progress": progress, "message": "Converting page 5 of 12",
            "created_at": TIME, "rev": 1, "stage": {"name": "libreoffice", "index": 1, "count": 1, "kind": "measured"}, **changes}


class Log:
    def __init__(self):
        self.epoch = "e1"
        self.events = []
        self.oldest = 1
        self.transport = "stream"
        self.heartbeat_ms = 30_000
        self.page = 2  # pages are small, so that paging is seen
        self.scripts = []
        self.answers = []
        self.handshakes = []
        self.polls = []
        self.changed = threading.Condition()

    def head(self):
        return self.events[-1]["seq"] if self.events else 0

    def add(self, kind="conversion.processing", data=None, event_class="state", seq=None, subject="018f-0001"):
        with self.changed:
            seq = seq or self.head() + 1
            event = {"seq": seq, "ts": TIME, "type": kind, "subject": subject, "class": event_class,
                     "data": status(subject, seq) if data is None else data}
            self.events.append(event)
            self.changed.notify_all()
        return event

    def wait_for(self, what, limit=60):
        with self.changed:
            assert self.changed.wait_for(what, limit), "it has not happened"

    def note(self, where, what):
        with self.changed:
            where.append(what)
            self.changed.notify_all()

    def rejected(self, services):
        return [name for name in services if name.split(":")[0] not in SERVICES]

    def start(self, query):
        """The position that was asked for, and why it cannot be gone on from. Under the lock."""
        if query.get("since") == "oldest":
            return 0, None
        seq = int(query.get("lastSeq", 0))
        if seq == 0:
            return self.head(), None
        reason = ("epoch" if query.get("epoch", self.epoch) != self.epoch else "ahead" if seq > self.head()
                  else "expired" if seq < self.oldest - 1 else None)
        return seq, reason

    def after(self, seq):
        return [event for event in self.events if event["seq"] > max(seq, self.oldest - 1)]


def config(log, handler):
    handler.send(200, {"enabled": True, "rollout_percent": 100, "transport": log.transport, "version": 1, "services": list(SERVICES),
                       "heartbeat_ms": log.heartbeat_ms})


def poll(log, handler, query):
    with log.changed:
        seq, reason = log.start(query)
        log.note(log.polls, query)
    if log.answers:
        answer, body, headers = log.answers.pop(0)
        return handler.problem(answer, body, "Not now.", headers) if isinstance(body, str) else handler.send(answer, body, headers=headers)
    if reason:
        return handler.problem(410, "cursor_expired", "It is too late.", reason=reason, epoch=log.epoch, oldest=log.oldest, head=log.head())
    with log.changed:
        log.changed.wait_for(lambda: log.after(seq), timeout=float(query.get("wait", 0)))
    page = log.after(seq)[: min(log.page, int(query["limit"]))]
    if not page:
        return handler.send(204, b"", headers=[("Convd-Epoch", log.epoch), ("Convd-Seq", str(seq))])
    handler.send(200, {"epoch": log.epoch, "seq": page[-1]["seq"], "head": log.head(), "events": page,
                       "rejected": log.rejected(query["services"].split(","))})


def ack(log, connection, recovered=False, **changes):
    connection.send({"type": "ack", "seq": 0, "timestamp": TIME, "connectionId": "c1", "epoch": log.epoch, "head": log.head(),
                     "oldest": log.oldest, "recovered": recovered, "replaying": 0, "heartbeatMs": log.heartbeat_ms, "compress": None,
                     "rejected": log.rejected(connection.hello["services"]), **changes})


def tell(connection, *events, **changes):
    connection.send({"type": "event", "service": "conversion", "events": list(events), "seq": events[-1]["seq"], "prev": None, **changes})


def leave(connection, pause_ms=(0, 0), code=4001, reason="shutdown"):
    """What a daemon does that stops; nobody waits before coming back."""
    connection.send({"type": "goodbye", "reason": reason, "reconnectMs": list(pause_ms)})
    connection.close(code, reason)


def serve(log, connection):
    seq, reason, head = connection.start
    ack(log, connection, head=head, recovered=seq != head and not reason)
    if reason:
        connection.send({"type": "gap", "reason": reason, "oldest": log.oldest, "head": head})
        for ident in ("018f-0001", "018f-0002"):
            event = {"seq": head, "ts": TIME, "type": "conversion.snapshot", "subject": ident, "class": "snapshot",
                     "data": status(ident)}
            tell(connection, event, snapshot=True)
        seq = head
    while True:
        with log.changed:
            log.changed.wait_for(lambda: log.after(seq))
        for event in log.after(seq):
            tell(connection, event)
            seq = event["seq"]


def stream(log, handler):
    connection = fake_websocket.Connection(handler)
    connection.hello = connection.receive()
    script = log.scripts.pop(0) if log.scripts else serve
    with log.changed:  # "now" is before anybody learns that the client is there
        connection.start = (*log.start(connection.hello), log.head())
        log.note(log.handshakes, connection.hello)
    script(log, connection)


def get(handler, path, query):
    log = handler.server.log
    if path == "/v2/realtime/config":
        return config(log, handler)
    if path == "/v2/realtime/poll":
        return poll(log, handler, query)
    if path == "/v2/realtime/stream":
        return stream(log, handler)
    handler.problem(404, "not_found", "There is no such route.")
