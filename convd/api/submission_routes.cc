// POST /convert (the original contract) and POST /v1/conversions (the full form).

#include <algorithm>
#include <utility>

#include "convd/api/conditions.h"
#include "convd/api/file_upload.h"
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

std::string source_format(const jobs::Submission& submission) {
  if (submission.from) return *submission.from;
  const engines::Format* format = engines::format_of_filename(submission.filename);
  return format == nullptr ? std::string() : std::string(format->name);
}

// Lives while its client does. What the manager tells it comes by a weak pointer: the conversion goes on without us.
class Submit final : public Handler, public std::enable_shared_from_this<Submit> {
 public:
  Submit(Services& services, Call call, Dialect dialect, std::unique_ptr<SubmissionBody> body)
      : services_(services), call_(std::move(call)), dialect_(dialect), body_(std::move(body)) {}

  void on_body(std::string_view bytes) override {
    if (auto outcome = body_->feed(bytes); !outcome) call_.reply.fail(outcome.error());
  }

  void on_body_end() override {
    auto submission = body_->finish();
    if (!submission) return call_.reply.fail(submission.error());
    submission->org = call_.request.caller.org;
    submission->principal = call_.request.caller.principal;
    from_ = source_format(*submission);
    const std::shared_ptr<realtime::Uploads::Arrival> arrival = body_->take_ticket();
    services_.manager.submit(*std::move(submission), [weak = weak_from_this(), arrival](Result<StatusObject> object) {
      if (object && arrival) arrival->stored(object->filename);
      if (const auto self = weak.lock()) self->submitted(object);
    });
  }

 private:
  void submitted(const Result<StatusObject>& object) {
    if (!object) return fail_submission(services_, call_.reply, object.error(), from_);
    if (dialect_ == Dialect::original) return call_.reply.send(original_answer(*object));
    wait_s_ = std::min(preferred_wait_s(call_.request.header("prefer")).value_or(0), most_wait_s);
    if (wait_s_ == 0) return answer_now(*object);
    id_ = object->id;
    const auto now =
        services_.manager.status(call_.request.caller.org, id_);  // it may have ended since it was accepted
    if (now && shared::is_terminal(now->status)) return answer_now(*now);
    wait_ = std::make_unique<StatusWait>(
        services_.manager.board(), services_.loop, id_, std::chrono::seconds(wait_s_),
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
    call_.reply.send(std::move(response));
  }

  Services& services_;
  Call call_;
  Dialect dialect_;
  std::unique_ptr<SubmissionBody> body_;
  std::string from_;
  std::string id_;
  std::int64_t wait_s_ = 0;
  std::unique_ptr<StatusWait> wait_;
};

Start submit(Services& services, Dialect dialect) {
  return [&services, dialect](Call call) -> std::shared_ptr<Handler> {
    auto body = SubmissionBody::open(call.request, upload_desk(services, call.request.caller));
    if (!body) {
      call.reply.fail(body.error());
      return nullptr;
    }
    return std::make_shared<Submit>(services, std::move(call), dialect, *std::move(body));
  };
}

}  // namespace

std::vector<Route> submission_routes(Services& services) {
  const std::int64_t limit_bytes = upload_body_bytes(services.manager);
  return {
      {"POST", "/convert", Permission::anyone, Body::taken, limit_bytes, submit(services, Dialect::original)},
      {"POST", "/v1/conversions", Permission::anyone, Body::taken, limit_bytes, submit(services, Dialect::v1)},
  };
}

}  // namespace convd::api
