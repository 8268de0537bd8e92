// For probes and people: alive, ready, healthy, which version.

#include "convd/api/operation_view.h"
#include "convd/api/readiness.h"
#include "convd/api/services.h"
#include "shared/version.h"

namespace convd::api {
namespace {

using shared::Json;
using shared::Result;

Result<Response> livez(const Services&, const Call&) {
  return text_response(200, "ok\n");
}

Result<Response> readyz(const Services& services, const Call& call) {
  const auto problems = problems_of(services);
  const int status = problems.empty() ? 200 : 503;
  auto checks = readiness(problems);
  if (services.manager.paused())
    checks.push_back({"paused", true, "an operator has paused it: new work is accepted, and waits"});
  if (call.request.param("verbose")) return text_response(status, readiness_text(checks));
  return text_response(status, problems.empty() ? "ok\n" : problems_text(checks));
}

// Answers 200 as long as the daemon answers at all; /readyz is the one to route traffic by.
Result<Response> health(const Services& services, const Call&) {
  Json json = Json::object();
  json.set("status", problems_of(services).empty() ? "ok" : "degraded").set("version", shared::version);
  return json_response(200, json);
}

Result<Response> version(const Services&, const Call&) {
  Json json = Json::object();
  json.set("version", shared::version);
  return json_response(200, json);
}

}  // namespace

std::vector<Route> health_routes(Services& services) {
  const auto get = [&services](std::string_view pattern, auto handler) {
    return open_get(pattern, [&services, handler](const Call& call) { return handler(services, call); });
  };
  return {get("/livez", livez), get("/readyz", readyz), get("/health", health), get("/version", version)};
}

}  // namespace convd::api
