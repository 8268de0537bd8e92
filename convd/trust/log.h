#pragma once
// The folder's logger: the one registered as "trust", the default one where nobody has registered it. Any thread.

#include <spdlog/spdlog.h>

#include <memory>

namespace convd::trust {

inline std::shared_ptr<spdlog::logger> log() {
  auto named = spdlog::get("trust");
  return named ? named : spdlog::default_logger();
}

}  // namespace convd::trust
