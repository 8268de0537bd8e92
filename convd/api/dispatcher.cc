#include "convd/api/dispatcher.h"

#include <chrono>
#include <utility>

#include "convd/api/trace.h"

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

class RoutedExchange final : public Exchange {
 public:
  RoutedExchange(Reply reply, std::shared_ptr<Clock> clock) : reply_(std::move(reply)), clock_(std::move(clock)) {}
  ~RoutedExchange() override { reply_.close(); }

  void start(const Route& route, Call call) {
    limit_bytes_ = route.body_limit_bytes;
    takes_body_ = route.body == Body::taken;
    handler_ = route.start(std::move(call));
  }

  // An answer may destroy this exchange, hence the second owner of the handler and nothing after the calls.
  void on_body(std::string_view bytes) override {
    if (!reply_.open()) return;
    received_bytes_ += static_cast<std::int64_t>(bytes.size());
    if (received_bytes_ > limit_bytes_) return reply_.fail(too_large(limit_bytes_));
    const auto handler = handler_;
    if (handler && takes_body_) handler->on_body(bytes);
  }
  void on_body_end() override {
    clock_->restart();
    if (!reply_.open()) return;
    const auto handler = handler_;
    if (handler) handler->on_body_end();
  }

 private:
  Reply reply_;
  std::shared_ptr<Clock> clock_;
  std::shared_ptr<Handler> handler_;
  std::int64_t limit_bytes_ = 0;
  std::int64_t received_bytes_ = 0;
  bool takes_body_ = false;
};

void refuse_unrouted(const Request& request, const RouteTable::Match& match, const Reply& reply) {
  if (match.pattern.empty()) {
    return reply.fail(Error{ErrorCode::not_found, "there is no such route; see convd(8) for all of them", {}});
  }
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

// What the row itself demands, before any handler.
std::optional<Error> check(const Route& route, const Request& request) {
  if (route.permission == Permission::operators && request.caller.role != Role::operator_) {
    return Error{ErrorCode::forbidden, "only operators may do this, over the local socket", {}};
  }
  if (request.content_length.value_or(0) > route.body_limit_bytes) return too_large(route.body_limit_bytes);
  return std::nullopt;
}

// Waiting on purpose (?wait=, Prefer: wait) is a series of its own: it says nothing about how fast we are.
std::string series_of(const RouteTable::Match& match, const Request& request) {
  if (match.pattern.empty()) return "unmatched";
  const bool waits = request.param("wait") || !request.header("prefer").empty();
  return waits ? match.pattern + " waiting" : match.pattern;
}

}  // namespace

Dispatcher::Dispatcher(std::vector<Route> routes, std::vector<SocketRoute> sockets, HttpMetrics& metrics,
                       loop::Loop& loop)
    : table_(std::move(routes)), sockets_(std::move(sockets)), metrics_(metrics), loop_(loop) {}

std::unique_ptr<Exchange> Dispatcher::begin(Request request, Responder& responder) {
  const RouteTable::Match match = table_.find(request.method, request.path);
  auto clock = std::make_shared<Clock>(Clock{loop_, loop_.now()});
  auto observe = [&metrics = metrics_, series = series_of(match, request), method = request.method, clock](int status) {
    metrics.answered(series, method, status, clock->seconds());
  };
  const Reply reply(responder, trace_id_from(request.header("traceparent")), std::move(observe));
  auto exchange = std::make_unique<RoutedExchange>(reply, clock);
  if (match.route == nullptr) {
    refuse_unrouted(request, match, reply);
  } else if (const auto refused = check(*match.route, request)) {
    reply.fail(*refused);
  } else {
    exchange->start(*match.route, Call{std::move(request), match.params, reply});
  }
  return exchange;
}

std::unique_ptr<SocketSession> Dispatcher::open_socket(const Request& request) {
  for (const SocketRoute& row : sockets_) {
    const auto params = match_path(row.pattern, request.path);
    if (!params) continue;
    auto session = row.open(request, *params);
    if (session) metrics_.socket_opened();
    return session;
  }
  return nullptr;
}

Response Dispatcher::problem(const Error& error) const {
  Problem problem;
  problem.error = error;
  return problem_response(problem, random_trace_id());
}

}  // namespace convd::api
