#pragma once
// From the end of a run to the job's error: the part all engines share. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/engines/engine.h"

namespace convd::engines {

// Words of an engine and what they mean; the first clue found decides.
struct Clue {
  std::string_view words;
  shared::ErrorCode code;
  std::string_view sentence;
};

// Whether a program's exit status can be trusted, or only what it left behind.
enum class Trust : std::uint8_t { status_and_output, output };

// Nothing when the run succeeded. `title` is the engine's, for the sentences.
std::optional<shared::Error> diagnose_run(const std::string& title, Trust trust, const std::vector<Clue>& clues,
                                          const Ended& ended);

// The tail of an engine's words fit for people: valid UTF-8 without control characters, at most 2 KiB.
std::string presentable_tail(std::string_view out, std::string_view err);

// The first "1.2.3"-like number after `before` in what a program printed; empty when there is none.
std::string version_after(std::string_view printed, std::string_view before);

}  // namespace convd::engines
