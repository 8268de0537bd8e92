"""Tokens over TCP: what is accepted and where, what it lets its bearer do, and when it ends."""

import asyncio
import json
import re
import subprocess
import time
import unittest

import websockets

import harness
from bare_websocket import CLOSE, PATH, TEXT, Bare
from harness import PATIENCE
from tokens import SECRET, TrustCase, base64url, bearer, secret_file, sign, token


def closing(socket):
    """The code a WebSocket is closed with."""
    return socket.end()[1]


def handshake(**more):
    return json.dumps({"services": ["conversion"], "version": 1, **more})


class Tokens(TrustCase):
    def test_who_has_none_is_asked_for_one(self):
        self.assertUnauthorized(self.ask("GET", "/v1/conversions"), with_token=False)
        for path in ("/livez", "/readyz", "/health", "/version"):
            self.assertEqual(self.ask("GET", path).status, 200, path)
            self.assertEqual(self.ask("GET", path, "not.a.token").status, 200, path)
        self.assertEqual(self.daemon.get("/v1/conversions").status, 200, "the Unix socket needs none")

    def test_what_is_not_accepted(self):
        good = token()
        self.assertEqual(self.ask("GET", "/v1/conversions", good).status, 200)
        head, claims, signature = good.split(".")
        none = base64url(b'{"alg":"none","kid":"tests"}')
        bad = {
            "forged": token(secret="another secret, which is just as long as it"),
            "changed": f"{head}.{base64url(b'{}')}.{signature}",
            "expired": token(lifetime=-1),
            "not yet valid": token(nbf=int(time.time()) + 900),
            "issued in the future": token(iat=int(time.time()) + 900),
            "without an end": token(exp=None),
            "an end without end": token(exp=1e300),
            "another audience": token(aud="other"),
            "no audience": token(aud=None),
            "another issuer": token(iss="other"),
            "nobody": token(sub=None),
            "another algorithm": token(header={"alg": "RS256"}),
            "none": f"{none}.{claims}.",
            "none, signed": f"{none}.{claims}.{sign(none + '.' + claims)}",
            "another key": token(header={"kid": "other"}),
            "one of us": token("uid:0"),
            "local": token(org="local"),
            "oversized": token(padding="x" * 8000),
            "truncated": good[:-10],
            "not base64": good + "=",
            "two dots": "a.b.c",
            "nothing": "x",
        }
        for name, text in bad.items():
            with self.subTest(name):
                self.assertUnauthorized(self.ask("GET", "/v1/conversions", text))

    def test_one_token_in_one_place(self):
        good = token()
        for header in ("Basic YWRhOmFkYQ==", good, f"Token {good}"):
            self.assertUnauthorized(self.ask("GET", "/v1/usage", headers={"Authorization": header}))
        self.assertEqual(self.ask("GET", "/v1/usage", headers={"Authorization": f"bearer  {good}"}).status, 200)
        head = f"GET /v1/usage HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{2 * f'Authorization: Bearer {good}{chr(13)}{chr(10)}'}\r\n"
        self.assertIn(b" 401 ", self.daemon.raw(head.encode(), tcp=True).split(b"\r\n")[0])
        for name in ("access_token", "token", "ticket"):
            problem = self.assertUnauthorized(self.ask("GET", f"/v1/usage?{name}={good}"), with_token=False)
            self.assertIn("not in the URL", problem["detail"])

    def test_scopes(self):
        rows = [
            ("read", "GET", "/v1/conversions", 200),
            ("read", "GET", "/metrics", 200),
            ("read", "POST", "/v1/conversions", 403),
            ("read", "DELETE", "/documents/x", 403),
            ("convert", "DELETE", "/documents/x", 404),
            ("convert", "GET", "/v1/conversions", 403),
            ("", "GET", "/v1/conversions", 403),
            ("convert read", "GET", "/v1/control", 403),
            ("convert read", "POST", "/v1/control/pause", 403),
            ("admin", "GET", "/v1/control", 200),
            ("admin", "GET", "/v1/conversions", 403),
            ("admin", "POST", "/v1/tokens", 403),
        ]
        for scope, method, path, status in rows:
            with self.subTest(f"{scope}: {method} {path}"):
                answer = self.ask(method, path, token(scope=scope))
                self.assertEqual(answer.status, status, answer)
                if status == 403 and path != "/v1/tokens":
                    self.assertIn('error="insufficient_scope"', answer.headers["WWW-Authenticate"])

    def test_who_asks_is_who_the_token_says(self):
        usage = self.ask("GET", "/v1/usage", token("eve", org="press")).json()
        self.assertEqual(usage["org"], "press")
        usage = self.ask("GET", "/v1/usage", token("eve")).json()
        self.assertEqual(usage["org"], "eve")

    def test_a_kept_connection_keeps_no_token(self):
        first = f"GET /v1/usage HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token()}\r\n\r\n"
        second = "GET /v1/usage HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        answer = self.daemon.raw((first + second).encode(), tcp=True)
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", answer), [b"200", b"401"])


class Sockets(TrustCase):
    def connect(self, path, **how):
        socket = Bare(self.daemon, path, tcp=True, **how)
        self.addCleanup(socket.socket.close)
        return socket

    def assertStreams(self, socket):
        self.assertEqual(socket.status, 101, socket.head)
        socket.send(handshake())
        self.assertEqual(socket.frame()["type"], "ack")

    def test_a_token_in_every_place_there_is(self):
        good = token()
        for name in ("access_token", "token"):
            self.assertStreams(self.connect(f"{PATH}?{name}={good}"))
        self.assertStreams(self.connect(PATH, headers=f"Authorization: Bearer {good}\r\n"))

    def test_the_subprotocol_is_answered(self):
        good = token()
        for offered, chosen in (
            (f"convd.v1, bearer.{good}", "convd.v1"),
            (f"bearer.{good},convd.v1", "convd.v1"),
            (f"bearer.{good}", f"bearer.{good}"),
        ):
            socket = self.connect(PATH, headers=f"Sec-WebSocket-Protocol: {offered}\r\n")
            self.assertEqual(socket.headers["sec-websocket-protocol"], chosen)
            self.assertStreams(socket)
        socket = self.connect(f"{PATH}?token={good}", headers="Sec-WebSocket-Protocol: chat\r\n")
        self.assertNotIn("sec-websocket-protocol", socket.headers)

    def test_a_library_agrees(self):
        async def story():
            uri = f"ws://127.0.0.1:{self.daemon.port}{PATH}"
            async with websockets.connect(uri, subprotocols=["convd.v1", "bearer." + token()]) as connection:
                self.assertEqual(connection.subprotocol, "convd.v1")
                await connection.send(handshake())
                self.assertEqual(json.loads(await connection.recv())["type"], "ack")

        asyncio.run(asyncio.wait_for(story(), PATIENCE))

    def test_a_ticket_is_good_once(self):
        answer = self.ask("POST", "/v2/realtime/ticket", token())
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        ticket = answer.json()
        self.assertEqual(ticket["expires_in"], 60)
        # It is also good for the answer that says why there is nothing to watch.
        absent = self.connect(f"/ws/conversion/{harness.uuid.uuid4()}?ticket={ticket['ticket']}")
        self.assertEqual(absent.status, 404)

        ticket = self.ask("POST", "/v2/realtime/ticket", token()).json()
        # A handshake that is none does not use it up.
        hasty = self.connect(f"{PATH}?ticket={ticket['ticket']}", tail=b"\x81\x80\0\0\0\0")
        self.assertEqual(hasty.status, 400, hasty.head)
        self.assertStreams(self.connect(f"{PATH}?ticket={ticket['ticket']}"))
        self.assertEqual(closing(self.connect(f"{PATH}?ticket={ticket['ticket']}")), 4500)
        self.assertProblem(self.daemon.http("POST", "/v2/realtime/ticket"), 403, "forbidden")
        self.assertUnauthorized(self.ask("POST", "/v2/realtime/ticket"), with_token=False)

    def test_the_stream_refuses_by_closing(self):
        for path, code in (
            (PATH, 4500),
            (f"{PATH}?access_token=x", 4500),
            (f"{PATH}?access_token={token(secret='another secret, just as long as the real one')}", 4500),
            (f"{PATH}?access_token={token()}&token={token()}", 4500),
            (f"{PATH}?ticket=x", 4500),
            (f"{PATH}?access_token={token(scope='convert')}", 4507),
        ):
            socket = self.connect(path)
            self.assertEqual(socket.status, 101)
            self.assertEqual(closing(socket), code, path[:60])

    def test_a_conversion_is_refused_before_the_upgrade(self):
        text = token("watcher")
        self.ask("POST", "/documents?name=a.md", text, b"# A\n")
        id = self.ask_json("POST", "/v1/conversions", text, {"filename": "a.md", "to": "html"}).json()["id"]
        for query, status in (("", 401), ("?token=x", 401), (f"?token={token(scope='convert')}", 403),
                              (f"?token={token('another')}", 404), (f"?token={text}", 101)):
            socket = self.connect(f"/ws/conversion/{id}{query}")
            self.assertEqual(socket.status, status, query)
        self.assertEqual(self.connect(f"/ws/conversion/{id}?token=x").headers["www-authenticate"], 'Bearer error="invalid_token"')

    def test_server_sent_events(self):
        good = token()
        for query in (f"access_token={good}", f"token={good}", "ticket=" + self.ask("POST", "/v2/realtime/ticket", good).json()["ticket"]):
            head = f"GET /v2/realtime/sse?{query} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            with harness.socket.create_connection(("127.0.0.1", self.daemon.port)) as connection:
                connection.sendall(head.encode())
                self.assertEqual(connection.recv(12), b"HTTP/1.1 200")
        self.assertUnauthorized(self.ask("GET", "/v2/realtime/sse?token=x"))

    def told(self, stream, message=None):
        """The next frame, after that message; of type "ended" when the token has ended before."""
        try:
            if message:
                stream.send(message)
            opcode, payload = stream.message()
        except (ConnectionError, EOFError):
            return {"type": "ended"}
        if opcode == TEXT:
            return json.loads(payload)
        self.assertEqual(opcode, CLOSE)
        self.assertIn(int.from_bytes(payload[:2], "big"), (4041, 4500))
        return {"type": "ended"}

    def with_brief_token(self, sub, use):
        """What `use` gives for a token that ends soon; where that was too soon, it gives nothing, and is asked with one that lasts
        longer."""
        for lifetime in (1, 2, 4, 8, 16, 32):
            if found := use(token(sub, lifetime=lifetime)):
                return found
        self.fail("no token was accepted")

    def test_a_token_ends_what_it_has_opened(self):
        for story in (self.ends_stream, self.ends_events, self.ends_poll):
            with self.subTest(story.__name__):
                story()

    def ends_stream(self):
        def opened(brief):
            stream = self.connect(f"{PATH}?token={brief}")
            self.assertEqual(stream.status, 101)
            return self.told(stream, handshake())["type"] == "ack" and stream

        self.assertEqual(closing(self.with_brief_token("brief", opened)), 4041)

    def ends_events(self):
        def opened(brief):
            connection = harness.socket.create_connection(("127.0.0.1", self.daemon.port), timeout=PATIENCE)
            self.addCleanup(connection.close)
            head = f"GET /v2/realtime/sse?token={brief} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode())
            said = b""
            while piece := connection.recv(4096):
                said += piece
            return said.startswith(b"HTTP/1.1 200 ") and said

        self.assertIn(b"token_expired", self.with_brief_token("brief", opened))

    def ends_poll(self):
        def polled(brief):
            answer = self.ask("GET", "/v2/realtime/poll?wait=60", brief)
            if answer.status == 401:
                return None
            self.assertEqual(answer.status, 204, answer)
            return brief

        self.assertUnauthorized(self.ask("GET", "/v2/realtime/poll", self.with_brief_token("brief", polled)))

    def test_a_token_ends_the_watch_of_a_conversion(self):
        self.assertEqual(self.daemon.http("POST", "/v1/control/pause").status, 200)
        self.addCleanup(self.daemon.http, "POST", "/v1/control/resume")
        text = token("watcher")
        self.ask("POST", "/documents?name=b.md", text, b"# B\n")
        id = self.ask_json("POST", "/v1/conversions", text, {"filename": "b.md", "to": "html"}).json()["id"]

        def watched(brief):
            watch = self.connect(f"/ws/conversion/{id}?token={brief}")
            self.assertIn(watch.status, (101, 401))
            return watch.status == 101 and watch

        self.assertEqual(closing(self.with_brief_token("watcher", watched)), 4041)

    def test_a_new_token_in_the_same_connection(self):
        for lifetime in (2, 4, 8, 16, 32):
            if self.is_refreshed(lifetime):
                return
        self.fail("no connection has lived long enough to be refreshed")

    def is_refreshed(self, lifetime):
        """Whether a connection could be given a new token before its first one ended; then it ends with the new one."""
        stream = self.connect(f"{PATH}?token={token('brief', lifetime=lifetime)}")
        if self.told(stream, handshake())["type"] == "ended":
            return False
        if (expiring := self.told(stream)["type"]) == "ended":
            return False
        self.assertEqual(expiring, "token_expiring")
        for text, code in (
            ("x", "invalid_token"),
            (token("another"), "forbidden"),
            (token("brief", org="another"), "forbidden"),
            (token("brief", scope="convert"), "forbidden"),
        ):
            answer = self.told(stream, json.dumps({"type": "refresh", "access_token": text}))
            if answer["type"] == "ended":
                return False
            self.assertEqual(answer["code"], code)
        end = int(time.time()) + 2 * lifetime
        refreshed = self.told(stream, json.dumps({"type": "refresh", "access_token": token("brief", exp=end)}))
        if refreshed["type"] == "ended":
            return False
        self.assertEqual(refreshed["type"], "refreshed")
        self.assertEqual(refreshed["expires"], time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(end)))
        self.assertEqual(closing(stream), 4041)
        self.assertGreaterEqual(time.time(), end)
        return True


class Configuration(harness.Case):
    def setUp(self):
        self.folder = self.new_folder()
        self.secret = secret_file(self.folder)

    def check(self, *flags):
        command = [str(harness.BIN / "convd"), "--check-config", "--config", "/dev/null", *flags]
        env = {k: v for k, v in harness.os.environ.items() if not k.startswith("CONVD_")}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
        return done.returncode, done.stderr

    @classmethod
    def setUpClass(cls):
        pass  # every test has a daemon of its own

    def test_what_does_not_go_together(self):
        key = ("--auth-key", f"a HS256 {self.secret}")
        self.assertEqual(self.check(*key, "--listen", "0.0.0.0:8080")[0], 0)
        self.assertEqual(self.check(*key, "--auth", "off")[0], 0)
        self.assertEqual(self.check("--listen", "127.0.0.1:8080")[0], 0)
        for flags, said in (
            (("--auth", "off", "--listen", "0.0.0.0:8080"), "which auth = off does not allow"),
            (("--listen", "[::]:8080"), "needs a key that tokens are signed with: auth.key"),
            (("--auth", "token"), "auth = token needs a key"),
            (("--auth-key", f"a HS512 {self.secret}"), "auth.key: expected ID, algorithm"),
            (("--auth-key", f"a RS256 {self.secret}"), "expected a key in PEM"),
            (("--auth-key", "a HS256 /nowhere"), "/nowhere: No such file"),
            (("--trusted-proxies", "10.0.0.0/99"), "trusted_proxies: expected addresses"),
        ):
            status, text = self.check(*flags)
            self.assertEqual(status, 78, flags)
            self.assertIn(said, text)
        self.secret.chmod(0o644)
        self.assertIn("everybody can read this secret", self.check(*key)[1])
        self.secret.write_text("short")
        self.secret.chmod(0o600)
        status, text = self.check(*key)
        self.assertEqual(status, 78)
        self.assertNotIn("short", text.replace("short_", ""))

    def test_without_keys_this_machine_needs_none(self):
        with harness.Daemon() as daemon:
            self.assertEqual(daemon.http("GET", "/v1/usage", tcp=True).json()["org"], "local")
            self.assertEqual(daemon.http("GET", "/v1/usage", headers=bearer("x"), tcp=True).status, 200)
            self.assertEqual(daemon.http("GET", "/v1/control", tcp=True).status, 403)
            self.assertIn("auth is off", daemon.log())

    def test_without_the_last_key_nobody_gets_in(self):
        """Who has needed a token needs one until a restart, though a daemon that starts like this would need none."""
        with harness.Daemon(config=f"auth.key = tests HS256 {self.secret}\n") as daemon:
            ask = lambda headers: daemon.http("GET", "/v1/usage", headers=headers, tcp=True).status
            self.assertEqual((ask(bearer(token())), ask({})), (200, 401))
            daemon.config.write_text("")
            self.assertEqual(daemon.http("POST", "/v1/control/reload").status, 200)
            self.assertEqual((ask(bearer(token())), ask({})), (401, 401))

    def test_an_address_for_all_and_keys_that_change(self):
        first = f"auth.key = old HS256 {self.secret}\n"
        next_secret = "the next secret, which is long enough as well"
        second = f"auth.key = next HS256 {secret_file(self.folder, 'next', next_secret)}\n"
        old = token(header={"kid": "old"})
        new = token(header={"kid": "next"}, secret=next_secret)
        with harness.Daemon("--listen", "0.0.0.0:0", config=first) as daemon:
            ask = lambda text: daemon.http("GET", "/v1/usage", headers=bearer(text), tcp=True).status
            self.assertEqual((ask(old), ask(new)), (200, 401))
            daemon.config.write_text(first + second)
            self.assertEqual(daemon.http("POST", "/v1/control/reload").json()["changed"][0]["key"], "auth.key")
            self.assertEqual((ask(old), ask(new)), (200, 200))
            daemon.config.write_text(second)
            daemon.http("POST", "/v1/control/reload")
            self.assertEqual((ask(old), ask(new)), (401, 200))
            # The same name, other bytes.
            secret_file(self.folder, "next", SECRET)
            daemon.http("POST", "/v1/control/reload")
            newest = token(header={"kid": "next"})
            self.assertEqual((ask(new), ask(newest)), (401, 200))
            # Beyond loopback there has to be a key: a configuration without one is refused, and what was in force stays.
            daemon.config.write_text("")
            self.assertNotEqual(daemon.http("POST", "/v1/control/reload").status, 200)
            self.assertEqual((ask(newest), daemon.http("GET", "/v1/usage", tcp=True).status), (200, 401))


class Convctl(TrustCase):
    @classmethod
    def more_config(cls):
        made = {"RS256": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                "ES256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
                "EdDSA": ["-algorithm", "ED25519"]}
        lines = ""
        for algorithm, options in made.items():
            path = cls.key_folder / algorithm
            subprocess.run(["openssl", "genpkey", *options, "-out", str(path)], check=True, capture_output=True)
            path.chmod(0o600)
            lines += f"auth.key = {algorithm} {algorithm} {path}\n"
        return lines

    def convctl(self, *args, **more):
        done = self.daemon.convctl(*args, **more)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_create_and_use(self):
        for kid in ("tests", "RS256", "ES256", "EdDSA"):
            status, text, _ = self.convctl("token", "create", "--sub", "ada", "--org", "press", "--expires", "5m", "--kid", kid)
            self.assertEqual(status, 0, kid)
            self.assertEqual(self.ask("GET", "/v1/usage", text.strip()).json()["org"], "press")
        path = self.new_folder() / "token"
        path.write_text(text)
        url = f"http://127.0.0.1:{self.daemon.port}"
        (path.parent / "a.md").write_text("# A\n")
        status, out, err = self.convctl("--url", url, "--token-file", str(path), "convert", str(path.parent / "a.md"), "--to", "html")
        self.assertEqual(status, 0, err)
        status, out, err = self.convctl("--url", url, "ls", "-q", env={"CONVD_TOKEN": text.strip()})
        self.assertEqual(len(out.split()), 1, err)
        status, out, err = self.convctl("--url", url, "events", "--since", "all", env={"CONVD_TOKEN": text.strip()})
        self.assertEqual(status, 0, err)
        self.assertIn("completed", out)
        status, out, err = self.convctl("--url", url, "ls")
        self.assertEqual(status, 77)
        self.assertIn("a token is needed", err)
        status, out, err = self.convctl("--url", url, "events", "-f", env={"CONVD_TOKEN": "x"})
        self.assertEqual(status, 77, err)
        status, out, err = self.convctl("--token-file", str(path), "ls")
        self.assertEqual(status, 64, "over the Unix socket there is no use for it")

    def test_create_says_no(self):
        for flags, status in ((["--sub", "uid:0"], 64), (["--sub", "ada", "--scope", "root"], 64), (["--sub", "ada", "--kid", "x"], 64),
                              (["--sub", "ada", "--expires", "400d"], 64), ([], 64)):
            self.assertEqual(self.convctl("token", "create", *flags)[0], status, flags)

    @unittest.skipUnless(harness.os.geteuid() == 0, "only root can ask as somebody else")
    def test_create_is_for_operators(self):
        command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", str(harness.BIN / "convctl")]
        done = subprocess.run([*command, "token", "create", "--sub", "ada"], env={"CONVD_SOCKET": self.daemon.socket}, capture_output=True, check=False)
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertEqual(done.stdout, b"")

    def test_inspect(self):
        text = token("ada", org="press")
        path = self.new_folder() / "token"
        path.write_text(text)
        for args, stdin in ((["token", "inspect"], text.encode()), (["token", "inspect", str(path)], b"")):
            status, out, _ = self.convctl(*args, stdin=stdin)
            self.assertEqual(status, 0)
            for words in ('"sub":"ada"', '"kid":"tests"', "expires_at: ", "state: within its time"):
                self.assertIn(words, out)
        status, out, _ = self.convctl("--json", "token", "inspect", stdin=token(lifetime=-5).encode())
        self.assertEqual(json.loads(out)["state"], "expired")
        for nonsense in (b"a.b", b"a.b.c", b"hunter2"):
            status, out, err = self.convctl("token", "inspect", stdin=nonsense)
            self.assertEqual(status, 65)
            self.assertNotIn(nonsense.decode(), out + err)
        status, out, err = self.convctl("token", "inspect", text)
        self.assertNotEqual(status, 0, "a token is no argument")


if __name__ == "__main__":
    harness.main()
