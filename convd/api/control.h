#pragma once
// What operators ask of the daemon itself. A fake in tests.

#include <string>
#include <utility>
#include <vector>

#include "convd/jobs/manager.h"
#include "shared/result.h"

namespace convd::api {

// A key whose value is another one in the configuration read just now.
struct KeyChange {
  enum class Effect : std::uint8_t { now, restart };
  std::string key;
  std::string from;  // in force until now; with `restart` still
  std::string to;
  Effect effect = Effect::now;
};

// Loop thread only.
class Control {
 public:
  virtual ~Control() = default;
  // Nothing happens when it is so already, nor when the daemon is about to end.
  virtual void ask_for(jobs::Operation operation) = 0;
  virtual const std::string& log_level() const = 0;
  // Errors: invalid_option, which names those there are.
  virtual shared::Result<void> set_log_level(const std::string& level) = 0;
  // Errors: invalid_option with file, line and key; then nothing has changed.
  virtual shared::Result<std::vector<KeyChange>> reload() = 0;
  // Checks of /readyz that fail beside the manager's: name and reason.
  virtual std::vector<std::pair<std::string, std::string>> problems() const = 0;
};

}  // namespace convd::api
