#pragma once
// Who is at the other end of an accepted descriptor. Nothing a client sends has a part in the answer.

#include <sys/types.h>

#include <optional>
#include <string>

#include "convd/api/exchange.h"

namespace convd::transport {

struct OperatorRule {
  uid_t own_uid;
  std::optional<gid_t> admin_group;
};

// The daemon's own uid, and the group `name` when the machine has one. Reads the group database: call at start.
OperatorRule operator_rule(const std::string& group_name = "convd-admin");

// A Unix socket: "uid:N" by SO_PEERCRED; operators are root, own_uid, and processes that are in admin_group (primary or
// supplementary, as the kernel noted them when they connected). TCP: "local", never an operator, with its address.
// Nothing when the kernel does not say, as of a TCP peer that has gone. Any thread.
std::optional<api::Caller> caller_of(int socket, const OperatorRule& rule);

}  // namespace convd::transport
