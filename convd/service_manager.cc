#include "convd/service_manager.h"

#include <systemd/sd-daemon.h>
#include <time.h>

#include <cstdint>

namespace convd::service_manager {

std::vector<loop::UniqueFd> inherited_sockets() {
  std::vector<loop::UniqueFd> sockets;
  const int count = sd_listen_fds(1);
  for (int i = 0; i < count; ++i) sockets.emplace_back(SD_LISTEN_FDS_START + i);
  return sockets;
}

void ready(const std::string& status) {
  sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

void reloading() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const std::int64_t us = static_cast<std::int64_t>(now.tv_sec) * 1'000'000 + now.tv_nsec / 1'000;
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(us)).c_str());
}

void status(const std::string& status) {
  sd_notify(0, ("STATUS=" + status).c_str());
}

void stopping(const std::string& status) {
  sd_notify(0, ("STOPPING=1\nSTATUS=" + status).c_str());
}

std::optional<loop::milliseconds> watchdog_period() {
  std::uint64_t us = 0;
  if (sd_watchdog_enabled(0, &us) <= 0) return std::nullopt;
  return loop::milliseconds(us / 2'000);
}

void alive() {
  sd_notify(0, "WATCHDOG=1");
}

}  // namespace convd::service_manager
