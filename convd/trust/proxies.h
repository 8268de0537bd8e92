#pragma once
// The peers that may say for whom they ask. Pure. Any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convd::trust {

// An address of either kind, IPv4 in its mapped form.
using Address = std::array<std::uint8_t, 16>;
// "192.0.2.1", "2001:db8::1", also with a port ("192.0.2.1:80", "[2001:db8::1]:80").
std::optional<Address> address_from(std::string_view text);
std::string to_string(const Address& address);  // RFC 5952, without a port

// "10.0.0.0/8", "127.0.0.1", "fd00::/8".
struct Network {
  Address address{};
  int prefix_bits = 128;

  static std::optional<Network> parse(std::string_view text);
  bool holds(const Address& address) const;
  std::string text() const;
  bool operator==(const Network&) const = default;
};

// The lists of a request, as its headers have them; of several of one name, one after the other with commas between.
struct ForwardedFor {
  std::string x_forwarded_for;
  std::string forwarded;  // RFC 7239
};

class Proxies {
 public:
  Proxies() = default;
  explicit Proxies(std::vector<Network> networks) : networks_(std::move(networks)) {}

  // Who is behind `peer`: the right-most address of the list that is no trusted proxy's. Everything further left was
  // written by whoever that is. `peer` itself when it is not trusted, when it gives no list, or both kinds of them: a
  // proxy that writes one passes the other on.
  std::string client_behind(const std::string& peer, const ForwardedFor& lists) const;
  // Whether it is one of them; not when it is no address.
  bool trusts(const std::string& peer) const;

 private:
  bool trusts(const Address& address) const;

  std::vector<Network> networks_;
};

}  // namespace convd::trust
