#include "convd/pulse.h"

#include "tests/support/catch.h"
#include "tests/support/house.h"

using convd::Pulse;
using convd::loop::milliseconds;
using std::chrono::seconds;

namespace {

// Its threads for files get stuck when the test says so.
class StuckFiles final : public tests::MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  void submit(Preparation prepare, Operation write, Done done) override {
    if (prepare && files_stick_) return kept_.push_back(std::move(done));
    MemoryStore::submit(std::move(prepare), std::move(write), std::move(done));
  }
  void submit_upload(Preparation prepare, Operation write, Done done) override {
    if (uploads_stick_) return kept_.push_back(std::move(done));
    MemoryStore::submit(std::move(prepare), std::move(write), std::move(done));
  }
  void stick_files() { files_stick_ = true; }
  void stick_uploads() { uploads_stick_ = true; }
  void let_go_of_files() {
    files_stick_ = uploads_stick_ = false;
    for (const Done& done : std::exchange(kept_, {})) done({});
  }
  std::size_t kept() const { return kept_.size(); }

 private:
  bool files_stick_ = false;
  bool uploads_stick_ = false;
  std::vector<Done> kept_;
};

struct World {
  World() {
    pulse.start({.period = seconds(1), .file_patience = seconds(30)}, [this] { ++fed; });
  }
  void lose_a_write(shared::ErrorCode code) {
    store.fail_commits(shared::Error{code, "the disk takes nothing", {}});
    store.Store::submit(
        [](auto& transaction, auto&) {
          transaction.touch();
          return shared::Result<void>();
        },
        nullptr);
    loop.advance(milliseconds(1));
  }
  int fed_within(milliseconds time) {
    fed = 0;
    loop.advance(time);
    return fed;
  }
  std::string trouble() const {
    std::string text;
    for (const auto& [name, reason] : pulse.problems()) text += name + ": " + reason + "\n";
    return text;
  }

  tests::TemporaryDirectory directory;
  tests::FakeLoop loop;
  StuckFiles store{loop, *convd::store::Files::open(directory.path())};
  int fed = 0;
  Pulse pulse{loop, store};
};

}  // namespace

TEST_CASE("it beats while the store answers") {
  World world;
  CHECK(world.fed_within(seconds(10)) >= 10);
  CHECK(world.trouble().empty());
}

TEST_CASE("a store that does not answer is waited for, and said to be silent") {
  World world;
  world.fed_within(seconds(2));
  world.store.hold();
  CHECK(world.fed_within(seconds(5)) == 0);
  CHECK(world.trouble().empty());
  CHECK(world.fed_within(seconds(7)) == 0);
  CHECK(world.trouble().find("store: has not answered for 1") == 0);
  world.store.let_go();
  CHECK(world.fed_within(seconds(3)) >= 3);
  CHECK(world.trouble().empty());
}

TEST_CASE("a store that has lost a write and loses another is no sign of life") {
  World world;
  world.fed_within(seconds(2));
  world.lose_a_write(shared::ErrorCode::unavailable);
  CHECK(world.fed_within(seconds(10)) == 0);
  world.store.fail_commits({});
  CHECK(world.fed_within(seconds(3)) >= 3);
  CHECK(!world.store.lost_write());
}

TEST_CASE("a beat writes nothing while all is well") {
  World world;
  world.store.fail_commits(shared::Error{shared::ErrorCode::unavailable, "nobody has met this yet", {}});
  CHECK(world.fed_within(seconds(10)) >= 10);
}

TEST_CASE("a full disk is no reason to start again") {
  World world;
  world.lose_a_write(shared::ErrorCode::disk_full);
  CHECK(world.fed_within(seconds(10)) >= 10);
  CHECK(world.store.lost_write());
}

TEST_CASE("threads for files are given more time, and not for ever") {
  World world;
  world.fed_within(seconds(2));
  std::string which;
  SECTION("uploads") {
    which = "uploads";
    world.store.stick_uploads();
  }
  SECTION("all else") {
    which = "files";
    world.store.stick_files();
  }
  CHECK(world.fed_within(seconds(25)) >= 25);
  CHECK(world.store.kept() == 1);
  world.fed_within(seconds(10));
  CHECK(world.fed_within(seconds(10)) == 0);
  CHECK(world.trouble().find(which + ": has not answered for") == 0);
  world.store.let_go_of_files();
  CHECK(world.fed_within(seconds(3)) >= 3);
  CHECK(world.trouble().empty());
}
