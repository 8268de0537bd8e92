// What the caller's org stores and has in the queue, and how much of either it may.

#include "convd/api/services.h"

namespace convd::api {
namespace {

using shared::Json;
using shared::Result;

Json or_null(std::int64_t limit) {
  return limit == 0 ? Json() : Json(limit);
}

Json kept_json(const jobs::Settings& settings) {
  Json json = Json::object();
  json.set("results_ms", or_null(settings.keep_results_ms))
      .set("documents_ms", or_null(settings.keep_documents_ms))
      .set("conversions_ms", or_null(settings.keep_history_ms));
  return json;
}

Result<Response> usage(const Services& services, const Call& call) {
  const jobs::Manager& manager = services.manager;
  const std::string& org = call.request.caller.org;
  const jobs::OrgUsage usage = manager.usage(org);
  const jobs::OrgLoad load = manager.load(org);
  Json queue = Json::object();
  queue.set("running", load.running)
      .set("waiting", load.waiting)
      .set("limit", manager.settings().queue_limit_per_org)
      .set("accepting", load.accepting);
  Json json = Json::object();
  json.set("org", org)
      .set("documents", usage.stored.documents)
      .set("document_bytes", usage.stored.document_bytes)
      .set("results", usage.stored.results)
      .set("result_bytes", usage.stored.result_bytes)
      .set("bytes", usage.stored.bytes())
      .set("uploading_bytes", usage.uploading_bytes)
      .set("quota", or_null(usage.quota_bytes))
      .set("queue", std::move(queue))
      .set("kept", kept_json(manager.settings()));
  return json_response(200, json);
}

}  // namespace

std::vector<Route> usage_routes(Services& services) {
  return {read_get("/v1/usage", [&services](const Call& call) { return usage(services, call); })};
}

}  // namespace convd::api
