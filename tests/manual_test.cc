// The manual pages name everything a user can meet: every key, every error code and whether trying again can help.

#include <fstream>
#include <sstream>
#include <string>

#include "convd/config.h"
#include "shared/error_code.h"
#include "tests/support/catch.h"

namespace {

std::string page(const std::string& name) {
  std::ifstream in(std::string(CONVD_SOURCE_DIR) + "/man/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  return text.str();
}

bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

std::string variable(std::string text) {
  for (char& c : text) c = c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

TEST_CASE("convd.conf(5) has every key with its variable, convd(8) has its flag") {
  const std::string keys = page("convd.conf.5");
  const std::string flags = page("convd.8");
  for (const convd::KeyHelp& key : convd::config_keys()) {
    INFO(key.key);
    CHECK(says(keys, ".It Ic " + key.key + " "));
    CHECK(says(keys, ", Ev CONVD_" + variable(key.key) + "\n"));
    std::string flag = key.key;
    for (char& c : flag) c = c == '_' || c == '.' ? '-' : c;
    CHECK(says(flags, ".Fl -" + flag));
  }
}

TEST_CASE("convd.conf(5) has no key that convd does not know") {
  std::istringstream lines(page("convd.conf.5"));
  std::size_t described = 0;
  for (std::string line; std::getline(lines, line);) described += line.rfind(".It Ic ", 0) == 0 ? 1 : 0;
  CHECK(described == convd::config_keys().size());
}

TEST_CASE("convd(8) has every error code") {
  const std::string codes = page("convd.8");
  for (int i = 0; i < shared::error_code_count; ++i) {
    const auto code = static_cast<shared::ErrorCode>(i);
    const std::string name(shared::to_string(code));
    INFO(name);
    const auto row = codes.find(".It Li " + name + " Ta ");
    REQUIRE(row != std::string::npos);
    const std::string line = codes.substr(row, codes.find('\n', row) - row);
    CHECK(says(line, " Ta again Ta ") == shared::is_retryable(code));
  }
}
