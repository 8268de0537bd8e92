"""Who is turned away at the edge: who asks too fast, whose page it is, and who is slower than anybody honest."""

import contextlib
import os
import re
import resource
import selectors
import signal
import socket
import subprocess
import threading
import time
import unittest

import harness
from bare_websocket import Bare
from harness import Case, Daemon, eventually

SLOW = bool(os.environ.get("CONVD_E2E_SLOW"))


def figure(daemon, name):
    for line in daemon.get("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return None


class Limits(Case):
    options = {"limit_local": "on"}
    config = "limit.address_requests = 3\n"

    def tcp(self, path="/version", **headers):
        return self.daemon.http("GET", path, headers=headers, tcp=True)

    def test_too_many_requests(self):
        statuses = [self.tcp().status for _ in range(3)]
        refused = self.tcp()
        self.assertEqual(statuses, [200] * 3)
        self.assertProblem(refused, 429, "rate_limited")
        self.assertIn(int(refused.headers["Retry-After"]), range(1, 21))
        self.assertEqual(refused.headers["RateLimit-Policy"], '"address-requests";q=3;w=60')
        self.assertRegex(refused.headers["RateLimit"], r'^"address-requests";r=0;t=\d+$')
        self.assertGreaterEqual(figure(self.daemon, 'convd_refused_total{reason="address-requests"}'), 1)
        # Before the upgrade.
        with Bare(self.daemon, tcp=True) as peer:
            self.assertEqual(peer.status, 429)
        # The Unix socket has a principal, and no address.
        self.assertEqual(self.daemon.get("/version").status, 200)
        self.daemon.reload("limit.address_requests = 0\nlimit.handshakes = 1\n")
        eventually(lambda: self.tcp().status == 200, "the limit is gone")
        self.assertIn('"requests";r=', self.tcp().headers["RateLimit"])
        with Bare(self.daemon, tcp=True) as peer, Bare(self.daemon, tcp=True) as another:
            self.assertEqual((peer.status, another.status), (101, 429))


class Connections(Case):
    options = {"limit_local": "on", "limit_connections": 3}

    def connect(self):
        wire = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=harness.PATIENCE)
        self.addCleanup(wire.close)
        return wire

    def answers(self, wire):
        try:
            wire.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return wire.recv(12)
        except ConnectionError:
            return b""

    def test_one_address_has_so_many(self):
        first = [self.connect() for _ in range(3)]
        self.assertEqual([self.answers(wire) for wire in first], [b"HTTP/1.1 200"] * 3)
        self.assertEqual(self.answers(self.connect()), b"")
        self.assertEqual(figure(self.daemon, 'convd_refused_total{reason="connections"}'), 1)
        first.pop().close()
        eventually(lambda: self.answers(self.connect()), "there is room again")
        # A connection that has become a WebSocket still counts.
        first.pop().close()
        peer = eventually(lambda: self.socket(), "a WebSocket")
        with peer:
            self.assertEqual(self.answers(self.connect()), b"")

    def socket(self):
        try:
            return Bare(self.daemon, tcp=True)
        except (AssertionError, ConnectionError):
            return None


class Pages(Case):
    config = "cors_origin = https://app.example\nallow_host = convert.lan\n"

    def ask(self, method, path, **headers):
        return self.daemon.http(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()}, tcp=True)

    def test_pages_that_may(self):
        answer = self.ask("GET", "/version", Origin="https://app.example")
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://app.example")
        answer = self.ask("OPTIONS", "/v1/conversions", Origin="https://app.example", Access_Control_Request_Method="POST")
        self.assertEqual(answer.status, 204)
        self.assertIn("POST", answer.headers["Access-Control-Allow-Methods"])
        self.assertNotIn("Access-Control-Allow-Credentials", answer.headers)
        self.assertEqual(self.ask("POST", "/v1/conversions", Origin="https://app.example").status, 415)

    def test_pages_that_may_not(self):
        self.assertNotIn("Access-Control-Allow-Origin", self.ask("GET", "/version", Origin="https://evil.example").headers)
        self.assertProblem(self.ask("POST", "/v1/conversions", Origin="https://evil.example"), 403, "origin_not_allowed")
        self.assertProblem(self.ask("GET", "/version", Host="evil.example"), 421, "misdirected_request")
        self.assertEqual(self.ask("GET", "/version", Host="convert.lan:8080").status, 200)
        self.assertEqual(self.daemon.get("/version", Host="evil.example").status, 200)  # nobody gets to the Unix socket by a name


class Crowd:
    """Connections that are slow in every way, fed by a thread: heads and bodies byte by byte, answers that nobody reads."""

    HEAD = b"GET /version HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 4000
    BODY = b"POST /documents?name=slow.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    READ = b"GET /v1/formats HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20

    def __init__(self, port, count):
        kinds = [(self.HEAD, 1), (self.BODY + b"b" * 1_000_000, len(self.BODY)), (self.READ, len(self.READ))]
        self.members = []
        for i in range(count):
            wire = socket.socket()
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.connect(("127.0.0.1", port))
            wire.setblocking(False)
            data, at_once = kinds[i % 3]
            self.members.append([wire, i % 3, data[at_once:]])
            wire.send(data[:at_once])
        self.given_up = {0: 0, 1: 0}  # heads and bodies, by the daemon's patience
        self.said = set()
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self.drip)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.leaving.set()
        self.thread.join()
        for wire, _, _ in self.members:
            wire.close()

    def drip(self):
        at = 0
        with selectors.DefaultSelector() as selector:
            for wire, kind, _ in self.members:
                if kind != 2:
                    selector.register(wire, selectors.EVENT_READ, kind)
            while not self.leaving.is_set():
                for key, _ in selector.select(0.2):
                    selector.unregister(key.fileobj)
                    self.given_up[key.data] += 1
                    try:
                        self.said.add(key.fileobj.recv(12))
                    except ConnectionError:
                        pass  # it went on sending
                for wire, _, rest in self.members:
                    try:
                        wire.send(rest[at : at + 1])
                    except OSError:
                        pass  # given up, or full
                at += 1


class Slow(Case):
    """The crowd is of 200 for some seconds; CONVD_E2E_SLOW=1 makes it 1,000, until the last slow head has been given up."""

    options = {"limit_body_grace": "1s"}

    def test_a_slow_crowd_bothers_nobody(self):
        count = 999 if SLOW else 201
        with Crowd(self.daemon.port, count) as crowd:
            eventually(lambda: figure(self.daemon, "convd_http_connections_total") > count, "the whole crowd has come")
            began = time.monotonic()
            wrong, asked = [], 0
            while crowd.given_up[1] < count // 3 or (SLOW and crowd.given_up[0] < count // 3) or asked < 100:
                self.assertLess(time.monotonic() - began, harness.PATIENCE, "slow bodies are not given up")
                answers = [self.daemon.http("GET", "/version", tcp=True), self.daemon.get("/v1/formats")]
                wrong += [answer for answer in answers if answer.status != 200]
                asked += 1
            self.assertEqual(wrong, [])
            self.assertEqual(crowd.said, {b"HTTP/1.1 408"})
            self.assertCompleted(self.daemon.convert("letter.md", "html"))
        eventually(lambda: figure(self.daemon, "convd_http_connections") == 1, "all are gone")
        self.assertEqual(self.daemon.spool(), [])


@contextlib.contextmanager
def attacks(daemon, *kinds):
    """Attacks of slowhttptest, each of these words, that go on while this is entered. Each of them asks for the service, too."""
    running = [subprocess.Popen(["slowhttptest", "-l", "600", "-p", "5", *kind], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for kind in kinds]
    try:
        yield
        ended = [attack.poll() for attack in running]
    finally:
        for attack in running:
            attack.send_signal(signal.SIGINT)
        told = [attack.communicate(timeout=harness.PATIENCE)[0] for attack in running]
    for status, words in zip(ended, told):
        if status is not None or not re.search(r"service available:\S*\s+\S*YES", words):
            raise AssertionError(f"ended with {status}, or not available to slowhttptest:\n{words}")


class SlowHttpTest(Case):
    """As others make them."""

    options = {"limit_body_grace": "10m"}

    def url(self, path):
        return f"http://127.0.0.1:{self.daemon.port}{path}"

    def nobody_is_bothered(self):
        answers = [self.daemon.http("GET", "/version", tcp=True) for _ in range(100)]
        self.assertEqual([answer for answer in answers if answer.status != 200], [])
        self.assertCompleted(self.daemon.convert("letter.md", "html"))

    def connections(self):
        return figure(self.daemon, "convd_http_connections")

    @unittest.skipIf(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 1700, "a process may open too few files (ulimit -Hn)")
    @harness.needs("slowhttptest")
    def test_a_thousand_slow_ones_bother_nobody(self):
        many = ["-c", "500", "-r", "500", "-i", "1"]
        heads = [*many, "-H", "-u", self.url("/version")]  # which are given up after ten seconds
        bodies = [*many, "-B", "-u", self.url("/documents?name=slow.txt")]
        with attacks(self.daemon, heads, bodies, bodies):
            eventually(lambda: self.connections() >= 1000, "a thousand are there")
            self.nobody_is_bothered()
        eventually(lambda: self.connections() == 1, "all are gone")

    @harness.needs("slowhttptest")
    def test_those_who_read_slowly_bother_nobody(self):
        with attacks(self.daemon, ["-X", "-k", "10", "-c", "334", "-r", "300", "-u", self.url("/v1/formats")]):
            eventually(lambda: self.connections() >= 300, "they are there")
            self.nobody_is_bothered()
        eventually(lambda: self.connections() == 1, "all are gone")


if __name__ == "__main__":
    harness.main()
