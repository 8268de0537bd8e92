#include "convd/config_keys.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <sstream>

namespace convd {
namespace {

// Numbers, durations and sizes share one shape: digits and an optional unit.
struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};
constexpr std::array<Unit, 4> duration_units{{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::array<Unit, 4> size_units{
    {{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", std::int64_t{1} << 40}}};

std::optional<std::int64_t> with_unit(const std::string& text, const std::array<Unit, 4>& units, bool unit_needed) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || number < 0) return std::nullopt;
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  if (suffix.empty() && !unit_needed) return number;
  for (const Unit& unit : units) {
    std::int64_t scaled = 0;
    if (suffix == unit.suffix && !__builtin_mul_overflow(number, unit.factor, &scaled)) return scaled;
  }
  return std::nullopt;
}

Key also(std::string variable, Key key) {
  key.alias = std::move(variable);
  return key;
}

template <typename Member>
Key number(std::string name, std::int64_t least, std::int64_t most, std::string help, Member member) {
  std::string expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  return {std::move(name), std::move(expected), std::move(help), [=](Config& config, const std::string& text) {
            std::int64_t value = 0;
            const char* end = text.data() + text.size();
            const auto [rest, error] = std::from_chars(text.data(), end, value);
            if (error != std::errc() || rest != end || value < least || value > most) return false;
            auto& target = member(config);
            target = static_cast<std::remove_reference_t<decltype(target)>>(value);
            return true;
          }};
}

template <typename Member>
Key duration(std::string name, std::string help, Member member) {
  return {std::move(name), "a duration such as 500ms, 30s, 5m or 2h", std::move(help),
          [=](Config& config, const std::string& text) {
            const auto value = with_unit(text, duration_units, true);
            if (value) member(config) = *value;
            return value.has_value();
          }};
}

template <typename Member>
Key size(std::string name, std::string help, Member member) {
  return {std::move(name), "a size in bytes such as 1048576, 256M or 2G", std::move(help),
          [=](Config& config, const std::string& text) {
            const auto value = with_unit(text, size_units, false);
            if (value) member(config) = *value;
            return value.has_value();
          }};
}

template <typename Member>
Key path(std::string name, std::string help, Member member) {
  return {std::move(name), "an absolute path", std::move(help), [=](Config& config, const std::string& text) {
            if (text.empty() || text.front() != '/') return false;
            member(config) = text;
            return true;
          }};
}

template <typename Enum>
struct Choice {
  std::string_view word;
  Enum value;
};

template <typename Enum, typename Member>
Key choice(std::string name, std::vector<Choice<Enum>> choices, std::string help, Member member) {
  std::string expected;
  for (const auto& c : choices) expected += (expected.empty() ? "one of " : ", ") + std::string(c.word);
  return {std::move(name), std::move(expected), std::move(help), [=](Config& config, const std::string& text) {
            const auto found =
                std::find_if(choices.begin(), choices.end(), [&](const auto& c) { return c.word == text; });
            if (found == choices.end()) return false;
            member(config) = found->value;
            return true;
          }};
}

bool set_listen(Config& config, const std::string& text) {
  config.listen.clear();
  if (text == "none") return true;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string item = text.substr(at, end - at);
    if (item.find(':') == std::string::npos) return false;
    config.listen.push_back(item);
    at = end + 1;
  }
  return true;
}

bool set_realtime_users(Config& config, const std::string& text) {
  std::istringstream names(text);
  config.realtime.rollout.users.assign(std::istream_iterator<std::string>(names), {});
  return true;
}

}  // namespace

const std::vector<Key>& keys() {
  static const std::vector<Key> table{
      path(
          "socket", "The Unix socket", [](Config & c) -> auto& { return c.socket; }),
      {"listen", "ADDRESS:PORT (several with blanks between), or none", "TCP addresses; loopback only", set_listen,
       Repeated::adds},
      path(
          "state_dir", "Database, documents and results", [](Config & c) -> auto& { return c.state_dir; }),
      path(
          "runner_socket", "A convd-runner that runs by itself", [](Config & c) -> auto& { return c.runner_socket; }),
      choice<Sandbox>(
          "sandbox", {{"on", Sandbox::on}, {"off", Sandbox::off}}, "off runs engines without confinement",
          [](Config & c) -> auto& { return c.sandbox; }),
      choice<std::string>(
          "warm_office", {{"always", "always"}, {"when-needed", "when-needed"}, {"never", "never"}},
          "Whether a LibreOffice is kept warm", [](Config & c) -> auto& { return c.warm_office; }),
      choice<std::string>(
          "log_level", {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"}, {"warn", "warn"}, {"error", "error"}},
          "What to log", [](Config & c) -> auto& { return c.log_level; }),
      choice<LogFormat>(
          "log_format", {{"text", LogFormat::text}, {"json", LogFormat::json}}, "How to log",
          [](Config & c) -> auto& { return c.log_format; }),
      duration(
          "drain_timeout", "How long running conversions may go on after SIGTERM",
          [](Config & c) -> auto& { return c.drain_timeout_ms; }),
      {"admin_group", "a group name", "Whose members are operators",
       [](Config& c, const std::string& text) {
         c.admin_group = text;
         return !text.empty();
       }},
      number(
          "slots", 1, 1024, "Conversions that run at once", [](Config & c) -> auto& { return c.jobs.slots; }),
      number(
          "queue_limit", 1, 10'000'000, "Waiting conversions in all",
          [](Config & c) -> auto& { return c.jobs.queue_limit; }),
      number(
          "queue_limit_per_org", 1, 10'000'000, "Waiting conversions of one organisation",
          [](Config & c) -> auto& { return c.jobs.queue_limit_per_org; }),
      duration(
          "attempt_timeout", "How long one attempt may take",
          [](Config & c) -> auto& { return c.jobs.attempt_timeout_ms; }),
      duration(
          "stall_timeout", "How long an engine may show neither progress nor use of CPU",
          [](Config & c) -> auto& { return c.jobs.stall_timeout_ms; }),
      number(
          "attempts", 1, 100, "Failed attempts before a retryable error is final",
          [](Config & c) -> auto& { return c.jobs.attempts; }),
      size(
          "input_limit", "Largest document", [](Config & c) -> auto& { return c.jobs.input_bytes; }),
      size(
          "output_limit", "All results of one conversion together",
          [](Config & c) -> auto& { return c.jobs.output_bytes; }),
      number(
          "output_files", 1, 1'000'000, "Result files of one conversion",
          [](Config & c) -> auto& { return c.jobs.output_files; }),
      size(
          "disk_floor", "Free space below which new work is refused",
          [](Config & c) -> auto& { return c.jobs.disk_floor_bytes; }),
      also("REALTIME_STREAMING_V2",
           choice<bool>(
               "realtime.enabled", {{"true", true}, {"false", false}}, "Whether anybody gets the stream",
               [](Config & c) -> auto& { return c.realtime.rollout.enabled; })),
      also("REALTIME_ROLLOUT_PERCENT",
           number(
               "realtime.rollout_percent", 0, 100, "How many of all principals get the stream",
               [](Config & c) -> auto& { return c.realtime.rollout.percent; })),
      {"realtime.users", "principals with blanks between", "Who gets the stream whatever the percentage",
       set_realtime_users, Repeated::adds},
      number(
          "realtime.connections", 0, 1'000'000, "Connections of the stream in all",
          [](Config & c) -> auto& { return c.realtime.connections; }),
      number(
          "realtime.connections_per_principal", 0, 1'000'000, "Connections of the stream of one principal",
          [](Config & c) -> auto& { return c.realtime.connections_per_principal; }),
      duration(
          "realtime.retention", "How long events can be read again",
          [](Config & c) -> auto& { return c.realtime.retention_ms; }),
      number(
          "realtime.retention_events", 1, 100'000'000, "Events of one organisation that can be read again",
          [](Config & c) -> auto& { return c.realtime.retention_events; }),
  };
  return table;
}

}  // namespace convd
