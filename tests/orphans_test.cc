#include "convd/runner/orphans.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/fake_loop.h"

using convd::loop::milliseconds;

namespace {

constexpr milliseconds look{250};

pid_t dead_child() {
  const pid_t child = fork();
  if (child == 0) _exit(7);
  siginfo_t info{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == 0);
  return child;
}

}  // namespace

TEST_CASE("who started a child can still wait for it after two looks in a row") {
  tests::FakeLoop loop;
  const convd::runner::Orphans orphans(loop);
  const pid_t child = dead_child();
  loop.advance(2 * look);
  int status = 0;
  REQUIRE(waitpid(child, &status, WNOHANG) == child);
  CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("a dead child that nobody waits for is gone after the third look") {
  tests::FakeLoop loop;
  const convd::runner::Orphans orphans(loop);
  const pid_t child = dead_child();
  loop.advance(3 * look);
  CHECK(waitpid(child, nullptr, WNOHANG) == -1);
}
