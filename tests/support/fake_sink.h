#pragma once
// A stream that hears what the test says, and keeps what it was offered.

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "convd/events/event.h"

namespace tests {

// Test thread only.
struct FakeSink final : convd::events::ProgressSink {
  bool is_heard(const std::string& org, shared::Service service) const override {
    return heard.count({org, service}) > 0;
  }
  std::int64_t newcomers(const std::string& org, shared::Service service) const override {
    const auto found = came.find({org, service});
    return found == came.end() ? 0 : found->second;
  }
  void offer(convd::events::Progress progress) override { offered.push_back(std::move(progress)); }
  void drop(const std::string& org, shared::Service service, const std::string& subject) override {
    dropped.push_back(org + " " + std::string(shared::to_string(service)) + " " + subject);
  }
  std::vector<std::string> listening_orgs(shared::Service service) const override {
    std::vector<std::string> orgs;
    for (const auto& [org, heard_service] : heard) {
      if (heard_service == service) orgs.push_back(org);
    }
    return orgs;
  }

  // "uid:1 presence presence.changed ID {...}", and forgets them.
  std::vector<std::string> take() {
    std::vector<std::string> told;
    for (const auto& progress : std::exchange(offered, {})) {
      told.push_back(progress.org + " " + std::string(shared::to_string(progress.service)) + " " + progress.type + " " +
                     progress.subject + " " + progress.data_json);
    }
    return told;
  }

  std::set<std::pair<std::string, shared::Service>> heard;
  std::map<std::pair<std::string, shared::Service>, std::int64_t> came;
  std::vector<convd::events::Progress> offered;
  std::vector<std::string> dropped;
};

}  // namespace tests
