#include "convd/transport/head_parser.h"

#include <algorithm>
#include <cctype>

#include "convd/api/text.h"
#include "convd/transport/head_rules.h"
#include "convd/transport/parser_compat.h"
#include "convd/transport/request_head.h"
#include "shared/stream.h"

namespace convd::transport {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

struct Collected {
  std::string target;
  api::Headers headers;
  bool in_value = true;
};

Collected& collected(compat::Parser* parser) {
  return *static_cast<Collected*>(parser->data);
}

// The library may hand over one name or value in pieces.
int on_url(compat::Parser* parser, const char* at, std::size_t length) {
  collected(parser).target.append(at, length);
  return 0;
}

int on_name(compat::Parser* parser, const char* at, std::size_t length) {
  Collected& c = collected(parser);
  if (c.in_value) c.headers.emplace_back();
  c.in_value = false;
  std::transform(at, at + length, std::back_inserter(c.headers.back().first),
                 [](char ch) { return static_cast<char>(std::tolower(static_cast<unsigned char>(ch))); });
  return 0;
}

int on_value(compat::Parser* parser, const char* at, std::size_t length) {
  Collected& c = collected(parser);
  c.in_value = true;
  c.headers.back().second.append(at, length);
  return 0;
}

void trim_values(api::Headers& headers) {
  for (auto& [name, value] : headers) value.erase(value.find_last_not_of(" \t") + 1);
}

Result<Collected> run_library(std::string_view head, std::string& method) {
  compat::ParserCallbacks callbacks;
  compat::clear(callbacks);
  callbacks.on_url = on_url;
  callbacks.on_header_field = on_name;
  callbacks.on_header_value = on_value;
  Collected out;
  std::string_view name;
  const bool ok = compat::parse_request_head(callbacks, &out, head, name);
  // The library knows a closed list of methods, so a name that differs is an unknown one.
  method = head.substr(0, head.find(' '));
  if (method != name || method == "CONNECT") {
    return Error{ErrorCode::not_implemented, "The method " + method.substr(0, 32) + " is not known here.", {}};
  }
  if (!ok) return Error{ErrorCode::invalid_request, "The request head is malformed.", {}};
  trim_values(out.headers);
  return out;
}

// All values of one name, as one list.
std::string joined(const api::Headers& headers, std::string_view wanted) {
  std::string out;
  for (const auto& [name, value] : headers) {
    if (name == wanted) out += out.empty() ? value : ", " + value;
  }
  return out;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return text;
}

std::string subprotocol_of(std::string_view offered) {
  std::string_view chosen;
  for (const std::string_view item : api::list_items(offered)) {
    if (item == shared::stream_subprotocol) return std::string(item);
    if (chosen.empty() && item.starts_with(shared::bearer_subprotocol) && api::is_token(item)) chosen = item;
  }
  return std::string(chosen);
}

// What a client of HTTP/1.0 expects is none of ours.
std::optional<Error> check_expect(const api::Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (name != "expect" || lower(value) == "100-continue") continue;
    return Error{ErrorCode::expectation_failed, "The only expectation met here is 100-continue.", {}};
  }
  return std::nullopt;
}

}  // namespace

Result<Head> parse_head(std::string_view head, const Limits& limits) {
  if (auto error = check_head(head, limits)) return *error;
  Head out;
  auto fields = run_library(head, out.request.method);
  if (!fields) return fields.error();
  out.request.headers = std::move(fields->headers);
  const api::Headers& headers = out.request.headers;

  const int minor_version = head[head.find("\r\n") - 1] - '0';
  out.http_1_0 = minor_version == 0;
  auto framing = framing_of(headers, minor_version);
  if (!framing) return framing.error();
  auto target = parse_target(fields->target);
  if (!target) return target.error();
  if (auto error = check_host(headers, minor_version, target->authority)) return *error;
  if (target->path.size() > limits.path_segments || target->query.size() > limits.query_parameters) {
    return Error{ErrorCode::header_too_large,
                 "The request target has more than " + std::to_string(limits.path_segments) + " segments or " +
                     std::to_string(limits.query_parameters) + " parameters.",
                 {}};
  }

  out.request.path = std::move(target->path);
  out.request.query = std::move(target->query);
  out.request.content_length = framing->content_length;
  out.request.has_body = framing->chunked || framing->content_length.value_or(0) > 0;
  out.chunked = framing->chunked;
  const std::string connection = joined(headers, "connection");
  out.keep_alive = !has_token(connection, "close") && (!out.http_1_0 || has_token(connection, "keep-alive"));
  if (auto error = check_expect(headers); error && !out.http_1_0) return *error;
  out.expects_continue = !out.http_1_0 && out.request.has_body && !joined(headers, "expect").empty();
  out.websocket = !out.http_1_0 && out.request.method == "GET" && !out.request.has_body &&
                  has_token(connection, "upgrade") && lower(joined(headers, "upgrade")) == "websocket";
  return out;
}

Result<Handshake> websocket_handshake(const api::Request& request) {
  if (joined(request.headers, "sec-websocket-version") != "13") {
    return Error{ErrorCode::upgrade_required, "Sec-WebSocket-Version must be 13.", {}};
  }
  std::string key = joined(request.headers, "sec-websocket-key");
  const auto is_base64 = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '/';
  };
  // 16 bytes are 22 digits and two signs of padding.
  if (key.size() != 24 || !key.ends_with("==") || !std::all_of(key.begin(), key.end() - 2, is_base64)) {
    return Error{ErrorCode::invalid_request, "Sec-WebSocket-Key must be 16 bytes in base64.", {}};
  }
  return Handshake{std::move(key), subprotocol_of(joined(request.headers, "sec-websocket-protocol"))};
}

}  // namespace convd::transport
