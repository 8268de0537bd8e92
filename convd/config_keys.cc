#include "convd/config_keys.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <optional>
#include <span>
#include <sstream>

#include "convd/transport/listener.h"

namespace convd {
namespace {

// Numbers, durations and sizes share one shape: digits and an optional unit.
struct Unit {
  std::string_view suffix;
  std::int64_t factor;
};
constexpr std::array<Unit, 5> duration_units{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 4> size_units{
    {{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", std::int64_t{1} << 40}}};

std::optional<std::int64_t> with_unit(const std::string& text, std::span<const Unit> units, bool unit_needed) {
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

// The largest unit in which it is a whole number.
std::string in_units(std::int64_t value, std::span<const Unit> units) {
  const auto fits = [&](const Unit& unit) { return value % unit.factor == 0 && value != 0; };
  const auto unit = std::find_if(units.rbegin(), units.rend(), fits);
  if (unit == units.rend()) return std::to_string(value);
  return std::to_string(value / unit->factor) + std::string(unit->suffix);
}

constexpr std::int64_t most_per_minute = 1'000'000'000;

std::string joined(const std::vector<std::string>& words, const std::string& none) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text.empty() ? none : text;
}

template <typename Member, typename Text>
Key readable(Key key, Member member, Text text) {
  key.get = [=](Config config) { return text(member(config)); };
  key.copy = [=](Config& to, Config from) { member(to) = std::move(member(from)); };
  return key;
}

std::string as_it_is(const std::string& text) {
  return text;
}

Key also(std::string variable, Key key) {
  key.alias = std::move(variable);
  return key;
}

template <typename Member>
Key number(std::string name, std::int64_t least, std::int64_t most, std::string help, Member member) {
  std::string expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  Key key{std::move(name), std::move(expected), std::move(help), [=](Config& config, const std::string& text) {
            std::int64_t value = 0;
            const char* end = text.data() + text.size();
            const auto [rest, error] = std::from_chars(text.data(), end, value);
            if (error != std::errc() || rest != end || value < least || value > most) return false;
            auto& target = member(config);
            target = static_cast<std::remove_reference_t<decltype(target)>>(value);
            return true;
          }};
  return readable(std::move(key), member, [](std::int64_t value) { return std::to_string(value); });
}

template <typename Member>
Key duration(std::string name, std::string help, Member member) {
  Key key{std::move(name), "a duration such as 500ms, 30s, 5m, 2h or 7d", std::move(help),
          [=](Config& config, const std::string& text) {
            const auto value = with_unit(text, duration_units, true);
            if (value) member(config) = *value;
            return value.has_value();
          }};
  return readable(std::move(key), member,
                  [](std::int64_t value) { return value == 0 ? "0s" : in_units(value, duration_units); });
}

template <typename Member>
Key size(std::string name, std::string help, Member member) {
  Key key{std::move(name), "a size in bytes such as 1048576, 256M or 2G", std::move(help),
          [=](Config& config, const std::string& text) {
            const auto value = with_unit(text, size_units, false);
            if (value) member(config) = *value;
            return value.has_value();
          }};
  return readable(std::move(key), member, [](std::int64_t value) { return in_units(value, size_units); });
}

template <typename Member>
Key path(std::string name, std::string help, Member member) {
  Key key{std::move(name), "an absolute path", std::move(help), [=](Config& config, const std::string& text) {
            if (text.empty() || text.front() != '/') return false;
            member(config) = text;
            return true;
          }};
  return readable(std::move(key), member, as_it_is);
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
  Key key{std::move(name), std::move(expected), std::move(help), [=](Config& config, const std::string& text) {
            const auto found =
                std::find_if(choices.begin(), choices.end(), [&](const auto& c) { return c.word == text; });
            if (found == choices.end()) return false;
            member(config) = found->value;
            return true;
          }};
  return readable(std::move(key), member, [choices](const Enum& value) {
    const auto found = std::find_if(choices.begin(), choices.end(), [&](const auto& c) { return c.value == value; });
    return found == choices.end() ? std::string() : std::string(found->word);
  });
}

bool set_listen(Config& config, const std::string& text) {
  config.listen.clear();
  if (text == "none") return true;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string item = text.substr(at, end - at);
    if (!transport::is_tcp_address(item)) return false;
    config.listen.push_back(item);
    at = end + 1;
  }
  return true;
}

bool set_org_weight(Config& config, const std::string& text) {
  constexpr int most = 100;
  if (text == "none") {
    config.jobs.org_weights.clear();
    return true;
  }
  std::istringstream words(text);
  std::map<std::string, int> weights;
  for (std::string org; words >> org;) {
    int weight = 0;
    if (!(words >> weight) || weight < 1 || weight > most) return false;
    weights[org] = weight;
  }
  for (const auto& [org, weight] : weights) config.jobs.org_weights[org] = weight;
  return !weights.empty();
}

// Adds to those of the sources before: a line for each org is how one would write it.
bool set_org_quotas(Config& config, const std::string& text) {
  if (text == "none") {
    config.jobs.org_quotas.clear();
    return true;
  }
  std::istringstream words(text);
  std::string org;
  std::string size;
  bool any = false;
  while (words >> org) {
    if (!(words >> size)) return false;
    const auto bytes = with_unit(size, size_units, false);
    if (!bytes) return false;
    config.jobs.org_quotas.insert_or_assign(org, *bytes);
    any = true;
  }
  return any;
}

bool is_key_id(const std::string& text) {
  constexpr std::size_t longest = 64;
  constexpr std::string_view known = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return text.size() <= longest && text.find_first_not_of(known) == std::string::npos;
}

// Adds to those of the sources before; the same id again replaces.
bool set_auth_keys(Config& config, const std::string& text) {
  std::vector<trust::KeyFile>& files = config.trust.key_files;
  if (text == "none") {
    files.clear();
    return true;
  }
  std::istringstream words(text);
  std::string id;
  std::string algorithm;
  std::string path;
  bool any = false;
  while (words >> id) {
    if (!(words >> algorithm >> path)) return false;
    const auto known = trust::algorithm_from(algorithm);
    if (!is_key_id(id) || !known || path.front() != '/') return false;
    std::erase_if(files, [&](const trust::KeyFile& file) { return file.id == id; });
    files.push_back({id, *known, path});
    any = true;
  }
  return any;
}

bool set_trusted_proxies(Config& config, const std::string& text) {
  config.trust.proxies.clear();
  if (text == "none") return true;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto network = trust::Network::parse(word);
    if (!network) return false;
    config.trust.proxies.push_back(*network);
  }
  return !config.trust.proxies.empty();
}

template <typename Member>
Key name(std::string key_name, std::string help, Member member) {
  return readable({std::move(key_name), "a text without blanks at its ends", std::move(help),
                   [=](Config& config, const std::string& text) {
                     member(config) = text;
                     return !text.empty();
                   }},
                  member, as_it_is);
}

// Adds to those of the sources before, as a line for each is how one would write it.
template <typename Fits>
bool add_words(std::vector<std::string>& list, const std::string& text, Fits fits) {
  if (text == "none") {
    list.clear();
    return true;
  }
  std::istringstream words(text);
  const std::vector<std::string> added{std::istream_iterator<std::string>(words), {}};
  for (const std::string& word : added) {
    if (!fits(word)) return false;
    if (std::find(list.begin(), list.end(), word) == list.end()) list.push_back(word);
  }
  return !added.empty();
}

// A name as a browser puts it into Host, without the port.
bool is_host_name(const std::string& text) {
  const bool is_address = text.starts_with('[') && text.ends_with(']');
  return is_address || text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._") == std::string::npos;
}

template <typename Member, typename Fits>
Key word_list(std::string name, std::string expected, std::string help, Member member, Fits fits) {
  Key key{std::move(name), std::move(expected), std::move(help),
          [=](Config& config, const std::string& text) { return add_words(member(config), text, fits); },
          Repeated::adds};
  return readable(std::move(key), member, [](const auto& words) { return joined(words, "none"); });
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
      readable(
          {"listen", "ADDRESS:PORT (several with blanks between), or none",
           "TCP addresses; beyond loopback only with tokens", set_listen, Repeated::adds},
          [](Config & c) -> auto& { return c.listen; },
          [](const auto& addresses) { return joined(addresses, "none"); }),
      path(
          "state_dir", "Database, documents and results", [](Config & c) -> auto& { return c.state_dir; }),
      readable(
          {"audit_log", "an absolute path or none", "Who did what, a line of JSON each",
           [](Config& c, const std::string& text) {
             c.audit_log = text;
             return text == "none" || text.starts_with('/');
           }},
          [](Config & c) -> auto& { return c.audit_log; }, as_it_is),
      path(
          "engines_dir", "Descriptions of further engines", [](Config & c) -> auto& { return c.engines_dir; }),
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
      readable(
          {"admin_group", "a group name", "Whose members are operators",
           [](Config& c, const std::string& text) {
             c.admin_group = text;
             return !text.empty();
           }},
          [](Config & c) -> auto& { return c.admin_group; }, as_it_is),
      choice<Trust::Auth>(
          "auth", {{"auto", Trust::Auth::automatic}, {"token", Trust::Auth::token}, {"off", Trust::Auth::off}},
          "Whether who comes over TCP needs a token", [](Config & c) -> auto& { return c.trust.auth; }),
      readable(
          {"auth.key",
           "ID, algorithm (HS256, RS256, ES256, EdDSA) and absolute path (several with blanks between), or none",
           "A key that tokens are signed with", set_auth_keys, Repeated::adds},
          [](Config & c) -> auto& { return c.trust.key_files; },
          [](const auto& files) {
            std::vector<std::string> words;
            for (const auto& file : files)
              words.push_back(file.id + " " + std::string(to_string(file.algorithm)) + " " + file.path);
            return joined(words, "none");
          }),
      name(
          "auth.audience", "Whom a token has to be for", [](Config & c) -> auto& { return c.trust.expected.audience; }),
      name(
          "auth.issuer", "Whom a token has to be from", [](Config & c) -> auto& { return c.trust.expected.issuer; }),
      duration(
          "auth.leeway", "How far the clocks of issuers may be off",
          [](Config & c) -> auto& { return c.trust.expected.leeway_ms; }),
      readable(
          {"trusted_proxies", "addresses or networks such as 127.0.0.1 or 10.0.0.0/8 with blanks between, or none",
           "Who may say for whom they ask", set_trusted_proxies, Repeated::adds},
          [](Config & c) -> auto& { return c.trust.proxies; },
          [](const auto& networks) {
            std::vector<std::string> words;
            for (const auto& network : networks) words.push_back(network.text());
            return joined(words, "none");
          }),
      word_list(
          "allow_host", "host names in lower case with blanks between, or none",
          "Names by which browsers may ask over TCP without token", [](Config & c) -> auto& { return c.origins.hosts; },
          is_host_name),
      word_list(
          "allow_origin", "origins such as https://app.example.com with blanks between, or none",
          "Whose pages may send requests and open WebSockets", [](Config & c) -> auto& { return c.origins.origins; },
          api::is_origin),
      word_list(
          "cors_origin", "origins such as https://app.example.com with blanks between, or none",
          "Whose pages may also read the answers", [](Config & c) -> auto& { return c.origins.readers; },
          api::is_origin),
      number(
          "limit.requests", 0, most_per_minute, "Requests of one principal in a minute; 0: no limit",
          [](Config & c) -> auto& { return c.limits.requests; }),
      size(
          "limit.bytes", "Bytes of bodies of one principal in a minute; 0: no limit",
          [](Config & c) -> auto& { return c.limits.bytes; }),
      number(
          "limit.handshakes", 0, most_per_minute, "Streams that one principal opens in a minute; 0: no limit",
          [](Config & c) -> auto& { return c.limits.handshakes; }),
      number(
          "limit.address_requests", 0, most_per_minute, "Requests from one address in a minute; 0: no limit",
          [](Config & c) -> auto& { return c.limits.address_requests; }),
      size(
          "limit.address_bytes", "Bytes of bodies from one address in a minute; 0: no limit",
          [](Config & c) -> auto& { return c.limits.address_bytes; }),
      number(
          "limit.address_handshakes", 0, most_per_minute, "Streams opened from one address in a minute; 0: no limit",
          [](Config & c) -> auto& { return c.limits.address_handshakes; }),
      number(
          "limit.connections", 0, 1'000'000,
          "Connections from one address at once, but for trusted_proxies; 0: no limit",
          [](Config & c) -> auto& { return c.limits.connections; }),
      choice<bool>(
          "limit.local", {{"on", true}, {"off", false}}, "Whether these limits hold on this machine, too",
          [](Config & c) -> auto& { return c.limits.local; }),
      size(
          "limit.body_rate", "Least bytes of a body in a second; 0: no limit",
          [](Config & c) -> auto& { return c.body_rate; }),
      duration(
          "limit.body_grace", "How long a body may be slower", [](Config & c) -> auto& { return c.body_grace_ms; }),
      number(
          "slots", 1, jobs::most_slots, "Conversions that run at once",
          [](Config & c) -> auto& { return c.jobs.slots; }),
      number(
          "short_slots", 0, jobs::most_short_slots, "Beyond those, slots for short conversions alone",
          [](Config & c) -> auto& { return c.jobs.short_slots; }),
      duration(
          "short_cost", "What is expected to take no longer is short",
          [](Config & c) -> auto& { return c.jobs.short_cost_ms; }),
      number(
          "slots_per_org", 0, 2048, "Conversions of one organisation that run at once; 0: no limit of its own",
          [](Config & c) -> auto& { return c.jobs.slots_per_org; }),
      readable(
          {"org_weight", "ORG and a whole number from 1 to 100 (several with blanks between), or none",
           "Share of service of an organisation; 1 when not given", set_org_weight, Repeated::adds},
          [](Config & c) -> auto& { return c.jobs.org_weights; },
          [](const auto& weights) {
            std::vector<std::string> words;
            for (const auto& [org, weight] : weights) words.push_back(org + " " + std::to_string(weight));
            return joined(words, "none");
          }),
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
      number(
          "quarantine_crashes", 0, 1'000,
          "Crashes of one engine on one document that keep it from that engine; 0: none",
          [](Config & c) -> auto& { return c.jobs.quarantine_crashes; }),
      duration(
          "quarantine", "How long a document is kept from an engine that it has crashed",
          [](Config & c) -> auto& { return c.jobs.quarantine_ms; }),
      size(
          "input_limit", "Largest document", [](Config & c) -> auto& { return c.jobs.input_bytes; }),
      size(
          "output_limit", "All results of one conversion together",
          [](Config & c) -> auto& { return c.jobs.output_bytes; }),
      number(
          "output_files", 1, 1'000'000, "Result files of one conversion",
          [](Config & c) -> auto& { return c.jobs.output_files; }),
      number(
          "input_pages", 0, 10'000'000, "Pages of a document, where its engine tells them; 0: no limit",
          [](Config & c) -> auto& { return c.jobs.input_limits.input_pages; }),
      number(
          "input_pixels", 0, 100'000'000'000, "Pixels of a picture, by its header; 0: no limit",
          [](Config & c) -> auto& { return c.jobs.input_limits.input_pixels; }),
      duration(
          "input_duration", "Length of a sound or film; 0s: no limit",
          [](Config & c) -> auto& { return c.jobs.input_limits.input_duration_ms; }),
      number(
          "archive_entries", 0, 1'000'000, "Parts of a document that is a zip archive; 0: no limit",
          [](Config & c) -> auto& { return c.jobs.input_limits.archive_entries; }),
      size(
          "archive_size", "All parts of such a document, unpacked; 0: no limit",
          [](Config & c) -> auto& { return c.jobs.input_limits.archive_size; }),
      number(
          "archive_ratio", 0, 100'000, "How many times its size such a document may unpack to, beyond 64 MiB; 0: any",
          [](Config & c) -> auto& { return c.jobs.input_limits.archive_ratio; }),
      choice<bool>(
          "reuse", {{"on", true}, {"off", false}}, "Whether the result of the same work is used again",
          [](Config & c) -> auto& { return c.jobs.reuse; }),
      duration(
          "idempotency_window", "How long an Idempotency-Key is kept",
          [](Config & c) -> auto& { return c.jobs.idempotency_ms; }),
      size(
          "disk_floor", "Free space below which new work is refused",
          [](Config & c) -> auto& { return c.jobs.disk_floor_bytes; }),
      duration(
          "keep_results", "How long results are kept; 0s: for ever",
          [](Config & c) -> auto& { return c.jobs.keep_results_ms; }),
      size(
          "results_limit", "All results together; the oldest go when it is more; 0: no limit",
          [](Config & c) -> auto& { return c.jobs.results_bytes; }),
      duration(
          "keep_documents", "How long documents are kept that nobody stores or converts; 0s: for ever",
          [](Config & c) -> auto& { return c.jobs.keep_documents_ms; }),
      duration(
          "keep_history", "How long ended conversions are kept; 0s: for ever",
          [](Config & c) -> auto& { return c.jobs.keep_history_ms; }),
      size(
          "org_quota", "Documents and results of one organisation; 0: no limit",
          [](Config & c) -> auto& { return c.jobs.org_quota_bytes; }),
      readable(
          {"org_quota_of", "ORG and a size such as 10G (several with blanks between), or none",
           "The quota of one organisation", set_org_quotas, Repeated::adds},
          [](Config & c) -> auto& { return c.jobs.org_quotas; },
          [](const auto& quotas) {
            std::vector<std::string> words;
            for (const auto& [org, bytes] : quotas) words.push_back(org + " " + in_units(bytes, size_units));
            return joined(words, "none");
          }),
      also("REALTIME_STREAMING_V2",
           choice<bool>(
               "realtime.enabled", {{"true", true}, {"false", false}}, "Whether anybody gets the stream",
               [](Config & c) -> auto& { return c.realtime.rollout.enabled; })),
      also("REALTIME_ROLLOUT_PERCENT",
           number(
               "realtime.rollout_percent", 0, 100, "How many of all principals get the stream",
               [](Config & c) -> auto& { return c.realtime.rollout.percent; })),
      readable(
          {"realtime.users", "principals with blanks between", "Who gets the stream whatever the percentage",
           set_realtime_users, Repeated::adds},
          [](Config & c) -> auto& { return c.realtime.rollout.users; },
          [](const auto& users) { return joined(users, ""); }),
      number(
          "realtime.connections", 0, 1'000'000, "Connections of the stream and to watch one conversion, in all",
          [](Config & c) -> auto& { return c.realtime.connections; }),
      number(
          "realtime.connections_per_principal", 0, 1'000'000, "The same, of one principal",
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
