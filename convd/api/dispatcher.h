#pragma once
// From a request to its handler: finds the row, checks permission and size before the handler sees anything, times the
// answer. Knows no route by itself.

#include <memory>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/api/http_metrics.h"
#include "convd/api/route.h"
#include "convd/loop/loop.h"

namespace convd::api {

// Loop thread only.
class Dispatcher final : public Service {
 public:
  // Throws std::logic_error when two rows overlap.
  Dispatcher(std::vector<Route> routes, std::vector<SocketRoute> sockets, HttpMetrics& metrics, loop::Loop& loop);

  std::unique_ptr<Exchange> begin(Request request, Responder& responder) override;
  std::unique_ptr<SocketSession> open_socket(const Request& request) override;
  Response problem(const shared::Error& error) const override;
  void connection_opened() override { metrics_.connection_opened(); }
  void connection_closed() override { metrics_.connection_closed(); }

 private:
  RouteTable table_;
  std::vector<SocketRoute> sockets_;
  HttpMetrics& metrics_;
  loop::Loop& loop_;
};

}  // namespace convd::api
