#pragma once
// The logger of this folder. Any thread.

#include <spdlog/logger.h>

#include <memory>

namespace convd::jobs {

// "jobs" when it was registered, else the default one.
std::shared_ptr<spdlog::logger> log();

}  // namespace convd::jobs
