"""What tests/chaos must find: one mutation for each kind of fault."""

from .mutation import Mutation, chaos, runner_unit, simulation, story, unit

FILES = "convd/store/files.cc"
RUN = "convd/store/result_run.cc"
ORDER = chaos("order of fsync", 1)
POWER = chaos("power cut", 6)
KILL = chaos("kill -9, any moment", 3)
TRAPS = chaos("converters", 1)
SIMULATED = simulation(300)

MUTATIONS = [
    Mutation("fsync of an input", FILES, "  if (auto synced = sync_file(upload.fd_.get()); !synced) return synced;\n", "", ORDER),
    Mutation("fsync of a result", FILES, "  if (auto synced = sync_file(fd); !synced) return synced.error();\n", "", ORDER),
    Mutation("fsync of a result, cut off", FILES, "  if (auto synced = sync_file(fd); !synced) return synced.error();\n", "", POWER),
    Mutation("fsync of the directory of an input", FILES, "  if (auto synced = sync_directory(directory); !synced) return synced;\n", "", ORDER),
    Mutation("fsync of the directory of a result", RUN, "  if (auto synced = sync_directory(place); !synced) return synced;\n", "", ORDER),
    Mutation("fsync of the directory of results", RUN, "  return sync_directory(results);\n", "  return {};\n", ORDER),
    Mutation("published before it is committed", "convd/jobs/publisher.cc", "    return files.seal_run(id, attempt);\n",
             "    return {};\n", KILL,
             also=(("    if (last) return finish(progress_->result);\n",
                    "    const auto seal = [id = publication_.id, attempt = publication_.attempt](store::Files& files) {\n"
                    "      const timespec pause{0, 30'000'000};\n      ::nanosleep(&pause, nullptr);\n      return files.seal_run(id, attempt);\n    };\n"
                    "    if (last) {\n      store_.submit(seal, nullptr, nullptr);\n      return finish(progress_->result);\n    }\n"),)),
    Mutation("synchronous=FULL", "convd/store/connection.cc", "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;", POWER),
    Mutation("synchronous=FULL, in order", "convd/store/connection.cc", "PRAGMA synchronous = FULL;", "PRAGMA synchronous = NORMAL;", ORDER),
    Mutation("committed before it is answered", "convd/jobs/submission.cc",
             "  const auto write_it = [state, since_ms = keys_since_ms()](store::Transaction& transaction, store::Files& files) {\n"
             "    return write(transaction, files, *state, since_ms);\n  };\n",
             "  const auto write_it = [this, done, state, since_ms = keys_since_ms()](store::Transaction& transaction, store::Files& files) {\n"
             "    auto outcome = write(transaction, files, *state, since_ms);\n"
             "    if (outcome) loop_.post([done, object = to_status_object(state->job)] { done(object); });\n"
             "    return outcome;\n  };\n", ORDER),
    Mutation("what is accepted is taken up again", "convd/jobs/recovery.cc", "    found->waiting.push_back(*std::move(job));\n", "", KILL),
    Mutation("an end has its event", "convd/jobs/commit.cc", "  transaction.append(event);\n", "  (void)event;\n", KILL),
    Mutation("what an interrupted run has left goes", "convd/jobs/commit.cc",
             "if (live.job.attempt > 0 && !has_files) drop_run(live.job);", "(void)has_files;",
             unit("manager_test", "a cancel while the result is being published leaves no result")),
    Mutation("orphans are reaped", "convd/runner/orphans.cc", "      waitpid(child, nullptr, WNOHANG);\n", "      (void)looks;\n",
             runner_unit("nothing stays behind, not even the dead")),
    Mutation("workspaces go", "convd/runner/workspace.cc", "  if (out_) remove_tree(path_);\n", "", KILL),
    Mutation("a runner leaves with its convd", "convd/runner/main.cc", "    if (arguments_.socket_fd >= 0) loop_.stop();\n", "", KILL),
    Mutation("a stopped runner hears of the end", "convd/runner/main.cc", "if (owned) prctl(PR_SET_PDEATHSIG, SIGCONT);", "(void)owned;",
             story("test_recovery", "LeftBehind.test_a_runner_that_stands_still_goes_with_its_daemon")),
    Mutation("one daemon to a state", "convd/state_lock.cc", "LOCK_EX", "LOCK_SH",
             story("test_lifecycle", "Locked.test_a_second_daemon_on_the_same_state_is_refused")),
    Mutation("an attempt cannot pass its output off twice", RUN, "if (sealed && *sealed >= attempt) {", "if (false) {",
             unit("files_test", "an attempt that comes too late touches nothing of a later one")),
    Mutation("below the floor: 507", "convd/jobs/disk.cc", "  if (!closed) return std::nullopt;\n", "  return std::nullopt;\n", chaos("disk full", 2)),
    Mutation("a failed fsync is told", "convd/store/file_io.cc", 'if (::fsync(fd) != 0) return io_error("bring a file to the disk", errno);', "(void)::fsync(fd);",
             unit("files_test", "what cannot be brought to the disk is told of")),
    Mutation("without descriptors nothing spins", "convd/transport/listener.cc", "  resume_ = loop_.after(pause_, [this] { watch(); });\n", "  watch();\n", chaos("no descriptors", 1)),
    Mutation("want of memory is told from a crash", "convd/runner/child.cc", "else if (cgroup_->ran_out_of_memory())", "else if (false)", TRAPS),
    Mutation("output of a converter is bounded", "convd/runner/child.cc", "  over_limit_ = over_limit_ || output_too_large();\n", "", runner_unit("limits strike")),
    Mutation("links are no outputs", "convd/runner/workspace.cc", "return S_ISREG(file.st_mode) && file.st_nlink == 1;", "return file.st_nlink >= 1;", TRAPS),
    Mutation("bytes of a result are checked", "convd/jobs/result_check.cc", "if (verdict == Verdict::good) return", "if (verdict == Verdict::good || true) return",
             chaos("flipped bytes, results", 6)),
    Mutation("pages of the database are checked", "convd/store/health.cc", '  if (verdict != "ok") throw damaged_database(verdict);\n', "",
             unit("store_damage_test", "flipped bits in the database are never an answer that is wrong")),
    Mutation("the log of the database is checked", "convd/store/sqlite_store.cc", 'if (is_wal_damaged(path)) return wal_damaged(path);', "",
             unit("store_damage_test", "a log that was cut or damaged after a crash*")),
    Mutation("a deadline is no matter of the clock", "convd/jobs/deadlines.cc",
             "return loop::milliseconds(std::clamp<std::int64_t>(deadline_ms - wall_ms, 0, whole_ms));",
             "return loop::milliseconds(whole_ms > 0 ? deadline_ms - wall_ms : 0);",
             unit("deadlines_test", "what a stored deadline leaves is never more than it gave*")),
    Mutation("another runner takes the place of a dead one", "convd/process/runner_process.cc",
             "  retry_ = loop_.after(backoff_, [this] { connect(); });\n", "", chaos("SIGSTOP below", 2)),
    Mutation("a signal to read the configuration again ends nothing", "convd/daemon.cc",
             "loop_.on_signal(SIGHUP, [this] { hang_up(); })", "loop_.on_signal(SIGHUP, [this] { loop_.stop(); })", chaos("storms", 2)),
    Mutation("what is accepted is taken up, at named points", "convd/jobs/recovery.cc", "    found->waiting.push_back(*std::move(job));\n", "",
             chaos("named points", 1)),
    Mutation("what is accepted is taken up, simulated", "convd/jobs/recovery.cc", "    found->waiting.push_back(*std::move(job));\n", "",
             SIMULATED),
    Mutation("an end is told once, simulated", "convd/jobs/commit.cc", "  transaction.append(event);\n",
             "  transaction.append(event);\n  transaction.append(event);\n", SIMULATED),
    Mutation("what has run is let go", "convd/jobs/step_run.cc", "    spawner_.release(child_);\n", "", chaos("RSS and descriptors", 40)),
    Mutation("what a failing disk did not take is stored again", "convd/jobs/commit.cc",
             "  live.timer = loop_.after(\n"
             "      commit_again, [this, id, change = std::move(change)]() mutable { commit(*this->live(id), std::move(change)); });\n", "",
             chaos("EIO", 1, seed=4)),
    Mutation("rows have sums", "convd/store/row_sum.h", "if (stored && *stored != sum_of(row)) throw", "if (false) throw",
             chaos("flipped bytes, database", 16)),
    Mutation("a deadline is no matter of the clock, that jumps", "convd/jobs/deadlines.cc",
             "return loop::milliseconds(std::clamp<std::int64_t>(deadline_ms - wall_ms, 0, whole_ms));",
             "return loop::milliseconds(whole_ms > 0 ? deadline_ms - wall_ms : 0);", chaos("clock jumps", 1)),
    Mutation("what is accepted is taken up, without memory", "convd/jobs/recovery.cc", "    found->waiting.push_back(*std::move(job));\n", "",
             chaos("no memory", 1)),
    Mutation("a result that has an owner stays, of many", "convd/jobs/sweep.cc", "return !is_live_(id) && !store_.has_result(id);",
             "return !is_live_(id);", chaos("READY with many", 50)),
    Mutation("of a flood the end is kept", "convd/jobs/step_run.cc",
             "  if (bytes.size() >= tail_bytes) {\n    tail = bytes.substr(bytes.size() - tail_bytes);\n    return;\n  }\n  tail += bytes;\n"
             "  if (tail.size() > tail_bytes) tail.erase(0, tail.size() - tail_bytes);\n", "  tail += bytes;\n", TRAPS),
    Mutation("a start does not look at every result", "convd/jobs/recovery.cc", "  recovered_ = true;\n",
             "  for (const auto& row : store_.stored_results(1'000'000)) {\n    (void)row;\n    const timespec pause{0, 2'000'000};\n"
             "    ::nanosleep(&pause, nullptr);\n  }\n  recovered_ = true;\n", chaos("READY with many", 2000)),
    Mutation("what has ended is forgotten", "convd/jobs/commit.cc", "  for (const Ended& waiter : live->waiters) waiter(live->job);\n",
             "  static std::vector<std::string> kept;\n  kept.emplace_back(64 << 10, 'x');\n"
             "  for (const Ended& waiter : live->waiters) waiter(live->job);\n", chaos("RSS and descriptors", 400)),
    Mutation("an end and its event are one commit, simulated", "convd/jobs/commit.cc", "  transaction.append(event);\n", "  (void)event;\n", SIMULATED,
             also=(("  if (kept->next.status == Status::processing) return store_.submit(write, std::move(stored));\n"
                    "  store_.submit_essential(write, std::move(stored));\n",
                    "  store_.submit_essential(write, guarded([this, kept, stored](Result<void> outcome) mutable {\n"
                    "    if (!outcome) return stored(std::move(outcome));\n"
                    "    const auto later = [event = event_of(kept->next, shared::to_string(kept->next.status), wall_ms())](\n"
                    "                           store::Transaction& transaction, store::Files&) -> Result<void> {\n"
                    "      transaction.append(event);\n      return {};\n    };\n"
                    "    store_.submit_essential(later, std::move(stored));\n  }));\n"),)),
    Mutation("a runner that stands still is given up", "convd/process/runner_client.cc",
             "    silent_ = std::min(silent_ + 1, most_doublings);\n    lost();\n", "    silent_ = std::min(silent_ + 1, most_doublings);\n",
             runner_unit("a runner that is stopped is given up, and another takes its place")),
    Mutation("what waits together is committed together", "convd/store/sqlite_store.cc", "most_per_commit = 128;", "most_per_commit = 1;",
             unit("store_test", "what waits together is committed together")),
    Mutation("a leaving LibreOffice is heard out", "convd/runner/office_process.cc", "  if (channel_->has_more()) return;\n", "",
             unit("office_pool_test", "what a process has said is heard, though it has ended meanwhile")),
    Mutation("a child is heard out", "convd/process/runner_client.cc", "    if (Child* living = child()) living->read(stream);\n", "    (void)stream;\n",
             unit("runner_socket_test", "what a child has said before its end is heard, however late the loop is")),
    Mutation("what cannot be passed on is not started", "convd/process/runner_client.cc", "return bool(fd); })) {", "return bool(fd) || true; })) {",
             unit("runner_socket_test", "a run whose inputs cannot be passed on is not started, and harms no other")),
]
