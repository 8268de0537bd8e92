#include "convd/api/status_view.h"

#include "convd/api/reply.h"

namespace convd::api {

std::string status_etag(const shared::StatusObject& object) {
  return "\"r" + std::to_string(object.rev) + "\"";
}

Response status_response(int status, const shared::StatusObject& object) {
  Response response = json_response(status, shared::to_json(object));
  response.headers.emplace_back("ETag", status_etag(object));
  return response;
}

Response accepted_response(const shared::StatusObject& object) {
  Response response = status_response(202, object);
  response.headers.emplace_back("Location", "/v1/conversions/" + object.id);
  return response;
}

Response not_modified(const std::string& etag) {
  Response response = empty_response(304);
  response.headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}};
  return response;
}

events::Latest latest_of(const shared::StatusObject& object) {
  return {std::make_shared<const std::string>(shared::to_json(object).dump()),
          object.rev,
          shared::is_terminal(object.status),
          {}};
}

}  // namespace convd::api
