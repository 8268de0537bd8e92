#pragma once
// JSON Web Tokens (RFC 7519) in the compact form of RFC 7515, as strictly as RFC 8725 would have it. Pure. Any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "convd/trust/keys.h"
#include "convd/trust/scope.h"
#include "shared/result.h"

namespace convd::trust {

inline constexpr std::size_t most_token_bytes = 8 << 10;
inline constexpr std::size_t most_name_bytes = 255;

// Whom a token speaks for.
struct Identity {
  std::string principal;  // "sub"
  std::string org;        // "org", by default the same
  Scopes scopes;
  std::int64_t expires_ms = 0;  // "exp" and the leeway
};

// What a token has to say beside being signed.
struct Expectations {
  std::string audience = "convd";  // in "aud"
  std::string issuer = "convd";    // of "iss"
  std::int64_t leeway_ms = 30'000;
};

// Errors: unauthorized. The message says what is wrong and quotes nothing of the token.
shared::Result<Identity> verify(std::string_view token, const Keys& keys, const Expectations& expected,
                                std::int64_t now_ms);

// What a caller over the Unix socket is called by no token: "local", "uid:1000". Nor may a name be empty, hold control
// bytes or be over 255 bytes.
bool is_name_for_token(std::string_view name);

struct Order {
  std::string principal;
  std::string org;  // empty: none of its own
  Scopes scopes;
  std::int64_t lifetime_s = 3600;
};
// A token that verify() accepts from now on. `key` can sign.
std::string mint(const Order& order, const Key& key, const Expectations& expected, std::int64_t now_ms);

}  // namespace convd::trust
