#pragma once
// How a connection goes from our HTTP to libwebsockets.

#include <memory>

#include "convd/api/exchange.h"
#include "convd/loop/unique_fd.h"
#include "convd/transport/head_parser.h"

namespace convd::transport {

// A checked handshake that has not been answered yet.
struct Handover {
  loop::UniqueFd socket;
  Handshake handshake;
  std::unique_ptr<api::SocketSession> session;
  std::unique_ptr<api::Stay> stay;
};

}  // namespace convd::transport
