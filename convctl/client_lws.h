#pragma once
// What the client*.cc files share of libwebsockets. Included by no other file. Main thread only.

#include <libwebsockets.h>

#include <cstddef>

namespace convctl {

// The C callback of the WebSocket protocol; its object is the opaque user data of the connection.
int websocket_callback(lws* wsi, lws_callback_reasons reason, void* user, void* in, std::size_t length) noexcept;
inline constexpr const char* websocket_protocol = "convctl-ws";

}  // namespace convctl
