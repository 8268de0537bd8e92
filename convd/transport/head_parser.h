#pragma once
// The door to the HTTP parser library (http_parser, llhttp): a complete head becomes a request. The library sees
// nothing but heads that have passed head_rules.h; bodies are not its business. Any thread.

#include <optional>
#include <string>
#include <string_view>

#include "convd/api/exchange.h"
#include "convd/transport/limits.h"
#include "shared/result.h"

namespace convd::transport {

struct Head {
  api::Request request;  // without caller
  bool chunked = false;
  bool keep_alive = true;
  bool http_1_0 = false;
  bool expects_continue = false;
  bool websocket = false;  // GET with "Upgrade: websocket" and "Connection: upgrade"
};

// `head` is what HeadScanner found: request line to empty line. Errors: invalid_request, not_implemented,
// header_too_large, expectation_failed.
shared::Result<Head> parse_head(std::string_view head, const Limits& limits);

// What the answer to an opening handshake of RFC 6455 is made of.
struct Handshake {
  std::string key;
  // Of those the client offers: "convd.v1", or else the one that is its token, because a browser drops a connection
  // that takes none of them. Empty: no subprotocol.
  std::string subprotocol;
};
// Errors: invalid_request, upgrade_required (a version other than 13).
shared::Result<Handshake> websocket_handshake(const api::Request& request);

}  // namespace convd::transport
