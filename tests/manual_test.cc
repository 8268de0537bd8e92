// The manual pages name everything a user can meet: every key, every error code and whether trying again can help,
// every word of the stream; and nothing that is not there.

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "convd/config.h"
#include "shared/error_code.h"
#include "shared/stream.h"
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

// What stands below ".Ss title", up to the next heading.
std::string section(const std::string& text, const std::string& title) {
  INFO(title);
  const auto head = text.find("\n.Ss " + title + "\n");
  REQUIRE(head != std::string::npos);
  const std::string rest = text.substr(text.find('\n', head + 1));
  return rest.substr(0, std::min(rest.find("\n.Ss "), rest.find("\n.Sh ")));
}

// The items of a list: what stands behind ".It Li ", by its first word.
std::map<std::string, std::string> items(const std::string& text) {
  std::map<std::string, std::string> found;
  std::istringstream lines(text);
  for (std::string line, next; std::getline(lines, line);) {
    if (line.rfind(".It Li ", 0) != 0) continue;
    const std::string item = line.substr(7);
    const auto end = item.find(' ');
    if (end == std::string::npos) std::getline(lines, next);  // a tag: the text is below it
    INFO(item);
    CHECK(found.emplace(item.substr(0, end), end == std::string::npos ? next : item.substr(end + 1)).second);
  }
  return found;
}

template <typename Enum>
std::set<std::string> names(Enum last) {
  std::set<std::string> all;
  for (int i = 0; i <= static_cast<int>(last); ++i) all.emplace(shared::to_string(static_cast<Enum>(i)));
  return all;
}

std::set<std::string> first_words(const std::map<std::string, std::string>& list) {
  std::set<std::string> words;
  for (const auto& [word, rest] : list) words.insert(word);
  return words;
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

TEST_CASE("convd-protocol(7) has the frames of the stream with their members, and no others") {
  std::map<std::string, std::string> known;
  for (const shared::FrameKind& kind : shared::frame_kinds()) {
    known.emplace(kind.type, ".Em " + std::string(kind.fields));
  }
  CHECK(items(section(page("convd-protocol.7"), "Frames of the daemon")) == known);
}

TEST_CASE("convd-protocol(7) has the close codes with their reasons and verdicts, and no others") {
  const auto described = items(section(page("convd-protocol.7"), "Close codes"));
  for (const shared::CloseRule& rule : shared::close_rules()) {
    const auto code = static_cast<std::uint16_t>(rule.code);
    const std::string verdict = shared::may_reconnect(code) ? "again" : "\"\"";
    INFO(code);
    const auto row = described.find(std::to_string(code));
    REQUIRE(row != described.end());
    CHECK(row->second.rfind("Ta " + std::string(rule.reason) + " Ta " + verdict + " Ta ", 0) == 0);
  }
  CHECK(described.size() == shared::close_rules().size());
}

TEST_CASE("convd-protocol(7) has the services, classes and gaps, and no others") {
  const std::string text = page("convd-protocol.7");
  CHECK(first_words(items(section(text, "Services"))) == names(shared::Service::system));
  CHECK(first_words(items(section(text, "The log"))) == names(shared::EventClass::snapshot));
  CHECK(first_words(items(section(text, "Gaps and snapshots"))) == names(shared::GapReason::lagged));
}

TEST_CASE("convd-protocol(7) gives every event a service and a class that there are") {
  for (const auto& [type, row] : items(section(page("convd-protocol.7"), "Events"))) {
    INFO(type);
    CHECK(shared::service_from(type.substr(0, type.find('.'))));
    REQUIRE(row.rfind("Ta ", 0) == 0);
    CHECK(shared::event_class_from(row.substr(3, row.find(" Ta ", 3) - 3)));
  }
}
