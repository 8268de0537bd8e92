// What this daemon can do: formats, engines, capacity, and what its doctor says.

#include <array>
#include <utility>

#include "convd/api/doctor.h"
#include "convd/api/operation_view.h"
#include "convd/api/services.h"
#include "convd/engines/formats.h"
#include "convd/jobs/step_options.h"
#include "shared/version.h"

namespace convd::api {
namespace {

using engines::OptionSpec;
using engines::OptionType;
using shared::Json;
using shared::Result;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

std::string_view type_name(OptionType type) {
  constexpr std::array<std::string_view, 5> names{"integer", "text", "flag", "choice", "page_range"};
  return names[static_cast<std::size_t>(type)];
}

Json option_json(const OptionSpec& option) {
  Json choices = Json::array();
  for (const std::string& choice : option.choices) choices.push(choice);
  const bool ranged = option.type == OptionType::integer || option.type == OptionType::text;
  Json json = Json::object();
  json.set("name", option.name)
      .set("type", type_name(option.type))
      .set("least", ranged ? Json(option.least) : Json())
      .set("most", ranged ? Json(option.most) : Json())
      .set("choices", std::move(choices))
      .set("default", text_or_null(option.fallback))
      .set("help", option.help);
  return json;
}

Json options_json(const jobs::Route& route, std::string_view target) {
  Json options = Json::array();
  for (const OptionSpec& option : engines::options_for(jobs::legs_of(route), target)) options.push(option_json(option));
  return options;
}

// The name a format goes by in the tables, for one of its aliases.
std::string canonical(const jobs::Planner& planner, const std::string& name) {
  const engines::Format* format = planner.formats().find(name);
  return format == nullptr ? name : std::string(format->name);
}

Result<Response> one_route(const jobs::Planner& planner, const std::string& from, const std::string& to) {
  const auto route = planner.plan(from, to);
  if (!route) return route.error();
  Json steps = Json::array();
  for (const jobs::RouteStep& step : *route) {
    steps.push(std::move(Json::object().set("engine", step.engine->name()).set("from", step.from).set("to", step.to)));
  }
  Json json = Json::object();
  json.set("from", from).set("to", to).set("steps", std::move(steps)).set("options", options_json(*route, to));
  return json_response(200, json);
}

Result<Response> formats(const Services& services, const Call& call) {
  const jobs::Planner& planner = services.manager.planner();
  const auto from = call.request.param("from");
  const auto to = call.request.param("to");
  if (from && to) return one_route(planner, canonical(planner, *from), canonical(planner, *to));
  Json routes = Json::array();
  for (const std::string& source : planner.sources()) {
    if (from && canonical(planner, *from) != source) continue;
    Json targets = Json::array();
    bool wanted = !to;
    for (const std::string& target : planner.targets(source)) {
      wanted = wanted || canonical(planner, *to) == target;
      targets.push(target);
    }
    if (wanted) routes.push(std::move(Json::object().set("from", source).set("to", std::move(targets))));
  }
  Json json = Json::object();
  json.set("routes", std::move(routes));
  return json_response(200, json);
}

Json engines_json(const Services& services, Role role) {
  Json items = Json::array();
  for (const engines::EngineState& state : services.manager.registry().engines()) {
    Json json = Json::object();
    json.set("name", state.engine->name())
        .set("title", state.engine->title())
        .set("version", text_or_null(state.version))
        .set("available", state.available)
        .set("package", state.engine->package())
        .set("problem", text_or_null(role == Role::operator_ ? state.problem : without_paths(state.problem)));
    items.push(std::move(json));
  }
  return items;
}

Json capacity_json(const Services& services) {
  const jobs::Capacity capacity = services.manager.capacity();
  Json json = Json::object();
  json.set("slots", capacity.slots)
      .set("short_slots", capacity.short_slots)
      .set("running", capacity.running)
      .set("running_short", capacity.running_short)
      .set("waiting", capacity.waiting)
      .set("wait_ms", Json::or_null(capacity.wait_ms))
      .set("accepting", capacity.accepting);
  return json;
}

Json sandbox_json(const process::RunnerState& state, Role role) {
  const bool operates = role == Role::operator_;
  Json json = Json::object();
  json.set("sandboxed", state.sandboxed)
      .set("confinement", text_or_null(state.confinement))
      .set("problem", text_or_null(operates ? state.problem : without_paths(state.problem)));
  return json;
}

Json caller_json(const Caller& caller) {
  Json json = Json::object();
  json.set("principal", caller.principal).set("operator", caller.role == Role::operator_);
  return json;
}

Result<Response> doctor(const Services& services, const Call& call) {
  const jobs::Manager& manager = services.manager;
  const Caller& caller = call.request.caller;
  const DoctorFacts facts{caller,
                          manager.runner_state(),
                          problems_of(services),
                          manager.registry().engines(),
                          manager.settings().disk_floor_bytes,
                          services.host.look()};
  Json checks = Json::array();
  for (const shared::Finding& finding : examine(facts)) checks.push(shared::to_json(finding));
  Json json = Json::object();
  json.set("version", shared::version)
      .set("caller", caller_json(caller))
      .set("sandbox", sandbox_json(facts.runner, caller.role))
      .set("checks", std::move(checks))
      .set("engines", engines_json(services, caller.role))
      .set("capacity", capacity_json(services));
  return json_response(200, json);
}

Result<Response> engines_list(const Services& services, const Call& call) {
  Json json = Json::object();
  json.set("engines", engines_json(services, call.request.caller.role));
  return json_response(200, json);
}

Result<Response> capacity(const Services& services, const Call&) {
  return json_response(200, capacity_json(services));
}

}  // namespace

std::vector<Route> info_routes(Services& services) {
  const auto get = [&services](std::string_view pattern, auto handler) {
    return read_get(pattern, [&services, handler](const Call& call) { return handler(services, call); });
  };
  return {get("/v1/formats", formats), get("/v1/engines", engines_list), get("/v1/capacity", capacity),
          get("/v1/doctor", doctor)};
}

}  // namespace convd::api
