// What a conversion delivers: the file, or one of several by name; before them a picture of the first page; and what
// really happened.

#include <utility>

#include "convd/api/file_response.h"
#include "convd/api/services.h"

namespace convd::api {
namespace {

using shared::Result;

void send_result(const Services& services, const Call& call) {
  const std::string name = call.params.size() > 1 ? call.params[1] : std::string();
  const auto fetched = [request = call.request, reply = call.reply](Result<jobs::ResultHandle> result) {
    if (!result) return reply.fail(result.error());
    send_file(request, result->file, std::move(result->fd), reply);
  };
  services.manager.fetch_result(call.request.caller.org, call.params[0], name, fetched);
}

void send_early_page(const Services& services, const Call& call) {
  auto page = services.manager.early_page(call.request.caller.org, call.params[0]);
  if (!page) return call.reply.fail(page.error());
  send_file(call.request, page->file, std::move(page->fd), call.reply);
}

Result<Response> receipt(const Services& services, const Call& call) {
  const auto receipt = services.manager.receipt(call.request.caller.org, call.params[0]);
  if (!receipt) return receipt.error();
  return json_response(200, shared::to_json(*receipt));
}

}  // namespace

std::vector<Route> result_routes(Services& services) {
  const Start send = answer_later([&services](const Call& call) { send_result(services, call); });
  const Start early = answer_later([&services](const Call& call) { send_early_page(services, call); });
  const Start tell = answer([&services](const Call& call) { return receipt(services, call); });
  return {
      {"GET", "/v1/conversions/{id}/early-page", Permission::read, Body::ignored, ignored_body_bytes, early},
      {"GET", "/v1/conversions/{id}/receipt", Permission::read, Body::ignored, ignored_body_bytes, tell},
      {"GET", "/v1/conversions/{id}/result", Permission::read, Body::ignored, ignored_body_bytes, send},
      {"GET", "/v1/conversions/{id}/result/{name}", Permission::read, Body::ignored, ignored_body_bytes, send},
  };
}

}  // namespace convd::api
