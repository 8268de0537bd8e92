#include "convd/jobs/planner.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <tuple>

namespace convd::jobs {
namespace {

using engines::Edge;
using engines::Engine;
using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr int ms_per_quality_point = 50;

enum class Which : std::uint8_t { available, all };

// What a format keeps of a document, from least to most.
enum class Keeps : std::uint8_t { unknown, pixels, pages, drawing, text, document };
// Whether a route may pass through it: formats that lose much, or that few programs read well, are ends only.
enum class Use : std::uint8_t { waypoint, end };

struct Kept {
  std::string_view format;
  Keeps keeps;
  Use use;
};

constexpr std::array<Kept, 45> kept{{
    {"png", Keeps::pixels, Use::waypoint},    {"jpg", Keeps::pixels, Use::end},
    {"webp", Keeps::pixels, Use::end},        {"tiff", Keeps::pixels, Use::end},
    {"gif", Keeps::pixels, Use::end},         {"bmp", Keeps::pixels, Use::end},
    {"heic", Keeps::pixels, Use::end},        {"avif", Keeps::pixels, Use::end},
    {"mp4", Keeps::pixels, Use::end},         {"webm", Keeps::pixels, Use::end},
    {"mov", Keeps::pixels, Use::end},         {"mkv", Keeps::pixels, Use::end},
    {"pdf", Keeps::pages, Use::waypoint},     {"svg", Keeps::drawing, Use::end},
    {"odg", Keeps::drawing, Use::end},        {"fodg", Keeps::drawing, Use::end},
    {"vsd", Keeps::drawing, Use::end},        {"vsdx", Keeps::drawing, Use::end},
    {"pub", Keeps::drawing, Use::end},        {"txt", Keeps::text, Use::end},
    {"html", Keeps::text, Use::waypoint},     {"md", Keeps::text, Use::waypoint},
    {"rst", Keeps::text, Use::end},           {"tex", Keeps::text, Use::end},
    {"org", Keeps::text, Use::end},           {"ipynb", Keeps::text, Use::end},
    {"csv", Keeps::text, Use::waypoint},      {"tsv", Keeps::text, Use::end},
    {"json", Keeps::text, Use::end},          {"docx", Keeps::document, Use::waypoint},
    {"doc", Keeps::document, Use::end},       {"odt", Keeps::document, Use::waypoint},
    {"fodt", Keeps::document, Use::end},      {"rtf", Keeps::document, Use::end},
    {"wpd", Keeps::document, Use::end},       {"epub", Keeps::document, Use::end},
    {"xlsx", Keeps::document, Use::waypoint}, {"xls", Keeps::document, Use::end},
    {"xlsb", Keeps::document, Use::end},      {"ods", Keeps::document, Use::waypoint},
    {"fods", Keeps::document, Use::end},      {"pptx", Keeps::document, Use::waypoint},
    {"ppt", Keeps::document, Use::end},       {"odp", Keeps::document, Use::waypoint},
    {"fodp", Keeps::document, Use::end},
}};

constexpr Kept unknown_format{"", Keeps::unknown, Use::waypoint};

const Kept& kept_of(std::string_view format) {
  const auto row = std::find_if(kept.begin(), kept.end(), [&](const Kept& entry) { return entry.format == format; });
  return row == kept.end() ? unknown_format : *row;
}

struct Hop {
  const Engine* engine;
  Edge edge;
};

std::vector<Hop> hops(const engines::Registry& registry, Which which) {
  std::vector<Hop> all;
  for (const engines::EngineState& state : registry.engines()) {
    if (which == Which::available && !state.available) continue;
    for (Edge& edge : state.engine->edges()) all.push_back({state.engine, std::move(edge)});
  }
  return all;
}

int price(const Edge& edge) {
  return edge.cost + (100 - edge.quality) * ms_per_quality_point;
}

// Lower is better.
std::tuple<int, int, std::size_t> rank(const std::vector<const Hop*>& path) {
  int total = 0;
  int lost = 0;
  for (const Hop* hop : path) {
    total += price(hop->edge);
    lost += 100 - hop->edge.quality;
  }
  return {total, lost, path.size()};
}

// Every sensible chain of up to most_steps steps that begins with `from`; a chain comes before its continuations.
class Walk {
 public:
  using Visit = std::function<void(const std::vector<const Hop*>&)>;
  Walk(const std::vector<Hop>& all, Visit visit) : all_(all), visit_(std::move(visit)) {}

  void from(std::string_view format) {
    start_ = format;
    extend(format);
  }

 private:
  void extend(std::string_view format) {
    for (const Hop& hop : all_) {
      if (hop.edge.from != format || !fits(hop)) continue;
      path_.push_back(&hop);
      visit_(path_);
      const bool is_loop = hop.edge.from == hop.edge.to;
      if (!is_loop && static_cast<int>(path_.size()) < most_steps) extend(hop.edge.to);
      path_.pop_back();
    }
  }
  bool fits(const Hop& hop) const {
    if (path_.empty()) return true;
    const auto passed = [&](auto&& matches) {
      return matches(start_) ||
             std::any_of(path_.begin(), path_.end(), [&](const Hop* before) { return matches(before->edge.to); });
    };
    if (passed([&](std::string_view format) { return hop.edge.to == format; })) return false;
    if (kept_of(hop.edge.from).use == Use::end) return false;
    const Keeps wanted = kept_of(hop.edge.to).keeps;
    const bool from_pixels = passed([](std::string_view format) { return kept_of(format).keeps == Keeps::pixels; });
    const bool from_pages = passed([](std::string_view format) { return kept_of(format).keeps == Keeps::pages; });
    return !(from_pixels && wanted > Keeps::pages) && !(from_pages && wanted == Keeps::document);
  }

  const std::vector<Hop>& all_;
  Visit visit_;
  std::string_view start_;
  std::vector<const Hop*> path_;
};

std::optional<Route> cheapest(const std::vector<Hop>& all, std::string_view from, std::string_view to) {
  std::vector<const Hop*> best;
  Walk(all, [&](const std::vector<const Hop*>& path) {
    if (path.back()->edge.to == to && (best.empty() || rank(path) < rank(best))) best = path;
  }).from(from);
  if (best.empty()) return std::nullopt;
  double total = 0;
  for (const Hop* hop : best) total += std::max(1, hop->edge.cost);
  Route route;
  for (const Hop* hop : best) {
    route.push_back({hop->engine, hop->edge.from, hop->edge.to, std::max(1, hop->edge.cost) / total});
  }
  return route;
}

std::set<std::string> reachable(const std::vector<Hop>& all, std::string_view from) {
  std::set<std::string> found;
  Walk(all, [&](const std::vector<const Hop*>& path) { found.insert(path.back()->edge.to); }).from(from);
  return found;
}

std::string join(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  return list;
}

// What has to be installed for a route that only unavailable engines could go; empty when there is none.
std::string missing_packages(const engines::Registry& registry, const Route& route) {
  std::vector<std::string> packages;
  for (const engines::EngineState& state : registry.engines()) {
    const bool used =
        std::any_of(route.begin(), route.end(), [&](const RouteStep& step) { return step.engine == state.engine; });
    if (used && !state.available) packages.push_back(state.engine->package());
  }
  return join(packages);
}

std::vector<bool> availability(const engines::Registry& registry) {
  std::vector<bool> available;
  for (const engines::EngineState& state : registry.engines()) available.push_back(state.available);
  return available;
}

}  // namespace

void Planner::forget_what_has_changed() const {
  auto now = availability(registry_);
  if (now == available_) return;
  available_ = std::move(now);
  found_.clear();
  targets_.clear();
  sources_.clear();
}

Result<Route> Planner::plan(std::string_view from, std::string_view to) const {
  forget_what_has_changed();
  const std::string key = std::string(from) + ">" + std::string(to);
  const auto found = found_.find(key);
  if (found != found_.end()) return found->second;
  if (auto route = cheapest(hops(registry_, Which::available), from, to)) {
    return found_.emplace(key, *std::move(route)).first->second;
  }
  const std::string pair = std::string(from) + " cannot be converted to " + std::string(to);
  if (const auto route = cheapest(hops(registry_, Which::all), from, to)) {
    return Error{
        ErrorCode::unsupported_conversion,
        pair + " here, because a program is missing; install the package " + missing_packages(registry_, *route),
        {}};
  }
  const std::vector<std::string> possible = targets(from);
  if (!possible.empty()) {
    return Error{ErrorCode::unsupported_conversion, pair + "; possible targets are " + join(possible), {}};
  }
  return Error{ErrorCode::unsupported_conversion, pair + "; formats that can be read are " + join(sources()), {}};
}

std::vector<std::string> Planner::targets(std::string_view from) const {
  forget_what_has_changed();
  if (const auto known = targets_.find(from); known != targets_.end()) return known->second;
  const std::set<std::string> found = reachable(hops(registry_, Which::available), from);
  std::vector<std::string> targets(found.begin(), found.end());
  if (!targets.empty()) targets_.emplace(from, targets);
  return targets;
}

std::vector<std::string> Planner::sources() const {
  forget_what_has_changed();
  if (sources_.empty()) {
    std::set<std::string> found;
    for (const Hop& hop : hops(registry_, Which::available)) found.insert(hop.edge.from);
    sources_.assign(found.begin(), found.end());
  }
  return sources_;
}

}  // namespace convd::jobs
