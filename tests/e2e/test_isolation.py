"""One organisation's work, asked for by another on every route there is; and tokens, looked for in every place where they must
not be."""

import contextlib
import json
import pathlib
import re
import socket
import uuid

import harness
from bare_websocket import PATH, Bare
from harness import PATIENCE
from tokens import SECRET, TrustCase, bearer, token

MINE = {"sub": "adalind", "org": "presslabs"}
THEIRS = {"sub": "eve", "org": "rival"}
NOTE = "the chairman is not to know"
NAME = "takeover.md"


def routes_of_manual():
    """{(method, pattern)} of the table in convd(8), which a unit test compares with the routes there are."""
    page = (harness.ROOT / "man" / "convd.8").read_text()
    table = page[page.index('.It Sy "" Ta Sy route') :]
    return set(re.findall(r"^\.It (\w+) Ta Li (/\S*) Ta", table[: table.index("\n.El")], re.M))


class Isolation(TrustCase):
    options = TrustCase.options | {"slots": 1}

    def as_mine(self, method, path, body=None, **headers):
        return self.ask(method, path, token(**MINE), body, headers)

    def as_theirs(self, method, path, body=None, **headers):
        return self.ask(method, path, token(**THEIRS), body, headers)

    def setUp(self):
        self.as_mine("POST", "/documents?name=" + NAME, b"# Takeover\n")
        self.id = self.ask_json("POST", "/v1/conversions", token(**MINE), {"filename": NAME, "to": "html"}).json()["id"]
        while self.as_mine("GET", f"/conversion-status/{self.id}?wait=20").json()["status"] not in harness.TERMINAL:
            pass
        answer = self.ask_json("POST", f"/v1/conversions/{self.id}/notes", token(**MINE), {"text": NOTE})
        self.assertEqual(answer.status, 201)

    # What is asked for each route: a body, and its kind.
    POSTED = {
        "/v1/conversions/{id}/notes": ('{"text":"x"}', "application/json"),
        "/convert": ('{"filename":"{name}","to":"html"}', "application/json"),
        "/v1/conversions": ('{"filename":"{name}","to":"html"}', "application/json"),
    }
    # They name nothing of anybody's; what they answer must not either.
    LISTS = {
        "/v1/conversions", "/documents", "/v1/usage", "/v1/activity", "/metrics", "/v2/realtime/metrics", "/v2/realtime/config",
        "/v1/formats", "/v1/engines", "/v1/capacity", "/v1/doctor", "/livez", "/readyz", "/health", "/version",
    }
    STREAMS = {"/v2/realtime/poll", "/v2/realtime/sse", "/v2/realtime/stream"}
    OPERATORS = {"/v1/control", "/v1/control/pause", "/v1/control/drain", "/v1/control/resume", "/v1/control/reload",
                 "/v1/control/log-level", "/v1/tokens"}
    HARMLESS = {("POST", "/documents"), ("POST", "/v2/realtime/ticket")}

    def test_every_route_answers_as_if_it_were_not_there(self):
        probed = set()
        for method, pattern in sorted(routes_of_manual()):
            with self.subTest(f"{method} {pattern}"):
                if "{" in pattern or (method == "POST" and pattern in self.POSTED):
                    self.probe_one(method, pattern)
                elif pattern in self.STREAMS:
                    self.assertSilent(method, pattern)
                elif pattern in self.OPERATORS:
                    self.assertProblem(self.as_theirs(method, pattern), 403, "forbidden")
                elif (method, pattern) in self.HARMLESS:
                    self.assertEqual(self.as_theirs(method, pattern + "?name=own.txt", b"x").status, 201)
                else:
                    self.assertIn(pattern, self.LISTS, "a new route: say here how it is looked at")
                    self.assertNothingOf(self.as_theirs(method, pattern))
                probed.add((method, pattern))
        self.assertEqual(probed, routes_of_manual())
        # All of it is still there.
        self.assertEqual(self.as_mine("GET", f"/v1/conversions/{self.id}/result").status, 200)
        self.assertEqual(self.as_mine("GET", f"/documents/{NAME}").status, 200)

    def probe_one(self, method, pattern):
        """Foreign and absent are told apart by nothing."""
        absent_id, absent_name = str(uuid.uuid4()), "absent11.md"
        self.assertEqual(len(absent_name), len(NAME))
        if method == "WS":
            answers = [self.handshake(pattern, id) for id in (self.id, absent_id)]
        else:
            answers = [self.request(method, pattern, id, name) for id, name in ((self.id, NAME), (absent_id, absent_name))]
        for status, _ in answers:
            self.assertEqual(status, 404)
        foreign, absent = (told for _, told in answers)
        self.assertEqual(foreign, absent.replace(absent_id, self.id).replace(absent_name, NAME))

    def request(self, method, pattern, id, name):
        body, kind = self.POSTED.get(pattern, ("", None))
        part = name if pattern.startswith("/documents") else "index.html"
        path = pattern.replace("{id}", id).replace("{name}", part)
        headers = {"Content-Type": kind} if kind else {}
        answer = self.ask(method, path, token(**THEIRS), body.replace("{name}", name), headers)
        told = {k: v for k, v in answer.headers.items() if k not in ("Date", "RateLimit")}
        return answer.status, self.without_trace(json.dumps(told) + answer.body.decode())

    def handshake(self, pattern, id):
        path = pattern.replace("{id}", id) + "?token=" + token(**THEIRS)
        with socket.create_connection(("127.0.0.1", self.daemon.port)) as connection:
            connection.settimeout(PATIENCE)
            head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n"
            connection.sendall((head + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
            connection.shutdown(socket.SHUT_WR)
            told = b""
            while piece := connection.recv(65536):
                told += piece
        return int(told.split()[1]), self.without_trace(re.sub(r"(Date|RateLimit): .*?\r\n", "", told.decode()))

    @staticmethod
    def without_trace(text):
        return re.sub(r'\\?"trace_id\\?":\\?"[0-9a-f]+\\?"', "", text)

    def assertNothingOf(self, answer):
        said = answer.body.decode() if isinstance(answer, harness.Answer) else answer
        for word in (self.id, NAME, NOTE, "presslabs", "adalind"):
            self.assertNotIn(word, said)

    def assertSilent(self, method, pattern):
        """The stream, asked for by name and for all there ever was, has nothing to tell."""
        # Not of presence, which would tell them that they look themselves.
        services = f"conversion,document,upload,note,queue,system,conversion:{self.id}"
        query = f"services={services}&since=oldest"
        if method == "WS":
            with Bare(self.daemon, PATH + "?token=" + token(**THEIRS), tcp=True) as stream:
                stream.send(json.dumps({"services": services.split(","), "version": 1, "since": "oldest"}))
                ack = stream.frame()
                stream.send('{"type":"ping"}')
                said = json.dumps({k: v for k, v in ack.items()})
                while (frame := stream.frame())["type"] != "pong":
                    said += json.dumps(frame)
                self.assertNothingOf(said)
        elif pattern.endswith("poll"):
            self.assertNothingOf(self.as_theirs("GET", f"{pattern}?{query}"))
        elif pattern.endswith("sse"):
            with socket.create_connection(("127.0.0.1", self.daemon.port)) as connection:
                connection.settimeout(PATIENCE)
                connection.sendall(f"GET {pattern}?{query}&token={token(**THEIRS)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                said = b""
                while b"event: ack" not in said or not said.endswith(b"\n\r\n"):
                    piece = connection.recv(65536)
                    self.assertTrue(piece, said)
                    said += piece
                self.assertIn(b'"replaying":0', said, "nor will it have")
                self.assertNothingOf(said.decode())
        else:
            self.assertProblem(self.as_theirs("GET", pattern), 426, "upgrade_required")


class Canary(TrustCase):
    """Tokens, good and bad, are shown everywhere; then everything that is written or told is looked through."""

    options = TrustCase.options | {"log_level": "trace"}

    def test_no_token_is_repeated(self):
        good = token("canary", jti="a-good-canary")
        bad = token("canary", jti="a-bad-canary", secret="another secret, which is as long as it should be")
        ticket = self.ask("POST", "/v2/realtime/ticket", good).json()["ticket"]
        made = self.daemon.convctl("token", "create", "--sub", "canary").stdout.decode().strip()
        self.assertEqual(self.ask("GET", "/v1/usage", made).status, 200)
        told = self.show_everywhere(good, bad, ticket)
        told += [self.ask(method, path, good).body for method, path in (
            ("GET", "/metrics"), ("GET", "/v2/realtime/metrics"), ("GET", "/v1/conversions"), ("GET", "/v1/doctor"),
            ("GET", f"/v1/conversions/{self.converted}/receipt"), ("GET", "/v2/realtime/poll?since=oldest&services=conversion,document,note"))]
        told += [self.daemon.log().encode()] + self.processes()
        self.daemon.http("POST", "/v1/control/log-level", '{"level":"trace"}', {"Content-Type": "application/json"})
        self.daemon.stop()
        told += [path.read_bytes() for path in self.daemon.state.rglob("*") if path.is_file()]
        told.append(self.daemon.log().encode())
        for name, secret in (("good", good), ("bad", bad), ("ticket", ticket), ("made", made), ("key", SECRET)):
            # Nor any of its parts that nobody else has.
            for part in [secret, *(piece for piece in secret.split(".")[1:] if len(piece) > 20)]:
                for text in told:
                    self.assertNotIn(part.encode(), text, name)

    def show_everywhere(self, good, bad, ticket):
        """The answers of a daemon to which all of it was shown."""
        told = [self.ask("POST", "/documents?name=a.md", good, b"# A\n").body]
        id = self.converted = self.ask_json("POST", "/v1/conversions", good, {"filename": "a.md", "to": "html"}).json()["id"]
        while self.ask("GET", f"/conversion-status/{id}?wait=20", good).json()["status"] not in harness.TERMINAL:
            pass
        for method, pattern in routes_of_manual():
            path = pattern.replace("{id}", id).replace("{name}", "a.md")
            if method not in ("GET", "POST") or "control" in path or path.endswith("/sse"):
                continue
            for text in (good, bad):
                told.append(self.ask(method, f"{path}?access_token={text}&token={text}").body)
                told.append(self.ask(method, f"{path}?filename={text}&limit={text}", bad).body)
        for text in (good, bad, ticket):
            for query in (f"access_token={text}", f"token={text}", f"ticket={text}", f"token={text}&token={text}"):
                for path in (PATH, f"/ws/conversion/{id}", "/ws/nothing"):
                    with Bare(self.daemon, f"{path}?{query}", tcp=True) as socket_:
                        told.append(socket_.head)
                        if socket_.status == 101 and path == PATH:
                            told.append(self.talk(socket_, text, bad))
            with Bare(self.daemon, PATH, tcp=True, headers=f"Sec-WebSocket-Protocol: convd.v1, bearer.{text}\r\n") as socket_:
                told.append(socket_.head)
            # What is no HTTP, with a token in it.
            for raw in (f"GET /{text} HTTP/9.9\r\nHost: localhost\r\n\r\n", f"GET /?token={text}\x01 HTTP/1.1\r\n\r\n",
                        f"GET / HTTP/1.1\r\nAuthorization Bearer {text}\r\n\r\n", f"{text}\r\n\r\n"):
                told.append(self.daemon.raw(raw.encode(), tcp=True))
        return told

    @staticmethod
    def talk(socket_, text, bad):
        """Tokens in messages, the last of which is no JSON at all; some connections have been closed by then."""
        handshake = {"services": ["conversion"], "access_token": text}
        try:
            for message in (handshake, {"type": "refresh", "access_token": bad}, {"type": "refresh", "access_token": text}):
                socket_.send(json.dumps(message))
            socket_.send(text)
        except ConnectionError:
            pass
        return repr(socket_.end()).encode()

    def processes(self):
        """What anybody can see of the processes of the daemon, and what its owner can."""
        told = []
        for pid in (self.daemon.pid(), *harness.descendants(self.daemon.pid())):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                told += [pathlib.Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
        return told

    def test_convctl_says_nothing_either(self):
        url = f"http://127.0.0.1:{self.daemon.port}"
        text = token("canary", lifetime=-1)
        path = self.new_folder() / "token"
        path.write_text(text)
        for args, env in ((["--token-file", str(path), "ls"], {}), (["ls"], {"CONVD_TOKEN": text}),
                          (["events", "-f"], {"CONVD_TOKEN": text}), (["ls"], {"CONVD_TOKEN": text + " x"})):
            done = self.daemon.convctl("--url", url, *args, env=env)
            self.assertNotEqual(done.returncode, 0)
            self.assertNotIn(text.encode(), done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
