#pragma once
// From a request to its handler: finds out who asks, finds the row, checks permission and size before the handler sees
// anything, times the answer and tells the audit log of it. Knows no route by itself.

#include <memory>
#include <vector>

#include "convd/api/audit_trail.h"
#include "convd/api/authentication.h"
#include "convd/api/edge.h"
#include "convd/api/exchange.h"
#include "convd/api/http_metrics.h"
#include "convd/api/route.h"
#include "convd/loop/loop.h"
#include "convd/trust/audit.h"

namespace convd::api {

// Loop thread only.
class Dispatcher final : public Service {
 public:
  // Throws std::logic_error when two rows overlap.
  Dispatcher(std::vector<Route> routes, std::vector<SocketRoute> sockets, HttpMetrics& metrics,
             trust::Authority& authority, Edge& edge, trust::Audit& audit, loop::Loop& loop);

  std::unique_ptr<Exchange> begin(Request request, Responder& responder) override;
  bool has_socket(const Request& request) const override;
  Opening open_socket(const Request& request) override;
  Response problem(const shared::Error& error) const override;
  std::unique_ptr<Stay> arrive(const Caller& peer) override;
  const std::vector<Route>& rows() const { return table_.rows(); }
  const std::vector<SocketRoute>& sockets() const { return sockets_; }

 private:
  // `route`: null when there is none. `also`: what every answer says.
  std::optional<Problem> admit(const Route* route, Request& request, Headers& also, AuditTrail& trail) const;
  std::optional<Problem> admit_to(const Route& route, Request& request, std::optional<Problem> refused) const;
  Opening refuse_socket(const SocketRoute& row, const Request& request, const Problem& problem,
                        const std::string& trace_id);
  Response refusal(const SocketRoute& row, const Request& request, const Problem& problem, const std::string& trace_id);

  RouteTable table_;
  std::vector<SocketRoute> sockets_;
  HttpMetrics& metrics_;
  const Authentication authentication_;
  Edge& edge_;
  trust::Audit& audit_;
  loop::Loop& loop_;
};

}  // namespace convd::api
