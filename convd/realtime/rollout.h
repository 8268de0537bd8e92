#pragma once
// Who gets the stream while it is being introduced. Pure. Any thread.

#include <string>
#include <string_view>
#include <vector>

namespace convd::realtime {

struct RolloutSettings {
  bool enabled = true;             // false: nobody
  int percent = 100;               // of all principals, 0-100
  std::vector<std::string> users;  // principals who get it whatever the percentage
};

// The same answer for a principal each time, in every process. Who is in at some percentage is in at every higher one.
bool admits(const RolloutSettings& settings, std::string_view principal);

}  // namespace convd::realtime
