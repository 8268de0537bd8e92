#pragma once
// What the page of a web site may make a browser send here. A browser says where a page comes from (Origin), and by
// which name it believes to speak to us (Host): neither is worth anything from other clients, and both are sincere from
// a browser, which is the one that lets strangers speak from inside. Pure. Any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/api/exchange.h"
#include "shared/result.h"

namespace convd::api {

// What an administrator decides; see convd.conf(5). Lower case, compared as a whole.
struct OriginSettings {
  std::vector<std::string> hosts;    // names beside those of the loopback addresses, without port
  std::vector<std::string> origins;  // "https://app.example.com": whose pages may send requests and open WebSockets
  std::vector<std::string> readers;  // whose pages may also read the answers (CORS)
};

// Whether `text` is an origin as a browser writes it: "https://app.example.com" or "http://localhost:3000".
bool is_origin(std::string_view text);

// Whether a request may be answered at all: the name it was sent to, for callers without a token, so that no page can
// make its own name lead here (DNS rebinding), and where it came from, for all that is no mere reading. Errors:
// misdirected_request, origin_not_allowed.
std::optional<shared::Error> check_origin(const Request& request, const OriginSettings& settings);
// The same for the handshake of a WebSocket, to which the same-origin policy of browsers does not extend.
std::optional<shared::Error> check_socket_origin(const Request& request, const OriginSettings& settings);

// What every answer to this request says about who may read it; empty when CORS is off.
Headers reader_headers(const Request& request, const OriginSettings& settings);
// The answer to the question of a browser whether a page may send such a request; nothing when it is none, or not from
// a page that may read. `allow`: the methods of the route.
std::optional<Response> preflight(const Request& request, const std::string& allow, const OriginSettings& settings);

}  // namespace convd::api
