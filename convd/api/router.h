#pragma once
// The HTTP API of convd: every route there is, as one Service for all listeners.

#include <memory>

#include "convd/api/dispatcher.h"
#include "convd/api/durations.h"
#include "convd/api/http_metrics.h"
#include "convd/api/services.h"

namespace convd::api {

// Loop thread only.
class Router final : public Service {
 public:
  // All outlive this object.
  Router(jobs::Manager& manager, store::Store& store, loop::Loop& loop, const Host& host, realtime::Realtime& realtime);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  std::unique_ptr<Exchange> begin(Request request, Responder& responder) override;
  std::unique_ptr<SocketSession> open_socket(const Request& request) override;
  Response problem(const shared::Error& error) const override;
  void connection_opened() override;
  void connection_closed() override;

 private:
  Route metrics_route();

  HttpMetrics http_;
  Services services_;
  Durations durations_;
  loop::WallTime started_;
  Dispatcher dispatcher_;
  loop::Timer collect_;
};

}  // namespace convd::api
