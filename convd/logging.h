#pragma once
// One named logger per folder, all to standard error. Any thread after start_logging().

#include <string>

#include "convd/config.h"

namespace convd {

void start_logging(const std::string& level, LogFormat format);
void set_log_level(const std::string& level);

}  // namespace convd
