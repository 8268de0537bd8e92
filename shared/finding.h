#pragma once
// One line of the doctor, as both programs know it. Any thread.

#include <cstdint>
#include <optional>
#include <string>

#include "shared/json.h"

namespace shared {

enum class Verdict : std::uint8_t { ok, warn, fail };

struct Finding {
  std::string name;
  Verdict verdict = Verdict::ok;
  std::string message;                // what was found
  std::optional<std::string> advice;  // what to do
};

// {"name","verdict","message","advice","ok"}; the last is false for a failure only.
Json to_json(const Finding& finding);
// Errors: invalid_json.
Result<Finding> finding_from(const JsonReader& json);

}  // namespace shared
