"""What script/test makes of a report of ctest: what is counted, and what a second run may excuse."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
from xml.sax.saxutils import escape

TALLY = pathlib.Path(__file__).resolve().parent.parent / "script" / "tally.py"

PASSED = "All tests passed (7 assertions in 3 test cases)"
FAILED = "test cases: 3 | 2 passed | 1 failed\nassertions: 7 | 6 passed | 1 failed"
STORY_FAILED = "FAIL: test_x\n2 passed, 1 failed, 1 skipped"


def entry(name, output, status="run", note=""):
    return f'<testcase name="{name}" status="{status}">{note}<system-out>{escape(output)}</system-out></testcase>'


def failed(name, output):
    return entry(name, output, "fail", '<failure message=""/>')


class Tally(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def report(self, name, *entries):
        path = pathlib.Path(self.folder.name, name)
        path.write_text(f'<testsuite>{"".join(entries)}</testsuite>')
        return path

    def run_on(self, *words):
        return subprocess.run([sys.executable, TALLY, *words], check=True, capture_output=True, text=True)

    def counts(self, *reports):
        return self.run_on(*reports).stdout.strip()

    def again(self, *entries):
        return self.run_on("--again", self.report("first", *entries)).stdout.split()

    def test_cases_are_counted_not_programs(self):
        first = self.report("first", entry("a", PASSED), failed("b", FAILED), failed("c", STORY_FAILED), entry("d", "no words"))
        self.assertEqual(self.counts(first), "8 2 1")

    def test_a_program_that_ended_before_its_summary_has_failed(self):
        self.assertEqual(self.counts(self.report("first", failed("a", "half a li"))), "0 1 0")
        self.assertEqual(self.counts(self.report("first", failed("a", PASSED))), "3 1 0", "what it said before it crashed")

    def test_one_that_was_not_built_has_failed(self):
        missing = entry("a", "Unable to find executable: /x", "notrun", '<skipped message="Unable to find executable"/>')
        self.assertEqual(self.counts(self.report("first", missing)), "0 1 0")

    def test_skips_are_named_with_their_reason(self):
        done = self.run_on(self.report("first", entry("a", "SKIPPED test_x: no corpus\n0 passed, 0 failed, 1 skipped", "notrun", "<skipped/>")))
        self.assertEqual((done.stdout.strip(), done.stderr), ("0 0 1", "a: SKIPPED test_x: no corpus\n"))

    def test_what_failed_may_run_again(self):
        self.assertEqual(self.again(entry("a", PASSED), failed("b", FAILED), failed("c", STORY_FAILED)), ["b", "c"])

    def test_what_passes_then_is_counted_and_named(self):
        first, second = self.report("first", entry("a", PASSED), failed("b", FAILED)), self.report("second", entry("b", PASSED))
        done = self.run_on(first, second)
        self.assertEqual((done.stdout.strip(), done.stderr), ("6 0 0", "PASSED ONLY WHEN RUN AGAIN, BY ITSELF: b\n"))

    def test_what_fails_then_has_failed(self):
        done = self.run_on(self.report("first", failed("b", FAILED)), self.report("second", failed("b", FAILED)))
        self.assertEqual((done.stdout.strip(), done.stderr), ("2 1 0", "FAILED b\n"))

    def test_nothing_excuses_a_crash_a_hang_or_a_report(self):
        for output in ("", "half a li", f"==1==ERROR: AddressSanitizer: heap-use-after-free\n{FAILED}", f"WARNING: ThreadSanitizer: data race\n{FAILED}",
                       f"x.cc:1:2: runtime error: signed integer overflow\n{FAILED}", f"due to a fatal error condition:\n  SIGSEGV\n{FAILED}",
                       f"AssertionError: convd ended with -6:\n{STORY_FAILED}"):
            self.assertEqual(self.again(failed("b", output)), [], output)
            self.assertEqual(self.counts(self.report("first", failed("b", output)), self.report("second", entry("b", PASSED))).split()[1], "1", output)

    def test_nothing_excuses_what_chaos_or_a_fuzzer_found(self):
        for name in ("chaos", "chaos_stream", "queue_simulation_test", "fuzz_json"):
            self.assertEqual(self.again(failed(name, FAILED)), [], name)

    def test_where_many_fail_none_runs_again(self):
        self.assertEqual(len(self.again(*(failed(f"t{i}", FAILED) for i in range(5)))), 5)
        self.assertEqual(self.again(*(failed(f"t{i}", FAILED) for i in range(6))), [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
