#include "convd/api/route.h"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace convd::api {
namespace {

std::vector<std::string_view> segments_of(std::string_view pattern) {
  if (pattern.empty() || pattern[0] != '/')
    throw std::logic_error("a path pattern must begin with /: " + std::string(pattern));
  std::vector<std::string_view> segments;
  while (pattern.size() > 1) {
    pattern.remove_prefix(1);
    segments.push_back(pattern.substr(0, pattern.find('/')));
    if (segments.back().empty()) throw std::logic_error("an empty segment in a path pattern");
    pattern.remove_prefix(segments.back().size());
  }
  return segments;
}

bool is_param(std::string_view segment) {
  return segment.front() == '{' && segment.back() == '}';
}

// Whether some path fits both.
bool overlap(std::string_view left, std::string_view right) {
  const auto a = segments_of(left);
  const auto b = segments_of(right);
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](std::string_view x, std::string_view y) { return x == y || is_param(x) || is_param(y); });
}

std::string join(const std::set<std::string_view>& names) {
  std::string joined;
  for (const std::string_view name : names) joined += (joined.empty() ? "" : ", ") + std::string(name);
  return joined;
}

class Immediate final : public Handler {
 public:
  Immediate(Call call, std::function<void(const Call&)> handler)
      : call_(std::move(call)), handler_(std::move(handler)) {}
  void on_body_end() override { handler_(call_); }

 private:
  Call call_;
  std::function<void(const Call&)> handler_;
};

}  // namespace

Start answer_later(std::function<void(const Call&)> handler) {
  return [handler](Call call) { return std::make_shared<Immediate>(std::move(call), handler); };
}

Start answer(std::function<shared::Result<Response>(const Call&)> handler) {
  return answer_later([handler](const Call& call) {
    auto response = handler(call);
    if (!response) return call.reply.fail(response.error());
    call.reply.send(*std::move(response));
  });
}

Route read_get(std::string_view pattern, std::function<shared::Result<Response>(const Call&)> handler) {
  return {"GET", pattern, Permission::read, Body::ignored, ignored_body_bytes, answer(std::move(handler))};
}

Route open_get(std::string_view pattern, std::function<shared::Result<Response>(const Call&)> handler) {
  return {"GET", pattern, Permission::anyone, Body::ignored, ignored_body_bytes, answer(std::move(handler))};
}

std::optional<std::vector<std::string>> match_path(std::string_view pattern, const std::vector<std::string>& path) {
  const auto segments = segments_of(pattern);
  if (segments.size() != path.size()) return std::nullopt;
  std::vector<std::string> params;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (is_param(segments[i])) {
      if (path[i].empty()) return std::nullopt;
      params.push_back(path[i]);
    } else if (segments[i] != path[i]) {
      return std::nullopt;
    }
  }
  return params;
}

RouteTable::RouteTable(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (auto a = routes_.begin(); a != routes_.end(); ++a) {
    for (auto b = std::next(a); b != routes_.end(); ++b) {
      if (a->method != b->method || !overlap(a->pattern, b->pattern)) continue;
      throw std::logic_error("two routes for one path: " + std::string(a->method) + " " + std::string(a->pattern) +
                             " and " + std::string(b->pattern));
    }
  }
}

RouteTable::Match RouteTable::find(std::string_view method, const std::vector<std::string>& path) const {
  Match match;
  std::set<std::string_view> allowed;
  const Route* for_head = nullptr;
  for (const Route& route : routes_) {
    auto params = match_path(route.pattern, path);
    if (!params) continue;
    allowed.insert({route.method, "OPTIONS"});
    if (route.method == "GET") allowed.insert("HEAD");
    if (route.method == "GET" && method == "HEAD") for_head = &route;
    if (route.method == method) match.route = &route;
    match.params = *std::move(params);
    match.pattern = route.pattern;
  }
  if (match.route == nullptr) match.route = for_head;
  if (match.route != nullptr) match.pattern = match.route->pattern;
  match.allow = join(allowed);
  return match;
}

}  // namespace convd::api
