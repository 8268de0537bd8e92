// convd-inspect: looks at a document, then becomes the engine that converts it. Runs inside the sandbox, in front of
// every engine.
//
//   convd-inspect INSPECTION DOCUMENT PROGRAM [ARGUMENT]...
//   convd-inspect --version
//
// INSPECTION is what convd/inspect/inspection.h encodes. Exit status: 91 the document is refused, with the reason as
// the last line of standard error; 64 usage; 127 the program cannot be started; else that of the program.

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "convd/inspect/inspection.h"
#include "shared/version.h"

namespace {

using namespace convd;

enum Exit : int { done = 0, usage = 64, not_started = 127 };

int fail(Exit code, const std::string& why) {
  std::fprintf(stderr, "convd-inspect: %s\n", why.c_str());
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--version") {
    std::printf("convd-inspect %s\n", shared::version);
    return done;
  }
  if (argc < 4) return fail(usage, "usage: convd-inspect INSPECTION DOCUMENT PROGRAM [ARGUMENT]...");
  const auto inspection = inspect::decode(argv[1]);
  if (!inspection) return fail(usage, inspection.error().message);
  if (const auto refused = inspect::inspect(*inspection, argv[2])) {
    std::fputs(inspect::refusal_line(*refused).c_str(), stderr);
    return inspect::refused_exit;
  }
  execv(argv[3], argv + 3);
  return fail(not_started, std::string(argv[3]) + ": " + std::strerror(errno));
}
