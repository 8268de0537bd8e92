#pragma once
// What the HTTP side counts about itself. Loop thread only.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "convd/api/prometheus.h"

namespace convd::api {

class HttpMetrics {
 public:
  // `route` is a pattern of the route table, never a path, so that the number of series is bounded. Seconds are from
  // the end of the request to its answer.
  void answered(std::string_view route, std::string_view method, int status, double seconds);
  void connection_opened() {
    ++connections_;
    ++connections_total_;
  }
  void connection_closed() { --connections_; }
  void socket_opened() { ++sockets_total_; }

  void write(Exposition& out) const;

 private:
  using Key = std::tuple<std::string, std::string, std::string>;  // route, method, status class
  std::map<Key, Histogram> durations_;
  std::int64_t connections_ = 0;
  std::int64_t connections_total_ = 0;
  std::int64_t sockets_total_ = 0;
};

}  // namespace convd::api
