"""The warm LibreOffice: a child for every document, which can be killed, stopped and counted on, and nobody else notices."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import harness
from harness import Case, TERMINAL, eventually, sample

sys.path.insert(0, str(harness.ROOT / "tests" / "bench"))
import office_documents  # noqa: E402

OFFICE = harness.BIN / "convd-office"
FOLDER = tempfile.TemporaryDirectory(prefix="convd-e2e-office.")


def long_document(pages=300):
    return office_documents.make(FOLDER.name, (pages,), ("text",))[f"text-{pages}"].read_bytes()


def offices(daemon):
    """Process ids of convd-office: the warm ones first, then the children that wait or convert."""
    found = {pid: parent for pid, (name, parent) in harness.family(daemon.pid()).items() if name.startswith("convd-office")}
    return sorted(p for p in found if found[p] not in found), sorted(p for p in found if found[p] in found)


def busy_children(daemon):
    """Those that have opened something in a workspace: a spare has not."""
    def works(pid):
        try:
            return any("/in/" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            return False

    return [pid for pid in offices(daemon)[1] if works(pid)]


def send(pids, number):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def hold_children(daemon):
    """Process ids of the children that are at work, stopped now; none when they have been quicker."""
    pids = busy_children(daemon)
    send(pids, signal.SIGSTOP)
    if busy_children(daemon) == pids:
        return pids
    send(pids, signal.SIGCONT)
    return []


def has_begun_pages(status):
    """Or has ended even."""
    return status["status"] in TERMINAL or (status["stage"] and (status["stage"]["done"] or 0) > 0)


def pdf_text(body):
    return subprocess.run(["pdftotext", "-", "-"], input=body, capture_output=True, check=True).stdout.decode()


def pdf_pages(body):
    about = subprocess.run(["pdfinfo", "-"], input=body, capture_output=True, check=True).stdout.decode()
    return int(re.search(r"^Pages:\s+(\d+)", about, re.M)[1])


@unittest.skipUnless(OFFICE.exists(), "this build has no convd-office")
class Warm(Case):
    options = {"slots": 2, "warm_office": "always", "attempts": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        eventually(lambda: "warm office: LibreOffice" in cls.daemon.log(), "LibreOffice became warm")

    def hold_long(self, **fields):
        """(id, process ids) of a conversion that has begun to write pages, and whose child stands still."""
        for _ in range(10):  # it takes seconds, and so may we
            id = self.daemon.submit("long.docx", "pdf", long_document(), **fields)
            self.daemon.wait(id, has_begun_pages)
            if pids := hold_children(self.daemon):
                return id, pids
            self.daemon.wait(id)
        self.fail("it was always quicker")

    def test_a_document_is_converted_by_a_child(self):
        id = self.daemon.submit("report.docx", "pdf")
        self.assertCompleted(self.daemon.wait(id))
        receipt = self.daemon.get(f"/v1/conversions/{id}/receipt").json()
        self.assertIs(receipt["steps"][0]["warm"], True, receipt)

    def test_pages_are_measured(self):
        for _ in range(5):  # a daemon that stands still meanwhile hears of the last page only
            frames, code = self.daemon.watched(self.daemon.submit("long.docx", "pdf", long_document()))
            self.assertEqual(code, 1000)
            pages = [f["stage"] for f in frames if f["stage"] and f["stage"]["unit"] == "page"]
            measured = [stage for stage in pages if stage["kind"] == "measured"]
            self.assertEqual({stage["total"] for stage in measured if stage["total"]} - {300}, set())
            if measured and any(re.search(r"page \d+ of 300", f["message"]) for f in frames):
                return
        self.fail(str([f["message"] for f in frames]))

    def test_a_watcher_on_the_same_machine_sees_fine_steps(self):
        for _ in range(5):  # as above
            id = self.daemon.submit("long.docx", "pdf", long_document())
            frames = [json.loads(line) for line in self.daemon.convctl("watch", id, "--json").stdout.splitlines()]
            figures = [f["progress"] for f in frames]
            self.assertEqual(figures, sorted(figures))
            measured = {f["stage"]["done"] for f in frames if f["stage"] and f["stage"]["unit"] == "page"}
            # How many there are is up to the machine (tests/bench/office.py progress); five a second would be a handful.
            if len(measured) > 12 and "Reading long.docx" in {f["message"] for f in frames}:
                return
        self.fail(f"steps {measured}, last {frames[-1]}")

    def test_sheets_are_chosen_by_name_or_number(self):
        for wanted in ("1", "arrivals"):
            self.assertCompleted(self.daemon.convert("arrivals.xlsx", "csv", options={"sheets": wanted}))
        refused = self.daemon.convert("arrivals.xlsx", "pdf", options={"sheets": "9"})
        self.assertFailed(refused, "input_invalid")
        self.assertIn("it has: arrivals", refused["error"])

    def test_cancel_ends_the_one_child(self):
        warm, _ = offices(self.daemon)
        id, _ = self.hold_long()
        answer = self.daemon.post(f"/v1/conversions/{id}/cancel", {})
        self.assertEqual(answer.json()["status"], "cancelled", answer)
        eventually(lambda: not busy_children(self.daemon), "the child is gone")
        self.assertCompleted(self.daemon.convert("report.docx", "pdf"))
        self.assertEqual(offices(self.daemon)[0], warm, "the same process serves on")

    def test_a_killed_child_is_tried_again_and_harms_nobody(self):
        warm, _ = offices(self.daemon)
        id, victims = self.hold_long()
        other = self.daemon.submit("report.docx", "pdf")
        send(victims, signal.SIGKILL)
        self.assertCompleted(self.daemon.wait(other))
        status = self.daemon.wait(id)
        self.assertCompleted(status)
        self.assertEqual(status["attempt"], 2)
        self.assertEqual(offices(self.daemon)[0], warm)

    def test_a_stopped_child_makes_no_progress(self):
        id, victims = self.hold_long()
        try:
            for _ in range(3):  # what was on its way may still arrive
                before = self.daemon.status(id)
                time.sleep(3)  # these three seconds are what is being looked at
                after = self.daemon.status(id)
                if (before["progress"], before["stage"]) == (after["progress"], after["stage"]):
                    break
        finally:
            send(victims, signal.SIGCONT)
        self.assertEqual((before["progress"], before["stage"]), (after["progress"], after["stage"]))
        self.assertEqual(after["status"], "processing")
        self.assertCompleted(self.daemon.wait(id))

    def test_a_child_out_of_time_is_ended_alone(self):
        warm, _ = offices(self.daemon)
        id, victims = self.hold_long(attempt_timeout_ms=5000)
        children = harness.Processes(victims)
        self.addCleanup(children.close)
        status = self.daemon.wait(id)
        self.assertFailed(status, "timed_out")
        self.assertEqual(status["attempt"], 1)
        receipt = self.daemon.get(f"/v1/conversions/{id}/receipt").json()["steps"]
        self.assertEqual([(step["warm"], step["outcome"]) for step in receipt], [(True, "timed_out")])
        eventually(children.gone, "the child is gone")
        self.assertCompleted(self.daemon.convert("report.docx", "pdf"))
        self.assertEqual(offices(self.daemon)[0], warm, "the same process serves on")

    def test_a_damaged_document_ends_in_a_clear_error(self):
        whole = sample("report.docx")
        self.assertFailed(self.daemon.convert("cut.docx", "pdf", whole[: len(whole) // 2]), "input_invalid")
        self.assertCompleted(self.daemon.convert("whole.docx", "pdf", whole))

    def test_passwords(self):
        locked = self.daemon.convert("report.docx", "odt", options={"output_password": "open sesame"})
        self.assertCompleted(locked)
        body = self.daemon.result(locked["id"]).body
        self.assertFailed(self.daemon.convert("locked.odt", "pdf", body), "input_encrypted")
        self.assertFailed(self.daemon.convert("locked.odt", "pdf", body, options={"password": "wrong"}), "input_encrypted")
        opened = self.daemon.convert("locked.odt", "pdf", body, options={"password": "open sesame"})
        self.assertCompleted(opened)
        plain = self.daemon.convert("report.docx", "pdf")
        self.assertEqual(pdf_text(self.daemon.result(opened["id"]).body), pdf_text(self.daemon.result(plain["id"]).body))
        for id in (locked["id"], opened["id"]):
            self.assertNotIn("open sesame", self.daemon.get(f"/v1/conversions/{id}").body.decode())
            self.assertNotIn("open sesame", self.daemon.get(f"/v1/conversions/{id}/receipt").body.decode())
        self.assertNotIn("open sesame", self.daemon.log())

    def test_the_same_as_cold(self):
        with harness.Daemon(warm_office="never") as cold:
            for name in ("report.docx", "arrivals.xlsx", "letter.odt"):
                data = sample(name)
                with self.subTest(name):
                    one = self.daemon.result(self.daemon.convert(name, "pdf", data)["id"]).body
                    other = cold.result(cold.convert(name, "pdf", data)["id"]).body
                    self.assertEqual((pdf_pages(one), pdf_text(one)), (pdf_pages(other), pdf_text(other)))


@unittest.skipUnless(OFFICE.exists(), "this build has no convd-office")
class Death(Case):
    options = {"slots": 2, "warm_office": "always"}

    def test_the_warm_process_dies_and_nothing_is_lost(self):
        eventually(lambda: offices(self.daemon)[0] and "warm office: LibreOffice" in self.daemon.log(), "LibreOffice became warm")
        ids = []
        while not hold_children(self.daemon):
            ids += [self.daemon.submit(f"long{i}.docx", "pdf", long_document(100)) for i in range(4)]
            self.daemon.wait(ids[-4], has_begun_pages)
        old, pids = offices(self.daemon)
        children = harness.Processes(pids)
        self.addCleanup(children.close)
        os.kill(old[0], signal.SIGKILL)
        attempts = set()
        for id in ids:
            status = self.daemon.wait(id)
            self.assertCompleted(status)
            attempts.add(status["attempt"])
            self.assertEqual(pdf_pages(self.daemon.result(id).body), 100)
        self.assertIn(2, attempts, "what ran has run again")
        eventually(lambda: offices(self.daemon)[0] and offices(self.daemon)[0] != old, "another one has taken over")
        eventually(children.gone, "its children went with it")


class Cold(unittest.TestCase):
    def test_without_convd_office_documents_go_the_cold_way(self):
        with tempfile.TemporaryDirectory(prefix="convd-e2e-bin.") as folder:
            os.chmod(folder, 0o755)
            for name in ("convd", "convd-runner", "convd-layout", "convd-inspect", "convctl"):
                shutil.copy(harness.BIN / name, folder)
            with harness.Daemon(bin_dir=type(harness.BIN)(folder), warm_office="always") as daemon:
                id = daemon.submit("report.docx", "pdf")
                self.assertEqual(daemon.wait(id)["status"], "completed")
                self.assertIs(daemon.get(f"/v1/conversions/{id}/receipt").json()["steps"][0]["warm"], False)
                refused = daemon.convert("report.docx", "pdf", options={"landscape": True})
                self.assertEqual(refused["status"], "error", refused)
                self.assertIn("convd-office", str(refused["error_info"]) + refused["error"])
                doctor = daemon.convctl("doctor")
                self.assertIn("convd-office is not installed", doctor.stdout.decode())


if __name__ == "__main__":
    harness.main()
