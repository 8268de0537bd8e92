#pragma once
// From the configuration to who is believed. Any thread.

#include "convd/config.h"
#include "convd/trust/authority.h"
#include "shared/result.h"

namespace convd {

// Whether who comes over TCP needs a token, all keys considered.
bool needs_tokens(const Config& config);

// Reads the keys, and looks whether they, auth and listen go together. Errors: invalid_option.
shared::Result<void> complete_trust(Config& config);

trust::Policy policy_of(const Config& config);

}  // namespace convd
