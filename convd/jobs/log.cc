#include "convd/jobs/log.h"

#include <spdlog/spdlog.h>

namespace convd::jobs {

std::shared_ptr<spdlog::logger> log() {
  if (auto logger = spdlog::get("jobs")) return logger;
  return spdlog::default_logger();
}

}  // namespace convd::jobs
