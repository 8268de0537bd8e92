"""Tokens as any issuer makes them, and a daemon that asks for them."""

import base64
import hashlib
import hmac
import json
import pathlib
import tempfile
import time

import harness

SECRET = "the secret of the tests, which has more than its 32 bytes"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(text, secret=SECRET):
    return base64url(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def token(sub="ada", secret=SECRET, header=None, lifetime=600, **claims):
    """Good, but for what is asked otherwise; a claim that is None is left out."""
    header = {"alg": "HS256", "typ": "JWT", "kid": "tests"} | (header or {})
    now = int(time.time())
    claims = {"aud": "convd", "iss": "convd", "scope": "convert read", "iat": now, "exp": now + lifetime, "sub": sub} | claims
    parts = [{k: v for k, v in part.items() if v is not None} for part in (header, claims)]
    text = ".".join(base64url(json.dumps(part).encode()) for part in parts)
    return text + "." + sign(text, secret)


def bearer(text):
    return {"Authorization": "Bearer " + text}


def secret_file(folder, name="tests.key", secret=SECRET):
    path = pathlib.Path(folder) / name
    path.write_text(secret)
    path.chmod(0o600)
    return path


class TrustCase(harness.Case):
    """One daemon that asks who comes over TCP for a token."""

    keys = ""  # further lines of the configuration
    options = {"auth_leeway": "0s"}

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(dir="/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.key_folder = pathlib.Path(folder.name)
        cls.config = f"auth.key = tests HS256 {secret_file(folder.name)}\n" + cls.more_config()
        super().setUpClass()

    @classmethod
    def more_config(cls):
        return ""

    def ask(self, method, path, text=None, body=None, headers=None):
        """Over TCP, with that token."""
        return self.daemon.http(method, path, body, (headers or {}) | (bearer(text) if text else {}), tcp=True)

    def ask_json(self, method, path, text, value):
        return self.ask(method, path, text, json.dumps(value), {"Content-Type": "application/json"})

    def assertUnauthorized(self, answer, with_token=True):
        problem = self.assertProblem(answer, 401, "unauthorized")
        self.assertEqual(answer.headers["WWW-Authenticate"], 'Bearer error="invalid_token"' if with_token else "Bearer")
        return problem
