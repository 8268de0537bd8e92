#include "convctl/client.h"

#include <charconv>

namespace convctl {
namespace {

std::optional<int> seconds_from(const std::optional<std::string>& text) {
  int value = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  return error == std::errc() && value >= 0 ? std::optional(value) : std::nullopt;
}

std::string text_of(const shared::JsonReader& json, std::string_view key) {
  const auto member = json.find(key);
  if (!member) return "";
  const auto text = member->string();
  return text ? *text : "";
}

std::string list_of(const shared::JsonReader& json, std::string_view key) {
  std::string list;
  const auto member = json.find(key);
  if (!member) return list;
  const auto items = member->items();
  if (!items) return list;
  for (const auto& item : *items) {
    if (const auto text = item.string()) list += (list.empty() ? "" : " ") + *text;
  }
  return list;
}

std::string next_step(Exit exit, const shared::JsonReader& problem) {
  if (const std::string targets = list_of(problem, "targets"); !targets.empty()) return "possible targets: " + targets;
  switch (exit) {
    case Exit::try_later:
      return "try again later";
    case Exit::no_input:
      return "`convctl ls` shows the conversions there are";
    case Exit::internal:
      return "trace id " + text_of(problem, "trace_id") + "; the daemon's log says more: `journalctl -u convd`";
    default:
      return "";
  }
}

// What HTTP servers say in clear when somebody speaks plain HTTP to their TLS port: nginx, Go and Apache have a
// sentence each, and all of them say which of the two it should be.
bool wants_tls(const HttpResponse& response) {
  return response.status == 400 &&
         (response.body.find("HTTPS") != std::string::npos || response.body.find("SSL-enabled") != std::string::npos);
}

}  // namespace

bool is_success(const HttpResponse& response) {
  return response.status >= 200 && response.status < 300;
}

Failure failure_from(const HttpResponse& response) {
  const auto retry_after_s = seconds_from(response.header("retry-after"));
  const auto json = shared::Json::parse(response.body);
  if (!json || !json->read().is_object()) {
    if (wants_tls(response))
      return Failure{Exit::protocol, "that port speaks TLS, not plain HTTP", "is it https:// instead of http://?"};
    const Exit exit = exit_for_http(response.status, {});
    return Failure{exit, "convd answered HTTP " + std::to_string(response.status), "", "", retry_after_s};
  }
  const auto problem = json->read();
  const std::string name = text_of(problem, "code");
  const Exit exit = exit_for_http(response.status, shared::error_code_from(name));
  std::string message = text_of(problem, "detail");
  if (message.empty()) message = text_of(problem, "title");
  if (message.empty()) message = "HTTP " + std::to_string(response.status);
  if (!name.empty()) message += " (" + name + ")";
  std::string hint = next_step(exit, problem);
  if (retry_after_s && exit == Exit::try_later) hint = "try again in " + std::to_string(*retry_after_s) + " s";
  return Failure{exit, message, hint, name, retry_after_s};
}

shared::Json json_from(const std::string& body) {
  auto json = shared::Json::parse(body, {.size_bytes = std::size_t{64} << 20, .depth = 32});
  if (!json)
    throw Failure{Exit::protocol, "convd's answer is not what was expected: " + json.error().message,
                  "is it another version? `convctl version`"};
  return *std::move(json);
}

shared::StatusObject status_from(const std::string& body) {
  const shared::Json json = json_from(body);
  auto object = shared::status_object_from(json.read());
  if (!object || object->id.empty()) {
    throw Failure{Exit::protocol,
                  "convd's answer is not a status object" + (object ? "" : ": " + object.error().message),
                  "is it another version? `convctl version`"};
  }
  return *std::move(object);
}

std::string conversion_target(const std::string& id) {
  return "/v1/conversions/" + url_encode(id);
}

std::unique_ptr<HttpCall> Client::start(HttpRequest request, HttpCall::Done done) {
  return std::make_unique<HttpCall>(loop_, endpoint_, std::move(request), std::move(done));
}

HttpResponse Client::ask(HttpRequest request) {
  std::optional<HttpOutcome> outcome;
  const auto call = start(std::move(request), [&](HttpOutcome result) { outcome = std::move(result); });
  loop_.run_until([&] { return outcome.has_value(); });
  if (auto* failure = std::get_if<Failure>(&*outcome)) throw *failure;
  auto& response = std::get<HttpResponse>(*outcome);
  if (!is_success(response)) throw failure_from(response);
  return std::move(response);
}

shared::Json Client::ask_json(HttpRequest request) {
  return json_from(ask(std::move(request)).body);
}

shared::StatusObject Client::ask_status(HttpRequest request) {
  return status_from(ask(std::move(request)).body);
}

}  // namespace convctl
