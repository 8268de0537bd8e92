#pragma once
// What makes two submissions the same: as a repetition of one request (fingerprint), or as the same work (reuse key).
// Pure. Any thread.

#include <optional>
#include <string>
#include <vector>

#include "convd/engines/engine.h"
#include "convd/jobs/manager.h"

namespace convd::jobs {

// SHA-256 of what was asked for and of the bytes it was asked for; hex. Passwords count only as being there: what is
// kept longer than the conversion must not help to guess them. Org, principal and key are no part of it.
std::string fingerprint(const Submission& submission, const std::string& input_sha256);

// Everything a result depends on.
struct Work {
  struct Step {
    std::string engine;
    std::string version;
    std::string from;
    std::string to;
  };
  std::string input_sha256;
  std::string from;
  std::string to;
  engines::Options options;  // validated
  std::vector<Step> route;
  std::optional<std::string> fonts;  // names the set of fonts; nothing when that is not certain now
};

// SHA-256, hex. Nothing when the work has a secret, or when something it depends on is not known.
std::optional<std::string> reuse_key(const Work& work);

}  // namespace convd::jobs
