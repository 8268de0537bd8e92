#include "convd/trust_policy.h"

#include <algorithm>

#include "convd/transport/listener.h"

namespace convd {
namespace {

using shared::Error;
using shared::ErrorCode;
using Auth = Trust::Auth;

// The first address that others than this machine can reach; null when there is none.
const std::string* beyond_loopback(const Config& config) {
  const auto found = std::find_if(config.listen.begin(), config.listen.end(), transport::is_beyond_loopback);
  return found == config.listen.end() ? nullptr : &*found;
}

Error wrong(std::string message) {
  return {ErrorCode::invalid_option, std::move(message), {}};
}

}  // namespace

bool needs_tokens(const Config& config) {
  if (config.trust.auth != Auth::automatic) return config.trust.auth == Auth::token;
  return !config.trust.key_files.empty() || beyond_loopback(config) != nullptr;
}

shared::Result<void> complete_trust(Config& config) {
  const std::string* address = beyond_loopback(config);
  if (config.trust.auth == Auth::off && address != nullptr)
    return wrong("listen: " + *address + " can be reached by others, which auth = off does not allow: only loopback");
  if (needs_tokens(config) && config.trust.key_files.empty()) {
    const std::string why =
        address == nullptr ? "auth = token" : "listen: " + *address + " can be reached by others and";
    return wrong(why +
                 " needs a key that tokens are signed with: auth.key = ID HS256 /path/of/a/secret; see auth.key in "
                 "convd.conf(5)");
  }
  auto keys = trust::Keys::load(config.trust.key_files);
  if (!keys) return keys.error();
  config.trust.keys = *std::move(keys);
  return {};
}

trust::Policy policy_of(const Config& config) {
  return {.demand = needs_tokens(config) ? trust::Demand::token : trust::Demand::none,
          .keys = config.trust.keys,
          .expected = config.trust.expected,
          .proxies = trust::Proxies(config.trust.proxies)};
}

}  // namespace convd
