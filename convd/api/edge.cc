#include "convd/api/edge.h"

#include <chrono>
#include <string>
#include <utility>

namespace convd::api {
namespace {

using shared::ErrorCode;

trust::Visitor visitor(const Caller& caller) {
  return {caller.org, caller.principal, caller.address};
}

trust::Load load_of(const Request& request, trust::Errand errand) {
  trust::Load load{errand, {}};
  if (request.has_body) load.body = request.content_length.value_or(0);
  return load;
}

std::int64_t seconds(trust::milliseconds time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

std::string_view unit_of(trust::Limit limit) {
  const bool counts_bytes = limit == trust::Limit::bytes || limit == trust::Limit::address_bytes;
  return counts_bytes ? "content-bytes" : "requests";
}

// draft-ietf-httpapi-ratelimit-headers-11.
void add_headers(const trust::Standing& standing, Headers& out) {
  const std::string name = "\"" + std::string(to_string(standing.limit)) + "\"";
  std::string policy =
      name + ";q=" + std::to_string(standing.rate.amount) + ";w=" + std::to_string(seconds(standing.rate.window));
  if (unit_of(standing.limit) != "requests") policy += ";qu=\"" + std::string(unit_of(standing.limit)) + "\"";
  out.emplace_back("RateLimit-Policy", std::move(policy));
  out.emplace_back("RateLimit",
                   name + ";r=" + std::to_string(standing.left) + ";t=" + std::to_string(seconds(standing.wait)));
}

Problem too_fast(const trust::Standing& standing) {
  Problem problem;
  problem.error = {ErrorCode::rate_limited,
                   "over the limit of " + std::to_string(standing.rate.amount) + " " +
                       std::string(to_string(standing.limit)) + " a minute; wait before you ask again",
                   {}};
  problem.retry_after_s = seconds(standing.wait);
  add_headers(standing, problem.headers);
  return problem;
}

class GateStay final : public Stay {
 public:
  GateStay(trust::Gate& gate, Caller peer) : gate_(gate), peer_(std::move(peer)) {}
  ~GateStay() override { gate_.leave(visitor(peer_)); }

 private:
  trust::Gate& gate_;
  const Caller peer_;
};

}  // namespace

Edge::Edge(trust::Gate& gate, const OriginSettings& origins, const loop::Loop& loop)
    : gate_(gate), origins_(origins), loop_(loop) {}

std::unique_ptr<Stay> Edge::arrive(const Caller& peer) {
  if (!gate_.enter(visitor(peer))) return nullptr;
  return std::make_unique<GateStay>(gate_, peer);
}

std::optional<Problem> Edge::refused(const trust::Answer& answer) const {
  if (!answer.refusal) return std::nullopt;
  return too_fast(*answer.refusal);
}

std::optional<Problem> Edge::check_address(const Request& request, trust::Errand errand) {
  return refused(gate_.ask_address(visitor(request.caller), load_of(request, errand), loop_.now()));
}

std::optional<Problem> Edge::check_caller(const Request& request, trust::Errand errand, Headers& also) {
  auto error =
      errand == trust::Errand::socket ? check_socket_origin(request, origins_) : check_origin(request, origins_);
  also = reader_headers(request, origins_);
  if (error) {
    ++(error->code == ErrorCode::misdirected_request ? wrong_hosts_ : wrong_origins_);
    Problem problem;
    problem.error = std::move(*error);
    return problem;
  }
  const trust::Answer answer = gate_.ask_principal(visitor(request.caller), load_of(request, errand), loop_.now());
  if (answer.requests) add_headers(*answer.requests, also);
  return refused(answer);
}

std::optional<Problem> Edge::check_bytes(const Caller& caller, std::size_t bytes) {
  const auto refusal = gate_.spend(visitor(caller), static_cast<std::int64_t>(bytes), loop_.now());
  if (!refusal) return std::nullopt;
  return too_fast(*refusal);
}

void Edge::write(Exposition& out) const {
  out.family("convd_refused_total", "counter", "Requests, handshakes and connections turned away, by reason.");
  const auto line = [&out](std::string_view reason, std::int64_t count) {
    out.sample({{"reason", std::string(reason)}}, static_cast<double>(count));
  };
  for (int i = 0; i < trust::limit_count; ++i) {
    const auto limit = static_cast<trust::Limit>(i);
    line(to_string(limit), gate_.refused(limit));
  }
  line("host", wrong_hosts_);
  line("origin", wrong_origins_);
}

}  // namespace convd::api
