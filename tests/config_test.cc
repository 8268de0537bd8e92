#include "convd/config.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "convd/arguments.h"
#include "convd/state_lock.h"
#include "tests/support/catch.h"

using namespace convd;

namespace {

std::string refusal(const std::string& key, const std::string& value) {
  Config config = default_config();
  auto outcome = apply(config, {"convd.conf:3", key, value});
  return outcome ? "accepted" : outcome.error().message;
}

}  // namespace

TEST_CASE("a wrong value names place, key, what was expected and what was found") {
  CHECK(refusal("slots", "many") == "convd.conf:3: slots: expected a whole number from 1 to 1024, got \"many\"");
  CHECK(refusal("slots", "0") == "convd.conf:3: slots: expected a whole number from 1 to 1024, got \"0\"");
  CHECK(refusal("slots", "2x") == "convd.conf:3: slots: expected a whole number from 1 to 1024, got \"2x\"");
  CHECK(refusal("attempt_timeout", "5") ==
        "convd.conf:3: attempt_timeout: expected a duration such as 500ms, 30s, 5m or 2h, got \"5\"");
  CHECK(refusal("attempt_timeout", "99999999999999999h") ==
        "convd.conf:3: attempt_timeout: expected a duration such as 500ms, 30s, 5m or 2h, got \"99999999999999999h\"");
  CHECK(refusal("input_limit", "-1") ==
        "convd.conf:3: input_limit: expected a size in bytes such as 1048576, 256M or 2G, got \"-1\"");
  CHECK(refusal("sandbox", "maybe") == "convd.conf:3: sandbox: expected one of on, off, got \"maybe\"");
  CHECK(refusal("socket", "x.sock") == "convd.conf:3: socket: expected an absolute path, got \"x.sock\"");
  CHECK(refusal("slot", "2").find("convd.conf:3: unknown key \"slot\"; known are socket, listen") == 0);
}

TEST_CASE("values carry their units") {
  Config config;
  REQUIRE(apply(config, {"", "attempt_timeout", "5m"}));
  REQUIRE(apply(config, {"", "stall_timeout", "500ms"}));
  REQUIRE(apply(config, {"", "input_limit", "2G"}));
  REQUIRE(apply(config, {"", "output_limit", "1000"}));
  REQUIRE(apply(config, {"", "listen", "127.0.0.1:1 [::1]:2"}));
  CHECK(config.jobs.attempt_timeout_ms == 300'000);
  CHECK(config.jobs.stall_timeout_ms == 500);
  CHECK(config.jobs.input_bytes == std::int64_t{2} << 30);
  CHECK(config.jobs.output_bytes == 1000);
  CHECK(config.listen == std::vector<std::string>{"127.0.0.1:1", "[::1]:2"});
  REQUIRE(apply(config, {"", "listen", "none"}));
  CHECK(config.listen.empty());
}

TEST_CASE("a configuration file is lines of key = value") {
  const std::string path = std::filesystem::temp_directory_path() / "convd-config-test.conf";
  std::ofstream(path) << "# comment\n\n  slots = 4\nlog_level=debug\n";
  auto sources = read_config_file(path, Missing::error);
  REQUIRE(sources);
  REQUIRE(sources->size() == 2);
  CHECK((*sources)[0].where == path + ":3");
  CHECK((*sources)[0].key == "slots");
  CHECK((*sources)[1].value == "debug");
  std::ofstream(path) << "slots 4\n";
  CHECK(read_config_file(path, Missing::error).error().message ==
        path + ":1: expected \"key = value\", got \"slots 4\"");
  std::filesystem::remove(path);
  CHECK(read_config_file(path, Missing::allowed)->empty());
  CHECK(read_config_file(path, Missing::error).error().message == path + ": cannot be read");
}

TEST_CASE("the environment serves every key and nothing else") {
  const auto sources = from_environment(
      [](const char* name) -> const char* { return std::string(name) == "CONVD_SLOTS" ? "3" : nullptr; });
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].where == "CONVD_SLOTS");
  CHECK(sources[0].key == "slots");
}

TEST_CASE("the stream's keys reach its settings") {
  Config config = default_config();
  CHECK(config.realtime.rollout.enabled);
  CHECK(config.realtime.rollout.percent == 100);
  CHECK(config.realtime.rollout.users.empty());
  CHECK(config.realtime.connections == 10'000);
  CHECK(config.realtime.connections_per_principal == 1'000);
  CHECK(config.realtime.retention_ms == 86'400'000);
  CHECK(config.realtime.retention_events == 100'000);
  REQUIRE(apply(config, {"", "realtime.enabled", "false"}));
  REQUIRE(apply(config, {"", "realtime.rollout_percent", "7"}));
  REQUIRE(apply(config, {"", "realtime.users", " uid:1  local"}));
  REQUIRE(apply(config, {"", "realtime.connections", "8"}));
  REQUIRE(apply(config, {"", "realtime.connections_per_principal", "0"}));
  REQUIRE(apply(config, {"", "realtime.retention", "2h"}));
  REQUIRE(apply(config, {"", "realtime.retention_events", "1"}));
  CHECK_FALSE(config.realtime.rollout.enabled);
  CHECK(config.realtime.rollout.percent == 7);
  CHECK(config.realtime.rollout.users == std::vector<std::string>{"uid:1", "local"});
  CHECK(config.realtime.connections == 8);
  CHECK(config.realtime.connections_per_principal == 0);
  CHECK(config.realtime.retention_ms == 7'200'000);
  CHECK(config.realtime.retention_events == 1);
  REQUIRE(apply(config, {"", "realtime.users", ""}));
  CHECK(config.realtime.rollout.users.empty());
  CHECK(refusal("realtime.enabled", "1") == "convd.conf:3: realtime.enabled: expected one of true, false, got \"1\"");
  CHECK(refusal("realtime.rollout_percent", "101") ==
        "convd.conf:3: realtime.rollout_percent: expected a whole number from 0 to 100, got \"101\"");
}

TEST_CASE("a dot of a key is an underscore of its variable, which wins over an alias") {
  const auto sources = from_environment([](const char* name) -> const char* {
    const std::string variable = name;
    if (variable == "CONVD_REALTIME_ROLLOUT_PERCENT") return "20";
    if (variable == "REALTIME_ROLLOUT_PERCENT") return "10";
    if (variable == "REALTIME_STREAMING_V2") return "false";
    return nullptr;
  });
  Config config;
  for (const Source& source : sources) REQUIRE(apply(config, source));
  CHECK(sources.size() == 3);
  CHECK(sources.front().where == "REALTIME_STREAMING_V2");
  CHECK_FALSE(config.realtime.rollout.enabled);
  CHECK(config.realtime.rollout.percent == 20);
}

TEST_CASE("a flag has hyphens, and one that holds several values can be given several times") {
  std::vector<std::string> words{"convd", "--realtime-users", "uid:1", "--realtime-users",           "uid:2", "--slots",
                                 "2",     "--slots",          "3",     "--realtime-rollout-percent", "5"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  const Arguments arguments = parse_arguments(static_cast<int>(argv.size()), argv.data());
  REQUIRE(arguments.what == Arguments::Do::run);
  Config config;
  for (const Source& source : arguments.flags) REQUIRE(apply(config, source));
  CHECK(config.realtime.rollout.users == std::vector<std::string>{"uid:1", "uid:2"});
  CHECK(config.realtime.rollout.percent == 5);
  CHECK(config.jobs.slots == 3);
}

TEST_CASE("a state directory has one daemon") {
  const auto dir = std::filesystem::temp_directory_path() / "convd-lock-test";
  {
    auto first = StateLock::take(dir);
    REQUIRE(first);
    auto second = StateLock::take(dir);
    REQUIRE(!second);
    CHECK(second.error().message.find("is in use by process " + std::to_string(getpid())) != std::string::npos);
  }
  CHECK(StateLock::take(dir));
  std::filesystem::remove_all(dir);
}
