"""Transcripts of convctl over TLS: whom it asks for, whom it believes, and which ends are ends.

Usage: convctl_tls_transcript_test.py CONVCTL
"""

import base64
import contextlib
import hashlib
import json
import pathlib
import socket
import ssl
import struct
import sys
import tempfile
import threading
import unittest
import warnings

TESTS = pathlib.Path(__file__).parent
sys.path[:0] = [str(TESTS / "support"), str(TESTS / "e2e")]
import fake_convd  # noqa: E402
from certificates import Authority  # noqa: E402
from convctl_case import Case  # noqa: E402


class TlsDaemon(fake_convd.TcpDaemon):
    """Shows the certificates of `contexts` to one connection after the other, and the last one to all that follow."""

    def __init__(self, contexts):
        super().__init__(("127.0.0.1", 0))
        self.contexts = list(contexts)
        self.names, self.protocols = [], []  # asked for by SNI, agreed on by ALPN

    def get_request(self):
        connection, address = super().get_request()
        context = self.contexts.pop(0) if len(self.contexts) > 1 else self.contexts[0]
        context.sni_callback = lambda _, name, __: self.names.append(name)
        wrapped = context.wrap_socket(connection, server_side=True)  # what it raises ends this connection only
        self.protocols.append(wrapped.selected_alpn_protocol())
        return wrapped, address


class Peer(threading.Thread):
    """One after the other, each connection is given to the next of `scripts`, with the request it has sent."""

    def __init__(self, context, *scripts):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.context, self.scripts = context, scripts
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        for script in self.scripts:
            try:
                connection = self.context.wrap_socket(self.listener.accept()[0], server_side=True)
            except OSError:
                return  # the client has broken it off
            request = b""
            while b"\r\n\r\n" not in request and (more := connection.recv(65536)):
                request += more
            script(connection, request.decode())
            connection.close()


def finished(**more):
    """A conversion that has been completed, as JSON."""
    conversion = fake_convd.Conversion("018f-0001", "a.docx", b"ok", {})
    conversion.play()
    return json.dumps(conversion.json() | more).encode()


def pending():
    return json.dumps(fake_convd.Conversion("018f-0001", "a.docx", b"ok", {}).json()).encode()


def answer(body, how=lambda connection: None, length=True):
    """A script that answers with that and ends the connection in that way; without one it is cut off."""
    head = f"Content-Length: {len(body)}\r\n" if length else ""

    def script(connection, _):
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{head}\r\n".encode() + body)
        how(connection)

    return script


def frame(text):
    return b"\x81" + (struct.pack("!BH", 126, len(text)) if len(text) < 65536 else struct.pack("!BQ", 127, len(text))) + text


def upgrade_and(*messages):
    """A script that sends these frames in one piece with the end of its handshake."""

    def script(connection, request):
        key = next(line[19:].strip() for line in request.splitlines() if line.lower().startswith("sec-websocket-key: "))
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        head = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        connection.sendall(head.encode() + b"".join(map(frame, messages)))
        connection.recv(1)

    return script


def says_goodbye(connection):
    connection.unwrap()


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="convctl-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.authority = Authority(cls.folder)
        cls.authority.issue("good", "DNS:localhost,IP:127.0.0.1")
        cls.authority.issue("elsewhere", "DNS:elsewhere.example")
        cls.authority.issue("expired", "DNS:localhost", "20200101000000Z", "20200201000000Z")
        (cls.folder / "others").mkdir()
        Authority(cls.folder / "others").issue("untrusted", "DNS:localhost")

    def context(self, name="good", folder=""):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / folder / f"{name}.pem", self.folder / folder / f"{name}.key")
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    def serve(self, *contexts):
        daemon = TlsDaemon(contexts or [self.context()]).start()
        self.addCleanup(daemon.server_close)
        self.addCleanup(daemon.shutdown)
        self.env |= {"CONVD_URL": f"https://localhost:{daemon.server_address[1]}", "SSL_CERT_FILE": str(self.authority.file)}
        return daemon

    def meet(self, *scripts, context=None):
        """A peer that plays these scripts, for `convctl status`."""
        peer = Peer(context or self.context(), *scripts)
        self.addCleanup(peer.listener.close)
        self.env |= {"CONVD_URL": f"https://localhost:{peer.port}", "SSL_CERT_FILE": str(self.authority.file)}

    def test_the_name_is_asked_for_and_an_address_is_not(self):
        daemon = self.serve()
        self.watch_to_the_end(daemon, "one")
        self.assertEqual(daemon.names, ["localhost", "localhost"])
        self.env["CONVD_URL"] = self.env["CONVD_URL"].replace("localhost", "127.0.0.1")
        self.watch_to_the_end(daemon, "two")
        self.assertEqual(daemon.names[2:], [None, None])
        self.assertEqual(daemon.protocols, ["http/1.1"] * 4)

    def watch_to_the_end(self, daemon, ident):
        """By one request and one WebSocket."""
        conversion = daemon.conversions[ident] = fake_convd.Conversion(ident, "a.docx", b"ok", {})
        process = self.start("watch", ident)
        daemon.wait_for(lambda: f"GET /ws/conversion/{ident}?progress_ms=200" in daemon.requests)
        conversion.play()
        self.assertEqual(process.wait(), 0, process.stderr.read())

    def test_a_websocket_believes_no_other_certificate(self):
        """Only the second connection, which is the WebSocket, meets a server that is somebody else."""
        for bad in (self.context("elsewhere"), self.context("expired"), self.context("untrusted", "others")):
            daemon = self.serve(self.context(), bad, self.context())
            conversion = daemon.conversions["018f-0001"] = fake_convd.Conversion("018f-0001", "a.docx", b"ok", {})
            bad_handshakes = []
            bad.wrap_socket, wrap = lambda *args, **kwargs: self.fails(wrap, bad_handshakes, conversion, args, kwargs), bad.wrap_socket
            self.check(self.run_ctl("watch", "018f-0001"), 0)
            self.assertEqual(len(bad_handshakes), 1)
            self.assertEqual([request for request in daemon.requests if "/ws/" in request], [])

    @staticmethod
    def fails(wrap, failures, conversion, args, kwargs):
        """A handshake that the client must break off; the conversion ends meanwhile."""
        try:
            return wrap(*args, **kwargs)
        except OSError as why:
            failures.append(why)
            raise
        finally:
            conversion.play()

    def test_frames_that_come_with_the_handshake(self):
        self.meet(answer(pending()), upgrade_and(pending(), finished()))
        self.check(self.run_ctl("watch", "018f-0001"), 0)

    def test_a_message_of_many_records(self):
        self.meet(answer(pending()), upgrade_and(pending(), finished(message="x" * 300_000)))
        self.check(self.run_ctl("watch", "018f-0001"), 0)

    def test_which_end_is_an_end(self):
        for script, code in ((answer(finished()), 0), (answer(finished(), says_goodbye), 0),
                             (answer(finished(), says_goodbye, length=False), 0), (answer(finished(), length=False), 69)):
            self.meet(script)
            done = self.check(self.run_ctl("status", "018f-0001"), code)
            self.assertEqual(b"in the middle of the answer" in done.stderr, code != 0, done.stderr)

    def test_old_versions_are_not_spoken(self):
        """Not even where the system would."""
        context = self.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings(action="ignore"):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        self.meet(answer(finished()), context=context)
        lax = self.file("lax.cnf", "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n"
                        "[c]\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n")
        done = self.check(self.run_ctl("status", "018f-0001", OPENSSL_CONF=lax), 69)
        self.assertIn(b"TLS has failed: ", done.stderr)

    def test_a_server_that_hangs_up(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def hang_up():
            connection, _ = listener.accept()
            connection.shutdown(socket.SHUT_WR)  # what is closed with bytes that nobody has read is reset
            with contextlib.suppress(OSError):
                while connection.recv(65536):
                    pass
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        done = self.check(self.run_ctl("--url", f"https://localhost:{listener.getsockname()[1]}", "ls"), 69)
        self.assertIn(b"closed in the TLS handshake", done.stderr)


class InClear(Case):
    def test_a_token_is_warned_about_where_others_can_read_it(self):
        """With -q as well: a name that nobody has, so nothing is sent."""
        self.env["RES_OPTIONS"] = "timeout:1 attempts:1"  # a network without a name server takes half a minute to say so
        for url, warned in (("http://nowhere.invalid", True), ("https://nowhere.invalid", False), ("http://127.0.0.1:1", False)):
            done = self.check(self.run_ctl("-q", "--url", url, "ls", CONVD_TOKEN="secret.of.mine"), 69)
            self.assertEqual(b"the token crosses the network in clear to " + url.encode() in done.stderr, warned, done.stderr)
            self.assertNotIn(b"secret.of.mine", done.stderr)
        done = self.check(self.run_ctl("--url", "http://nowhere.invalid", "ls"), 69)
        self.assertNotIn(b"in clear", done.stderr, "there is no token")


if __name__ == "__main__":
    unittest.main(verbosity=2)
