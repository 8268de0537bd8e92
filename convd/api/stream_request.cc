#include "convd/api/stream_request.h"

#include <charconv>

#include "shared/stream.h"

namespace convd::api {
namespace {

using events::Filter;
using events::Start;
using shared::Error;
using shared::ErrorCode;
using shared::JsonReader;
using shared::Result;

constexpr std::int64_t greatest_seq = std::int64_t{1} << 53;
constexpr std::int64_t least_progress_ms = 10;
constexpr std::int64_t most_progress_ms = 60'000;

Error too_many() {
  return {ErrorCode::invalid_request,
          "services: at most " + std::to_string(Filter::most_services) + " may be asked for at once",
          {}};
}

void choose(StreamRequest& request, const std::vector<std::string>& names) {
  auto parsed = Filter::parse(names);
  request.filter = std::move(parsed.filter);
  request.rejected = std::move(parsed.rejected);
}

// 0 is what a client says that has seen nothing yet: from now on.
void resume_after(Start& start, std::int64_t seq) {
  if (seq == 0) return;
  start.from = Start::From::position;
  start.seq = seq;
}

Result<void> since(Start& start, const std::string& word) {
  if (word != "oldest")
    return Error{ErrorCode::invalid_request, "since: expected \"oldest\", found \"" + word + "\"", {}};
  start.from = Start::From::oldest;
  return {};
}

Result<std::vector<std::string>> texts(const JsonReader& json) {
  const auto items = json.items();
  if (!items) return items.error();
  std::vector<std::string> all;
  for (const JsonReader& item : *items) {
    auto text = item.string();
    if (!text) return text.error();
    all.push_back(*std::move(text));
  }
  return all;
}

Result<void> read_position(const JsonReader& json, Start& start) {
  if (const auto member = json.find("lastSeq")) {
    const auto seq = member->integer(0, greatest_seq);
    if (!seq) return seq.error();
    resume_after(start, *seq);
  }
  if (const auto member = json.find("epoch")) {
    auto epoch = member->string();
    if (!epoch) return epoch.error();
    start.epoch = *std::move(epoch);
  }
  if (const auto member = json.find("since")) {
    const auto word = member->string();
    return word ? since(start, *word) : word.error();
  }
  return {};
}

Result<void> read_wishes(const JsonReader& json, StreamRequest& request) {
  if (const auto member = json.find("compress")) {
    const auto names = texts(*member);
    if (!names) return names.error();
    for (const std::string& name : *names) request.compress = request.compress || name == shared::compression_name;
  }
  if (const auto member = json.find("progressMs")) {
    const auto interval = member->integer(least_progress_ms, most_progress_ms);
    if (!interval) return interval.error();
    request.progress_ms = *interval;
  }
  return {};
}

Result<StreamRequest> read(const JsonReader& json, std::string_view& code) {
  code = "bad_message";
  const auto services = json.at("services");
  if (!services) return services.error();
  const auto names = texts(*services);
  if (!names) return names.error();
  if (names->empty()) return Error{ErrorCode::invalid_json, "$.services: expected one service at least", {}};
  if (names->size() > Filter::most_services) {
    code = "too_many_services";
    return too_many();
  }
  if (const auto member = json.find("version")) {
    const auto version = member->integer(-greatest_seq, greatest_seq);
    if (!version) return version.error();
    if (*version != shared::stream_version) {
      code = "unsupported_version";
      return Error{ErrorCode::invalid_json, "$.version: only 1 is spoken here", {}};
    }
  }
  StreamRequest request;
  choose(request, *names);
  if (auto position = read_position(json, request.start); !position) return position.error();
  if (auto wishes = read_wishes(json, request); !wishes) return wishes.error();
  return request;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    if (comma > at) names.push_back(list.substr(at, comma - at));
    at = comma + 1;
  }
  return names;
}

Result<std::int64_t> seq_from(const std::string& text) {
  std::int64_t seq = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, seq);
  if (error == std::errc() && rest == end && seq >= 0 && seq <= greatest_seq) return seq;
  return Error{ErrorCode::invalid_request, "lastSeq: expected a whole number, 0 or more, found \"" + text + "\"", {}};
}

}  // namespace

std::optional<StreamRequest> handshake_from(const JsonReader& json, StreamFault& fault) {
  auto request = read(json, fault.code);
  if (request) return *std::move(request);
  fault.message = request.error().message;
  return std::nullopt;
}

Result<StreamRequest> stream_query(const Request& request) {
  StreamRequest wanted;
  auto names = split(request.param("services").value_or(std::string(to_string(shared::Service::conversion))));
  if (names.empty()) return Error{ErrorCode::invalid_request, "services: expected one at least", {}};
  if (names.size() > Filter::most_services) return too_many();
  choose(wanted, names);
  if (const auto text = request.param("lastSeq")) {
    const auto seq = seq_from(*text);
    if (!seq) return seq.error();
    resume_after(wanted.start, *seq);
  }
  wanted.start.epoch = request.param("epoch").value_or("");
  if (const auto word = request.param("since")) {
    if (auto known = since(wanted.start, *word); !known) return known.error();
  }
  return wanted;
}

}  // namespace convd::api
