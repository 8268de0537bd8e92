#pragma once
// The folder's logger: the one registered as "store", the default one where nobody has registered it. Any thread.

#include <spdlog/spdlog.h>

#include <memory>

namespace convd::store {

inline std::shared_ptr<spdlog::logger> log() {
  auto named = spdlog::get("store");
  return named ? named : spdlog::default_logger();
}

}  // namespace convd::store
