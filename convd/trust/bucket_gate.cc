#include "convd/trust/bucket_gate.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "convd/trust/account.h"

namespace convd::trust {
namespace {

// At some 300 bytes each.
constexpr std::size_t most_principals = 20'000;
constexpr std::size_t most_addresses = 20'000;

constexpr std::array<std::string_view, limit_count> names{
    "requests", "bytes", "handshakes", "address-requests", "address-bytes", "address-handshakes", "connections"};

bool is_loopback(const std::string& address) {
  return address == "::1" || address.starts_with("127.");
}

const std::string& peer_of(const Visitor& visitor) {
  return visitor.address.empty() ? visitor.principal : visitor.address;
}

}  // namespace

std::string_view to_string(Limit limit) {
  return names[static_cast<std::size_t>(limit)];
}

std::string network_of(const std::string& address) {
  in6_addr wide{};
  if (::inet_pton(AF_INET6, address.c_str(), &wide) != 1) return address;
  std::fill(std::begin(wide.s6_addr) + 8, std::end(wide.s6_addr), std::uint8_t{0});
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(AF_INET6, &wide, text.data(), text.size()) == nullptr ? address : std::string(text.data()) + "/64";
}

struct Gate::Limits {
  Standing requests;
  Standing bytes;
  Standing handshakes;
};

Gate::Gate(const LimitSettings& settings)
    : settings_(settings), principals_(most_principals), addresses_(most_addresses) {}

bool Gate::counts_address(const Visitor& visitor) const {
  return !visitor.address.empty() && (settings_.local || !is_loopback(visitor.address));
}

bool Gate::counts_principal(const Visitor& visitor) const {
  // Who has not said who they are count by their address alone.
  if (visitor.principal.empty()) return false;
  return settings_.local || (!visitor.address.empty() && visitor.principal != "local");
}

Answer Gate::ask_address(const Visitor& visitor, const Load& load, TimePoint now) {
  if (!counts_address(visitor)) return {};
  const Limits limits{{Limit::address_requests, {settings_.address_requests}},
                      {Limit::address_bytes, {settings_.address_bytes}},
                      {Limit::address_handshakes, {settings_.address_handshakes}}};
  return ask(addresses_.of(network_of(visitor.address), now), limits, load, now);
}

Answer Gate::ask_principal(const Visitor& visitor, const Load& load, TimePoint now) {
  if (!counts_principal(visitor)) return {};
  const Limits limits{{Limit::requests, {settings_.requests}},
                      {Limit::bytes, {settings_.bytes}},
                      {Limit::handshakes, {settings_.handshakes}}};
  return ask(principals_.of(account_of(visitor.org, visitor.principal), now), limits, load, now);
}

// Nothing is charged unless everything is admitted.
Answer Gate::ask(Buckets& buckets, const Limits& limits, const Load& load, TimePoint now) {
  struct Part {
    Standing standing;
    Bucket& bucket;
    std::optional<std::int64_t> cost;  // nothing: not concerned
  };
  const std::optional<std::int64_t> handshake = load.errand == Errand::request ? std::nullopt : std::optional(1);
  std::array<Part, 3> parts{{{limits.requests, buckets.requests, 1},
                             {limits.handshakes, buckets.handshakes, handshake},
                             {limits.bytes, buckets.bytes, load.body}}};
  for (Part& part : parts) {
    if (!part.standing.rate.is_limit()) part.cost.reset();
    if (!part.cost) continue;
    part.standing.wait = part.bucket.wait_for(part.standing.rate, 1, now);
    if (part.standing.wait.count() > 0) return {refuse(part.standing), {}};
  }
  for (const Part& part : parts) {
    if (part.cost) part.bucket.charge(part.standing.rate, *part.cost, now);
  }
  Standing& requests = parts[0].standing;
  if (!requests.rate.is_limit()) return {};
  requests.left = buckets.requests.left(requests.rate, now);
  requests.wait = buckets.requests.wait_for(requests.rate, requests.rate.amount, now);
  return {{}, requests};
}

std::optional<Standing> Gate::spend(const Visitor& visitor, std::int64_t bytes, TimePoint now) {
  const auto take = [&](Limit limit, const Rate& rate, Bucket& bucket) -> std::optional<Standing> {
    if (!rate.is_limit()) return std::nullopt;
    bucket.charge(rate, bytes, now);
    if (bucket.left(rate, now) > 0) return std::nullopt;
    return refuse({limit, rate, 0, bucket.wait_for(rate, 1, now)});
  };
  std::optional<Standing> refusal;
  if (counts_principal(visitor))
    refusal =
        take(Limit::bytes, {settings_.bytes}, principals_.of(account_of(visitor.org, visitor.principal), now).bytes);
  if (refusal || !counts_address(visitor)) return refusal;
  return take(Limit::address_bytes, {settings_.address_bytes}, addresses_.of(network_of(visitor.address), now).bytes);
}

Standing Gate::refuse(Standing standing) {
  ++refused_[static_cast<std::size_t>(standing.limit)];
  standing.left = 0;
  return standing;
}

bool Gate::enter(const Visitor& peer) {
  const bool is_counted = settings_.local || counts_address(peer);
  std::int64_t& open = connections_[network_of(peer_of(peer))];
  if (is_counted && settings_.connections > 0 && open >= settings_.connections) {
    ++refused_[static_cast<std::size_t>(Limit::connections)];
    return false;
  }
  ++open;
  return true;
}

void Gate::leave(const Visitor& peer) {
  const auto found = connections_.find(network_of(peer_of(peer)));
  if (found != connections_.end() && --found->second == 0) connections_.erase(found);
}

}  // namespace convd::trust
