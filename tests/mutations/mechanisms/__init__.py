"""Every mechanism of "jobs that survive everything" and "trust at the edge", with the one change that removes it and the test that
must notice."""

from . import attempts, audit, faults, limits, operations, queueing, receipts, retention, reuse, sandbox, strictness, tokens, upgrade

# Line of the promise -> its mutations.
LINES = {
    "queue": queueing.MUTATIONS,
    "attempts": attempts.MUTATIONS,
    "reuse": reuse.MUTATIONS,
    "retention": retention.MUTATIONS,
    "receipts": receipts.MUTATIONS,
    "operations": operations.MUTATIONS,
    "upgrade": upgrade.MUTATIONS,
    "chaos": faults.MUTATIONS,
    "tokens": tokens.MUTATIONS,
    "limits": limits.MUTATIONS,
    "strictness": strictness.MUTATIONS,
    "sandbox": sandbox.MUTATIONS,
    "audit": audit.MUTATIONS,
}
