#pragma once
// The only map from what happened to an exit code. Pure. Any thread.

#include <optional>
#include <string_view>
#include <vector>

#include "shared/protocol.h"

namespace convctl {

// The sysexits(3) numbers where there is one, so that systemctl and scripts can name them.
enum class Exit : int {
  ok = 0,
  failed = 1,           // the converter failed
  cancelled = 3,        // the conversion was cancelled
  some_failed = 4,      // several conversions, some succeeded
  usage = 64,           // wrong flags or arguments, binary data to a terminal
  input_rejected = 65,  // the document is damaged, encrypted, too large, or the pair is impossible
  no_input = 66,        // an input file is missing or empty; an id or name is unknown
  unavailable = 69,     // the daemon cannot be reached
  internal = 70,        // a defect of convd or convctl
  cannot_create = 73,   // the output exists or cannot be created
  io_error = 74,        // reading the input or writing the output failed
  try_later = 75,       // queue full, shutting down, disk full
  protocol = 76,        // the daemon answered something that is not its protocol
  not_allowed = 77,     // 401, 403
  config = 78,          // broken configuration or installation
  timeout = 124,        // --timeout elapsed, as timeout(1)
  interrupted = 130,    // SIGINT
  terminated = 143,     // SIGTERM
};

constexpr int to_int(Exit code) {
  return static_cast<int>(code);
}

// The fate of a conversion that has ended; `ok` for one that has not.
Exit exit_for(const shared::StatusObject& object);
Exit exit_for(shared::ErrorCode code);
// A non-2xx answer; the code decides, the status only when there is none that is known.
Exit exit_for_http(int status, const std::optional<shared::ErrorCode>& code);
Exit exit_for_signal(int number);
// One exit for many: all the same gives that; some succeeded gives 4; else the worst by severity of the caller's
// problem.
Exit combine(const std::vector<Exit>& all);

}  // namespace convctl
