#pragma once
// What ends a command, or one file of it: a sentence for people and the exit code. Thrown by commands and caught in
// main; given to callbacks as a value. Any thread.

#include <optional>
#include <string>

#include "convctl/exit_code.h"

namespace convctl {

struct Failure {
  Exit exit = Exit::internal;
  std::string message;                    // what, where
  std::string hint;                       // what to do next; may be empty
  std::string code = {};                  // the daemon's error code, when it gave one
  std::optional<int> retry_after_s = {};  // the daemon's Retry-After
};

}  // namespace convctl
