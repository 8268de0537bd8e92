#include "convd/trust/proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace convd::trust {
namespace {

constexpr int mapped_bits = 96;  // in front of the IPv4 address
constexpr int most_hops = 32;

bool is_mapped(const Address& address) {
  static constexpr std::array<std::uint8_t, 12> prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

std::optional<Address> bare_address(std::string_view text) {
  const std::string name(text);
  Address address{};
  if (::inet_pton(AF_INET6, name.c_str(), address.data()) == 1) return address;
  address[10] = address[11] = 0xff;
  if (::inet_pton(AF_INET, name.c_str(), &address[12]) == 1) return address;
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view unquoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

// The address in one element of a Forwarded header: for=192.0.2.60;proto=http;by=203.0.113.43.
std::string_view for_parameter(std::string_view element) {
  while (!element.empty()) {
    const std::size_t end = std::min(element.find(';'), element.size());
    const std::string_view pair = trimmed(element.substr(0, end));
    element.remove_prefix(std::min(end + 1, element.size()));
    const bool is_for = pair.size() > 4 && (pair[0] | 0x20) == 'f' && (pair[1] | 0x20) == 'o' &&
                        (pair[2] | 0x20) == 'r' && pair[3] == '=';
    if (is_for) return unquoted(pair.substr(4));
  }
  return {};
}

}  // namespace

std::optional<Address> address_from(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return std::nullopt;
    return bare_address(text.substr(1, end - 1));
  }
  const std::size_t colon = text.find(':');
  const bool one_colon = colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
  if (!one_colon) return bare_address(text);
  return is_port(text.substr(colon + 1)) ? bare_address(text.substr(0, colon)) : std::nullopt;
}

std::string to_string(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool v4 = is_mapped(address);
  const char* done = ::inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? &address[12] : address.data(), text.data(), text.size());
  return done == nullptr ? std::string() : std::string(done);
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = bare_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  Network network{*address, 128};
  if (slash == std::string_view::npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  int bits = -1;
  const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const int offset = is_mapped(*address) ? mapped_bits : 0;
  if (error != std::errc() || rest != digits.data() + digits.size() || bits < 0 || bits > 128 - offset)
    return std::nullopt;
  network.prefix_bits = bits + offset;
  return network;
}

bool Network::holds(const Address& other) const {
  const auto whole = static_cast<std::size_t>(prefix_bits / 8);
  if (!std::equal(address.begin(), address.begin() + static_cast<std::ptrdiff_t>(whole), other.begin())) return false;
  const int left = prefix_bits % 8;
  return left == 0 || (address[whole] ^ other[whole]) >> (8 - left) == 0;
}

std::string Network::text() const {
  const int most = is_mapped(address) ? 32 : 128;
  const int bits = prefix_bits - (128 - most);
  return to_string(address) + (bits == most ? "" : "/" + std::to_string(bits));
}

bool Proxies::trusts(const Address& address) const {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&](const Network& network) { return network.holds(address); });
}

bool Proxies::trusts(const std::string& peer) const {
  const auto address = address_from(peer);
  return address && trusts(*address);
}

std::string Proxies::client_behind(const std::string& peer, const ForwardedFor& lists) const {
  if (networks_.empty() || lists.x_forwarded_for.empty() == lists.forwarded.empty()) return peer;
  auto client = address_from(peer);
  if (!client || !trusts(*client)) return peer;
  const bool standard = !lists.forwarded.empty();
  std::string_view list = standard ? lists.forwarded : lists.x_forwarded_for;
  for (int hop = 0; hop < most_hops && !list.empty() && trusts(*client); ++hop) {
    const std::size_t comma = list.rfind(',');
    const std::string_view element = trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
    const auto next = address_from(standard ? for_parameter(element) : element);
    if (!next) break;
    client = next;
  }
  return to_string(*client);
}

}  // namespace convd::trust
