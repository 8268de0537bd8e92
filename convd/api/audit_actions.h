#pragma once
// What the audit log calls a request: a table of its own, because most routes only look and are not told.

#include <string_view>
#include <vector>

#include "convd/api/route.h"

namespace convd::api {

// Empty when it is not told. HEAD is GET. Any thread.
std::string_view audit_action(std::string_view method, std::string_view pattern);

// Throws std::logic_error when a row stands there twice or has no route, or when a route that changes something or a
// WebSocket has no row.
void check_audit_actions(const std::vector<Route>& routes, const std::vector<SocketRoute>& sockets);

}  // namespace convd::api
