// The crash points of the sources: tests/chaos goes through all of them, by name.

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>

#include "convd/loop/crash_point.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

namespace {

std::map<std::string, int> points_in_sources() {
  std::map<std::string, int> points;
  const std::regex call("loop::crash_point\\(\"([^\"]*)\"\\)");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(CONVD_SOURCE_DIR "/convd")) {
    if (entry.path().extension() != ".cc") continue;
    std::ifstream file(entry.path());
    const std::string text(std::istreambuf_iterator<char>(file), {});
    for (std::sregex_iterator found(text.begin(), text.end(), call), end; found != end; ++found) ++points[(*found)[1]];
  }
  return points;
}

// The signal that ended a process which passes `name` `times` times, 0 when it came to its end.
int signal_of(const char* wanted, const char* name, int times) {
  const pid_t child = fork();
  if (child == 0) {
    setenv("CONVD_CRASH_AT", wanted, 1);
    for (int i = 0; i < times; ++i) convd::loop::crash_point(name);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

TEST_CASE("every crash point has a name of its own") {
  const auto points = points_in_sources();
  CHECK(points.size() >= 20);
  std::string list;
  for (const auto& [name, count] : points) {
    list += "\n" + name;
    CHECK(count == 1);
    CHECK(std::regex_match(name, std::regex("[a-z]+\\.[a-z_]+")));
  }
  WARN("crash points:" << list);
}

#ifdef CONVD_CRASH_POINTS
TEST_CASE("the process dies at the point that is named, the nth time it comes there") {
  CHECK(signal_of("here.now", "here.now", 1) == SIGKILL);
  CHECK(signal_of("here.now:3", "here.now", 3) == SIGKILL);
  CHECK(signal_of("here.now:3", "here.now", 2) == 0);
  CHECK(signal_of("elsewhere", "here.now", 5) == 0);
}
#endif
