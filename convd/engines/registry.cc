#include "convd/engines/registry.h"

#include <unistd.h>

#include <utility>

#include "convd/engines/builtin.h"
#include "convd/engines/described_engine.h"

namespace convd::engines {
namespace {

// Why it cannot work on the system below `root`; empty when it can.
std::string problem_of(const Engine& engine, const std::string& root) {
  for (const std::string& program : engine.programs()) {
    if (::access((root + program).c_str(), X_OK) == 0) continue;
    const std::string package = engine.package();
    return engine.title() + " is not installed" + (package.empty() ? "" : "; its package is " + package);
  }
  for (const std::string& file : engine.needs()) {
    if (::access((root + file).c_str(), R_OK) != 0) return engine.title() + " lacks " + file;
  }
  return {};
}

}  // namespace

std::vector<std::unique_ptr<Engine>> builtin_engines(const std::string& own_programs) {
  std::vector<std::unique_ptr<Engine>> engines;
  engines.push_back(make_libreoffice());
  engines.push_back(make_pandoc());
  engines.push_back(make_poppler());
  engines.push_back(make_layout(own_programs + "/convd-layout"));
  engines.push_back(make_vips());
  engines.push_back(make_rsvg());
  engines.push_back(make_ffmpeg());
  return engines;
}

Registry::Registry(std::vector<std::unique_ptr<Engine>> engines) : engines_(std::move(engines)) {
  for (const auto& engine : engines_) {
    const bool asked = !engine->version_command().empty();
    states_.push_back({engine.get(), true, asked ? std::string() : engine->read_version({}), {}});
  }
}

Registry Registry::installed(const std::string& root, const std::string& own_programs, const Described& described) {
  auto engines = builtin_engines(own_programs);
  for (const EngineDescription& description : described.engines) engines.push_back(make_described(description));
  Registry registry(std::move(engines));
  registry.formats_ = described.formats;
  for (EngineState& state : registry.states_) {
    state.problem = problem_of(*state.engine, root);
    state.available = state.problem.empty();
  }
  return registry;
}

const Engine* Registry::find(std::string_view name) const {
  for (const auto& engine : engines_) {
    if (engine->name() == name) return engine.get();
  }
  return nullptr;
}

void Registry::set_version(std::string_view name, std::string version) {
  for (EngineState& state : states_) {
    if (state.engine->name() == name) state.version = version;
  }
}

void Registry::set_unavailable(std::string_view name, std::string problem) {
  for (EngineState& state : states_) {
    if (state.engine->name() != name) continue;
    state.available = false;
    state.problem = problem;
  }
}

}  // namespace convd::engines
