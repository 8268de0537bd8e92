// Conversions after they were accepted: look, list, wait, watch, cancel, retry, remove.

#include <algorithm>
#include <utility>

#include "convd/api/conditions.h"
#include "convd/api/conversion_socket.h"
#include "convd/api/expiry.h"
#include "convd/api/query.h"
#include "convd/api/services.h"
#include "convd/api/status_view.h"
#include "convd/api/status_wait.h"
#include "convd/engines/formats.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::Result;
using shared::StatusObject;

// GET of a status object: at once, or as a long poll.
class StatusPoll final : public Handler {
 public:
  StatusPoll(Services& services, Call call) : services_(services), call_(std::move(call)) {}

  void on_body_end() override {
    const auto wait_s = integer_param(call_.request, "wait", 1, 60);
    if (!wait_s) return call_.reply.fail(wait_s.error());
    const auto object = read();
    const bool seen = object && names_etag(call_.request.header("if-none-match"), status_etag(*object));
    if (!seen || !*wait_s || shared::is_terminal(object->status)) return answer_now(object);
    wait(object->rev, **wait_s);
  }

 private:
  Result<StatusObject> read() const { return services_.manager.status(call_.request.caller.org, call_.params[0]); }

  void wait(std::int64_t rev, std::int64_t seconds) {
    const auto patience =
        within_token(call_.request.caller.token_ends_ms, std::chrono::seconds(seconds), services_.loop);
    wait_ = std::make_unique<StatusWait>(
        services_.manager.board(), services_.loop, call_.params[0], patience,
        [rev](const events::Latest& latest) { return latest.rev != rev || latest.terminal; },
        [this] { answer_now(read()); });
  }

  void answer_now(const Result<StatusObject>& object) const {
    if (!object) return call_.reply.fail(object.error());
    const std::string etag = status_etag(*object);
    if (names_etag(call_.request.header("if-none-match"), etag)) return call_.reply.send(not_modified(etag));
    call_.reply.send(status_response(200, *object));
  }

  Services& services_;
  Call call_;
  std::unique_ptr<StatusWait> wait_;
};

Result<Response> list(const Services& services, const Call& call) {
  jobs::ListRequest request;
  const auto limit = integer_param(call.request, "limit", 1, 500);
  if (!limit) return limit.error();
  const auto status = status_param(call.request);
  if (!status) return status.error();
  request.org = call.request.caller.org;
  request.limit = static_cast<int>(limit->value_or(request.limit));
  request.status = *status;
  request.filename = call.request.param("filename");
  request.before = call.request.param("before").value_or("");
  const auto page = services.manager.list(request);
  if (!page) return page.error();
  Json items = Json::array();
  for (const StatusObject& object : page->items) items.push(shared::to_json(object));
  Json json = Json::object();
  json.set("conversions", std::move(items)).set("next", Json::or_null(page->next));
  return json_response(200, json);
}

Result<Response> watchers(const Services& services, const Call& call) {
  const auto object = services.manager.status(call.request.caller.org, call.params[0]);
  if (!object) return object.error();
  return json_response(200, services.realtime.presence.describe(call.request.caller.org, object->id));
}

void cancel(const Services& services, const Call& call) {
  services.manager.cancel(call.request.caller.org, call.params[0], [reply = call.reply](Result<StatusObject> object) {
    if (!object) return reply.fail(object.error());
    reply.send(status_response(200, *object));
  });
}

void retry(const Services& services, const Call& call) {
  const auto& caller = call.request.caller;
  services.manager.retry(caller.org, caller.principal, call.params[0], [&services, call](Result<StatusObject> object) {
    if (!object) return fail_submission(services, call, object.error(), {});
    call.reply.send(accepted_response(*object));
  });
}

void remove(const Services& services, const Call& call) {
  services.manager.remove(call.request.caller.org, call.params[0], [reply = call.reply](Result<void> outcome) {
    if (!outcome) return reply.fail(outcome.error());
    reply.send(empty_response(204));
  });
}

// How often at most a watcher wants to hear of progress.
Result<loop::milliseconds> progress_interval(const Request& request) {
  const auto given = integer_param(request, "progress_ms", 10, 10'000);
  if (!given) return given.error();
  return *given ? loop::milliseconds(**given) : events::Board::progress_interval;
}

// A WebSocket route asked for by plain HTTP, one whose conversion or parameter is not right, or one too many.
void refuse_socket(const Services& services, const Call& call) {
  const auto interval = progress_interval(call.request);
  if (!interval) return call.reply.fail(interval.error());
  const auto object = services.manager.status(call.request.caller.org, call.params[0]);
  if (!object) return call.reply.fail(object.error());
  const Caller& caller = call.request.caller;
  if (!services.realtime.connections.has_room(caller.org, caller.principal))
    return call.reply.fail(Error{ErrorCode::too_many_connections, "you have too many connections open", {}});
  call.reply.fail(websocket_wanted());
}

}  // namespace

void fail_submission(const Services& services, const Call& call, const Error& error, const std::string& from) {
  const Caller& caller = call.request.caller;
  Problem problem;
  problem.error = error;
  if (error.code == ErrorCode::queue_full) {
    constexpr std::int64_t most_s = 3600;
    problem.retry_after_s = std::clamp<std::int64_t>((services.manager.room_ms(caller.org) + 999) / 1000, 1, most_s);
  }
  // Nobody knows when an operator resumes, but not before what runs has ended.
  if (error.code == ErrorCode::shutting_down) {
    const auto idle_ms = services.manager.idle_in_ms();
    if (idle_ms) problem.retry_after_s = std::clamp<std::int64_t>((*idle_ms + 999) / 1000, 10, 3600);
  }
  const engines::Format* format = services.manager.registry().formats().find(from);
  if (error.code == ErrorCode::unsupported_conversion && format != nullptr) {
    Json targets = Json::array();
    for (const std::string& target : services.manager.planner().targets(format->name)) targets.push(target);
    problem.extras.set("targets", std::move(targets));
  }
  call.reply.fail(problem);
}

std::vector<Route> conversion_routes(Services& services) {
  const auto now = [&services](auto handler) {
    return answer([&services, handler](const Call& call) { return handler(services, call); });
  };
  const auto later = [&services](auto handler) {
    return answer_later([&services, handler](const Call& call) { handler(services, call); });
  };
  const Start poll = [&services](Call call) { return std::make_shared<StatusPoll>(services, std::move(call)); };
  constexpr auto convert = Permission::convert;
  constexpr auto read = Permission::read;
  constexpr auto ignored = Body::ignored;
  constexpr auto limit = ignored_body_bytes;
  return {
      {"GET", "/conversion-status/{id}", read, ignored, limit, poll},
      {"GET", "/v1/conversions/{id}", read, ignored, limit, poll},
      {"GET", "/v1/conversions", read, ignored, limit, now(list)},
      {"DELETE", "/v1/conversions/{id}", convert, ignored, limit, later(remove)},
      {"POST", "/v1/conversions/{id}/cancel", convert, ignored, limit, later(cancel)},
      {"POST", "/v1/conversions/{id}/retry", convert, ignored, limit, later(retry)},
      {"GET", "/v1/conversions/{id}/watchers", read, ignored, limit, now(watchers)},
      {"GET", "/ws/conversion/{id}", read, ignored, limit, later(refuse_socket), Credentials::header_or_url},
  };
}

std::vector<SocketRoute> conversion_sockets(Services& services) {
  const auto open = [&services](const Request& request,
                                const std::vector<std::string>& params) -> std::unique_ptr<SocketSession> {
    const Caller& caller = request.caller;
    const auto interval = progress_interval(request);
    const auto object = services.manager.status(caller.org, params[0]);
    if (!interval || !object) return nullptr;
    auto entry =
        services.realtime.connections.enter(caller.org, caller.principal, realtime::Connections::Admission::everyone);
    if (!entry.stay) return nullptr;
    auto ticket = services.realtime.presence.enter(caller.org, params[0], caller.principal);
    auto socket = std::make_unique<ConversionSocket>(services.manager.board(), params[0], latest_of(*object), *interval,
                                                     std::move(ticket), std::move(entry.stay));
    socket->end_at(services.loop, caller.token_ends_ms);
    return socket;
  };
  return {{"/ws/conversion/{id}", open}};
}

}  // namespace convd::api
