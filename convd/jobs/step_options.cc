#include "convd/jobs/step_options.h"

#include <algorithm>
#include <string>

namespace convd::jobs {
namespace {

enum class For : std::uint8_t { any_step, the_input, the_result };

For meant_for(const std::string& option) {
  if (option == "pages" || option == "password") return For::the_input;
  return option == "output_password" ? For::the_result : For::any_step;
}

bool takes(const RouteStep& step, const std::string& name, const std::string& target) {
  const auto specs = step.engine->options();
  return std::any_of(specs.begin(), specs.end(), [&](const engines::OptionSpec& spec) {
    if (spec.name != name || !engines::applies(spec, step.from, step.to)) return false;
    // The JPEG quality of pictures is not that of the PDF they are made from.
    return meant_for(name) == For::the_input || engines::applies(spec, step.from, target);
  });
}

}  // namespace

engines::Options step_options(const Route& route, std::size_t index, const engines::Options& options) {
  const std::string& target = route.back().to;
  const auto before = route.begin() + static_cast<std::ptrdiff_t>(index);
  engines::Options own;
  for (const auto& [name, value] : options) {
    if (!takes(route[index], name, target)) continue;
    const For whom = meant_for(name);
    if (whom == For::the_result && index + 1 < route.size()) continue;
    const bool consumed = std::any_of(
        route.begin(), before, [&, &option = name](const RouteStep& step) { return takes(step, option, target); });
    if (whom != For::the_input || !consumed) own.emplace(name, value);
  }
  return own;
}

std::vector<engines::Leg> legs_of(const Route& route) {
  std::vector<engines::Leg> legs;
  for (const RouteStep& step : route) legs.push_back({step.engine, step.from});
  return legs;
}

}  // namespace convd::jobs
