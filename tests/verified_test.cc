// A stored file is compared with its digest once, and again when it has changed.

#include "convd/store/verified.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "convd/loop/unique_fd.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

using convd::loop::UniqueFd;
using convd::store::Sha256;
using convd::store::Verdict;
using convd::store::Verification;
using convd::store::Verified;

namespace {

std::string digest_of(const std::string& text) {
  Sha256 sha256;
  sha256.update(text);
  return sha256.finish();
}

struct World {
  tests::TempDirectory directory;
  Verified verified;

  UniqueFd file(const std::string& text) {
    std::ofstream(directory / "file", std::ios::binary | std::ios::trunc) << text;
    return UniqueFd(::open((directory / "file").c_str(), O_RDWR | O_CLOEXEC));
  }
  // The verdict and in how many steps.
  std::pair<Verdict, int> read(const UniqueFd& fd, const std::string& sha256) {
    Verification verification(fd.get(), sha256);
    for (int steps = 1;; ++steps) {
      if (const auto verdict = verification.step(verified)) return {*verdict, steps};
    }
  }
};

}  // namespace

TEST_CASE("what was read is remembered, good or not") {
  World world;
  const auto file = world.file("hello");
  CHECK_FALSE(world.verified.verdict_of(file.get(), digest_of("hello")));
  CHECK(world.read(file, digest_of("hello")).first == Verdict::good);
  CHECK(world.verified.verdict_of(file.get(), digest_of("hello")) == Verdict::good);
  CHECK_FALSE(world.verified.verdict_of(file.get(), digest_of("bye")));
  CHECK(world.read(file, digest_of("bye")).first == Verdict::damaged);
  CHECK(world.verified.verdict_of(file.get(), digest_of("bye")) == Verdict::damaged);
}

TEST_CASE("what has changed since is not known") {
  World world;
  const std::string sha256 = digest_of("hello");
  const auto file = world.file("hello");
  const auto at = [&](time_t seconds) {
    const struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(::futimens(file.get(), times) == 0);
  };
  at(1'000);
  REQUIRE(world.read(file, sha256).first == Verdict::good);
  SECTION("written to") {
    REQUIRE(::pwrite(file.get(), "H", 1, 0) == 1);
    at(2'000);
    CHECK_FALSE(world.verified.verdict_of(file.get(), sha256));
    CHECK(world.read(file, sha256).first == Verdict::damaged);
  }
  SECTION("longer") {
    REQUIRE(::ftruncate(file.get(), 6) == 0);
    at(1'000);
    CHECK_FALSE(world.verified.verdict_of(file.get(), sha256));
  }
  SECTION("another file under its name") {
    const auto copy = [&] {
      REQUIRE(::rename((world.directory / "file").c_str(), (world.directory / "old").c_str()) == 0);
      return world.file("hello");
    }();
    CHECK_FALSE(world.verified.verdict_of(copy.get(), sha256));
  }
}

TEST_CASE("a large file is read in slices, each byte of it") {
  World world;
  std::string text(40 << 20, 'x');
  const std::string sha256 = digest_of(text);
  auto [verdict, steps] = world.read(world.file(text), sha256);
  CHECK(verdict == Verdict::good);
  CHECK(steps > 2);
  text.back() = 'y';
  CHECK(world.read(world.file(text), sha256).first == Verdict::damaged);
}
