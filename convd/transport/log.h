#pragma once
// The folder's logger. Any thread.

#include <spdlog/spdlog.h>

#include <memory>

namespace convd::transport {

// The logger "transport", or spdlog's default one when none is registered.
inline std::shared_ptr<spdlog::logger> log() {
  auto named = spdlog::get("transport");
  return named ? named : spdlog::default_logger();
}

}  // namespace convd::transport
