#pragma once
// How fast, and how many at once: the buckets of principals and of addresses, and the connections of each peer.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "convd/trust/bucket.h"
#include "convd/trust/bucket_table.h"

namespace convd::trust {

// What an administrator decides; every value has its line in convd.conf(5). Amounts are for a minute, 0 is none.
struct LimitSettings {
  std::int64_t requests = 6'000;  // of one principal
  std::int64_t bytes = std::int64_t{10} << 30;
  std::int64_t handshakes = 600;
  std::int64_t address_requests = 12'000;
  std::int64_t address_bytes = std::int64_t{20} << 30;
  std::int64_t address_handshakes = 1'200;
  std::int64_t connections = 1'000;  // of one peer, at once
  bool local = false;                // whether they hold on this machine, too
};

enum class Limit : std::uint8_t {
  requests,
  bytes,
  handshakes,
  address_requests,
  address_bytes,
  address_handshakes,
  connections,
};
inline constexpr int limit_count = static_cast<int>(Limit::connections) + 1;
std::string_view to_string(Limit limit);  // "address-requests"

// Who asks. A peer on the Unix socket has no address.
struct Visitor {
  const std::string& org;
  const std::string& principal;
  const std::string& address;
};

enum class Errand : std::uint8_t {
  request,
  stream,  // a response that goes on, such as server-sent events: a handshake
  socket,  // a WebSocket: another
};
struct Load {
  Errand errand = Errand::request;
  std::optional<std::int64_t> body;  // its length; 0 when that is not known yet, nothing when there is none
};

// How a visitor stands with one limit.
struct Standing {
  Limit limit;
  Rate rate;
  std::int64_t left = 0;
  milliseconds wait{0};  // until it is worth to ask again
};
struct Answer {
  std::optional<Standing> refusal;
  std::optional<Standing> requests;  // nothing when they have no limit
};

// Unless told otherwise it has nothing to say to this machine: peers of the Unix socket, principals `local` (TCP
// without token), loopback addresses, behind which all clients of a reverse proxy look the same. Loop thread only.
class Gate {
 public:
  // `settings` outlives this object; what changes there is in force at once.
  explicit Gate(const LimitSettings& settings);

  // An admitted demand is charged. Of a body whose length is known all of it is charged at once, and may leave a debt:
  // what is refused is the next one.
  Answer ask_address(const Visitor& visitor, const Load& load, TimePoint now);
  Answer ask_principal(const Visitor& visitor, const Load& load, TimePoint now);
  // Bytes of a body whose length was not known. A refusal when one of the two has run dry.
  std::optional<Standing> spend(const Visitor& visitor, std::int64_t bytes, TimePoint now);

  // The connections of one peer: its address, or its principal on the Unix socket. Whoever has entered leaves.
  bool enter(const Visitor& peer);
  void leave(const Visitor& peer);

  std::int64_t refused(Limit limit) const { return refused_[static_cast<std::size_t>(limit)]; }

 private:
  struct Limits;

  bool counts_address(const Visitor& visitor) const;
  bool counts_principal(const Visitor& visitor) const;
  Answer ask(Buckets& buckets, const Limits& limits, const Load& load, TimePoint now);
  Standing refuse(Standing standing);

  const LimitSettings& settings_;
  BucketTable principals_;
  BucketTable addresses_;
  std::unordered_map<std::string, std::int64_t> connections_;  // never 0
  std::array<std::int64_t, limit_count> refused_{};
};

// All of an IPv4 address, the first 64 bits of an IPv6 one: a host has as many of those as it likes.
std::string network_of(const std::string& address);

}  // namespace convd::trust
