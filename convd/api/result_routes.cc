// What a completed conversion delivers: the file, or one of several by name.

#include <utility>

#include "convd/api/file_response.h"
#include "convd/api/services.h"

namespace convd::api {
namespace {

void send_result(const Services& services, const Call& call) {
  const std::string name = call.params.size() > 1 ? call.params[1] : std::string();
  auto result = services.manager.result(call.request.caller.org, call.params[0], name);
  if (!result) return call.reply.fail(result.error());
  send_file(call.request, result->file, std::move(result->fd), call.reply);
}

}  // namespace

std::vector<Route> result_routes(Services& services) {
  const Start send = answer_later([&services](const Call& call) { send_result(services, call); });
  return {
      {"GET", "/v1/conversions/{id}/result", Permission::anyone, Body::ignored, ignored_body_bytes, send},
      {"GET", "/v1/conversions/{id}/result/{name}", Permission::anyone, Body::ignored, ignored_body_bytes, send},
  };
}

}  // namespace convd::api
