#include "convd/realtime/rollout.h"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/catch.h"

using convd::realtime::admits;
using convd::realtime::RolloutSettings;

namespace {

constexpr int principals = 20'000;

RolloutSettings percent(int percent) {
  RolloutSettings settings;
  settings.percent = percent;
  return settings;
}

std::vector<bool> admitted(const RolloutSettings& settings) {
  std::vector<bool> all;
  for (int uid = 0; uid < principals; ++uid) all.push_back(admits(settings, "uid:" + std::to_string(uid)));
  return all;
}

}  // namespace

TEST_CASE("who is in at some percentage is in at every higher one, about as many as it says") {
  auto before = admitted(percent(0));
  CHECK(std::count(before.begin(), before.end(), true) == 0);
  for (int share = 1; share <= 100; ++share) {
    INFO(share << " percent");
    const auto now = admitted(percent(share));
    bool grown_only = true;
    for (std::size_t i = 0; i < now.size(); ++i) grown_only = grown_only && (now[i] || !before[i]);
    CHECK(grown_only);
    const auto in = std::count(now.begin(), now.end(), true);
    const auto expected = principals / 100 * share;
    CHECK(in > expected - principals / 50);
    CHECK(in < expected + principals / 50);
    before = now;
  }
  CHECK(std::count(before.begin(), before.end(), true) == principals);
}

TEST_CASE("the answer is the same in every process") {
  std::string in;
  for (int uid = 1000; uid < 1020; ++uid) in += admits(percent(50), "uid:" + std::to_string(uid)) ? "1" : "0";
  CHECK(in == "11101000111001001111");
}

TEST_CASE("listed users are in whatever the percentage, but nobody when it is off") {
  RolloutSettings settings = percent(0);
  settings.users = {"uid:7", "local"};
  CHECK(admits(settings, "uid:7"));
  CHECK(admits(settings, "local"));
  CHECK_FALSE(admits(settings, "uid:77"));
  CHECK_FALSE(admits(settings, ""));
  settings.percent = 100;
  CHECK(admits(settings, "uid:77"));
  settings.enabled = false;
  CHECK_FALSE(admits(settings, "uid:7"));
  CHECK_FALSE(admits(settings, "uid:77"));
}
