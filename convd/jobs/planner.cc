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

constexpr int ms_per_quality_point = 25;

enum class Which : std::uint8_t { available, all };

// What a format keeps of a document, from least to most.
enum class Keeps : std::uint8_t { unknown, pixels, pages, text, document };

struct Kept {
  std::string_view format;
  Keeps keeps;
};

constexpr std::array<Kept, 35> kept{{
    {"png", Keeps::pixels},    {"jpg", Keeps::pixels},    {"webp", Keeps::pixels},   {"tiff", Keeps::pixels},
    {"gif", Keeps::pixels},    {"bmp", Keeps::pixels},    {"heic", Keeps::pixels},   {"avif", Keeps::pixels},
    {"mp4", Keeps::pixels},    {"webm", Keeps::pixels},   {"mov", Keeps::pixels},    {"mkv", Keeps::pixels},
    {"pdf", Keeps::pages},     {"svg", Keeps::pages},     {"txt", Keeps::text},      {"html", Keeps::text},
    {"md", Keeps::text},       {"rst", Keeps::text},      {"tex", Keeps::text},      {"org", Keeps::text},
    {"ipynb", Keeps::text},    {"csv", Keeps::text},      {"json", Keeps::text},     {"docx", Keeps::document},
    {"doc", Keeps::document},  {"odt", Keeps::document},  {"fodt", Keeps::document}, {"rtf", Keeps::document},
    {"epub", Keeps::document}, {"xlsx", Keeps::document}, {"xls", Keeps::document},  {"ods", Keeps::document},
    {"pptx", Keeps::document}, {"ppt", Keeps::document},  {"odp", Keeps::document},
}};

Keeps keeps(std::string_view format) {
  const auto row = std::find_if(kept.begin(), kept.end(), [&](const Kept& entry) { return entry.format == format; });
  return row == kept.end() ? Keeps::unknown : row->keeps;
}

// Whether a step b -> c still makes sense after a -> b.
bool may_follow(std::string_view a, std::string_view b, std::string_view c) {
  const Keeps first = keeps(a);
  const Keeps second = keeps(b);
  const Keeps third = keeps(c);
  if (first == Keeps::pixels && second == Keeps::pages) return third < Keeps::text;
  if (first == Keeps::pages && second == Keeps::text) return third != Keeps::document;
  return true;
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
    const bool been_there = hop.edge.to == start_ || std::any_of(path_.begin(), path_.end(), [&](const Hop* before) {
                              return before->edge.to == hop.edge.to;
                            });
    return !been_there && may_follow(path_.back()->edge.from, hop.edge.from, hop.edge.to);
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

}  // namespace

Result<Route> Planner::plan(std::string_view from, std::string_view to) const {
  if (auto route = cheapest(hops(registry_, Which::available), from, to)) return *std::move(route);
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
  const std::set<std::string> found = reachable(hops(registry_, Which::available), from);
  return {found.begin(), found.end()};
}

std::vector<std::string> Planner::sources() const {
  std::set<std::string> found;
  for (const Hop& hop : hops(registry_, Which::available)) found.insert(hop.edge.from);
  return {found.begin(), found.end()};
}

}  // namespace convd::jobs
