#include "convd/api/origin_rules.h"

#include <algorithm>

#include "convd/api/reply.h"
#include "convd/api/text.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;

// A browser asks before it sends any of these; the rest it sends by itself.
constexpr std::string_view request_headers =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-Modified-Since, If-None-Match, If-Range, "
    "Last-Event-ID, Prefer, Range, traceparent";
// What clients use beyond those that a page may read in any case.
constexpr std::string_view answer_headers =
    "Accept-Ranges, Content-Disposition, Content-Range, Convd-Epoch, Convd-Seq, ETag, Idempotency-Replayed, Link, "
    "Location, Preference-Applied, "
    "RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate";
constexpr std::string_view preflight_seconds = "600";

bool contains(const std::vector<std::string>& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// Without port; the brackets of an IPv6 address stay.
std::string_view name_of(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  if (colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos) return host;
  return host.substr(0, colon);
}

bool is_known_host(const std::string& host, const OriginSettings& settings) {
  const std::string_view name = name_of(host);
  const bool is_loopback = name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
  return is_loopback || name == "localhost" || name == "[::1]" || contains(settings.hosts, name);
}

// Nobody but the machine's own users can reach the Unix socket, and none of them by a name.
bool came_by_network(const Request& request) {
  return !request.caller.address.empty();
}

bool has_no_token(const Request& request) {
  return came_by_network(request) && request.caller.principal == "local";
}

bool is_allowed(const std::string& origin, const Request& request, const OriginSettings& settings) {
  if (contains(settings.origins, origin) || contains(settings.readers, origin)) return true;
  // Our own page. A proxy in front may speak TLS.
  const std::string host = lower(request.header("host"));
  if (came_by_network(request) && !is_known_host(host, settings)) return false;
  return origin == "http://" + host || origin == "https://" + host;
}

Error foreign(std::string_view origin) {
  return {ErrorCode::origin_not_allowed,
          "pages of " + std::string(origin) + " may not do this; an administrator can allow it by allow_origin",
          {}};
}

bool only_reads(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

}  // namespace

bool is_origin(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos || !is_token(text.substr(0, colon))) return false;
  const std::string_view authority = text.substr(colon + 3);
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~:[]").find(c) != std::string_view::npos;
  };
  return !authority.empty() && std::all_of(authority.begin(), authority.end(), fits) &&
         text.substr(0, colon) == lower(text.substr(0, colon));
}

std::optional<Error> check_origin(const Request& request, const OriginSettings& settings) {
  if (!has_no_token(request)) return std::nullopt;
  const std::string_view host = request.header("host");
  // No browser leaves it out; a client of HTTP/1.0 may.
  const bool has_host = std::any_of(request.headers.begin(), request.headers.end(),
                                    [](const auto& header) { return header.first == "host"; });
  if (has_host && !is_known_host(lower(host), settings)) {
    return Error{ErrorCode::misdirected_request,
                 "this is not known to be '" + std::string(host.substr(0, 255)) +
                     "'; ask for localhost, or have an administrator allow the name by allow_host",
                 {}};
  }
  if (only_reads(request.method)) return std::nullopt;
  const std::string origin = lower(request.header("origin"));
  if (!origin.empty()) return is_allowed(origin, request, settings) ? std::nullopt : std::optional(foreign(origin));
  const std::string_view site = request.header("sec-fetch-site");
  if (site == "cross-site" || site == "same-site") return foreign("another site");
  return std::nullopt;
}

std::optional<Error> check_socket_origin(const Request& request, const OriginSettings& settings) {
  if (auto error = check_origin(request, settings)) return error;
  const std::string origin = lower(request.header("origin"));
  if (origin.empty() || is_allowed(origin, request, settings)) return std::nullopt;
  return foreign(origin);
}

Headers reader_headers(const Request& request, const OriginSettings& settings) {
  if (settings.readers.empty()) return {};
  Headers out{{"Vary", "Origin"}};
  const std::string origin = lower(request.header("origin"));
  if (!contains(settings.readers, origin)) return out;
  out.emplace_back("Access-Control-Allow-Origin", origin);
  out.emplace_back("Access-Control-Expose-Headers", answer_headers);
  return out;
}

std::optional<Response> preflight(const Request& request, const std::string& allow, const OriginSettings& settings) {
  const bool asks = request.method == "OPTIONS" && !request.header("access-control-request-method").empty();
  if (!asks || !contains(settings.readers, lower(request.header("origin")))) return std::nullopt;
  Response response = empty_response(204);
  response.headers = {{"Allow", allow},
                      {"Access-Control-Allow-Methods", allow},
                      {"Access-Control-Allow-Headers", std::string(request_headers)},
                      {"Access-Control-Max-Age", std::string(preflight_seconds)}};
  return response;
}

}  // namespace convd::api
