// The manual pages name everything a user can meet: every key, every error code and whether trying again can help,
// every word of the stream; and nothing that is not there.

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "convd/api/multipart.h"
#include "convd/config.h"
#include "convd/config_change.h"
#include "convd/config_keys.h"
#include "convd/events/filter.h"
#include "convd/jobs/planner.h"
#include "convd/realtime/notes.h"
#include "convd/store/reserve.h"
#include "convd/transport/limits.h"
#include "convd/trust/tickets.h"
#include "shared/error_code.h"
#include "shared/stream.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

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

// The description of a key, up to the next one.
std::string description(const std::string& text, const std::string& key) {
  const auto head = text.find("\n.It Ic " + key + " ");
  REQUIRE(head != std::string::npos);
  const std::string rest = text.substr(text.find('\n', head + 1));
  return rest.substr(0, std::min(rest.find("\n.It Ic "), rest.find("\n.El")));
}

// What stands behind "Default:", without markup and the full stop at its end.
std::string stated_default(const std::string& description) {
  constexpr std::string_view word = "\nDefault:";
  const auto head = description.find(word);
  REQUIRE(head != std::string::npos);
  std::string text = description.substr(head + word.size() + 1);
  text = text.substr(0, text.find('\n'));
  for (const char* macro : {".Ql ", ".Cm ", ".Pa "}) {
    if (text.rfind(macro, 0) == 0) text = text.substr(4);
  }
  if (!text.empty() && text.back() == '.') text.pop_back();
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

// What the page says in words instead of a value that could be written into the file.
const std::map<std::string, std::string>& defaults_in_words() {
  static const std::map<std::string, std::string> words{{"audit_log", "audit.log"},
                                                        {"slots", "the number of CPUs"},
                                                        {"org_weight", "1 for everyone"},
                                                        {"realtime.users", "empty"},
                                                        {"runner_socket", "empty; convd starts one as a child"}};
  return words;
}

// A text of the page is the default of a key when it can be written into the file and changes nothing there.
void check_default(const convd::Key& key, const std::string& text) {
  INFO(key.name << ": the page says " << text << ", convd has " << key.get(convd::default_config()));
  convd::Config written = convd::default_config();
  const auto set = convd::apply(written, {"convd.conf(5)", key.name, text});
  REQUIRE(set.ok());
  CHECK(key.get(written) == key.get(convd::default_config()));
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

TEST_CASE("convd.conf(5) says of every key whether it can change while convd runs") {
  std::set<std::string> live;
  for (const auto& name : convd::live_keys()) live.emplace(name);
  CHECK(first_words(items(section(page("convd.conf.5"), "Changes while it runs"))) == live);
}

TEST_CASE("convd.conf(5) has every limit with its default in one section") {
  const std::string every = section(page("convd.conf.5"), "Every limit");
  // A key that takes a number, a size or a time is a limit.
  for (const convd::KeyHelp& key : convd::config_keys()) {
    const bool is_limit = says(key.expected, "number") || says(key.expected, "size") || says(key.expected, "duration");
    INFO(key.key);
    CHECK((!is_limit || says(every, " " + key.key)));
  }
  const auto row = [&](const std::string& what, const auto& value, const std::string& rest = "") {
    std::ostringstream line;
    line << "\n.It " << what << " Ta " << value << rest;
    INFO(line.str());
    CHECK(says(every, line.str()));
  };
  const convd::transport::Limits transport;
  row("request line and headers", transport.head_bytes / 1024, " KiB ");
  row("target of a request", transport.target_bytes / 1024, " KiB ");
  row("header lines", transport.header_fields, " ");
  row("segments of a path", transport.path_segments, " ");
  row("parameters of a query", transport.query_parameters, " ");
  row("bytes of a body in a second, at least", transport.body_rate / 1024, "K ");
  row("time of grace for it", transport.body_grace.count() / 1000, "s ");
  const convd::trust::LimitSettings limits;
  row("of one address", limits.connections, " ");
  row("requests of a principal, a minute", limits.requests, " ");
  row("requests from an address, a minute", limits.address_requests, " ");
  row("bodies of a principal, a minute", limits.bytes >> 30, "G ");
  row("bodies from an address, a minute", limits.address_bytes >> 30, "G ");
  row("streams of a principal, a minute", limits.handshakes, " ");
  row("streams from an address, a minute", limits.address_handshakes, " ");
  row("trailers of a chunked body", transport.trailer_bytes / 1024, " KiB ");
  row("pipelined bytes", transport.input_bytes / 1024, " KiB ");
  row("message on a WebSocket", transport.message_bytes / 1024, " KiB ");
  row("connections", transport.connections, " ");
  row("for the Unix socket alone", transport.local_places, " ");
  row("time for a head", transport.head_timeout.count() / 1000, " s ");
  row("pause in a body", transport.body_timeout.count() / 1000, " s ");
  row("peer that takes nothing", transport.send_timeout.count() / 1000, " s ");
  row("token", convd::trust::most_token_bytes / 1024, " KiB ");
  row("sub and org of a token", convd::trust::most_name_bytes, " bytes ");
  row("clocks apart", convd::trust::Expectations().leeway_ms / 1000, "s ");
  row("life of a ticket", convd::trust::Tickets::lifetime_ms / 1000, " s ");
  row("tickets of one principal", convd::trust::Tickets::most_of_principal, " ");
  row("tickets", convd::trust::Tickets::most, " ");
  row("idle connection", transport.idle_timeout.count() / 1000, " s ");
  row("silence on a WebSocket", transport.hangup_s, " s ");
  const convd::api::MultipartLimits form;
  row("fields and parts in a form", form.parts, " ");
  row("field in a form", form.value_bytes >> 20, " MiB ");
  row("head of a part", form.head_bytes >> 10, " KiB ");
  row("note", convd::realtime::Notes::most_characters, " characters ");
  row("notes of a conversion", convd::realtime::Notes::most_notes, " ");
  row("steps of a route", convd::jobs::most_steps, " ");
  row("services of one connection", convd::events::Filter::most_services, " ");
  row("held back for a full disk", convd::store::Reserve::size_bytes >> 20, " MiB ");
  const convd::jobs::Settings jobs;
  row("waiting conversions", jobs.queue_limit, " ");
  row("beyond them, short ones", convd::default_config().jobs.short_slots, " ");
  row("cost of a short one", jobs.short_cost_ms / 1000, "s ");
  row("crashes before a quarantine", jobs.quarantine_crashes, " ");
  row("quarantine", jobs.quarantine_ms / 3'600'000, "h ");
  row("time of an Idempotency-Key", jobs.idempotency_ms / 3'600'000, "h ");
  row("of one organisation", jobs.queue_limit_per_org, " ");
  row("one attempt", jobs.attempt_timeout_ms / 1000, "s ");
  row("without a sign of life", jobs.stall_timeout_ms / 1000, "s ");
  row("failed attempts", jobs.attempts, " ");
  row("document", jobs.input_bytes >> 30, "G ");
  row("result", jobs.output_bytes >> 30, "G ");
  row("files of a result", jobs.output_files, " ");
  row("free space", jobs.disk_floor_bytes >> 20, "M ");
  row("results, by age", jobs.keep_results_ms / 86'400'000, "d ");
  row("results, all together", jobs.results_bytes >> 30, "G ");
  row("ended conversions", jobs.keep_history_ms / 86'400'000, "d ");
  const convd::realtime::Settings stream;
  row("events, by age", stream.retention_ms / 3'600'000, "h ");
  row("events of an organisation", stream.retention_events, " ");
}

TEST_CASE("convd.conf(5) gives every key the default that it has") {
  const std::string text = page("convd.conf.5");
  for (const convd::Key& key : convd::keys()) {
    INFO(key.name);
    const std::string stated = stated_default(description(text, key.name));
    const auto words = defaults_in_words().find(key.name);
    if (words != defaults_in_words().end()) {
      CHECK(stated == words->second);
      continue;
    }
    // Where an ordinary user has another one it depends on the environment.
    const bool of_root = says(text, ".Pa " + stated + "\nfor root, else\n");
    if (!of_root || geteuid() == 0) check_default(key, stated);
  }
}

TEST_CASE("convd.conf(5) gives every key the same default in the table of limits") {
  const std::set<std::string> in_words{"CPUs", "all slots", "1, to 100", "none", "100 %"};
  std::istringstream lines(section(page("convd.conf.5"), "Every limit"));
  std::size_t compared = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto value = line.find(" Ta ");
    const auto name = line.find(" Ta Ic ");
    if (name == std::string::npos || value == name) continue;
    const std::string stated = line.substr(value + 4, name - value - 4);
    for (const convd::Key& key : convd::keys()) {
      if (key.name != line.substr(name + 7) || in_words.contains(stated)) continue;
      check_default(key, stated);
      ++compared;
    }
  }
  CHECK(compared > 20);
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
  CHECK(first_words(items(section(text, "Gaps and snapshots"))) == names(shared::GapReason::damaged));
}

TEST_CASE("convd-protocol(7) gives every event a service and a class that there are") {
  for (const auto& [type, row] : items(section(page("convd-protocol.7"), "Events"))) {
    INFO(type);
    CHECK(shared::service_from(type.substr(0, type.find('.'))));
    REQUIRE(row.rfind("Ta ", 0) == 0);
    CHECK(shared::event_class_from(row.substr(3, row.find(" Ta ", 3) - 3)));
  }
}
