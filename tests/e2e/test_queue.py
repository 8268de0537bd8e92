"""Who gets a slot: short work beside long work, and what is told to those who wait."""

import harness
from harness import Case, Held, sample


class ShortWork(Case):
    options = {"slots": 1, "short_slots": 1, "short_cost": "1s"}

    def test_a_short_one_does_not_wait_for_long_ones(self):
        held = Held(self.daemon)
        waits = self.daemon.submit("waits.pdf", "png", sample("numbers.pdf"))
        self.addCleanup(self.daemon.post, f"/v1/conversions/{waits}/cancel", {})
        quick = self.daemon.submit("quick.pdf", "txt", sample("numbers.pdf"))
        self.assertEqual(self.daemon.wait(quick)["status"], "completed")
        status = self.daemon.status(waits)
        self.assertEqual((status["status"], status["position"]), ("pending", 1))
        capacity = self.daemon.get("/v1/capacity").json()
        self.assertEqual((capacity["slots"], capacity["short_slots"], capacity["running"], capacity["running_short"]), (1, 1, 1, 0))
        running = self.daemon.get("/v1/activity").json()["running"]
        self.assertEqual([(run["conversion"]["id"], run["class"]) for run in running], [(held.id, "long")])
        held.go_on()
        self.assertEqual(self.daemon.wait(held.id)["status"], "completed")


class Limits(Case):
    options = {"slots": 2, "slots_per_org": 1, "org_weight": "uid:0 4"}

    def test_an_org_has_no_more_slots_than_it_may(self):
        held = Held(self.daemon)
        waits = self.daemon.submit("quick.pdf", "txt", sample("numbers.pdf"))
        self.assertEqual(self.daemon.status(waits)["position"], 1)
        self.assertEqual(self.daemon.get("/v1/capacity").json()["running"], 1)
        held.go_on()
        for id in (held.id, waits):
            self.assertEqual(self.daemon.wait(id)["status"], "completed")


if __name__ == "__main__":
    harness.main()
