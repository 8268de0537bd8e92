// POST /convert (the original contract) and POST /v1/conversions (the full form).

#include <algorithm>
#include <utility>

#include "convd/api/conditions.h"
#include "convd/api/expiry.h"
#include "convd/api/file_upload.h"
#include "convd/api/idempotency_key.h"
#include "convd/api/services.h"
#include "convd/api/status_view.h"
#include "convd/api/status_wait.h"
#include "convd/api/submission_body.h"
#include "convd/engines/formats.h"

namespace convd::api {
namespace {

using shared::Json;
using shared::Result;
using shared::StatusObject;

constexpr std::int64_t most_wait_s = 60;
constexpr int accepted_status = 202;

// How an accepted conversion is answered.
enum class Dialect : std::uint8_t { original, v1 };

Response original_answer(const StatusObject& object) {
  Json json = Json::object();
  json.set("status", "accepted")
      .set("conversion_id", object.id)
      .set("filename", object.filename)
      .set("message", "Conversion task started. Use WebSocket to track progress.");
  return json_response(200, json);
}

std::string source_format(const engines::FormatTable& formats, const jobs::Submission& submission) {
  if (submission.from) return *submission.from;
  const engines::Format* format = formats.of_filename(submission.filename);
  return format == nullptr ? std::string() : std::string(format->name);
}

// A conversion that ends with the patience of its client, whichever comes first: the client leaves, or it is accepted.
class Hold {
 public:
  Hold(jobs::Manager& manager, std::string org) : manager_(manager), org_(std::move(org)) {}
  void accepted(std::string id) {
    id_ = std::move(id);
    if (left_) cancel();
  }
  void let_go() {
    if (std::exchange(left_, true) || id_.empty()) return;
    cancel();
  }

 private:
  void cancel() {
    manager_.cancel(org_, id_, [](const Result<StatusObject>&) {});
  }

  jobs::Manager& manager_;
  std::string org_;
  std::string id_;
  bool left_ = false;
};

// Lives while its client does, and until the manager has answered: what becomes of a submission is told to those who
// keep account, whoever has left. The conversion goes on without us, unless its client waited for it and left.
class Submit final : public Handler, public std::enable_shared_from_this<Submit> {
 public:
  Submit(Services& services, Call call, Dialect dialect, std::unique_ptr<SubmissionBody> body,
         std::optional<std::string> key)
      : services_(services),
        call_(std::move(call)),
        dialect_(dialect),
        body_(std::move(body)),
        idempotency_key_(std::move(key)) {}

  void on_body(std::string_view bytes) override {
    if (auto outcome = body_->feed(bytes); !outcome) call_.reply.fail(outcome.error());
  }

  void on_body_end() override {
    auto submission = body_->finish();
    if (!submission) return call_.reply.fail(submission.error());
    submission->org = call_.request.caller.org;
    submission->principal = call_.request.caller.principal;
    submission->idempotency_key = idempotency_key_;
    submission->replayed = [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->replayed_ = true;
    };
    from_ = source_format(services_.manager.registry().formats(), *submission);
    if (dialect_ == Dialect::v1)
      wait_s_ = std::min(preferred_wait_s(call_.request.header("prefer")).value_or(0), most_wait_s);
    if (is_awaited(*submission)) hold_ = std::make_unique<Hold>(services_.manager, call_.request.caller.org);
    const std::shared_ptr<realtime::Uploads::Arrival> arrival = body_->take_ticket();
    body_.reset();
    services_.manager.submit(*std::move(submission),
                             [self = shared_from_this(), arrival](const Result<StatusObject>& object) {
                               if (object && arrival) arrival->stored(object->filename);
                               if (object && self->hold_) self->hold_->accepted(object->id);
                               self->submitted(object);
                             });
  }

  void on_client_left() override {
    if (hold_) hold_->let_go();
  }

 private:
  // Nobody would hear of the end: the client waits for this answer, and cannot ask again for the same conversion.
  bool is_awaited(const jobs::Submission& submission) const { return wait_s_ > 0 && !submission.idempotency_key; }

  void submitted(const Result<StatusObject>& object) {
    if (!object) return fail_submission(services_, call_, object.error(), from_);
    call_.reply.about(object->id);
    if (dialect_ == Dialect::original) return send(original_answer(*object));
    if (wait_s_ == 0 || !call_.reply.open()) return answer_now(*object);
    call_.reply.settled(accepted_status);
    id_ = object->id;
    const auto now =
        services_.manager.status(call_.request.caller.org, id_);  // it may have ended since it was accepted
    if (now && shared::is_terminal(now->status)) return answer_now(*now);
    const Caller& caller = call_.request.caller;
    const auto patience = within_token(caller.token_ends_ms, std::chrono::seconds(wait_s_), services_.loop);
    wait_ = std::make_unique<StatusWait>(
        services_.manager.board(), services_.loop, id_, patience,
        [](const events::Latest& latest) { return latest.terminal; }, [this] { waited(); });
  }

  void waited() {
    const auto object = services_.manager.status(call_.request.caller.org, id_);
    if (!object) return call_.reply.fail(object.error());
    answer_now(*object);
  }

  void answer_now(const StatusObject& object) const {
    Response response = accepted_response(object);
    if (wait_s_ > 0 && shared::is_terminal(object.status)) {
      response.status = 200;
      response.headers.emplace_back("Preference-Applied", "wait=" + std::to_string(wait_s_));
    }
    send(std::move(response));
  }

  void send(Response response) const {
    if (replayed_) response.headers.emplace_back("Idempotency-Replayed", "true");
    call_.reply.send(std::move(response));
  }

  Services& services_;
  Call call_;
  Dialect dialect_;
  std::unique_ptr<SubmissionBody> body_;
  std::optional<std::string> idempotency_key_;
  bool replayed_ = false;
  std::string from_;
  std::string id_;
  std::int64_t wait_s_ = 0;
  std::unique_ptr<StatusWait> wait_;
  std::unique_ptr<Hold> hold_;  // none: the conversion is nobody's but its own
};

Start submit(Services& services, Dialect dialect) {
  return [&services, dialect](Call call) -> std::shared_ptr<Handler> {
    auto key = idempotency_key(call.request);
    if (!key) {
      call.reply.fail(key.error());
      return nullptr;
    }
    UploadDesk desk = upload_desk(services, call.request.caller);
    desk.idempotency_key = *key;
    auto body = SubmissionBody::open(call.request, std::move(desk));
    if (!body) {
      call.reply.fail(body.error());
      return nullptr;
    }
    return std::make_shared<Submit>(services, std::move(call), dialect, *std::move(body), *std::move(key));
  };
}

}  // namespace

std::vector<Route> submission_routes(Services& services) {
  const std::int64_t limit_bytes = upload_body_bytes(services.manager);
  return {
      {"POST", "/convert", Permission::convert, Body::taken, limit_bytes, submit(services, Dialect::original)},
      {"POST", "/v1/conversions", Permission::convert, Body::taken, limit_bytes, submit(services, Dialect::v1)},
  };
}

}  // namespace convd::api
