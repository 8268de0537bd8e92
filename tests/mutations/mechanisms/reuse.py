"""What is not done twice: Idempotency-Key, twins, the cache of results, and who may see that it was used."""

from .mutation import Mutation, story, unit

IDEMPOTENCY = "convd/jobs/idempotency.cc"
REUSE = "convd/jobs/reuse.cc"
SUBMISSION = "convd/jobs/submission.cc"
IDENTITY = "convd/jobs/identity.cc"
SAME_WORK = unit("identity_test", "the same work is known by all its result depends on")

MUTATIONS = [
    Mutation("a key is claimed in the store", SUBMISSION,
             "    admission.earlier = transaction.claim_key(*admission.key, keys_since_ms);\n", "    (void)keys_since_ms;\n",
             unit("manager_idempotency_test", "the same request under the same key starts nothing")),
    Mutation("a key outlives kill -9", "convd/store/write_transaction.cc",
             "  if (claim_key_.execute(row.org, row.key, row.fingerprint, row.conversion, row.created_ms, sum_of(row)) > 0)\n    return std::nullopt;\n",
             "  return std::nullopt;\n",
             story("test_reuse", "Keys.test_after_kill_9_without_an_answer")),
    Mutation("a repetition waits for the first", SUBMISSION,
             "  if (admission.key) repeated_.try_emplace({admission.key->org, admission.key->key});\n", "",
             unit("manager_idempotency_test", "what comes while the first is on its way waits for it")),
    Mutation("another request under the key is refused", IDEMPOTENCY, "if (asked.fingerprint != earlier.fingerprint) {", "if (false) {",
             story("test_reuse", "Keys.test_something_else_is_refused")),
    Mutation("the payload is in the fingerprint", IDENTITY, '"request 1"));\n  canonical.add(std::string_view(submission.filename));\n'
             "  canonical.add(std::string_view(input_sha256));", '"request 1"));\n  canonical.add(std::string_view(submission.filename));\n'
             "  (void)input_sha256;",
             unit("identity_test", "a repetition is known by all that was asked for*")),
    Mutation("a key is kept for its time only", "convd/store/write_transaction.cc",
             "  expire_key_.execute(row.org, row.key, live_since_ms);\n", "  (void)live_since_ms;\n",
             unit("store_test", "an idempotency key is of the first who claims it*")),
    Mutation("old keys are removed", IDEMPOTENCY, "*removed = transaction.prune_keys(before_ms, most_pruned_at_once);",
             "*removed = before_ms > 0 ? 0 : transaction.prune_keys(before_ms, most_pruned_at_once);",
             unit("manager_idempotency_test", "old keys are removed in slices")),
    Mutation("twins share a run", REUSE, "twins_.join(twin_key(job), job.id, job.priority)) return;",
             "twins_.join(twin_key(job) + job.id, job.id, job.priority)) return;",
             story("test_reuse", "Twins.test_two_at_once_are_one_run")),
    Mutation("the next twin runs when the first is cancelled", REUSE, "  live(*next)->takes_lead = true;\n", "",
             unit("manager_reuse_test", "when the one that runs is cancelled, the next one runs")),
    Mutation("the end of a run is its twins'", REUSE, "    follower.source = source;\n", "",
             unit("manager_reuse_test", "how a run fails is how all fail*")),
    Mutation("a stored result is used again", REUSE, "  if (!row || !*row) return std::nullopt;\n",
             "  if (row || !row) return std::nullopt;\n",
             story("test_reuse", "Cache.test_the_same_file_twice")),
    Mutation("a damaged first one fails only who repeats it", "convd/jobs/results.cc", "if (!row) return row.error();",
             "if (!row) throw std::runtime_error(row.error().message);",
             unit("manager_idempotency_test", "a first one that cannot be read any more*")),
    Mutation("a damaged result serves nobody", REUSE, "store::readable([&] { return store_.reusable(job.org, *job.reuse_key); });",
             "Result<std::optional<store::ConversionRow>>(store_.reusable(job.org, *job.reuse_key));",
             unit("manager_reuse_test", "a stored result whose row is damaged*")),
    Mutation("an org has results of its own", "convd/store/reader.cc", "WHERE org = ?1 AND reuse_key = ?2 AND", "WHERE ?1 <> '' AND reuse_key = ?2 AND",
             unit("store_test", "what can be used again is the newest of an org*")),
    Mutation("the version of an engine counts", IDENTITY, "{&step.engine, &step.version, &step.from, &step.to}", "{&step.engine, &step.from, &step.to}", SAME_WORK),
    Mutation("the fonts count", IDENTITY, "  canonical.add(std::string_view(*work.fonts));\n", "", SAME_WORK),
    Mutation("options count", IDENTITY, "  canonical.add(work.options);\n", "", SAME_WORK),
    Mutation("the bytes of a result are looked at", "convd/store/result_link.cc", "if (*digest == expected.sha256) return {};", "return {};",
             story("test_reuse", "Cache.test_a_damaged_result_is_made_anew")),
    Mutation("no_cache", SUBMISSION, "if (submission.reuse) job.reuse_key", "job.reuse_key",
             story("test_reuse", "Cache.test_what_asks_for_a_run_or_is_not_the_same_runs")),
    Mutation("convctl --no-cache", "convctl/convert_run.cc", 'if (options_.no_cache) add("no_cache", "true");', "",
             story("test_reuse", "Cache.test_convctl_no_cache")),
    Mutation("a hit in the receipt", "convd/jobs/receipt.cc", 'receipt.reused = reuse == Reuse::cache ? "cache" : "run";', "(void)reuse;",
             unit("manager_reuse_test", "the same document in the same way is served*")),
    Mutation("a hit in the metrics", REUSE, "  ++counters_.reused_cache;\n  accepted_rate_", "  accepted_rate_",
             story("test_reuse", "Cache.test_the_same_file_twice")),
    Mutation("a shared run in the metrics", "convd/api/metrics.cc", 'out.sample({{"kind", "run"}}, as_double(counters.reused_run));', "",
             story("test_reuse", "Twins.test_two_at_once_are_one_run")),
    Mutation("the bytes count", IDENTITY, "  canonical.add(std::string_view(work.input_sha256));\n", "", SAME_WORK),
    Mutation("an unknown version is nobody's", IDENTITY, "    if (step.version.empty()) return std::nullopt;\n", "",
             unit("manager_reuse_test", "what is not the same for certain is converted")),
]
