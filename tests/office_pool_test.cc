#include "convd/runner/office_pool.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>

#include "convd/loop/ev_loop.h"
#include "convd/process/pidfd.h"
#include "convd/runner/process_tree.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temp_directory.h"

using namespace convd;
using namespace std::chrono_literals;
using runner::OfficePool;

namespace {

// A document that was given away, and what was told of it.
struct Told final : runner::OfficeClient {
  void on_started(loop::UniqueFd pidfd) override { started = std::move(pidfd); }
  void on_ended(const process::ChildEnded& end) override { ended = end; }
  void on_lost() override { lost = true; }

  loop::UniqueFd started;
  std::optional<process::ChildEnded> ended;
  bool lost = false;
};

runner::OfficeOptions when(runner::WarmOffice answer) {
  runner::OfficeOptions options;
  options.when = answer;
  return options;
}

class World {
 public:
  explicit World(const std::string& mode, runner::OfficeOptions options = {}) {
    const std::string program = directory / "convd-office";
    if (!mode.empty()) {
      std::filesystem::copy_file(CONVD_SOURCE_DIR "/tests/support/fake_office.py", program);
      std::ofstream(program + ".mode") << mode;
    }
    std::filesystem::permissions(directory / ".", std::filesystem::perms(0755));
    auto prepared = runner::Confinement::prepare({.work_dir = directory / "work", .sandbox = false, .inspector = {}});
    if (!prepared) throw std::runtime_error(prepared.error().message);
    confinement.emplace(*std::move(prepared));
    options.program = program;
    pool.emplace(loop, *confinement, options);
    pool->open();
  }
  void play(const std::string& mode) { std::ofstream(std::string(directory / "convd-office") + ".mode") << mode; }

  void until(const std::function<bool()>& done) {
    bool late = false;
    const auto checking = loop.every(1ms, [&] {
      if (done()) loop.stop();
    });
    const auto deadline = loop.after(60s, [&] {
      late = true;
      loop.stop();
    });
    if (!done()) loop.run();
    if (late) throw std::runtime_error("the awaited never came; the pool says: " + pool->state());
  }
  void until_warm() {
    until([this] { return pool->is_warm(); });
  }
  void convert(process::ChildId id, const std::string& output, Told& told) {
    process::Convert convert;
    convert.id = id;
    convert.workspace = "/nowhere";
    convert.job.output = output;
    pool->current().convert(convert, {}, told);
  }

  tests::TempDirectory directory;
  loop::EvLoop loop;
  std::optional<runner::Confinement> confinement;
  std::optional<OfficePool> pool;
};

}  // namespace

TEST_CASE("a pool without convd-office refuses and says why") {
  World world("");
  CHECK(world.pool->ask() == OfficePool::Answer::refuses);
  CHECK(world.pool->state() == "convd-office is not installed");
  World never("serve", when(runner::WarmOffice::never));
  CHECK(never.pool->ask() == OfficePool::Answer::refuses);
  CHECK(never.pool->state() == "switched off");
}

TEST_CASE("a document waits for the start and is then given to the process") {
  World world("serve");
  CHECK(world.pool->ask() == OfficePool::Answer::starts);
  runner::OfficeProcess* given = nullptr;
  world.pool->wait([&](runner::OfficeProcess* process) { given = process; });
  world.until([&] { return given != nullptr; });
  CHECK(world.pool->ask() == OfficePool::Answer::serves);
  CHECK(world.pool->state() == "LibreOffice 7.4, pretence");

  Told told;
  world.convert(7, "x.pdf", told);
  world.until([&] { return told.ended.has_value(); });
  CHECK(told.started);
  CHECK(told.ended->id == 7);
  CHECK(told.ended->status == 0);
  CHECK(told.ended->system_ms == 2);
}

TEST_CASE("when needed, the first question starts it") {
  World world("serve", when(runner::WarmOffice::when_needed));
  CHECK(world.pool->state() == "not started yet");
  CHECK(world.pool->ask() == OfficePool::Answer::starts);
  world.until_warm();
}

TEST_CASE("the death of the process loses its documents and another one takes over") {
  World world("serve");
  world.until_warm();
  Told quick;
  for (process::ChildId id = 1; id <= 10; ++id) {  // it has proved its health
    quick = {};
    world.convert(id, "x.pdf", quick);
    world.until([&] { return quick.ended.has_value(); });
  }
  Told told;
  world.convert(11, "never", told);
  world.until([&] { return static_cast<bool>(told.started); });
  const pid_t child = process::pid_of(told.started.get());
  const auto family = runner::process_tree(getpid());
  const auto* before = &world.pool->current();
  kill(family.at(1), SIGKILL);
  world.until([&] { return told.lost; });
  CHECK_FALSE(told.ended.has_value());
  world.until_warm();
  CHECK(&world.pool->current() != before);
  if (child > 0) kill(child, SIGKILL);  // without a sandbox nothing else ends it
}

TEST_CASE("starts that fail in a row send whoever waits the cold way") {
  World world("die");
  bool decided = false;
  CHECK(world.pool->ask() == OfficePool::Answer::starts);
  world.pool->wait([&](runner::OfficeProcess* process) {
    decided = true;
    CHECK(process == nullptr);
    // Here, because it goes on trying: a turn later the next start may be under way.
    CHECK(world.pool->ask() == OfficePool::Answer::refuses);
    CHECK(world.pool->state() == "it ended with status 3");
  });
  world.until([&] { return decided; });
  world.play("serve");
  world.until_warm();
  CHECK(world.pool->ask() == OfficePool::Answer::serves);
}

TEST_CASE("what refuses for good is not tried again") {
  World world("refuse");
  world.until([&] { return world.pool->ask() == OfficePool::Answer::refuses; });
  CHECK(world.pool->state() == "no such LibreOffice");
}

TEST_CASE("a worn process is replaced without a pause, and ends after its last document") {
  runner::OfficeOptions worn_soon;
  worn_soon.most_documents = 2;
  worn_soon.look_period = 5ms;
  World world("serve", worn_soon);
  world.until_warm();
  const auto* first = &world.pool->current();
  Told long_one;
  Told short_one;
  world.convert(1, "never", long_one);
  world.convert(2, "x.pdf", short_one);
  world.until([&] { return world.pool->is_warm() && &world.pool->current() != first; });
  CHECK_FALSE(long_one.lost);
  Told next;
  world.convert(3, "x.pdf", next);
  world.until([&] { return next.ended.has_value(); });
  world.until([&] { return static_cast<bool>(long_one.started); });
  process::signal_pidfd(long_one.started.get(), SIGTERM);
  world.until([&] { return long_one.ended.has_value(); });
  CHECK(long_one.ended->status == SIGTERM);
}

TEST_CASE("what a process has said is heard, though it has ended meanwhile") {
  runner::OfficeOptions worn_soon;
  worn_soon.most_documents = 2;
  worn_soon.look_period = 5ms;
  World world("serve", worn_soon);
  world.until_warm();
  const auto* first = &world.pool->current();
  const auto ended = process::open_pidfd(runner::process_tree(getpid()).at(1));
  std::array<Told, 2> documents;
  for (int i : {0, 1}) world.convert(static_cast<process::ChildId>(i), "never", documents.at(i));
  world.until([&] { return world.pool->is_warm() && &world.pool->current() != first; });
  for (const Told& told : documents) {
    world.until([&] { return static_cast<bool>(told.started); });
    process::signal_pidfd(told.started.get(), SIGTERM);
  }
  // Outside of the loop, which then finds all of it at once.
  pollfd gone{ended.get(), POLLIN, 0};
  REQUIRE(::poll(&gone, 1, 60'000) == 1);
  for (const Told& told : documents) {
    world.until([&] { return told.ended || told.lost; });
    CHECK_FALSE(told.lost);
  }
}
