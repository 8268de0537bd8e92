// What people have to say about a conversion.

#include <utility>

#include "convd/api/header_value.h"
#include "convd/api/services.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::Result;

// The longest text, every character of it written as two escapes.
constexpr std::int64_t body_bytes = 12 * realtime::Notes::most_characters + (16 << 10);

class AddNote final : public Handler {
 public:
  AddNote(Services& services, Call call) : services_(services), call_(std::move(call)) {}

  void on_body(std::string_view bytes) override { body_.append(bytes); }
  void on_body_end() override {
    const auto text = read();
    if (!text) return call_.reply.fail(text.error());
    if (const auto full = services_.manager.disk_refusal()) return call_.reply.fail(*full);
    const Caller& caller = call_.request.caller;
    services_.realtime.notes.add(caller.org, caller.principal, call_.params[0], *text,
                                 [reply = call_.reply](Result<Json> note) {
                                   if (!note) return reply.fail(note.error());
                                   reply.send(json_response(201, *note));
                                 });
  }

 private:
  Result<std::string> read() const {
    if (body_type(call_.request.header("content-type")) != BodyType::json) {
      return Error{ErrorCode::unsupported_media_type, "Content-Type must be application/json", {}};
    }
    const auto json = Json::parse(body_);
    if (!json) return json.error();
    if (auto known = json->read().only({"text"}); !known) return known.error();
    const auto text = json->read().at("text");
    if (!text) return text.error();
    return text->string();
  }

  Services& services_;
  Call call_;
  std::string body_;
};

}  // namespace

std::vector<Route> note_routes(Services& services) {
  constexpr std::string_view pattern = "/v1/conversions/{id}/notes";
  const auto list = [&services](const Call& call) -> Result<Response> {
    const auto notes = services.realtime.notes.list(call.request.caller.org, call.params[0]);
    if (!notes) return notes.error();
    return json_response(200, *notes);
  };
  const auto add = [&services](Call call) { return std::make_shared<AddNote>(services, std::move(call)); };
  return {
      {"POST", pattern, Permission::convert, Body::taken, body_bytes, add},
      read_get(pattern, list),
  };
}

}  // namespace convd::api
