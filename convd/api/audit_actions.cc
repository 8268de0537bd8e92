#include "convd/api/audit_actions.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace convd::api {
namespace {

struct ActionRow {
  std::string_view method;
  std::string_view pattern;
  std::string_view action;
};

constexpr std::array action_rows{
    ActionRow{"POST", "/convert", "submit"},
    ActionRow{"POST", "/v1/conversions", "submit"},
    ActionRow{"DELETE", "/v1/conversions/{id}", "delete"},
    ActionRow{"POST", "/v1/conversions/{id}/cancel", "cancel"},
    ActionRow{"POST", "/v1/conversions/{id}/retry", "retry"},
    ActionRow{"POST", "/v1/conversions/{id}/notes", "note"},
    ActionRow{"GET", "/v1/conversions/{id}/result", "fetch_result"},
    ActionRow{"GET", "/v1/conversions/{id}/result/{name}", "fetch_result"},
    ActionRow{"GET", "/v1/conversions/{id}/early-page", "fetch_result"},
    ActionRow{"POST", "/documents", "upload"},
    ActionRow{"GET", "/documents/{name}", "fetch_document"},
    ActionRow{"DELETE", "/documents/{name}", "delete_document"},
    ActionRow{"GET", "/ws/conversion/{id}", "watch"},
    ActionRow{"GET", "/v2/realtime/stream", "stream"},
    ActionRow{"GET", "/v2/realtime/sse", "stream"},
    ActionRow{"POST", "/v1/tokens", "token_created"},
    ActionRow{"POST", "/v2/realtime/ticket", "ticket"},
    ActionRow{"POST", "/v1/control/pause", "pause"},
    ActionRow{"POST", "/v1/control/drain", "drain"},
    ActionRow{"POST", "/v1/control/resume", "resume"},
    ActionRow{"POST", "/v1/control/reload", "reload"},
    ActionRow{"POST", "/v1/control/log-level", "log_level"},
};

[[noreturn]] void mistake(std::string_view what, std::string_view method, std::string_view pattern) {
  throw std::logic_error(std::string(what) + ": " + std::string(method) + " " + std::string(pattern));
}

void check_row(const ActionRow& row, const std::vector<Route>& routes) {
  const auto same = [&row](const auto& other) { return other.method == row.method && other.pattern == row.pattern; };
  if (std::count_if(action_rows.begin(), action_rows.end(), same) != 1)
    mistake("two audit actions of a route", row.method, row.pattern);
  if (std::none_of(routes.begin(), routes.end(), same)) mistake("an audit action of no route", row.method, row.pattern);
}

}  // namespace

std::string_view audit_action(std::string_view method, std::string_view pattern) {
  if (method == "HEAD") method = "GET";
  const auto found = std::find_if(action_rows.begin(), action_rows.end(),
                                  [&](const ActionRow& row) { return row.method == method && row.pattern == pattern; });
  return found == action_rows.end() ? std::string_view() : found->action;
}

void check_audit_actions(const std::vector<Route>& routes, const std::vector<SocketRoute>& sockets) {
  for (const ActionRow& row : action_rows) check_row(row, routes);
  for (const Route& route : routes) {
    if (route.method != "GET" && audit_action(route.method, route.pattern).empty())
      mistake("a route that changes something without an audit action", route.method, route.pattern);
  }
  for (const SocketRoute& socket : sockets) {
    if (audit_action("GET", socket.pattern).empty())
      mistake("a WebSocket without an audit action", "GET", socket.pattern);
  }
}

}  // namespace convd::api
