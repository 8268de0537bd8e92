"""What monitoring sees: metrics in Prometheus text form, and health."""

import re
import subprocess

import harness
from harness import Case, needs


class Metrics(Case):
    def metrics(self):
        answer = self.daemon.get("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer.headers["Content-Type"])
        return answer.body.decode()

    @needs("promtool")
    def test_promtool_has_no_complaint(self):
        self.daemon.convert("guide.md", "html")
        self.daemon.convert("empty.docx", "pdf", b"")
        text = self.metrics()
        done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""), text)

    def total(self, pattern):
        """The sum of all samples whose line matches."""
        return sum(float(line.rsplit(" ", 1)[1]) for line in self.metrics().splitlines() if re.search(pattern, line))

    def test_a_conversion_is_counted(self):
        before = self.total(r'^convd_conversions_total\{.*outcome="completed"')
        self.daemon.convert("guide.md", "html")
        self.assertEqual(self.total(r'^convd_conversions_total\{.*outcome="completed"'), before + 1)

    def test_requests_are_counted_by_route_and_not_by_id(self):
        id = self.daemon.convert("guide.md", "html")["id"]
        text = self.metrics()
        self.assertNotIn(id, text)
        self.assertRegex(text, r"(?m)^convd_http_request_duration_seconds_count\{.*\} [1-9]")


class Health(Case):
    def test_alive_and_ready(self):
        self.assertEqual((self.daemon.get("/livez").status, self.daemon.get("/livez").body), (200, b"ok\n"))
        self.assertEqual((self.daemon.get("/readyz").status, self.daemon.get("/readyz").body), (200, b"ok\n"))
        self.assertEqual(self.daemon.get("/readyz?verbose").status, 200)

    def test_health_and_version(self):
        health, version = self.daemon.get("/health").json(), self.daemon.get("/version").json()
        self.assertEqual(health["version"], version["version"])
        self.assertRegex(version["version"], r"^\d+\.\d+\.\d+")

    def test_no_secret_in_the_log(self):
        self.daemon.convert("locked.pdf", "txt", password="harbour")
        self.assertNotIn("harbour", self.daemon.log())

    def test_trace_id_is_kept(self):
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        answer = self.daemon.get("/documents/never.md", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
        self.assertEqual(answer.json()["trace_id"], trace)


if __name__ == "__main__":
    harness.main()
