#pragma once
// A key and the one algorithm it is good for, over OpenSSL. What a token says of its algorithm never chooses anything.
// Any thread, one at a time per object.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/result.h"

struct evp_pkey_st;

namespace convd::trust {

enum class Algorithm : std::uint8_t { hs256, rs256, es256, eddsa };
std::string_view to_string(Algorithm algorithm);  // as in a token: "HS256", "EdDSA"
std::optional<Algorithm> algorithm_from(std::string_view name);

class Key {
 public:
  // `content` is that of a key file. HS256: the secret, 32 bytes or more, one line end behind it not counted. The
  // others: PEM, a public key or a private one; RSA of 2048 bits or more, P-256, Ed25519. Errors: invalid_option, one
  // clause that says what is wrong and holds nothing of the content.
  static shared::Result<Key> read(std::string id, Algorithm algorithm, std::string_view content);

  const std::string& id() const { return id_; }
  Algorithm algorithm() const { return algorithm_; }
  bool can_sign() const { return can_sign_; }

  // `signature` in the form of RFC 7518 (ES256: r and s, 32 bytes each).
  bool verifies(std::string_view text, std::string_view signature) const;
  // Throws std::runtime_error when OpenSSL cannot, or can_sign() is false.
  std::string sign(std::string_view text) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const noexcept;
  };
  using Handle = std::unique_ptr<evp_pkey_st, Free>;

  Key(std::string id, Algorithm algorithm) : id_(std::move(id)), algorithm_(algorithm) {}
  static Handle from_pem(std::string_view content, bool& is_private);
  static std::optional<std::string> unfit(Algorithm algorithm, const evp_pkey_st& key);
  shared::Result<void> take_secret(std::string_view content);
  shared::Result<void> take_pem(std::string_view content);

  std::string id_;
  Algorithm algorithm_;
  bool can_sign_ = false;
  std::string secret_;  // of HS256
  Handle handle_;       // of the others
};

}  // namespace convd::trust
