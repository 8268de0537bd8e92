// What retention asks of the store: sums that are right after every commit, rows by their age, and a full disk on which
// what ends or removes something is written all the same.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <memory>

#include "convd/loop/ev_loop.h"
#include "convd/store/store.h"
#include "tests/support/catch.h"
#include "tests/support/small_disk.h"
#include "tests/support/temp_directory.h"

namespace fs = std::filesystem;
using namespace convd::store;
using shared::ErrorCode;
using shared::Result;

namespace {

ConversionRow conversion(const std::string& id, const std::string& org = "uid:1") {
  ConversionRow row;
  row.id = id;
  row.org = row.principal = org;
  row.filename = "a.docx";
  row.status = "pending";
  row.from = "docx";
  row.to = "pdf";
  row.options_json = row.labels_json = "{}";
  row.created_ms = 1'000;
  row.input_sha256 = std::string(64, 'a');
  return row;
}

ConversionRow completed(const std::string& id, std::int64_t bytes, Millis ended_ms, const std::string& org = "uid:1") {
  ConversionRow row = conversion(id, org);
  row.status = "completed";
  row.completed_ms = ended_ms;
  row.result_bytes = bytes;
  return row;
}

DocumentRow document(const std::string& name, std::int64_t bytes, Millis created_ms = 1'000) {
  return {"uid:1", name, "text/plain", std::string(64, 'd'), bytes, created_ms, std::nullopt, std::nullopt};
}

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
  using Submit = void (Store::*)(Store::Operation, Store::Done);
  Result<void> commit(const std::function<void(Transaction&)>& change, Submit submit = &Store::submit) {
    Result<void> outcome;
    const auto write = [&](Transaction& transaction, Files&) -> Result<void> {
      change(transaction);
      return {};
    };
    (store.get()->*submit)(write, [&](Result<void> result) {
      outcome = std::move(result);
      loop.stop();
    });
    loop.run();
    return outcome;
  }
  Result<void> commit_essential(const std::function<void(Transaction&)>& change) {
    return commit(change, &Store::submit_essential);
  }
  // "documents bytes results bytes"
  std::string usage(const std::string& org = "uid:1") {
    const Usage usage = store->usage(org);
    return std::to_string(usage.documents) + " " + std::to_string(usage.document_bytes) + " " +
           std::to_string(usage.results) + " " + std::to_string(usage.result_bytes);
  }
};

template <typename Row>
std::string names(const std::vector<Row>& rows) {
  std::string text;
  for (const Row& row : rows) {
    if constexpr (std::is_same_v<Row, DocumentRow>)
      text += row.name;
    else
      text += row.id;
  }
  return text;
}

// All there is, to the last byte.
void fill(const std::string& directory) {
  const int fd = ::open((directory + "/filler").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  REQUIRE(fd >= 0);
  for (std::size_t size = 1 << 20; size > 0; size /= 2) {
    const std::string piece(size, 'f');
    while (::write(fd, piece.data(), size) > 0) continue;
  }
  ::close(fd);
}

}  // namespace

TEST_CASE("what an org stores is known after every commit") {
  World world;
  CHECK(world.usage() == "0 0 0 0");
  REQUIRE(world.commit([](Transaction& t) {
    t.put(document("a", 10));
    t.put(document("b", 5));
    t.insert(conversion("c1"));
    t.insert(completed("c2", 100, 5'000));
    t.insert(completed("c3", 1'000, 5'000, "uid:2"));
  }));
  CHECK(world.usage() == "2 15 1 100");
  REQUIRE(world.commit([](Transaction& t) {
    t.put(document("a", 3));
    ConversionRow ended = completed("c1", 7, 6'000);
    ended.rev = 1;
    CHECK(t.update(ended));
    CHECK_FALSE(t.update(completed("c2", 7'000, 6'000)));
  }));
  CHECK(world.usage() == "2 8 2 107");
  CHECK(world.store->usage_of_all().result_bytes == 1'107);
  REQUIRE(world.commit([](Transaction& t) {
    t.remove_document("uid:1", "b");
    CHECK(t.remove_result("c2", 9'000, "age"));
    CHECK_FALSE(t.remove_result("c2", 9'000, "age"));
    CHECK(t.remove_conversion("c1"));
    CHECK_FALSE(t.remove_conversion("c1"));
  }));
  CHECK(world.usage() == "1 3 0 0");
  REQUIRE(world.commit([](Transaction& t) { t.remove_conversion("c2"); }));
  CHECK(world.usage() == "1 3 0 0");
  SECTION("and after a restart") {
    world.store.reset();
    world.store = world.open();
    CHECK(world.usage() == "1 3 0 0");
    CHECK(world.usage("uid:2") == "0 0 1 1000");
  }
  SECTION("but not of what was undone") {
    world.store->submit(
        [](Transaction& t, Files&) -> Result<void> {
          t.put(document("c", 1'000));
          return shared::Error{ErrorCode::internal, "on purpose", ""};
        },
        nullptr);
    REQUIRE(world.commit([](Transaction&) {}));
    CHECK(world.usage() == "1 3 0 0");
  }
}

TEST_CASE("a result that has gone is a fact of its conversion, and of nothing that has none") {
  World world;
  REQUIRE(world.commit([](Transaction& t) {
    t.insert(conversion("c1"));
    t.insert(completed("c2", 100, 5'000));
  }));
  REQUIRE(world.commit([](Transaction& t) {
    CHECK_FALSE(t.remove_result("c1", 9'000, "age"));
    CHECK_FALSE(t.remove_result("no such", 9'000, "age"));
    CHECK(t.remove_result("c2", 9'000, "size"));
  }));
  const auto row = world.store->conversion("c2");
  CHECK(row->result_gone_ms == 9'000);
  CHECK(row->result_gone_why == "size");
  CHECK(row->rev == 1);
  CHECK_FALSE(world.store->has_result("c2"));
  CHECK(names(world.store->ended(5'001, 10)) == "c2");
  CHECK(world.store->stored_results(10).empty());
}

TEST_CASE("results and conversions come by when they ended") {
  World world;
  REQUIRE(world.commit([](Transaction& t) {
    t.insert(completed("b", 1, 3'000));
    t.insert(completed("a", 1, 2'000));
    t.insert(completed("c", 1, 4'000));
    t.insert(conversion("d"));
    ConversionRow failed = conversion("e");
    failed.status = "error";
    failed.completed_ms = 1'000;
    t.insert(failed);
  }));
  CHECK(names(world.store->stored_results(2)) == "ab");
  CHECK(names(world.store->ended(4'000, 10)) == "eab");
  CHECK(names(world.store->ended(4'000, 1)) == "e");
}

TEST_CASE("documents come by when they were used last") {
  World world;
  REQUIRE(world.commit([](Transaction& t) {
    t.put(document("a", 1, 1'000));
    t.put(document("b", 1, 2'000));
    t.put(document("c", 1, 3'000));
  }));
  CHECK(names(world.store->unused_documents(3'000, 10)) == "ab");
  REQUIRE(world.commit([](Transaction& t) {
    t.use_document("uid:1", "a", 90'000);
    t.use_document("uid:1", "b", 2'500);  // known to the minute
  }));
  CHECK(names(world.store->unused_documents(90'000, 10)) == "bc");
  REQUIRE(world.commit([](Transaction& t) {
    CHECK_FALSE(t.remove_unused_document("uid:1", "a", 90'000));
    CHECK(t.remove_unused_document("uid:1", "b", 90'000));
    t.put(document("c", 1, 91'000));
    CHECK_FALSE(t.remove_unused_document("uid:1", "c", 90'000));
  }));
  CHECK(world.store->documents({"uid:1", "", 10}).size() == 2);
}

TEST_CASE("on a disk full to the last byte what ends or removes something is written all the same") {
  const tests::SmallDisk disk(24);
  if (!disk.mounted()) {
    WARN("skipped: cannot mount a small tmpfs (not root?)");
    return;
  }
  World world(disk.path() + "/state");
  REQUIRE(world.commit([](Transaction& t) {
    for (int i = 0; i < 200; ++i) t.insert(conversion("c" + std::to_string(i)));
  }));
  fill(disk.path());
  const auto insert = [](const std::string& id, std::size_t bytes) {
    return [id, bytes](Transaction& t) {
      ConversionRow row = conversion(id);
      row.options_json = std::string(bytes, 'x');
      t.insert(row);
    };
  };
  // More than what the write-ahead log holds on to.
  const auto refused = world.commit(insert("new", 8'000'000));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::disk_full);
  CHECK_FALSE(world.store->files().reserve().is_spent());
  for (int i = 0; i < 200; ++i) {
    ConversionRow ended = conversion("c" + std::to_string(i));
    ended.status = "cancelled";
    ended.rev = 1;
    ended.error = std::string(10'000, 'x');  // all of them together, too
    REQUIRE(world.commit_essential([&](Transaction& t) { CHECK(t.update(ended)); }));
  }
  CHECK(world.store->files().reserve().is_spent());
  for (int i = 0; i < 100; ++i)
    REQUIRE(world.commit_essential([&](Transaction& t) { t.remove_conversion("c" + std::to_string(i)); }));
  CHECK(world.store->conversion("c150")->status == "cancelled");
  CHECK_FALSE(world.store->conversion("new"));

  SECTION("and it opens again, still full") {
    fill(disk.path());
    world.store.reset();
    world.store = world.open();
    CHECK(world.store->conversion("c150")->status == "cancelled");
    CHECK(world.store->files().reserve().is_spent());
  }
  SECTION("and when there is room, everything is as before") {
    fs::remove(disk.path() + "/filler");
    REQUIRE(world.store->files().reserve().restore().ok());
    CHECK(world.commit(insert("new", 100'000)));
  }
}
