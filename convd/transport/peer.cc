#include "convd/transport/peer.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

namespace convd::transport {
namespace {

constexpr std::size_t most_groups = 65'536;  // NGROUPS_MAX of Linux

std::vector<gid_t> groups_of_peer(int socket) {
  std::vector<gid_t> groups(64);
  auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) {
    if (errno != ERANGE || size / sizeof(gid_t) > most_groups) return {};
    groups.resize(size / sizeof(gid_t));
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) != 0) return {};
  }
  groups.resize(size / sizeof(gid_t));
  return groups;
}

bool is_operator(int socket, const ucred& who, const OperatorRule& rule) {
  if (who.uid == 0 || who.uid == rule.own_uid) return true;
  if (!rule.admin_group) return false;
  if (who.gid == *rule.admin_group) return true;
  const std::vector<gid_t> groups = groups_of_peer(socket);
  return std::find(groups.begin(), groups.end(), *rule.admin_group) != groups.end();
}

// In the one spelling of RFC 5952; an IPv4 peer of an IPv6 socket by its IPv4 address.
std::string address_of_peer(int socket) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return {};
  const void* address = &reinterpret_cast<const sockaddr_in*>(&peer)->sin_addr;
  int family = peer.ss_family;
  if (family == AF_INET6) {
    const in6_addr& wide = reinterpret_cast<const sockaddr_in6*>(&peer)->sin6_addr;
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&wide);
    family = mapped ? AF_INET : AF_INET6;
    address = mapped ? static_cast<const void*>(&wide.s6_addr[12]) : &wide;
  }
  return ::inet_ntop(family, address, text.data(), text.size()) == nullptr ? std::string() : std::string(text.data());
}

}  // namespace

OperatorRule operator_rule(const std::string& group_name) {
  OperatorRule rule{::geteuid(), std::nullopt};
  std::vector<char> buffer(64 * 1024);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(group_name.c_str(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
    rule.admin_group = entry.gr_gid;
  }
  return rule;
}

std::optional<api::Caller> caller_of(int socket, const OperatorRule& rule) {
  int domain = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) return std::nullopt;
  if (domain != AF_UNIX) {
    // A peer that has reset the connection already has none any more, but what it has sent could still be read, and
    // only who comes over the Unix socket is known without an address.
    std::string address = address_of_peer(socket);
    if (address.empty()) return std::nullopt;
    return api::Caller{"local", "local", api::Role::user, std::move(address)};
  }
  ucred who{};
  size = sizeof who;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  const std::string name = "uid:" + std::to_string(who.uid);
  return api::Caller{name, name, is_operator(socket, who, rule) ? api::Role::operator_ : api::Role::user, {}};
}

}  // namespace convd::transport
