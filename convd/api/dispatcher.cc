#include "convd/api/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "convd/api/audit_trail.h"
#include "convd/api/log.h"
#include "convd/api/trace.h"
#include "convd/store/readable.h"
#include "shared/stream.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;

// When the request was complete: what a client takes to send it is not our latency.
struct Clock {
  loop::Loop& loop;
  loop::TimePoint complete;

  void restart() { complete = loop.now(); }
  double seconds() const { return std::chrono::duration<double>(loop.now() - complete).count(); }
};

Error too_large(std::int64_t limit_bytes) {
  return {ErrorCode::body_too_large, "the body is over " + std::to_string(limit_bytes) + " bytes", {}};
}

// A row that cannot be read is the misfortune of the request that asked for it, and of no other. `reply` is a copy: the
// answer may have destroyed the exchange.
template <typename Part>
void contained(Reply reply, Part part) {
  try {
    part();
  } catch (const std::exception& error) {
    log()->error("a request failed: {}", error.what());
    reply.fail(store::cannot_answer());
  }
}

class RoutedExchange final : public Exchange {
 public:
  RoutedExchange(Reply reply, std::shared_ptr<Clock> clock, Edge& edge)
      : reply_(std::move(reply)), clock_(std::move(clock)), edge_(edge) {}
  ~RoutedExchange() override { reply_.close(); }

  void start(const Route& route, Call call) {
    limit_bytes_ = route.body_limit_bytes;
    takes_body_ = route.body == Body::taken;
    if (!call.request.content_length) sender_ = call.request.caller;
    contained(reply_, [&] { handler_ = route.start(std::move(call)); });
  }

  // An answer may destroy this exchange, hence the second owner of the handler and nothing after the calls.
  void on_body(std::string_view bytes) override {
    if (!reply_.open()) return;
    received_bytes_ += static_cast<std::int64_t>(bytes.size());
    if (received_bytes_ > limit_bytes_) return reply_.fail(too_large(limit_bytes_));
    if (sender_) {
      if (const auto refused = edge_.check_bytes(*sender_, bytes.size())) return reply_.fail(*refused);
    }
    if (!handler_ || !takes_body_) return;
    contained(reply_, [bytes, handler = handler_] { handler->on_body(bytes); });
  }
  void on_body_end() override {
    clock_->restart();
    if (!reply_.open()) return;
    if (handler_) contained(reply_, [handler = handler_] { handler->on_body_end(); });
  }
  void on_client_left() override {
    const auto handler = handler_;
    if (handler && reply_.open()) handler->on_client_left();
  }

 private:
  Reply reply_;
  std::shared_ptr<Clock> clock_;
  Edge& edge_;
  std::optional<Caller> sender_;  // of a body that is charged as it comes
  std::shared_ptr<Handler> handler_;
  std::int64_t limit_bytes_ = 0;
  std::int64_t received_bytes_ = 0;
  bool takes_body_ = false;
};

void refuse_unrouted(const Request& request, const RouteTable::Match& match, const OriginSettings& origins,
                     const Reply& reply) {
  if (match.pattern.empty()) {
    return reply.fail(Error{ErrorCode::not_found, "there is no such route; see convd(8) for all of them", {}});
  }
  if (auto permission = preflight(request, match.allow, origins)) return reply.send(*std::move(permission));
  if (request.method == "OPTIONS") {
    Response response = empty_response(204);
    response.headers.emplace_back("Allow", match.allow);
    return reply.send(std::move(response));
  }
  Problem problem;
  problem.error = {
      ErrorCode::method_not_allowed, request.method + " is not possible here; allowed are " + match.allow, {}};
  problem.headers.emplace_back("Allow", match.allow);
  reply.fail(problem);
}

// Without a word of what it has shown.
void tell_refused(const Request& request, const Problem& refused) {
  if (refused.error.code != ErrorCode::unauthorized) return;
  log()->debug("a token from {} is refused: {}", request.caller.address, refused.error.message);
}

// For /metrics.
class CountedStay final : public Stay {
 public:
  CountedStay(HttpMetrics& metrics, std::unique_ptr<Stay> inner) : metrics_(metrics), inner_(std::move(inner)) {
    metrics_.connection_opened();
  }
  ~CountedStay() override { metrics_.connection_closed(); }

 private:
  HttpMetrics& metrics_;
  const std::unique_ptr<Stay> inner_;  // null for a trusted proxy
};

// For those who cannot read the answer to a handshake.
class RefusedSocket final : public SocketSession {
 public:
  explicit RefusedSocket(shared::CloseCode code) : code_(code) {}
  void on_open(Outlet& outlet) override { outlet.want_write(); }
  void on_message(std::string_view, MessageKind) override {}
  std::string_view next_frames(std::size_t) override { return {}; }
  std::optional<Close> finished() const override {
    return Close{static_cast<std::uint16_t>(code_), std::string(shared::reason_of(code_))};
  }

 private:
  shared::CloseCode code_;
};

// Waiting on purpose (?wait=, Prefer: wait) is a series of its own: it says nothing about how fast we are.
std::string series_of(const RouteTable::Match& match, const Request& request) {
  if (match.pattern.empty()) return "unmatched";
  const bool waits = request.param("wait") || !request.header("prefer").empty();
  return waits ? match.pattern + " waiting" : match.pattern;
}

}  // namespace

Dispatcher::Dispatcher(std::vector<Route> routes, std::vector<SocketRoute> sockets, HttpMetrics& metrics,
                       trust::Authority& authority, Edge& edge, trust::Audit& audit, loop::Loop& loop)
    : table_(std::move(routes)),
      sockets_(std::move(sockets)),
      metrics_(metrics),
      authentication_(authority),
      edge_(edge),
      audit_(audit),
      loop_(loop) {}

// Before any handler: how fast this address asks, who it is, how fast they ask and from whose page, and what the row
// demands.
std::optional<Problem> Dispatcher::admit(const Route* route, Request& request, Headers& also, AuditTrail& trail) const {
  const trust::Errand errand = route == nullptr ? trust::Errand::request : route->errand;
  if (auto refused = edge_.check_address(request, errand)) return refused;
  const Credentials where = route == nullptr ? Credentials::header : route->credentials;
  auto unknown = authentication_.identify(request, where);
  trail.asked_by(request.caller);
  if (auto refused = edge_.check_caller(request, errand, also)) return refused;
  // Nobody tries tokens unseen where none is needed and the answer does not speak of them.
  const bool is_open = route == nullptr || route->permission == Permission::anyone;
  if (is_open && unknown && shows_credentials(request, where)) trail.refused(unknown->error.code);
  return route == nullptr ? std::nullopt : admit_to(*route, request, std::move(unknown));
}

std::optional<Problem> Dispatcher::admit_to(const Route& route, Request& request,
                                            std::optional<Problem> refused) const {
  if (!refused) refused = refusal_of(route.permission, request.caller);
  if (refused && route.permission != Permission::anyone) {
    tell_refused(request, *refused);
    return refused;
  }
  if (!refused && route.credentials == Credentials::header_or_url) authentication_.spend_ticket(request);
  forget_credentials(request);
  if (request.content_length.value_or(0) <= route.body_limit_bytes) return std::nullopt;
  return Problem{.error = too_large(route.body_limit_bytes), .headers = {}, .retry_after_s = {}};
}

std::unique_ptr<Exchange> Dispatcher::begin(Request request, Responder& responder) {
  request.caller.address = authentication_.address_of(request);
  const RouteTable::Match match = table_.find(request.method, request.path);
  auto clock = std::make_shared<Clock>(Clock{loop_, loop_.now()});
  const auto trail = std::make_shared<AuditTrail>(audit_, request, match);
  auto observe = [&metrics = metrics_, series = series_of(match, request), method = request.method, clock,
                  trail](const Answered& answer) {
    metrics.answered(series, method, answer.status, clock->seconds());
    trail->answered(answer);
  };
  Headers also;
  const auto refused = admit(match.route, request, also, *trail);
  const Reply reply(responder, trail->trace_id(), std::move(observe), std::move(also));
  auto exchange = std::make_unique<RoutedExchange>(reply, clock, edge_);
  if (refused) {
    reply.fail(*refused);
  } else if (match.route == nullptr) {
    refuse_unrouted(request, match, edge_.origins(), reply);
  } else {
    exchange->start(*match.route, Call{std::move(request), match.params, reply});
  }
  return exchange;
}

bool Dispatcher::has_socket(const Request& request) const {
  return std::any_of(sockets_.begin(), sockets_.end(),
                     [&](const SocketRoute& row) { return match_path(row.pattern, request.path).has_value(); });
}

Opening Dispatcher::open_socket(const Request& handshake) {
  for (const SocketRoute& row : sockets_) {
    const auto params = match_path(row.pattern, handshake.path);
    if (!params) continue;
    Request request = handshake;
    request.caller.address = authentication_.address_of(request);
    AuditTrail trail(audit_, request,
                     {.route = nullptr, .params = *params, .pattern = std::string(row.pattern), .allow = {}});
    auto stopped = edge_.check_address(request, trust::Errand::socket);
    auto refused = stopped ? std::nullopt : authentication_.identify(request, Credentials::header_or_url);
    trail.asked_by(request.caller);
    Headers also;
    if (!stopped) stopped = edge_.check_caller(request, trust::Errand::socket, also);
    if (stopped) {
      trail.refused(stopped->error.code);
      return {nullptr, refusal(row, request, *stopped, trail.trace_id())};
    }
    if (!refused) refused = refusal_of(row.permission, request.caller);
    if (refused) {
      tell_refused(request, *refused);
      trail.refused(refused->error.code);
      return refuse_socket(row, request, *refused, trail.trace_id());
    }
    forget_credentials(request);
    auto session = row.open(request, *params);
    if (!session) return {};
    authentication_.spend_ticket(handshake);
    metrics_.socket_opened();
    trail.answered({.status = 101, .code = {}, .subjects = {}});
    return {std::move(session), {}};
  }
  return {};
}

Opening Dispatcher::refuse_socket(const SocketRoute& row, const Request& request, const Problem& problem,
                                  const std::string& trace_id) {
  if (row.refusal == Refusal::by_http) return {nullptr, refusal(row, request, problem, trace_id)};
  metrics_.socket_opened();
  const bool is_known = problem.error.code != ErrorCode::unauthorized;
  return {std::make_unique<RefusedSocket>(is_known ? shared::CloseCode::forbidden : shared::CloseCode::invalid_token),
          {}};
}

Response Dispatcher::refusal(const SocketRoute& row, const Request& request, const Problem& problem,
                             const std::string& trace_id) {
  Response response = problem_response(problem, trace_id);
  metrics_.answered(std::string(row.pattern), request.method, response.status, 0);
  return response;
}

std::unique_ptr<Stay> Dispatcher::arrive(const Caller& peer) {
  // Behind one address of those are any number of clients.
  if (authentication_.is_proxy(peer)) return std::make_unique<CountedStay>(metrics_, nullptr);
  auto stay = edge_.arrive(peer);
  if (!stay) return nullptr;
  return std::make_unique<CountedStay>(metrics_, std::move(stay));
}

Response Dispatcher::problem(const Error& error) const {
  Problem problem;
  problem.error = error;
  return problem_response(problem, random_trace_id());
}

}  // namespace convd::api
