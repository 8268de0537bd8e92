#pragma once
// The first who looks at a request: how fast its sender asks, and whose page it comes from. Knows no route.

#include <cstdint>
#include <memory>
#include <optional>

#include "convd/api/exchange.h"
#include "convd/api/origin_rules.h"
#include "convd/api/problem.h"
#include "convd/api/prometheus.h"
#include "convd/loop/loop.h"
#include "convd/trust/bucket_gate.h"

namespace convd::api {

// Loop thread only.
class Edge {
 public:
  // All outlive this object; changed settings are in force at once.
  Edge(trust::Gate& gate, const OriginSettings& origins, const loop::Loop& loop);

  // A connection of this peer, for as long as it lives; null: it has too many.
  std::unique_ptr<Stay> arrive(const Caller& peer);

  // Before anything is known of the caller but its address. Errors: rate_limited.
  std::optional<Problem> check_address(const Request& request, trust::Errand errand);
  // Once it is known who asks. `also` gets what the answer shall say in any case. Errors: misdirected_request,
  // origin_not_allowed, rate_limited.
  std::optional<Problem> check_caller(const Request& request, trust::Errand errand, Headers& also);
  // Bytes of a body that came without a length. Errors: rate_limited.
  std::optional<Problem> check_bytes(const Caller& caller, std::size_t bytes);

  const OriginSettings& origins() const { return origins_; }
  void write(Exposition& out) const;

 private:
  std::optional<Problem> refused(const trust::Answer& answer) const;

  trust::Gate& gate_;
  const OriginSettings& origins_;
  const loop::Loop& loop_;
  std::int64_t wrong_hosts_ = 0;
  std::int64_t wrong_origins_ = 0;
};

}  // namespace convd::api
