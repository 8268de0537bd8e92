#include "convd/config.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

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
