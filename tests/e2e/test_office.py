"""The warm LibreOffice: a child for every document, which can be killed, stopped and counted on, and nobody else notices."""

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
from harness import Case, eventually, sample

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

    def start_long(self):
        """A conversion that runs for seconds, and has begun to write pages; its id."""
        id = self.daemon.submit("long.docx", "pdf", long_document())
        self.daemon.wait(id, lambda s: s["stage"] and (s["stage"]["done"] or 0) > 0)
        return id

    def busy_children(self):
        """Those that have opened something in a workspace: a spare has not."""
        def works(pid):
            try:
                return any("/in/" in os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
            except OSError:
                return False

        return [pid for pid in offices(self.daemon)[1] if works(pid)]

    def test_a_document_is_converted_by_a_child(self):
        id = self.daemon.submit("report.docx", "pdf")
        self.assertCompleted(self.daemon.wait(id))
        receipt = self.daemon.get(f"/v1/conversions/{id}/receipt").json()
        self.assertIs(receipt["steps"][0]["warm"], True, receipt)

    def test_pages_are_measured(self):
        frames, code = self.daemon.watched(self.daemon.submit("long.docx", "pdf", long_document()))
        self.assertEqual(code, 1000)
        measured = [f["stage"] for f in frames if f["stage"] and f["stage"]["kind"] == "measured" and f["stage"]["unit"] == "page"]
        self.assertTrue(measured)
        self.assertEqual({stage["total"] for stage in measured if stage["total"]}, {300})
        self.assertTrue(any(re.search(r"page \d+ of 300", f["message"]) for f in frames), [f["message"] for f in frames])

    def test_a_watcher_on_the_same_machine_sees_fine_steps(self):
        id = self.daemon.submit("long.docx", "pdf", long_document())
        frames = [json.loads(line) for line in self.daemon.convctl("watch", id, "--json").stdout.splitlines()]
        measured = {f["stage"]["done"] for f in frames if f["stage"] and f["stage"]["unit"] == "page"}
        # How many there are is up to the machine (tests/bench/office.py progress); five a second would be a handful.
        self.assertGreater(len(measured), 12)
        figures = [f["progress"] for f in frames]
        self.assertEqual(figures, sorted(figures))
        self.assertIn("Reading long.docx", {f["message"] for f in frames})

    def test_sheets_are_chosen_by_name_or_number(self):
        for wanted in ("1", "arrivals"):
            self.assertCompleted(self.daemon.convert("arrivals.xlsx", "csv", options={"sheets": wanted}))
        refused = self.daemon.convert("arrivals.xlsx", "pdf", options={"sheets": "9"})
        self.assertFailed(refused, "input_invalid")
        self.assertIn("it has: arrivals", refused["error"])

    def test_cancel_ends_the_one_child(self):
        warm, _ = offices(self.daemon)
        id = self.start_long()
        answer = self.daemon.post(f"/v1/conversions/{id}/cancel", {})
        self.assertEqual(answer.json()["status"], "cancelled", answer)
        eventually(lambda: not self.busy_children(), "the child is gone")
        self.assertCompleted(self.daemon.convert("report.docx", "pdf"))
        self.assertEqual(offices(self.daemon)[0], warm, "the same process serves on")

    def test_a_killed_child_is_tried_again_and_harms_nobody(self):
        warm, _ = offices(self.daemon)
        id = self.start_long()
        other = self.daemon.submit("report.docx", "pdf")
        victims = self.busy_children()
        self.assertTrue(victims)
        os.kill(victims[0], signal.SIGKILL)
        self.assertCompleted(self.daemon.wait(other))
        self.assertCompleted(self.daemon.wait(id))
        self.assertEqual(offices(self.daemon)[0], warm)

    def test_a_stopped_child_makes_no_progress(self):
        id = self.start_long()
        victims = self.busy_children()
        self.assertTrue(victims)
        for pid in victims:
            os.kill(pid, signal.SIGSTOP)
        try:
            # What was on its way may still arrive; the three seconds after it are what is being looked at.
            time.sleep(0.5)
            before = self.daemon.status(id)
            time.sleep(3)
            after = self.daemon.status(id)
        finally:
            for pid in victims:
                os.kill(pid, signal.SIGCONT)
        self.assertEqual((before["progress"], before["stage"]), (after["progress"], after["stage"]))
        self.assertEqual(after["status"], "processing")
        self.assertCompleted(self.daemon.wait(id))

    def test_a_child_out_of_time_is_ended_alone(self):
        warm, _ = offices(self.daemon)
        id = self.daemon.submit("long.docx", "pdf", long_document(), attempt_timeout_ms=3000)
        self.daemon.wait(id, lambda s: s["status"] == "processing")
        victims = eventually(self.busy_children, "a child has the document")
        for pid in victims:
            os.kill(pid, signal.SIGSTOP)
        status = self.daemon.wait(id)
        self.assertFailed(status, "timed_out")
        self.assertEqual(status["attempt"], 1)
        receipt = self.daemon.get(f"/v1/conversions/{id}/receipt").json()["steps"]
        self.assertEqual([(step["warm"], step["outcome"]) for step in receipt], [(True, "timed_out")])
        eventually(lambda: not set(victims) & set(offices(self.daemon)[1]), "the child is gone")
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
        ids = [self.daemon.submit(f"long{i}.docx", "pdf", long_document(100)) for i in range(4)]
        self.daemon.wait(ids[0], lambda s: s["stage"] and (s["stage"]["done"] or 0) > 0)
        old, children = offices(self.daemon)
        os.kill(old[0], signal.SIGKILL)
        for id in ids:
            status = self.daemon.wait(id)
            self.assertCompleted(status)
            self.assertEqual(pdf_pages(self.daemon.result(id).body), 100)
        eventually(lambda: offices(self.daemon)[0] and offices(self.daemon)[0] != old, "another one has taken over")
        eventually(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), "its children went with it")


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
