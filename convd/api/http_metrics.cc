#include "convd/api/http_metrics.h"

#include <algorithm>
#include <array>

namespace convd::api {
namespace {

const std::vector<double>& latency_bounds() {
  static const std::vector<double> bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return bounds;
}

// A client chooses the method: only the known ones may become a series.
std::string known_method(std::string_view method) {
  constexpr std::array<std::string_view, 7> known{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
  return std::string(std::find(known.begin(), known.end(), method) == known.end() ? "other" : method);
}

}  // namespace

void HttpMetrics::answered(std::string_view route, std::string_view method, int status, double seconds) {
  const Key key{route, known_method(method), std::to_string(status / 100) + "xx"};
  durations_.try_emplace(key, latency_bounds()).first->second.observe(seconds);
}

void HttpMetrics::write(Exposition& out) const {
  out.family("convd_http_request_duration_seconds", "histogram",
             "Time from the end of a request to its answer, by route, method and class of status.");
  for (const auto& [key, histogram] : durations_) {
    const auto& [route, method, status] = key;
    out.histogram({{"route", route}, {"method", method}, {"status", status}}, histogram);
  }
  out.gauge("convd_http_connections", "Connections open now.", static_cast<double>(connections_));
  out.counter("convd_http_connections_total", "Connections accepted.", static_cast<double>(connections_total_));
  out.counter("convd_websocket_sessions_total", "WebSocket sessions opened.", static_cast<double>(sockets_total_));
}

}  // namespace convd::api
