"""What goes and what stays: by age and by size, 410, quotas, leftovers, the floor of the disk."""

from .mutation import Mutation, story, unit

RETENTION = "convd/jobs/retention.cc"
QUOTA = "convd/jobs/quota.cc"
SWEEP = "convd/jobs/sweep.cc"
DISK = "convd/jobs/disk.cc"
FULL = unit("disk_test", "while the disk is full nothing is begun, and it goes on by itself")
LEFT_BY_A_CRASH = unit("sweep_test", "at start everything that a crash has left goes at once")
IN_FLIGHT = unit("sweep_test", "what is in flight is nobody's leftover")

MUTATIONS = [
    Mutation("results go by age", RETENTION, "keep_ms > 0 && since_ms < wall_ms() - keep_ms;", "keep_ms > 0 && since_ms < 0;",
             unit("retention_test", "a result goes when its time is over, and says when and why")),
    Mutation("results go by size", RETENTION, "return settings_.results_bytes > 0 && left.result_bytes", "return settings_.results_bytes < 0 && left.result_bytes",
             unit("retention_test", "when all results are too much, the oldest go, but never the newest")),
    Mutation("the newest result stays", RETENTION, "left.result_bytes > settings_.results_bytes && left.results > 1", "left.result_bytes > settings_.results_bytes",
             unit("retention_test", "when all results are too much, the oldest go, but never the newest")),
    Mutation("410 with when and why", "convd/jobs/results.cc",
             "  if (job->result_gone_ms) return Error{ErrorCode::result_gone, why_gone(*job), {}};\n", "",
             unit("retention_test", "a result goes when its time is over, and says when and why")),
    Mutation("410 as status", "convd/api/problem.cc", "{ErrorCode::result_gone, 410, 0}", "{ErrorCode::result_gone, 404, 0}",
             story("test_retention", "ByAge.test_gone_says_when_and_why")),
    Mutation("documents go by use", RETENTION, "if (by_age_ && settings_.keep_documents_ms > 0) rows =", "if (settings_.keep_documents_ms < 0) rows =",
             unit("retention_test", "documents nobody uses go when they are not kept for ever")),
    Mutation("history goes by age", RETENTION, "if (by_age_ && settings_.keep_history_ms > 0)", "if (settings_.keep_history_ms < 0)",
             unit("retention_test", "what ended long ago is forgotten, and nothing else")),
    Mutation("a jump of the clock removes nothing", RETENTION, "  return loop_.now() >= steady_from_;\n", "  return true;\n",
             unit("retention_test", "nothing goes for an hour after the clock has jumped")),
    Mutation("rows go before files", RETENTION, "                            if (outcome) return then();\n", "                            if (outcome || true) return then();\n",
             unit("retention_test", "files go after the commit*")),
    Mutation("quota of submissions", "convd/jobs/submission.cc", "  if (auto exceeded = quota_.refusal(org)) return exceeded;\n", "",
             story("test_retention", "Quota.test_refused_with_the_figures_and_removing_helps_at_once")),
    Mutation("quota of uploads", QUOTA, "    if (used + bytes > limit) return would_exceed(used, bytes, limit);\n", "    (void)used;\n",
             story("test_retention", "Quota.test_refused_with_the_figures_and_removing_helps_at_once")),
    Mutation("what is on its way counts", QUOTA, "const std::int64_t used = quota_.stored(org_) + *all_ - bytes_;", "const std::int64_t used = quota_.stored(org_);",
             story("test_retention", "Quota.test_two_at_once_do_not_both_slip_through")),
    Mutation("what is broken off counts no more", QUOTA, "  *all_ -= bytes_;\n", "",
             story("test_retention", "Quota.test_what_is_broken_off_counts_no_more")),
    Mutation("a quota of one org", QUOTA, "own == settings_.org_quotas.end() ? settings_.org_quota_bytes : own->second",
             "own == settings_.org_quotas.end() ? settings_.org_quota_bytes : settings_.org_quota_bytes",
             unit("quota_test", "an org may have a quota of its own")),
    Mutation("results nobody owns go", SWEEP, "return !is_live_(id) && !store_.has_result(id);", "return false;", LEFT_BY_A_CRASH),
    Mutation("blobs nobody names go", SWEEP, "for (const std::string& sha256 : unused) transaction.maybe_drop_blob(sha256);", "(void)transaction;", LEFT_BY_A_CRASH),
    Mutation("uploads nobody writes go", SWEEP, "swept.removed += files.remove_incoming(name) ? 1 : 0;", "(void)files;",
             story("test_retention", "Leftovers.test_what_nobody_owns_goes_after_a_start_and_nothing_else")),
    Mutation("results of what runs stay", SWEEP, "return !is_live_(id) && !store_.has_result(id);", "return !store_.has_result(id);", IN_FLIGHT),
    Mutation("uploads under way stay", "convd/store/files.cc", "    if (held_->incoming.contains(name)) return false;\n", "", IN_FLIGHT),
    Mutation("a leftover is looked at twice", SWEEP, "const bool goes = is_first_ || suspects_.contains(id);", "const bool goes = true;",
             unit("sweep_test", "while it runs a directory goes only when*")),
    Mutation("below the floor nothing is accepted", "convd/jobs/submission.cc", "  if (auto full = disk_.refusal()) return full;\n", "", FULL),
    Mutation("below the floor nothing is uploaded", "convd/jobs/storage.cc", "    if (auto full = disk_.refusal()) return *std::move(full);\n", "", FULL),
    Mutation("507", "convd/api/problem.cc", "{ErrorCode::disk_full, 507, 0}", "{ErrorCode::disk_full, 503, 0}",
             story("test_retention", "FullDisk.test_full_to_the_last_byte_while_conversions_run")),
    Mutation("it opens a good deal above the floor", DISK, "free < edge(floor)", "free < floor",
             unit("disk_test", "the door closes below the floor and opens a good deal above it")),
    Mutation("too few further files are too few", DISK, " || files.free < edge(std::min(least_files, files.all / 20))", "",
             unit("disk_test", "the door closes as well when there can be few further files")),
    Mutation("a jump of the clock keeps nothing from going by size", RETENTION, "  if (std::exchange(busy_, true)) return;\n",
             "  if (!by_age_ || std::exchange(busy_, true)) return;\n",
             unit("retention_test", "what is too much goes although the clock has jumped")),
    Mutation("the reserve comes back by itself", DISK, "  if (store_.files().reserve().is_spent()) restore_reserve();\n", "",
             unit("disk_test", "a reserve that was given away is taken back when there is room*")),
    Mutation("a full disk begins nothing", "convd/jobs/lifecycle.cc", "const bool exhausted = disk_.is_exhausted();", "const bool exhausted = false;", FULL),
    Mutation("ends are written on a full disk", "convd/store/writer.cc", "    if (error.disk_full()) rescue(batch);\n", "",
             unit("store_retention_test", "on a disk full to the last byte*")),
]
