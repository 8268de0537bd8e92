#pragma once
// A look at a document before an engine sees it: is it what it claims to be, and does it stay within bounds? Done where
// the engine runs, never in the daemon. Any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "convd/inspect/claim.h"
#include "shared/result.h"

namespace convd::inspect {

// As the configuration has them, by the names of its keys. Zero: no such limit.
struct Limits {
  std::int64_t input_pixels = 250'000'000;
  std::int64_t input_pages = 10'000;                // of a document, as its engine tells
  std::int64_t input_duration_ms = 24 * 3'600'000;  // of sound and film, which only their engine can tell
  std::int64_t archive_entries = 10'000;
  std::int64_t archive_size = std::int64_t{2} << 30;  // all that is in it, unpacked
  std::int64_t archive_ratio = 100;                   // unpacked to packed; only for what unpacks to a good deal
};

struct Inspection {
  Claim claim;
  bool has_password = false;  // so it may be encrypted
  Limits limits;
};

// One word of a command line.
std::string encode(const Inspection& inspection);
// Errors: invalid_json with the path.
shared::Result<Inspection> decode(std::string_view text);

// Nothing: the engine may have it. Else input_invalid, input_encrypted or input_too_large, with a sentence for people;
// internal when it cannot be read.
std::optional<shared::Error> inspect(const Inspection& inspection, const std::string& path);

// How the program convd-inspect ends when it has refused the document, and the last line it prints then.
inline constexpr int refused_exit = 91;
std::string refusal_line(const shared::Error& why);
// The refusal in what a run printed last, when its exit status was refused_exit.
std::optional<shared::Error> refusal_in(std::string_view tail);

}  // namespace convd::inspect
