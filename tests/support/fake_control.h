#pragma once
// The daemon as operators ask it: does to the manager what they want, and says what the test says.

#include "convd/api/control.h"

namespace tests {

struct FakeControl final : convd::api::Control {
  explicit FakeControl(convd::jobs::Manager& given) : manager(given) {}

  void ask_for(convd::jobs::Operation operation) override {
    using convd::jobs::Operation;
    if (operation == Operation::paused) manager.pause();
    if (operation == Operation::draining) manager.drain_and_stay([] {});
    if (operation == Operation::running) manager.resume();
  }
  const std::string& log_level() const override { return level; }
  shared::Result<void> set_log_level(const std::string& wanted) override {
    if (wanted == "loud") return shared::Error{shared::ErrorCode::invalid_option, "expected one of these", {}};
    level = wanted;
    return {};
  }
  shared::Result<std::vector<convd::api::KeyChange>> reload() override { return changes; }
  std::vector<std::pair<std::string, std::string>> problems() const override { return troubles; }

  convd::jobs::Manager& manager;
  std::string level = "info";
  shared::Result<std::vector<convd::api::KeyChange>> changes = std::vector<convd::api::KeyChange>{};
  std::vector<std::pair<std::string, std::string>> troubles;
};

}  // namespace tests
