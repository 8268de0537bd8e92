#include "convd/loop/crash_point.h"

#ifdef CONVD_CRASH_POINTS

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>

namespace convd::loop {
namespace {

struct Wanted {
  std::string name;
  std::atomic<long> left{1};

  Wanted() {
    const char* text = std::getenv("CONVD_CRASH_AT");
    if (text == nullptr) return;
    name = text;
    const auto colon = name.find(':');
    if (colon == std::string::npos) return;
    left = std::strtol(name.c_str() + colon + 1, nullptr, 10);
    name.resize(colon);
  }
};

}  // namespace

void crash_point(std::string_view name) {
  static Wanted wanted;
  if (name == wanted.name && --wanted.left == 0) ::kill(::getpid(), SIGKILL);
}

}  // namespace convd::loop

#endif
