"""convd behind a real nginx that speaks TLS, with the configuration that is shipped."""

import asyncio
import http.client
import io
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
import unittest
import wave

import websockets

import harness
from bare_websocket import PATH
from certificates import Authority
from harness import PATIENCE
from tokens import TrustCase, bearer, token

EXAMPLE = harness.ROOT / "systemd" / "nginx.conf.example"
TOOLS = harness.ROOT / "build" / "tools"
NGINX = shutil.which("nginx", path=f"{harness.os.environ.get('PATH', '')}:{TOOLS}:/usr/sbin")


def free_port():
    """Free for now: somebody else may take it before we do."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def noise(size):
    """A WAV file that no format makes smaller."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        sound.writeframes(harness.os.urandom(size))
    return file.getvalue()


@unittest.skipUnless(NGINX, "nginx is not there")
class Proxy(TrustCase):
    options = TrustCase.options | {"log_level": "debug"}
    nginx = None

    @classmethod
    def more_config(cls):
        return "trusted_proxies = 127.0.0.1\n"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nginx_folder = cls.key_folder / "nginx"
        cls.nginx_folder.mkdir()
        cls.certify()
        cls.addClassCleanup(cls.stop_nginx)
        for _ in range(10):
            cls.start_nginx()
            if harness.eventually(cls.answers, "nginx answers or ends") == "answers":
                return
        raise AssertionError((cls.nginx_folder / "stderr").read_text())

    @classmethod
    def start_nginx(cls):
        """It ends when one of the ports has been taken meanwhile."""
        cls.nginx_port, cls.expired_port, cls.elsewhere_port = free_port(), free_port(), free_port()
        (cls.nginx_folder / "nginx.conf").write_text(cls.nginx_config())
        command = [NGINX, "-p", str(cls.nginx_folder), "-c", "nginx.conf", "-e", "stderr"]
        with (cls.nginx_folder / "stderr").open("wb") as log:
            cls.nginx = subprocess.Popen(command, stderr=log)

    @classmethod
    def certify(cls):
        cls.authority = Authority(cls.nginx_folder)
        cls.authority.issue("good", "DNS:localhost,IP:::1")
        cls.authority.issue("elsewhere", "DNS:elsewhere.example,DNS:*.elsewhere.example")
        cls.authority.issue("expired", "DNS:localhost", "20200101000000Z", "20200201000000Z")
        cls.tls = ssl.create_default_context(cafile=str(cls.authority.file))

    @classmethod
    def nginx_config(cls):
        """What is shipped, with the places of this test."""
        text = EXAMPLE.read_text()
        for pattern, value in (
            (r"server 127\.0\.0\.1:8080;", f"server 127.0.0.1:{cls.daemon.port};"),
            (r"listen 443 ssl;", f"listen 127.0.0.1:{cls.nginx_port} ssl;"),
            (r"listen \[::\]:443 ssl;", f"listen [::1]:{cls.nginx_port} ssl;" if has_ipv6() else ""),
            (r"convert\.example\.org;", "localhost;"),
            (r"/etc/ssl/certs/\S+;", "good.pem;"),
            (r"/etc/ssl/private/\S+;", "good.key;"),
            (r"/var/log/nginx/convd\.log", "access.log"),
            (r"/var/log/nginx/convd-error\.log", "error.log"),
        ):
            text, count = re.subn(pattern, value, text)
            assert count == 1, (pattern, count)
        own = "".join(f"{kind}_temp_path tmp;\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        others = "".join(
            f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {name}.pem; ssl_certificate_key {name}.key; access_log off; return 404; }}\n"
            for port, name in ((cls.expired_port, "expired"), (cls.elsewhere_port, "elsewhere"))
        )
        user = "user root;\n" if harness.os.geteuid() == 0 else ""
        return f"daemon off;\n{user}pid nginx.pid;\nworker_processes 1;\nevents {{}}\nhttp {{\n{own}{text}{others}}}\n"

    @classmethod
    def stop_nginx(cls):
        if cls.nginx:
            cls.nginx.terminate()
            cls.nginx.wait(PATIENCE)

    @classmethod
    def answers(cls):
        if cls.nginx.poll() is not None:
            return "ends"
        try:
            return "answers" if cls.through("GET", "/livez").status == 200 else None
        except (OSError, http.client.HTTPException):
            return None

    @classmethod
    def through(cls, method, path, body=None, headers=None, **how):
        connection = http.client.HTTPSConnection("localhost", cls.nginx_port, context=cls.tls, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {}, **how)
            response = connection.getresponse()
            return harness.Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def test_a_token_over_tls(self):
        self.assertEqual(self.through("GET", "/v1/usage").status, 401)
        answer = self.through("GET", "/v1/usage", headers=bearer(token("ada", org="press")))
        self.assertEqual(answer.json()["org"], "press")
        self.assertIn("max-age", answer.headers["Strict-Transport-Security"])

    def test_an_upload_streams(self):
        size = 8 << 20
        pieces = (b"x" * 65536 for _ in range(size // 65536))
        answer = self.through("POST", "/documents?name=big.txt", pieces, bearer(token()), encode_chunked=True)
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json()["documents"][0]["size"], size)
        self.assertEqual(list((self.nginx_folder / "tmp").iterdir()), [], "nothing was kept on the way")

    def test_a_websocket_over_tls(self):
        async def story():
            uri = f"wss://localhost:{self.nginx_port}{PATH}"
            text = token("watcher")
            async with websockets.connect(uri, ssl=self.tls, subprotocols=["convd.v1", "bearer." + text]) as connection:
                self.assertEqual(connection.subprotocol, "convd.v1")
                await connection.send(json.dumps({"services": ["document"], "version": 1}))
                self.assertEqual(json.loads(await connection.recv())["type"], "ack")
                self.through("POST", "/documents?name=a.txt", b"a", bearer(text))
                self.assertEqual(json.loads(await connection.recv())["type"], "event")

        asyncio.run(asyncio.wait_for(story(), PATIENCE))

    def test_events_come_at_once(self):
        text = token("listener")
        connection = http.client.HTTPSConnection("localhost", self.nginx_port, context=self.tls, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request("GET", f"/v2/realtime/sse?services=document&token={text}")
        events = connection.getresponse()
        self.assertEqual(events.status, 200)
        lines = iter(events.readline, b"")
        next(line for line in lines if b'"ack"' in line)
        self.through("POST", "/documents?name=b.txt", b"b", bearer(text))
        next(line for line in lines if b'"event"' in line)
        self.assertNotIn(text, (self.nginx_folder / "access.log").read_text())

    def test_the_address_is_the_clients_and_not_what_it_says(self):
        """The proxy overwrites what a client claims; who does not come through it is not believed."""
        for headers in ({"X-Forwarded-For": "6.6.6.6"}, {"Forwarded": "for=6.6.6.6"}):
            self.assertEqual(self.through("GET", "/v1/usage", headers=headers | bearer("x")).status, 401)
        refused = self.refused_addresses()
        self.assertTrue(refused)
        self.assertLessEqual(set(refused), {"127.0.0.1", "::1"})  # whichever "localhost" is here
        self.ask("GET", "/v1/usage", headers={"X-Forwarded-For": "6.6.6.6, 192.0.2.9"} | bearer("x"))
        self.assertEqual(self.refused_addresses()[-1], "192.0.2.9", "from a trusted proxy it is the right-most one")

    def refused_addresses(self):
        return re.findall(r"a token from (\S+) is refused", self.daemon.log())

    # convctl, through the proxy

    def convctl(self, *args, host="localhost", port=None, scheme="https", **env):
        """stdout of that, which must go well."""
        done = self.attempt(*args, host=host, port=port, scheme=scheme, **env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def attempt(self, *args, host="localhost", port=None, scheme="https", **env):
        url = f"{scheme}://{host}:{port or self.nginx_port}"
        env = {"SSL_CERT_FILE": str(self.authority.file), "CONVD_TOKEN": token("cli"), "CONVD_URL": url} | env
        return self.daemon.convctl(*args, env=env, cwd=self.new_folder())

    def refused(self, status, *words, **where):
        """It ends with that status, says these words, and has shown nobody its token."""
        secret = token("cli")
        done = self.attempt("ls", CONVD_TOKEN=secret, **where)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, status, text)
        self.assertEqual(done.stdout, b"")
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn(secret, text)

    def upgrades(self, path):
        """How many WebSockets there have been opened through the proxy, and closed."""
        return (self.nginx_folder / "access.log").read_text().count(f'"GET {path}" 101 ')

    def follow_events(self, *words):
        """`convctl events -f` until it has shown a line with each of the words."""
        env = harness.os.environ | {"SSL_CERT_FILE": str(self.authority.file), "CONVD_TOKEN": token("cli")}
        command = [str(self.daemon.bin_dir / "convctl"), "--url", f"https://localhost:{self.nginx_port}", "events", "-f", "--since", "all"]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            watchdog = threading.Timer(PATIENCE, process.kill)
            watchdog.start()
            for word in words:
                self.assertTrue(any(word in line for line in process.stdout), word)
            watchdog.cancel()
            process.send_signal(harness.signal.SIGINT)
            self.assertEqual(process.wait(PATIENCE), 130, process.stderr.read())

    def test_convctl_converts_and_watches_over_tls(self):
        report = str(harness.SAMPLES / "guide.md")
        done = self.attempt("--progress", "json", "convert", report, "--to", "html", "-o", "-")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"<html", done.stdout)
        frames = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual(frames[-1]["status"], "completed")
        path = f"/ws/conversion/{frames[-1]['id']}"
        harness.eventually(lambda: self.upgrades(path), "it was watched over a WebSocket")

    def test_convctl_follows_events_over_tls(self):
        before = self.upgrades(PATH)
        self.convctl("convert", str(harness.SAMPLES / "guide.md"), "--to", "html", "-o", "-")
        self.assertIn(b"completed", self.convctl("events", "--since", "all"))
        self.follow_events("pending", "completed")
        harness.eventually(lambda: self.upgrades(PATH) > before, "they came over a WebSocket")

    def test_convctl_names_the_host_by_its_ipv6_address(self):
        if not has_ipv6():
            self.skipTest("there is no IPv6 here")
        page = self.convctl("convert", str(harness.SAMPLES / "guide.md"), "--to", "html", "-o", "-", host="[::1]")
        self.assertIn(b"<html", page)
        last = json.loads(self.convctl("ls", "--json", host="[::1]"))["conversions"][0]
        path = f"/ws/conversion/{last['id']}"
        harness.eventually(lambda: self.upgrades(path), "it was watched over a WebSocket")

    def test_convctl_sends_and_fetches_much(self):
        sound = self.new_folder() / "noise.wav"
        sound.write_bytes(noise(8 << 20))
        there = self.convctl("convert", str(sound), "--to", "flac", "-o", "-")
        self.assertGreater(len(there), 7 << 20)
        id = self.convctl("ls", "-q", "--limit", "1").decode().split()[0]
        self.assertEqual(self.convctl("result", id, "-o", "-"), there, "every time the same")
        direct = self.ask("GET", f"/v1/conversions/{id}/result", token("cli"))
        self.assertEqual(direct.body, there, "and what the daemon has")

    def test_convctl_trusts_no_certificate_it_cannot_verify(self):
        self.refused(69, "the certificate of localhost is not trusted: unable to get local issuer certificate",
                     "name the authority's file in SSL_CERT_FILE", SSL_CERT_FILE="")
        self.refused(69, "is not trusted", "SSL_CERT_FILE is /nowhere.pem", SSL_CERT_FILE="/nowhere.pem")
        self.refused(69, "the certificate of localhost is not valid now: certificate has expired", port=self.expired_port)
        self.refused(69, "the certificate of localhost is not for that name, but for elsewhere.example, *.elsewhere.example",
                     port=self.elsewhere_port)
        self.refused(69, "the certificate of 127.0.0.1 is not for that name, but for localhost", host="127.0.0.1")

    def test_convctl_tells_http_from_https(self):
        self.refused(76, "does not speak TLS", "is it http://", port=self.daemon.port)
        self.refused(76, "speaks TLS, not plain HTTP", "is it https://", scheme="http")
        with socket.socket() as taken:  # bound, so that nobody else listens there
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            self.refused(69, f"cannot reach convd at https://localhost:{port}", port=port)


if __name__ == "__main__":
    harness.main()
