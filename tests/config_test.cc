#include "convd/config.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "convd/arguments.h"
#include "convd/config_change.h"
#include "convd/config_keys.h"
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
  CHECK(refusal("slots", "many") == "convd.conf:3: slots: expected a whole number from 1 to 192, got \"many\"");
  CHECK(refusal("slots", "0") == "convd.conf:3: slots: expected a whole number from 1 to 192, got \"0\"");
  CHECK(
      refusal("org_weight", "uid:1000 101") ==
      "convd.conf:3: org_weight: expected ORG and a whole number from 1 to 100 (several with blanks between), or none, "
      "got \"uid:1000 101\"");
  for (const auto* wrong : {"", "uid:1000", "uid:1000 0", "uid:1000 many", "uid:1000 2 uid:1001"})
    CHECK(refusal("org_weight", wrong) != "accepted");
  CHECK(refusal("slots", "2x") == "convd.conf:3: slots: expected a whole number from 1 to 192, got \"2x\"");
  CHECK(refusal("attempt_timeout", "5") ==
        "convd.conf:3: attempt_timeout: expected a duration such as 500ms, 30s, 5m, 2h or 7d, got \"5\"");
  CHECK(refusal("attempt_timeout", "99999999999999999h") ==
        "convd.conf:3: attempt_timeout: expected a duration such as 500ms, 30s, 5m, 2h or 7d, got "
        "\"99999999999999999h\"");
  CHECK(refusal("input_limit", "-1") ==
        "convd.conf:3: input_limit: expected a size in bytes such as 1048576, 256M or 2G, got \"-1\"");
  CHECK(refusal("sandbox", "maybe") == "convd.conf:3: sandbox: expected one of on, off, got \"maybe\"");
  CHECK(refusal("socket", "x.sock") == "convd.conf:3: socket: expected an absolute path, got \"x.sock\"");
  std::vector<std::string> addresses{"", ":", "8080", "[::1]80", "127.0.0.1:80 nowhere:81"};
  for (const auto* port : {"", ":", ":x", ":-1", ":65536", ":80x", ": 80"})
    addresses.push_back(std::string("127.0.0.1") + port);
  for (const auto* host : {"", "127.0.1", "256.0.0.1", "::1", "[127.0.0.1]", "[::1", "*", "example.org"})
    addresses.push_back(std::string(host) + ":80");
  for (const std::string& wrong : addresses)
    CHECK(refusal("listen", wrong).find("convd.conf:3: listen: expected ADDRESS:PORT") == 0);
  for (const auto* right :
       {"none", "127.0.0.1:0", "0.0.0.0:65535", "[::]:80", "[2001:db8::1]:80", "localhost:8080", "127.0.0.1:1 [::1]:2"})
    CHECK(refusal("listen", right) == "accepted");
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

TEST_CASE("every key can tell its value in words that it takes, and be copied") {
  for (const Key& key : keys()) {
    INFO(key.name);
    REQUIRE(key.get);
    REQUIRE(key.copy);
    const Config config = default_config();
    Config other = config;
    const std::string words = key.get(config);
    if (key.set(other, words)) CHECK(key.get(other) == words);
    Config copy;
    key.copy(copy, config);
    CHECK(key.get(copy) == words);
  }
}

TEST_CASE("values are told with the largest unit that fits") {
  const auto told = [](const std::string& name, const std::string& value) {
    Config config;
    for (const Key& key : keys()) {
      if (key.name == name && key.set(config, value)) return key.get(config);
    }
    return std::string();
  };
  CHECK(told("attempt_timeout", "7200s") == "2h");
  CHECK(told("attempt_timeout", "90s") == "90s");
  CHECK(told("attempt_timeout", "1500ms") == "1500ms");
  CHECK(told("attempt_timeout", "0s") == "0s");
  CHECK(told("input_limit", "1048576") == "1M");
  CHECK(told("input_limit", "1048577") == "1048577");
  CHECK(told("input_limit", "0") == "0");
  CHECK(told("listen", "127.0.0.1:1   [::1]:2").empty());
  CHECK(told("listen", "127.0.0.1:1 [::1]:2") == "127.0.0.1:1 [::1]:2");
  CHECK(told("listen", "none") == "none");
  CHECK(told("realtime.enabled", "false") == "false");
}

TEST_CASE("what differs is told key by key, and only what can change does") {
  Config in_force = default_config();
  Config fresh = in_force;
  CHECK(differences(in_force, fresh).empty());
  fresh.jobs.slots = in_force.jobs.slots + 1;
  fresh.jobs.stall_timeout_ms = 120'000;
  fresh.listen = {"127.0.0.1:9"};
  fresh.realtime.rollout.users = {"uid:7"};
  std::string told;
  for (const auto& change : differences(in_force, fresh)) {
    const bool now = change.effect == convd::api::KeyChange::Effect::now;
    told += change.key + " " + change.from + " > " + change.to + (now ? "\n" : " later\n");
  }
  const std::string slots = std::to_string(in_force.jobs.slots);
  CHECK(told == "listen 127.0.0.1:8080 > 127.0.0.1:9 later\nslots " + slots + " > " +
                    std::to_string(in_force.jobs.slots + 1) + "\nstall_timeout 1m > 2m\nrealtime.users  > uid:7\n");
  take_over(in_force, fresh);
  CHECK(in_force.jobs.slots == fresh.jobs.slots);
  CHECK(in_force.realtime.rollout.users == fresh.realtime.rollout.users);
  CHECK(in_force.listen == std::vector<std::string>{"127.0.0.1:8080"});
  CHECK(differences(in_force, fresh).size() == 1);
}

TEST_CASE("every key that needs no restart is one") {
  for (const auto& name : live_keys()) {
    INFO(name);
    CHECK(std::any_of(keys().begin(), keys().end(), [&](const Key& key) { return key.name == name; }));
  }
}

TEST_CASE("the quotas of organisations add up from line to line, the later one wins") {
  Config config;
  REQUIRE(apply(config, {"", "org_quota_of", "uid:1000 10G"}));
  REQUIRE(apply(config, {"", "org_quota_of", "uid:1001 5M  local 0"}));
  REQUIRE(apply(config, {"", "org_quota_of", "uid:1000 1"}));
  CHECK(config.jobs.org_quotas ==
        std::map<std::string, std::int64_t>{{"local", 0}, {"uid:1000", 1}, {"uid:1001", 5 << 20}});
  for (const char* wrong : {"", "uid:1000", "uid:1000 much", "uid:1000 1G uid:1001", "uid:1000 -1"})
    CHECK_FALSE(apply(config, {"", "org_quota_of", wrong}));
  REQUIRE(apply(config, {"", "keep_results", "7d"}));
  CHECK(config.jobs.keep_results_ms == std::int64_t{7} * 24 * 3'600'000);
  REQUIRE(apply(config, {"", "keep_documents", "0s"}));
}

TEST_CASE("names and origins add up, and look as they should") {
  Config config;
  REQUIRE(apply(config, {"", "allow_host", "convert.lan 10.0.0.1"}));
  REQUIRE(apply(config, {"", "allow_host", "[fd00::1] convert.lan"}));
  CHECK(config.origins.hosts == std::vector<std::string>{"convert.lan", "10.0.0.1", "[fd00::1]"});
  for (const char* wrong : {"", "a:80", "A", "*", "a/b"}) CHECK_FALSE(apply(config, {"", "allow_host", wrong}));
  REQUIRE(apply(config, {"", "allow_origin", "https://app.example http://localhost:3000"}));
  REQUIRE(apply(config, {"", "cors_origin", "https://app.example"}));
  for (const char* wrong : {"", "*", "app.example", "https://app.example/"}) {
    CHECK_FALSE(apply(config, {"", "allow_origin", wrong}));
    CHECK_FALSE(apply(config, {"", "cors_origin", wrong}));
  }
  CHECK(config.origins.readers == std::vector<std::string>{"https://app.example"});
  REQUIRE(apply(config, {"", "allow_origin", "none"}));
  CHECK(config.origins.origins.empty());
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
