#include "convd/engines/registry.h"

#include <unistd.h>

#include <utility>

#include "convd/engines/builtin.h"

namespace convd::engines {

Registry::Registry(std::vector<std::unique_ptr<Engine>> engines) : engines_(std::move(engines)) {
  for (const auto& engine : engines_) states_.push_back({engine.get(), true, {}, {}});
}

Registry Registry::installed(const std::string& root, const std::string& own_programs) {
  std::vector<std::unique_ptr<Engine>> engines;
  engines.push_back(make_libreoffice());
  engines.push_back(make_pandoc());
  engines.push_back(make_poppler());
  engines.push_back(make_layout(own_programs + "/convd-layout"));
  engines.push_back(make_vips());
  engines.push_back(make_rsvg());
  engines.push_back(make_ffmpeg());
  Registry registry(std::move(engines));
  for (EngineState& state : registry.states_) {
    for (const std::string& program : state.engine->programs()) {
      if (::access((root + program).c_str(), X_OK) == 0) continue;
      state.available = false;
      state.problem = state.engine->title() + " is not installed; its package is " + state.engine->package();
    }
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
