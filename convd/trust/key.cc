#include "convd/trust/key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <array>
#include <limits>
#include <stdexcept>
#include <utility>

#include "shared/enum_names.h"

namespace convd::trust {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr std::array<std::string_view, 4> algorithm_names{"HS256", "RS256", "ES256", "EdDSA"};
constexpr std::size_t least_secret_bytes = 32;  // RFC 7518, 3.2
constexpr int least_rsa_bits = 2048;
constexpr int most_rsa_bits = 8192;  // a verification of more would cost the loop milliseconds
constexpr std::size_t coordinate_bytes = 32;

struct FreeOpenSsl {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  void operator()(ECDSA_SIG* signature) const noexcept { ECDSA_SIG_free(signature); }
  void operator()(BIGNUM* number) const noexcept { BN_free(number); }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeOpenSsl>;

// Whoever calls OpenSSL leaves its list of errors as it was: empty.
struct NoErrorsLeft {
  ~NoErrorsLeft() { ERR_clear_error(); }
};

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

Error unfit_key(std::string what) {
  return {ErrorCode::invalid_option, std::move(what), {}};
}

std::string hmac(std::string_view secret, std::string_view text) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  if (secret.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(text), text.size(), bytes_of(digest),
           &size) == nullptr)
    throw std::runtime_error("OpenSSL cannot compute an HMAC");
  digest.resize(size);
  return digest;
}

const EVP_MD* digest_of(Algorithm algorithm) {
  return algorithm == Algorithm::eddsa ? nullptr : EVP_sha256();
}

std::optional<std::string> der_from(std::string_view raw) {
  if (raw.size() != 2 * coordinate_bytes) return std::nullopt;
  Owned<BIGNUM> r(BN_bin2bn(bytes_of(raw), coordinate_bytes, nullptr));
  Owned<BIGNUM> s(BN_bin2bn(bytes_of(raw.substr(coordinate_bytes)), coordinate_bytes, nullptr));
  const Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  if (!r || !s || !signature || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return std::nullopt;
  std::ignore = r.release();
  std::ignore = s.release();
  std::string der(static_cast<std::size_t>(std::max(i2d_ECDSA_SIG(signature.get(), nullptr), 0)), '\0');
  unsigned char* out = bytes_of(der);
  if (der.empty() || i2d_ECDSA_SIG(signature.get(), &out) <= 0) return std::nullopt;
  return der;
}

std::string raw_from(std::string_view der) {
  const unsigned char* in = bytes_of(der);
  const Owned<ECDSA_SIG> signature(d2i_ECDSA_SIG(nullptr, &in, static_cast<long>(der.size())));
  std::string raw(2 * coordinate_bytes, '\0');
  if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes_of(raw), coordinate_bytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes_of(raw) + coordinate_bytes, coordinate_bytes) < 0)
    throw std::runtime_error("OpenSSL has made a signature that cannot be read");
  return raw;
}

}  // namespace

std::string_view to_string(Algorithm algorithm) {
  return shared::name_of(algorithm_names, algorithm);
}

std::optional<Algorithm> algorithm_from(std::string_view name) {
  return shared::value_of<Algorithm>(algorithm_names, name);
}

void Key::Free::operator()(evp_pkey_st* key) const noexcept {
  EVP_PKEY_free(key);
}

Key::Handle Key::from_pem(std::string_view content, bool& is_private) {
  const auto no_password = [](char*, int, int, void*) { return -1; };
  const auto open = [&] { return Owned<BIO>(BIO_new_mem_buf(content.data(), static_cast<int>(content.size()))); };
  Handle key(PEM_read_bio_PrivateKey(open().get(), nullptr, no_password, nullptr));
  is_private = key != nullptr;
  if (!key) key = Handle(PEM_read_bio_PUBKEY(open().get(), nullptr, no_password, nullptr));
  return key;
}

// What keeps a key from being used with the algorithm.
std::optional<std::string> Key::unfit(Algorithm algorithm, const evp_pkey_st& key) {
  switch (algorithm) {
    case Algorithm::rs256:
      if (EVP_PKEY_get_base_id(&key) != EVP_PKEY_RSA) return "RS256 needs an RSA key";
      if (EVP_PKEY_get_bits(&key) < least_rsa_bits || EVP_PKEY_get_bits(&key) > most_rsa_bits)
        return "the RSA key must have 2048 to 8192 bits, it has " + std::to_string(EVP_PKEY_get_bits(&key));
      return std::nullopt;
    case Algorithm::es256: {
      std::array<char, 64> curve{};
      std::size_t size = 0;
      const bool named = EVP_PKEY_get_base_id(&key) == EVP_PKEY_EC &&
                         EVP_PKEY_get_group_name(&key, curve.data(), curve.size(), &size) == 1;
      if (!named || std::string_view(curve.data(), size) != "prime256v1")
        return "ES256 needs a key on the curve P-256 (prime256v1)";
      return std::nullopt;
    }
    default:
      if (EVP_PKEY_get_base_id(&key) != EVP_PKEY_ED25519) return "EdDSA needs an Ed25519 key";
      return std::nullopt;
  }
}

Result<void> Key::take_secret(std::string_view content) {
  if (content.ends_with('\n')) content.remove_suffix(1);
  if (content.ends_with('\r')) content.remove_suffix(1);
  // A public key is no secret, and who takes one for it lets everybody sign.
  if (content.find("-----BEGIN ") != std::string_view::npos)
    return unfit_key("HS256 needs a secret, and this is a key in PEM: say which algorithm it is for");
  if (content.size() < least_secret_bytes)
    return unfit_key("the secret has " + std::to_string(content.size()) + " bytes and needs 32 (openssl rand -hex 32)");
  secret_ = content;
  can_sign_ = true;
  return {};
}

Result<void> Key::take_pem(std::string_view content) {
  const NoErrorsLeft clean;
  handle_ = from_pem(content, can_sign_);
  if (!handle_) return unfit_key("expected a key in PEM, without a passphrase");
  if (auto reason = unfit(algorithm_, *handle_)) return unfit_key(*std::move(reason));
  return {};
}

Result<Key> Key::read(std::string id, Algorithm algorithm, std::string_view content) {
  Key key(std::move(id), algorithm);
  const auto taken = algorithm == Algorithm::hs256 ? key.take_secret(content) : key.take_pem(content);
  if (!taken) return taken.error();
  return key;
}

bool Key::verifies(std::string_view text, std::string_view signature) const {
  if (algorithm_ == Algorithm::hs256) {
    const std::string right = hmac(secret_, text);
    return signature.size() == right.size() && CRYPTO_memcmp(signature.data(), right.data(), right.size()) == 0;
  }
  std::optional<std::string> der;
  if (algorithm_ == Algorithm::es256) {
    der = der_from(signature);
    if (!der) return false;
    signature = *der;
  }
  const NoErrorsLeft clean;
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  return context && EVP_DigestVerifyInit(context.get(), nullptr, digest_of(algorithm_), nullptr, handle_.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1;
}

std::string Key::sign(std::string_view text) const {
  if (!can_sign_) throw std::runtime_error("this key can only verify");
  if (algorithm_ == Algorithm::hs256) return hmac(secret_, text);
  const NoErrorsLeft clean;
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  std::string signature;
  const bool ready = context &&
                     EVP_DigestSignInit(context.get(), nullptr, digest_of(algorithm_), nullptr, handle_.get()) == 1 &&
                     EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) == 1;
  signature.resize(size);
  if (!ready || EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(text), text.size()) != 1)
    throw std::runtime_error("OpenSSL cannot sign");
  signature.resize(size);
  return algorithm_ == Algorithm::es256 ? raw_from(signature) : signature;
}

}  // namespace convd::trust
