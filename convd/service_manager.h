#pragma once
// What systemd gives and wants: inherited sockets, READY and STOPPING, the watchdog. Without systemd all of it does
// nothing.

#include <optional>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"

namespace convd::service_manager {

// Listening sockets from socket activation; empty without. Call once.
std::vector<loop::UniqueFd> inherited_sockets();

void ready(const std::string& status);
void reloading();
void status(const std::string& status);
void stopping(const std::string& status);
// How often alive() is wanted: half of the watchdog's patience; nothing without a watchdog.
std::optional<loop::milliseconds> watchdog_period();
void alive();

}  // namespace convd::service_manager
