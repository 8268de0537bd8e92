#pragma once
// The folder's logger: the one registered as "api", the default one where nobody has registered it. Any thread.

#include <spdlog/spdlog.h>

#include <memory>

namespace convd::api {

inline std::shared_ptr<spdlog::logger> log() {
  auto named = spdlog::get("api");
  return named ? named : spdlog::default_logger();
}

}  // namespace convd::api
