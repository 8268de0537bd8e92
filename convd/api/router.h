#pragma once
// The HTTP API of convd: every route there is, as one Service for all listeners.

#include <memory>

#include "convd/api/dispatcher.h"
#include "convd/api/durations.h"
#include "convd/api/edge.h"
#include "convd/api/http_metrics.h"
#include "convd/api/services.h"

namespace convd::api {

// Loop thread only.
class Router final : public Service {
 public:
  // All outlive this object.
  Router(jobs::Manager& manager, store::Store& store, loop::Loop& loop, const Host& host, realtime::Realtime& realtime,
         Control& control, trust::Authority& authority, Edge& edge, trust::Audit& audit);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  std::unique_ptr<Exchange> begin(Request request, Responder& responder) override;
  bool has_socket(const Request& request) const override;
  Opening open_socket(const Request& request) override;
  Response problem(const shared::Error& error) const override;
  std::unique_ptr<Stay> arrive(const Caller& peer) override;
  // Every route there is, for the manual's test.
  const Dispatcher& dispatcher() const { return dispatcher_; }

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
