#include "convd/api/router.h"

#include <iterator>
#include <utility>

#include "convd/api/audit_actions.h"
#include "convd/api/metrics.h"

namespace convd::api {
namespace {

// Often enough that no sample has left the manager's memory before it was counted.
constexpr loop::milliseconds collect_period{5'000};

std::vector<SocketRoute> all_sockets(Services& services) {
  auto all = conversion_sockets(services);
  auto more = realtime_sockets(services);
  std::move(more.begin(), more.end(), std::back_inserter(all));
  return all;
}

std::vector<Route> all_routes(Services& services, Route metrics) {
  std::vector<Route> all;
  for (auto group : {submission_routes, conversion_routes, result_routes, note_routes, document_routes, info_routes,
                     usage_routes, health_routes, realtime_routes, control_routes, token_routes}) {
    auto routes = group(services);
    std::move(routes.begin(), routes.end(), std::back_inserter(all));
  }
  all.push_back(std::move(metrics));
  check_audit_actions(all, all_sockets(services));
  return all;
}

}  // namespace

Router::Router(jobs::Manager& manager, store::Store& store, loop::Loop& loop, const Host& host,
               realtime::Realtime& realtime, Control& control, trust::Authority& authority, Edge& edge,
               trust::Audit& audit)
    : services_{manager, store, loop, http_, host, realtime, control, authority, loop.now(), edge, audit},
      started_(loop.wall()),
      dispatcher_(all_routes(services_, metrics_route()), all_sockets(services_), http_, authority, edge, audit, loop),
      collect_(loop.every(collect_period, [this] { durations_.collect(services_.manager.counters()); })) {}

Route Router::metrics_route() {
  auto handler = [this](const Call&) -> shared::Result<Response> {
    durations_.collect(services_.manager.counters());
    Response response = text_response(200, metrics_text(services_, durations_, started_));
    response.headers[0].second = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  };
  return read_get("/metrics", std::move(handler));
}

std::unique_ptr<Exchange> Router::begin(Request request, Responder& responder) {
  return dispatcher_.begin(std::move(request), responder);
}

bool Router::has_socket(const Request& request) const {
  return dispatcher_.has_socket(request);
}

Opening Router::open_socket(const Request& request) {
  return dispatcher_.open_socket(request);
}

Response Router::problem(const shared::Error& error) const {
  return dispatcher_.problem(error);
}

std::unique_ptr<Stay> Router::arrive(const Caller& peer) {
  return dispatcher_.arrive(peer);
}

}  // namespace convd::api
