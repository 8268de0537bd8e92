#include "convd/store/store.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <mutex>

#include "convd/loop/ev_loop.h"
#include "convd/store/reader.h"
#include "convd/store/schema.h"
#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_directory.h"

namespace fs = std::filesystem;
using namespace convd::store;
using shared::ErrorCode;
using shared::Result;

namespace {

std::string id_of(int number) {
  std::string digits = std::to_string(number);
  return "0190a000-0000-7000-8000-" + std::string(12 - digits.size(), '0') + digits;
}

ConversionRow conversion(int number, const std::string& status = "pending") {
  ConversionRow row;
  row.id = id_of(number);
  row.org = "uid:1";
  row.principal = "uid:1";
  row.filename = "a.docx";
  row.status = status;
  row.from = "docx";
  row.to = "pdf";
  row.options_json = "{}";
  row.labels_json = "{}";
  row.created_ms = 1000 + number;
  row.input_sha256 = std::string(64, 'a');
  return row;
}

DocumentRow document(const std::string& name, const std::string& sha256 = std::string(64, 'd')) {
  return {"uid:1", name, "text/plain", sha256, 5, 1000, std::nullopt, std::nullopt};
}

EventRow event(const std::string& org, const std::string& subject) {
  EventRow row;
  row.org = org;
  row.ts_ms = 1000;
  row.service = "conversion";
  row.type = "conversion.completed";
  row.subject = subject;
  row.data_json = "{}";
  return row;
}

EventRow progress(const std::string& org, const std::string& subject) {
  EventRow row = event(org, subject);
  row.event_class = shared::EventClass::progress;
  row.type = "conversion.progress";
  return row;
}

// A store that is opened, asked and opened again. The loop is the real one: `commit` runs it until its `done` came.
struct World {
  tests::TempDirectory directory;
  std::string state = directory.path();
  convd::loop::EvLoop loop;
  std::unique_ptr<Store> store = open();

  World() = default;
  explicit World(std::string elsewhere) : state(std::move(elsewhere)) {}

  std::unique_ptr<Store> open() {
    auto opened = Store::open(state, loop);
    if (!opened) FAIL(opened.error().message);
    return std::move(*opened);
  }
  void reopen() {
    store.reset();
    store = open();
  }
  Result<void> commit(std::function<Result<void>(Files&)> prepare, Store::Operation write) {
    Result<void> outcome;
    store->submit(std::move(prepare), std::move(write), [&](Result<void> result) {
      outcome = std::move(result);
      loop.stop();
    });
    loop.run();
    return outcome;
  }
  Result<void> commit(Store::Operation write) { return commit(nullptr, std::move(write)); }
  Result<void> insert(const ConversionRow& row) {
    return commit([&](Transaction& transaction, Files&) -> Result<void> {
      transaction.insert(row);
      return {};
    });
  }
  bool update(const ConversionRow& row) {
    bool written = false;
    REQUIRE(commit([&](Transaction& transaction, Files&) -> Result<void> {
              written = transaction.update(row);
              return {};
            }).ok());
    return written;
  }
  Result<void> put(const DocumentRow& row) {
    return commit([&](Transaction& transaction, Files&) -> Result<void> {
      transaction.put(row);
      return {};
    });
  }
  std::string ids(const ListQuery& query) {
    std::string text;
    for (const ConversionRow& row : store->conversions(query))
      text += row.id.substr(row.id.find_last_not_of("0123456789") + 12) + " ";
    return text;
  }
};

// Keeps one of the threads busy until it is told to go on, so that what is submitted meanwhile waits together.
class Gate {
 public:
  // The store thread, with a transaction that changes nothing.
  void close(Store& store) {
    store.submit([posts = posts_](Transaction&, Files&) { return posts->pass(); }, nullptr);
    wait_until_entered();
  }
  void close_files(Store& store) {
    store.submit([posts = posts_](Files&) { return posts->pass(); }, nullptr, nullptr);
    wait_until_entered();
  }
  void close_uploads(Store& store) {
    store.submit_upload([posts = posts_](Files&) { return posts->pass(); }, nullptr, nullptr);
    wait_until_entered();
  }
  void open() { posts_->open.set_value(); }
  Result<void> pass() { return posts_->pass(); }
  void wait_until_entered() { posts_->entered.get_future().wait(); }

 private:
  // A thread may still be on its way through when the gate has been opened and is no more.
  struct Posts {
    Result<void> pass() {
      entered.set_value();
      open.get_future().wait();
      return {};
    }
    std::promise<void> entered;
    std::promise<void> open;
  };
  std::shared_ptr<Posts> posts_ = std::make_shared<Posts>();
};

Result<void> fails(ErrorCode code) {
  return shared::Error{code, "on purpose", ""};
}

}  // namespace

TEST_CASE("every column comes back as it went in, also after a restart") {
  World world;
  ConversionRow row = conversion(1);
  row.filename = "Übersicht 'x'; --.docx";
  row.message = std::string("with\0zero", 9);
  row.options_json = R"({"pages":"1-3"})";
  row.labels_json = R"({"a":"b"})";
  row.rev = std::int64_t{1} << 40;
  row.attempt = 2;
  row.failures = 1;
  row.priority = 9;
  row.started_ms = 2000;
  row.deadline_ms = 4000;
  row.attempt_timeout_ms = 5;
  row.stall_timeout_ms = 6;
  row.input_bytes = 7;
  row.error = "";
  row.error_info_json = "{}";
  row.result_json = "{}";
  row.retry_of = id_of(0);
  row.prompt_mode = "prompt_ocr";
  REQUIRE(world.insert(row).ok());
  world.reopen();
  const auto found = world.store->conversion(row.id);
  REQUIRE(found);
  CHECK(found->id == row.id);
  CHECK(found->org == row.org);
  CHECK(found->principal == row.principal);
  CHECK(found->filename == row.filename);
  CHECK(found->status == "pending");
  CHECK(found->from == "docx");
  CHECK(found->to == "pdf");
  CHECK(found->options_json == row.options_json);
  CHECK(found->labels_json == row.labels_json);
  CHECK(found->message == row.message);
  CHECK(found->rev == row.rev);
  CHECK(found->attempt == 2);
  CHECK(found->failures == 1);
  CHECK(found->priority == 9);
  CHECK(found->created_ms == 1001);
  CHECK(found->started_ms == 2000);
  CHECK_FALSE(found->completed_ms);
  CHECK(found->deadline_ms == 4000);
  CHECK(found->attempt_timeout_ms == 5);
  CHECK(found->stall_timeout_ms == 6);
  CHECK(found->input_sha256 == row.input_sha256);
  CHECK(found->input_bytes == 7);
  CHECK(found->error == "");
  CHECK(found->error_info_json == "{}");
  CHECK(found->result_json == "{}");
  CHECK(found->retry_of == id_of(0));
  CHECK(found->prompt_mode == "prompt_ocr");
  CHECK(world.store->conversion(row.id));
  CHECK_FALSE(world.store->conversion("x"));
  CHECK_FALSE(world.store->has_result(row.id));
}

TEST_CASE("a conversion that has ended never changes again") {
  World world;
  ConversionRow row = conversion(1);
  REQUIRE(world.insert(row).ok());
  row.status = "processing";
  row.started_ms = 5;
  ++row.rev;
  CHECK(world.update(row));
  row.status = "completed";
  row.message = "done";
  ++row.rev;
  CHECK(world.update(row));
  for (const std::string status : {"processing", "cancelled", "completed"}) {
    ++row.rev;
    row.status = status;
    row.message = "too late";
    CHECK_FALSE(world.update(row));
  }
  CHECK(world.store->conversion(row.id)->status == "completed");
  CHECK(world.store->has_result(row.id));
  CHECK(world.store->conversion(row.id)->message == "done");
  CHECK_FALSE(world.update(conversion(2)));
}

TEST_CASE("a conversion is never written by an earlier attempt, nor twice, nor backwards") {
  World world;
  ConversionRow row = conversion(1);
  row.attempt = 2;
  row.rev = 10;
  REQUIRE(world.insert(row).ok());
  const auto write = [&](int attempt, std::int64_t rev) {
    ConversionRow other = row;
    other.attempt = attempt;
    other.rev = rev;
    other.message = "written";
    return world.update(other);
  };
  CHECK_FALSE(write(1, 11));
  CHECK_FALSE(write(2, 10));
  CHECK_FALSE(write(2, 9));
  CHECK_FALSE(write(3, 10));
  CHECK(world.store->conversion(row.id)->message == row.message);
  CHECK(write(2, 11));
  CHECK(write(3, 12));
  CHECK_FALSE(write(2, 13));
  CHECK(world.store->conversion(row.id)->rev == 12);
}

TEST_CASE("crashes are kept by document and engine, the last one first") {
  World world;
  const auto put = [&](const PoisonRow& poison) {
    REQUIRE(world
                .commit([&](Transaction& transaction, Files&) -> Result<void> {
                  transaction.put(poison);
                  return {};
                })
                .ok());
  };
  put({"a", "office", "7", 1, 100});
  put({"b", "office", "", 1, 200});
  put({"a", "poppler", "22", 1, 150});
  put({"a", "office", "8", 2, 300});
  world.reopen();
  const auto rows = world.store->poisons(2);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].sha256 + rows[0].engine + rows[0].version == "aoffice8");
  CHECK(rows[0].crashes == 2);
  CHECK(rows[0].last_ms == 300);
  CHECK(rows[1].sha256 == "b");
  put({"a", "office", "", 0, 0});
  put({"never", "there", "", 0, 0});
  CHECK(world.store->poisons(9).size() == 2);
}

TEST_CASE("an idempotency key is of the first who claims it, until it is old or its conversion goes") {
  World world;
  const IdempotencyRow first{"uid:1", "k", "one", id_of(1), 1'000};
  const auto claim = [&](const IdempotencyRow& row, Millis live_since_ms) {
    std::optional<IdempotencyRow> earlier;
    REQUIRE(world
                .commit([&](Transaction& transaction, Files&) -> Result<void> {
                  earlier = transaction.claim_key(row, live_since_ms);
                  return {};
                })
                .ok());
    return earlier ? earlier->conversion : "claimed";
  };
  CHECK(claim(first, 0) == "claimed");
  CHECK(claim({"uid:1", "k", "two", id_of(2), 2'000}, 1'000) == id_of(1));
  CHECK(claim({"uid:2", "k", "two", id_of(3), 2'000}, 1'000) == "claimed");
  world.reopen();
  const auto found = world.store->idempotency_key("uid:1", "k");
  REQUIRE(found);
  CHECK(found->fingerprint == "one");
  CHECK(found->conversion == id_of(1));
  CHECK(found->created_ms == 1'000);
  CHECK_FALSE(world.store->idempotency_key("uid:3", "k"));
  CHECK(claim({"uid:1", "k", "two", id_of(2), 2'000}, 1'001) == "claimed");
  CHECK(world.store->idempotency_key("uid:1", "k")->conversion == id_of(2));
  REQUIRE(world
              .commit([&](Transaction& transaction, Files&) -> Result<void> {
                transaction.remove_conversion(id_of(2));
                return {};
              })
              .ok());
  CHECK_FALSE(world.store->idempotency_key("uid:1", "k"));
  CHECK(world.store->idempotency_key("uid:2", "k"));
}

TEST_CASE("old idempotency keys are removed, the oldest first and no more than asked for") {
  World world;
  std::vector<std::int64_t> removed;
  REQUIRE(world
              .commit([&](Transaction& transaction, Files&) -> Result<void> {
                for (int i = 0; i < 10; ++i)
                  transaction.claim_key({"uid:1", std::to_string(i), "", id_of(i), 100 + i}, 0);
                for (int i = 0; i < 3; ++i) removed.push_back(transaction.prune_keys(105, 3));
                return {};
              })
              .ok());
  CHECK(removed == std::vector<std::int64_t>{3, 2, 0});
  for (int i = 0; i < 10; ++i) CHECK(world.store->idempotency_key("uid:1", std::to_string(i)).has_value() == (i >= 5));
}

TEST_CASE("what can be used again is the newest of an org that is completed and stored") {
  World world;
  const auto insert = [&](int number, const std::string& status, std::optional<Millis> gone_ms = {}) {
    ConversionRow row = conversion(number, status);
    row.reuse_key = "same";
    row.result_gone_ms = gone_ms;
    REQUIRE(world.insert(row).ok());
  };
  insert(1, "completed");
  insert(2, "completed");
  insert(3, "error");
  insert(4, "processing");
  insert(5, "completed", 77);
  REQUIRE(world.insert(conversion(6, "completed")).ok());
  REQUIRE(world.store->reusable("uid:1", "same"));
  CHECK(world.store->reusable("uid:1", "same")->id == id_of(2));
  CHECK_FALSE(world.store->reusable("uid:2", "same"));
  CHECK_FALSE(world.store->reusable("uid:1", "other"));
}

TEST_CASE("what waits together is committed together") {
  World world;
  Gate gate;
  gate.close(*world.store);
  const StoreStats before = world.store->stats();
  int done = 0;
  for (int i = 0; i < 300; ++i) {
    world.store->submit(
        [i](Transaction& transaction, Files&) -> Result<void> {
          transaction.insert(conversion(i));
          return {};
        },
        [&, i](Result<void> outcome) {
          CHECK(outcome.ok());
          CHECK(done == i);
          // Acknowledged is committed: another connection sees it.
          CHECK(world.store->conversion(id_of(i)));
          if (++done == 300) world.loop.stop();
        });
  }
  CHECK(world.store->stats().queued == 300);
  gate.open();
  world.loop.run();
  const StoreStats after = world.store->stats();
  CHECK(after.commits - before.commits == 1 + 3);  // the gate's, and 128 at a time
  CHECK(after.operations - before.operations == 301);
  CHECK(after.failed == 0);
  CHECK(after.queued == 0);
  CHECK(after.last_commit_us > 0);
}

TEST_CASE("an operation that fails undoes itself and nothing else") {
  World world;
  Gate gate;
  gate.close(*world.store);
  std::vector<std::string> outcomes;
  const auto done = [&](Result<void> outcome) {
    outcomes.emplace_back(outcome ? "ok" : std::string(to_string(outcome.error().code)));
    if (outcomes.size() == 5) world.loop.stop();
  };
  const auto insert = [&](int number, std::function<Result<void>()> then) {
    world.store->submit(
        [number, then](Transaction& transaction, Files&) -> Result<void> {
          transaction.append(event("uid:1", id_of(number)));
          transaction.insert(conversion(number));
          return then();
        },
        done);
  };
  insert(1, [] { return Result<void>(); });
  insert(2, [] { return fails(ErrorCode::already_finished); });
  insert(3, []() -> Result<void> { throw std::runtime_error("on purpose"); });
  insert(1, [] { return Result<void>(); });
  insert(4, [] { return Result<void>(); });
  gate.open();
  world.loop.run();
  CHECK(outcomes == std::vector<std::string>{"ok", "already_finished", "internal", "internal", "ok"});
  CHECK(world.store->stats().commits == 1 + 1);
  CHECK(world.store->stats().failed == 3);
  CHECK(world.ids({"uid:1", {}, {}, "", 10}) == "4 1 ");
  const auto events = world.store->events("uid:1", 0, 1000, 10);
  REQUIRE(events.size() == 2);
  CHECK(events[0].subject == id_of(1));
  CHECK(events[1].subject == id_of(4));
  CHECK(events[0].seq < events[1].seq);
}

TEST_CASE("a failed preparation keeps its row from being written") {
  World world;
  bool written = false;
  const auto outcome = world.commit([](Files&) { return fails(ErrorCode::disk_full); },
                                    [&](Transaction&, Files&) -> Result<void> {
                                      written = true;
                                      return {};
                                    });
  CHECK(outcome.error().code == ErrorCode::disk_full);
  CHECK_FALSE(written);
  CHECK(world.store->stats().commits == 0);
}

TEST_CASE("a commit does not wait for the files of another") {
  World world;
  Gate gate;
  gate.close_files(*world.store);
  // Would never end: the gate opens behind it.
  const auto patience = world.loop.after(std::chrono::seconds(60), [] { std::abort(); });
  REQUIRE(world.insert(conversion(1)).ok());
  CHECK(world.store->conversion(id_of(1)));
  gate.open();
}

TEST_CASE("neither uploads nor other files wait for one another") {
  World world;
  const auto patience = world.loop.after(std::chrono::seconds(60), [] { std::abort(); });
  const auto nothing = [](Files&) { return Result<void>(); };
  const auto insert = [](int number) {
    return [number](Transaction& transaction, Files&) -> Result<void> {
      transaction.insert(conversion(number));
      return {};
    };
  };
  Gate files;
  files.close_files(*world.store);
  world.store->submit_upload(nothing, insert(1), [&](const Result<void>&) { world.loop.stop(); });
  world.loop.run();
  CHECK(world.store->conversion(id_of(1)));
  files.open();

  Gate uploads;
  uploads.close_uploads(*world.store);
  REQUIRE(world.commit(nothing, insert(2)).ok());
  CHECK(world.store->conversion(id_of(2)));
  uploads.open();
}

TEST_CASE("what has files keeps its order, and no row is written before its files are there") {
  World world;
  std::mutex mutex;
  std::vector<std::string> story;
  const auto note = [&](const std::string& what, int number) {
    const std::lock_guard lock(mutex);
    story.push_back(what + std::to_string(number));
    return Result<void>();
  };
  Gate gate;
  gate.close_files(*world.store);
  int done = 0;
  for (int i = 0; i < 3; ++i) {
    world.store->submit([&, i](Files&) { return note("file ", i); },
                        [&, i](Transaction&, Files&) { return note("row ", i); },
                        [&](Result<void>) {
                          if (++done == 4) world.loop.stop();
                        });
  }
  world.store->submit([&](Files&) { return note("file ", 3); }, nullptr,
                      [&](Result<void> outcome) {
                        CHECK(outcome.ok());
                        if (++done == 4) world.loop.stop();
                      });
  gate.open();
  world.loop.run();
  const auto at = [&](const std::string& what) { return std::find(story.begin(), story.end(), what) - story.begin(); };
  REQUIRE(story.size() == 7);
  for (int i = 0; i < 3; ++i) {
    const std::string number = std::to_string(i);
    const std::string next = std::to_string(i + 1);
    CHECK(at("file " + number) < at("row " + number));
    CHECK(at("file " + number) < at("file " + next));
    if (i < 2) CHECK(at("row " + number) < at("row " + next));
  }
  CHECK(world.store->stats().queued == 0);
}

TEST_CASE("closing the store prepares and commits what was submitted with files") {
  World world;
  Gate files;
  files.close_files(*world.store);
  Gate uploads;
  uploads.close_uploads(*world.store);
  const auto nothing = [](Files&) { return Result<void>(); };
  const auto done = [](Result<void>) { FAIL("called by a store that is gone"); };
  for (int i = 0; i < 20; ++i) {
    const auto write = [i](Transaction& transaction, Files&) -> Result<void> {
      transaction.insert(conversion(i));
      return {};
    };
    if (i % 2 == 0)
      world.store->submit(nothing, write, done);
    else
      world.store->submit_upload(nothing, write, done);
  }
  files.open();
  uploads.open();
  world.reopen();
  CHECK(world.store->unfinished().size() == 20);
}

TEST_CASE("closing the store commits what was submitted and calls nobody") {
  World world;
  bool called = false;
  Gate gate;
  gate.close(*world.store);
  for (int i = 0; i < 200; ++i) {
    world.store->submit(
        [i](Transaction& transaction, Files&) -> Result<void> {
          transaction.insert(conversion(i));
          return {};
        },
        [&](Result<void>) { called = true; });
  }
  gate.open();
  world.reopen();
  CHECK(world.store->unfinished().size() == 200);
  REQUIRE(world.insert(conversion(200)).ok());  // a turn of the loop, in which old calls would come
  CHECK_FALSE(called);
}

TEST_CASE("a store may be destroyed by a done") {
  World world;
  int called = 0;
  Gate gate;
  gate.close(*world.store);
  for (int i = 0; i < 3; ++i) {
    world.store->submit([](Transaction&, Files&) { return Result<void>(); },
                        [&](Result<void>) {
                          ++called;
                          world.store.reset();
                          world.loop.stop();
                        });
  }
  gate.open();
  world.loop.run();
  CHECK(called == 1);
}

TEST_CASE("lists are paged by key, newest first") {
  World world;
  for (int i = 1; i <= 7; ++i) {
    ConversionRow row = conversion(i, i % 2 == 0 ? "completed" : "pending");
    if (i == 3 || i == 6) row.filename = "b.docx";
    if (i == 7) row.org = "uid:2";
    REQUIRE(world.insert(row).ok());
  }
  CHECK(world.ids({"uid:1", {}, {}, "", 4}) == "6 5 4 3 ");
  CHECK(world.ids({"uid:1", {}, {}, id_of(3), 4}) == "2 1 ");
  CHECK(world.ids({"uid:1", {}, {}, id_of(1), 4}).empty());
  CHECK(world.ids({"uid:1", "completed", {}, "", 2}) == "6 4 ");
  CHECK(world.ids({"uid:1", "completed", {}, id_of(4), 2}) == "2 ");
  CHECK(world.ids({"uid:1", {}, "b.docx", "", 9}) == "6 3 ");
  CHECK(world.ids({"uid:1", "pending", "b.docx", "", 9}) == "3 ");
  CHECK(world.ids({"uid:2", {}, {}, "", 9}) == "7 ");
  CHECK(world.ids({"uid:3", {}, {}, "", 9}).empty());
  std::string unfinished;
  for (const ConversionRow& row : world.store->unfinished()) unfinished += row.id.back();
  CHECK(unfinished == "1357");
}

TEST_CASE("documents: put replaces, pages go by name, the last conversion is shown") {
  World world;
  for (const std::string name : {"c", "a", "b"}) REQUIRE(world.put(document(name)).ok());
  DocumentRow again = document("b", std::string(64, 'e'));
  again.size_bytes = 9;
  REQUIRE(world.put(again).ok());
  for (int i = 1; i <= 3; ++i) {
    ConversionRow row = conversion(i, i == 2 ? "error" : "completed");
    row.filename = i == 3 ? "c" : "b";
    REQUIRE(world.insert(row).ok());
  }
  const auto page = world.store->documents({"uid:1", "", 2});
  REQUIRE(page.size() == 2);
  CHECK(page[0].name == "a");
  CHECK_FALSE(page[0].last_conversion);
  CHECK(page[1].name == "b");
  CHECK(page[1].size_bytes == 9);
  CHECK(page[1].last_conversion == id_of(2));
  CHECK(page[1].last_status == "error");
  CHECK(world.store->documents({"uid:1", "b", 2}).size() == 1);
  CHECK(world.store->documents({"uid:2", "", 2}).empty());
  CHECK(world.store->document("uid:1", "c")->last_status == "completed");
  CHECK_FALSE(world.store->document("uid:2", "c"));
  std::vector<bool> removed;
  for (int i = 0; i < 2; ++i) {
    REQUIRE(world
                .commit([&](Transaction& transaction, Files&) -> Result<void> {
                  removed.push_back(transaction.remove_document("uid:1", "c"));
                  return {};
                })
                .ok());
  }
  CHECK(removed == std::vector<bool>{true, false});
}

TEST_CASE("each org has its own log, and its numbers go on after a restart") {
  World world;
  std::vector<std::int64_t> seqs;
  const std::int64_t everything = std::int64_t{1} << 53;
  const auto append = [&](const std::string& org) {
    REQUIRE(world
                .commit([&](Transaction& transaction, Files&) -> Result<void> {
                  seqs.push_back(transaction.append(event(org, "x")));
                  return {};
                })
                .ok());
  };
  append("uid:1");
  append("uid:2");
  append("uid:1");
  world.reopen();
  append("uid:1");
  append("uid:2");
  // A block of numbers was reserved before the first was given out; a restart leaves the rest of it unused.
  CHECK(seqs == std::vector<std::int64_t>{2, 2, 3, 4098, 4098});
  CHECK(world.store->events("uid:1", 2, everything, 10).size() == 2);
  CHECK(world.store->events("uid:1", 2, 4097, 10).size() == 1);
  CHECK(world.store->events("uid:1", 0, everything, 1).front().type == "conversion.completed");
  CHECK(world.store->newest_events("uid:1", 4097, 1).front().seq == 3);
  world.store.reset();
  Database database(world.directory / "convd.db", Database::Access::read_only);
  CHECK(database.number("SELECT count(DISTINCT epoch) FROM logs WHERE length(epoch) = 32") == 2);
}

TEST_CASE("runtimes come back newest first") {
  World world;
  for (int i = 1; i <= 3; ++i) {
    REQUIRE(world
                .commit([&](Transaction& transaction, Files&) -> Result<void> {
                  transaction.record({"pandoc", "md", "html", i, 10 * i});
                  return {};
                })
                .ok());
  }
  const auto runtimes = world.store->recent_runtimes(2);
  REQUIRE(runtimes.size() == 2);
  CHECK(runtimes[0].wall_ms == 30);
  CHECK(runtimes[1].input_bytes == 2);
}

namespace {

// Uploads `text`, names it in a document and returns its digest.
std::string stored_document(World& world, const std::string& name, const std::string& text) {
  std::shared_ptr<Upload> upload = std::move(world.store->files().begin_upload()).value();
  REQUIRE(upload->append(text).ok());
  REQUIRE(world
              .commit([upload](Files& files) { return files.publish_blob(*upload); },
                      [&](Transaction& transaction, Files&) -> Result<void> {
                        transaction.put(document(name, upload->sha256()));
                        return {};
                      })
              .ok());
  return upload->sha256();
}

Store::Operation remove_document(const std::string& name, const std::string& sha256) {
  return [=](Transaction& transaction, Files&) -> Result<void> {
    transaction.remove_document("uid:1", name);
    transaction.maybe_drop_blob(sha256);
    return {};
  };
}

// One more turn through the thread and back: what was queued before it has been done.
void settle(World& world) {
  REQUIRE(world.commit([](Transaction&, Files&) { return Result<void>(); }).ok());
}

}  // namespace

TEST_CASE("a blob goes when neither a document nor an unfinished conversion names it") {
  World world;
  const std::string sha256 = stored_document(world, "a", "hello");
  stored_document(world, "b", "hello");
  ConversionRow row = conversion(1);
  row.input_sha256 = sha256;
  REQUIRE(world.insert(row).ok());
  const auto present = [&] {
    settle(world);
    CHECK(world.store->blob_in_use(sha256) == world.store->files().open_blob(sha256).ok());
    return world.store->files().open_blob(sha256).ok();
  };
  REQUIRE(world.commit(remove_document("a", sha256)).ok());
  CHECK(present());
  REQUIRE(world.commit(remove_document("b", sha256)).ok());
  CHECK(present());
  row.status = "cancelled";
  ++row.rev;
  REQUIRE(world
              .commit([&](Transaction& transaction, Files&) -> Result<void> {
                transaction.update(row);
                transaction.maybe_drop_blob(sha256);
                return {};
              })
              .ok());
  CHECK_FALSE(present());
}

TEST_CASE("a drop that was undone drops nothing") {
  World world;
  const std::string sha256 = stored_document(world, "a", "hello");
  REQUIRE(world
              .commit([](Transaction& transaction, Files&) -> Result<void> {
                transaction.remove_document("uid:1", "a");
                return {};
              })
              .ok());
  // Nobody names the blob any more, but the one operation that says so fails.
  const auto outcome = world.commit([&](Transaction& transaction, Files&) -> Result<void> {
    transaction.maybe_drop_blob(sha256);
    return fails(ErrorCode::internal);
  });
  CHECK_FALSE(outcome.ok());
  settle(world);
  CHECK(world.store->files().open_blob(sha256).ok());
}

TEST_CASE("a conversion submitted before the removal was known keeps its input") {
  World world;
  const std::string sha256 = stored_document(world, "a", "hello");
  // The document is found, then its removal commits, then the conversion of what was found is submitted in the same
  // turn.
  Gate gate;
  world.store->submit(remove_document("a", sha256), nullptr);
  gate.close(*world.store);
  ConversionRow row = conversion(1);
  row.input_sha256 = sha256;
  gate.open();
  REQUIRE(world.insert(row).ok());
  settle(world);
  CHECK_FALSE(world.store->document("uid:1", "a"));
  CHECK(world.store->files().open_blob(sha256).ok());
}

TEST_CASE("an upload of bytes that are just being dropped keeps them") {
  World world;
  const std::string sha256 = stored_document(world, "a", "hello");
  // The upload has found the bytes in place; its row is written when they are already nobody's.
  std::shared_ptr<Upload> upload = std::move(world.store->files().begin_upload()).value();
  REQUIRE(upload->append("hello").ok());
  Gate gate;
  world.store->submit(
      [&gate, upload](Files& files) -> Result<void> {
        if (auto published = files.publish_blob(*upload); !published) return published;
        return gate.pass();
      },
      [sha256](Transaction& transaction, Files&) -> Result<void> {
        transaction.put(document("b", sha256));
        return {};
      },
      [&](Result<void> outcome) {
        CHECK(outcome.ok());
        world.loop.stop();
      });
  gate.wait_until_entered();
  REQUIRE(world.commit(remove_document("a", sha256)).ok());
  settle(world);
  gate.open();
  world.loop.run();
  CHECK(world.store->document("uid:1", "b"));
  CHECK(world.store->files().open_blob(sha256).ok());
  upload.reset();
  REQUIRE(world.commit(remove_document("b", sha256)).ok());
  settle(world);
  CHECK_FALSE(world.store->files().open_blob(sha256).ok());
}

TEST_CASE("the database is private and set up to keep what it acknowledged") {
  World world;
  REQUIRE(world.insert(conversion(1)).ok());
  struct stat facts {};
  for (const std::string name : {"convd.db", "convd.db-wal"}) {
    REQUIRE(::stat((world.directory / name).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0600);
  }
  world.store.reset();
  // The last to close checkpoints: nothing is left in the log.
  CHECK_FALSE(fs::exists(world.directory / "convd.db-wal"));
}

TEST_CASE("progress takes a number and leaves no row, and what is committed is told in order") {
  World world;
  std::vector<EventRow> told;
  world.store->on_appended([&](std::vector<EventRow> rows) { told.insert(told.end(), rows.begin(), rows.end()); });
  const auto append = [&](std::vector<EventRow> rows, Result<void> outcome) {
    return world
        .commit([rows, outcome](Transaction& transaction, Files&) -> Result<void> {
          for (const EventRow& row : rows) transaction.append(row);
          return outcome;
        })
        .ok();
  };
  EventRow note = event("uid:1", "n");
  note.service = "note";
  CHECK(append({event("uid:1", "a"), progress("uid:1", "a"), note, progress("uid:1", "a")}, {}));
  CHECK_FALSE(append({event("uid:1", "lost")}, fails(ErrorCode::already_finished)));
  CHECK(append({event("uid:1", "b")}, {}));
  std::vector<std::int64_t> seqs;
  std::vector<std::int64_t> prevs;
  for (const EventRow& row : told) {
    seqs.push_back(row.seq);
    prevs.push_back(row.prev.value_or(0));
  }
  CHECK(seqs == std::vector<std::int64_t>{2, 3, 4, 5, 7});  // 6 went with the operation that failed
  CHECK(prevs == std::vector<std::int64_t>{0, 2, 0, 2, 2});
  std::vector<std::string> stored;
  for (const EventRow& row : world.store->events("uid:1", 0, 100, 10))
    stored.push_back(row.subject + std::to_string(row.seq) + "<" + std::to_string(row.prev.value_or(0)));
  CHECK(stored == std::vector<std::string>{"a2<0", "n4<0", "b7<2"});
}

TEST_CASE("numbers that were told are not given out again after a crash") {
  World world;
  std::vector<std::int64_t> seqs;
  const auto append = [&] {
    REQUIRE(world
                .commit([&](Transaction& transaction, Files&) -> Result<void> {
                  seqs.push_back(transaction.append(progress("uid:1", "a")));
                  return {};
                })
                .ok());
  };
  for (int i = 0; i < 3; ++i) append();
  // What a crash leaves behind: the files as they are now.
  const tests::TempDirectory after;
  for (const char* name : {"convd.db", "convd.db-wal"}) fs::copy_file(world.directory / name, after / name);
  for (int i = 0; i < 3; ++i) append();
  World second(after.path());
  std::int64_t next = 0;
  REQUIRE(second
              .commit([&](Transaction& transaction, Files&) -> Result<void> {
                next = transaction.append(progress("uid:1", "a"));
                return {};
              })
              .ok());
  CHECK(seqs.back() == 7);
  CHECK(next > seqs.back());
}

TEST_CASE("a log is opened once, and pruned by age and by number but for the newest of each service") {
  World world;
  LogHead head;
  const auto write = [&](const std::function<void(Transaction&)>& work) {
    REQUIRE(world
                .commit([&](Transaction& transaction, Files&) -> Result<void> {
                  work(transaction);
                  head = transaction.open_log("uid:1");
                  return {};
                })
                .ok());
  };
  write([](Transaction&) {});
  const std::string epoch = head.epoch;
  CHECK(epoch.size() == 32);
  CHECK(head.head == 1);  // never 0, which would say "from now on"
  CHECK(head.oldest == 1);
  write([](Transaction& transaction) {
    for (int i = 1; i <= 6; ++i) {
      EventRow row = event("uid:1", std::to_string(i));
      row.ts_ms = i * 100;
      if (i == 1) row.service = "note";
      transaction.append(row);
    }
  });
  const auto subjects = [&] {
    std::string all;
    for (const EventRow& row : world.store->events("uid:1", 0, 100, 10)) all += row.subject;
    return all;
  };
  std::int64_t removed = 0;
  write([&](Transaction& transaction) { removed = transaction.prune_events(300, 100, 100); });
  CHECK(removed == 1);  // 2: the only one of its service stays in the table, and 3 is not older than that
  CHECK(head.oldest == 4);
  CHECK(world.store->oldest_event("uid:1") == 4);
  CHECK(subjects() == "3456");
  write([&](Transaction& transaction) { transaction.prune_events(0, 2, 1); });
  CHECK(head.oldest == 6);  // at once, although the removal goes on in steps
  CHECK(subjects() == "56");
  write([&](Transaction& transaction) { removed = transaction.prune_events(10'000, 2, 100); });
  EventRow note;
  write([&](Transaction& transaction) {
    note = event("uid:1", "n");
    note.service = "note";
    transaction.append(note);
  });
  CHECK(world.store->events("uid:1", 0, 100, 10).back().prev == 2);
  CHECK(head.epoch == epoch);
}

TEST_CASE("a full disk fails what does not fit, keeps what was acknowledged, and ends") {
  const tests::SmallDisk disk;
  if (!disk.mounted()) {
    WARN("skipped: cannot mount a small tmpfs (not root?)");
    return;
  }
  World world(disk.path() + "/state");
  REQUIRE(world.insert(conversion(1)).ok());
  ConversionRow large = conversion(2);
  large.options_json = std::string(2 << 20, 'x');
  Gate gate;
  gate.close(*world.store);
  ErrorCode neighbour{};
  world.store->submit(
      [](Transaction& transaction, Files&) -> Result<void> {
        transaction.insert(conversion(3));
        transaction.append(event("uid:1", "x"));
        return {};
      },
      [&](Result<void> outcome) { neighbour = outcome ? ErrorCode::internal : outcome.error().code; });
  world.store->submit([](Transaction&, Files&) { return fails(ErrorCode::already_finished); },
                      [](Result<void> outcome) { CHECK(outcome.error().code == ErrorCode::already_finished); });
  gate.open();
  const auto outcome = world.insert(large);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == ErrorCode::disk_full);
  CHECK((neighbour == ErrorCode::disk_full || world.store->conversion(id_of(3))));
  CHECK_FALSE(world.store->conversion(large.id));
  CHECK(world.store->conversion(id_of(1)));

  CHECK(world.insert(conversion(4)).ok());
  world.reopen();
  CHECK(world.store->conversion(id_of(1)));
  CHECK(world.store->conversion(id_of(4)));
  CHECK_FALSE(world.store->conversion(large.id));
}

TEST_CASE("on a full disk everything can be removed, also when others take what is given back") {
  const tests::SmallDisk disk(24);
  if (!disk.mounted()) {
    WARN("skipped: cannot mount a small tmpfs (not root?)");
    return;
  }
  constexpr int all = 60;
  World world(disk.path() + "/state");
  for (int i = 1; i <= all; ++i) {
    ConversionRow row = conversion(i);
    row.receipt_json = std::string(20'000, 'x');
    REQUIRE(world.insert(row).ok());
  }
  std::ofstream others(disk.path() + "/others", std::ios::binary);
  const std::string page(4096, 'o');
  const auto take_everything = [&] {
    others.clear();
    while (others.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  };
  for (int i = 1; i <= all; ++i) {
    take_everything();
    Result<void> outcome;
    world.store->submit_essential(
        [i](Transaction& transaction, Files&) -> Result<void> {
          transaction.remove_conversion(id_of(i));
          transaction.append(event("uid:1", std::string(300, 'e')));
          return {};
        },
        [&](Result<void> told) {
          outcome = std::move(told);
          world.loop.stop();
        });
    world.loop.run();
    INFO("removal " << i);
    REQUIRE(outcome.ok());
  }
  CHECK(world.ids({"uid:1", {}, {}, "", 100}).empty());
}
