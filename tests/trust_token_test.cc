// Tokens: one of every algorithm that is good, and all the ways of not being so.

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "convd/trust/token.h"
#include "shared/base64url.h"
#include "shared/json.h"
#include "tests/support/catch.h"

namespace {

using namespace convd::trust;
using shared::from_base64url;
using shared::Json;
using shared::to_base64url;

constexpr std::int64_t now_s = 1'790'000'000;
const std::string secret = "0123456789abcdef0123456789abcdef";
const Expectations expected{};

struct FreeOpenSsl {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};

struct Pem {
  std::string private_key;
  std::string public_key;
};

std::string written(EVP_PKEY* key, bool with_private) {
  const std::unique_ptr<BIO, FreeOpenSsl> bio(BIO_new(BIO_s_mem()));
  const int done = with_private ? PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr)
                                : PEM_write_bio_PUBKEY(bio.get(), key);
  REQUIRE(done == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Pem pem_of(EVP_PKEY* made) {
  REQUIRE(made != nullptr);
  const std::unique_ptr<EVP_PKEY, FreeOpenSsl> key(made);
  return {written(made, true), written(made, false)};
}

const Pem& rsa() {
  static const Pem pem = pem_of(EVP_RSA_gen(2048));
  return pem;
}

const Pem& p256() {
  static const Pem pem = pem_of(EVP_EC_gen("P-256"));
  return pem;
}

const Pem& ed25519() {
  static const Pem pem = pem_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  return pem;
}

std::shared_ptr<const Key> key(const std::string& id, Algorithm algorithm, const std::string& content) {
  auto read = Key::read(id, algorithm, content);
  INFO((read ? std::string() : read.error().message));
  REQUIRE(read.ok());
  return std::make_shared<const Key>(*std::move(read));
}

std::shared_ptr<const Key> hs() {
  return key("h", Algorithm::hs256, secret);
}

Keys only(const std::shared_ptr<const Key>& one) {
  return Keys({one});
}

// A token that is good but for what a test does to it.
struct Draft {
  std::string header = R"({"alg":"HS256","kid":"h"})";
  std::string claims = R"({"sub":"ada","aud":"convd","iss":"convd","scope":"convert read","exp":1790000060})";

  std::string text() const { return to_base64url(header) + "." + to_base64url(claims); }
  std::string signed_by(const Key& by) const { return text() + "." + to_base64url(by.sign(text())); }
};

std::string verdict(const std::string& token, const Keys& keys) {
  const auto who = verify(token, keys, expected, now_s * 1000);
  return who ? "good" : who.error().message;
}

std::string verdict_of_claims(const std::string& claims) {
  return verdict(Draft{.claims = claims}.signed_by(*hs()), only(hs()));
}

std::string verdict_of_header(const std::string& header) {
  return verdict(Draft{.header = header}.signed_by(*hs()), only(hs()));
}

std::string claims_with(const std::string& more) {
  return R"({"sub":"ada","aud":"convd","iss":"convd",)" + more + "}";
}

}  // namespace

TEST_CASE("every algorithm signs, and verifies with what others may know") {
  struct Row {
    Algorithm algorithm;
    std::string own;
    std::string shown;
  };
  for (const Row& row : std::vector<Row>{{Algorithm::hs256, secret, secret},
                                         {Algorithm::rs256, rsa().private_key, rsa().public_key},
                                         {Algorithm::es256, p256().private_key, p256().public_key},
                                         {Algorithm::eddsa, ed25519().private_key, ed25519().public_key}}) {
    INFO(to_string(row.algorithm));
    const auto own = key("k", row.algorithm, row.own);
    const auto shown = key("k", row.algorithm, row.shown);
    const Order order{.principal = "ada", .org = "press", .scopes = Scopes::of_peers(), .lifetime_s = 60};
    std::string token = mint(order, *own, expected, now_s * 1000);
    const auto who = verify(token, only(shown), expected, now_s * 1000);
    REQUIRE(who.ok());
    CHECK(who->principal == "ada");
    CHECK(who->org == "press");
    CHECK(who->scopes == Scopes::of_peers());
    CHECK(who->expires_ms == now_s * 1000 + 60'000 + expected.leeway_ms);
    CHECK(shown->can_sign() == (row.algorithm == Algorithm::hs256));

    const std::size_t dot = token.rfind('.');
    for (const std::size_t at : {dot + 1, (dot + token.size()) / 2, token.size() - 2, dot - 2}) {
      std::string forged = token;
      forged[at] = forged[at] == 'A' ? 'B' : 'A';
      INFO("changed at " << at);
      CHECK(verdict(forged, only(shown)) == "the signature of the token is not right");
    }
    for (const std::string& cut : {token.substr(0, dot + 1), token.substr(0, token.size() - 4), token + "AAAA"})
      CHECK(verdict(cut, only(shown)) == "the signature of the token is not right");
  }
}

TEST_CASE("a token of another key is not believed") {
  const auto other = key("h", Algorithm::hs256, "another secret that has its 32 bytes");
  CHECK(verdict(Draft().signed_by(*other), only(hs())) == "the signature of the token is not right");
}

TEST_CASE("the key says which algorithm it is, not the token") {
  const auto shown = key("r", Algorithm::rs256, rsa().public_key);
  // Signed with the public key as if it were a secret.
  Draft draft{.header = R"({"alg":"HS256","kid":"r"})"};
  const std::string confused = draft.text() + "." + to_base64url([&] {
                                 const auto as_secret = Key::read("r", Algorithm::hs256, std::string(64, 'x'));
                                 return as_secret->sign(draft.text());
                               }());
  CHECK(verdict(confused, only(shown)) == "the token has another algorithm than its key");
  CHECK_FALSE(Key::read("r", Algorithm::hs256, rsa().public_key).ok());
  for (const char* none : {"none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS384", "RS256"}) {
    INFO(none);
    Draft naked{.header = R"({"alg":")" + std::string(none) + R"(","kid":"h"})"};
    CHECK(verdict(naked.text() + ".", only(hs())) == "the token has another algorithm than its key");
    CHECK(verdict(naked.signed_by(*hs()), only(hs())) == "the token has another algorithm than its key");
  }
  CHECK(verdict_of_header(R"({"kid":"h"})") == "the token has another algorithm than its key");
  CHECK(verdict_of_header(R"({"alg":["HS256"],"kid":"h"})") == "the token has another algorithm than its key");
}

TEST_CASE("the key comes from the table") {
  const auto next = key("next", Algorithm::hs256, "the next secret also has its 32 bytes");
  const Keys both({hs(), next});
  const std::string old_token = Draft().signed_by(*hs());
  const std::string new_token = Draft{.header = R"({"alg":"HS256","kid":"next"})"}.signed_by(*next);
  const std::string nameless = Draft{.header = R"({"alg":"HS256"})"}.signed_by(*hs());
  CHECK(verdict(old_token, both) == "good");
  CHECK(verdict(new_token, both) == "good");
  CHECK(verdict(nameless, both) == "the token names no key");
  CHECK(verdict(nameless, only(hs())) == "good");
  CHECK(verdict(old_token, only(next)) == "the token names a key that is not known here");
  CHECK(verdict(old_token, Keys()) == "the token names a key that is not known here");
  CHECK(verdict(nameless, Keys()) == "the token names no key");
  CHECK(verdict_of_header(R"({"alg":"HS256","kid":1})") == "the header of the token is malformed");
  CHECK(verdict_of_header(R"({"alg":"HS256","kid":null})") == "the header of the token is malformed");
  CHECK(both.signer("next")->id() == "next");
  CHECK(both.signer("")->id() == "h");
  CHECK(both.signer("none") == nullptr);
}

TEST_CASE("what a header offers beside is not taken") {
  const std::string jwk =
      R"("jwk":{"kty":"oct","k":"AAAA"},"jku":"http://127.0.0.1:9099/","x5u":"http://127.0.0.1:9099/")";
  const auto other = key("h", Algorithm::hs256, std::string(32, '\0'));
  const Draft draft{.header = R"({"alg":"HS256","kid":"h",)" + jwk + "}"};
  CHECK(verdict(draft.signed_by(*other), only(hs())) == "the signature of the token is not right");
  CHECK(verdict(draft.signed_by(*hs()), only(hs())) == "good");
  CHECK(verdict_of_header(R"({"alg":"HS256","kid":"h","crit":["exp"]})") ==
        "the token asks for an extension that is not known here");
  CHECK(verdict_of_header(R"({"alg":"HS256","kid":"h","crit":null})") ==
        "the token asks for an extension that is not known here");
}

TEST_CASE("times") {
  const std::string leeway = "the claim has the leeway";
  CHECK(verdict_of_claims(claims_with(R"("exp":1789999971)")) == "good");
  CHECK(verdict_of_claims(claims_with(R"("exp":1789999970)")) == "the token has expired");
  CHECK(verdict_of_claims(claims_with(R"("exp":1790000060.5)")) == "good");
  CHECK(verdict_of_claims(claims_with(R"("exp":0)")) == "the token has expired");
  CHECK(verdict_of_claims(claims_with(R"("nbf":1)")) == "the token has no \"exp\"");
  CHECK(verdict_of_claims(claims_with(R"("exp":null)")) == "the token has no \"exp\"");
  for (const char* exp : {"1e300", "-1", "\"1790000060\"", "true", "253402300800", "[]"}) {
    INFO(exp);
    CHECK(verdict_of_claims(claims_with(R"("exp":)" + std::string(exp))) == "the claim \"exp\" is no time");
  }
  CHECK(verdict_of_claims(claims_with(R"("exp":1790000900,"nbf":1790000030)")) == "good");
  CHECK(verdict_of_claims(claims_with(R"("exp":1790000900,"nbf":1790000031)")) == "the token is not valid yet");
  CHECK(verdict_of_claims(claims_with(R"("exp":1790000900,"nbf":"0")")) == "the claim \"nbf\" is no time");
  CHECK(verdict_of_claims(claims_with(R"("exp":1790000900,"iat":1790000031)")) == "the token was issued in the future");
}

TEST_CASE("for whom and from whom") {
  const auto with = [](const std::string& aud, const std::string& iss) {
    return verdict_of_claims(R"({"sub":"ada","exp":1790000060,)" + aud + iss + "\"x\":1}");
  };
  CHECK(with(R"("aud":"convd",)", R"("iss":"convd",)") == "good");
  CHECK(with(R"("aud":["other","convd"],)", R"("iss":"convd",)") == "good");
  for (const char* aud : {"", R"("aud":"Convd",)", R"("aud":["other"],)", R"("aud":[],)", R"("aud":{"convd":1},)",
                          R"("aud":[["convd"]],)", R"("aud":null,)"}) {
    INFO(aud);
    CHECK(with(aud, R"("iss":"convd",)") == "the token is not for this audience");
  }
  for (const char* iss : {"", R"("iss":"evil",)", R"("iss":["convd"],)"}) {
    INFO(iss);
    CHECK(with(R"("aud":"convd",)", iss) == "the token is not from this issuer");
  }
}

TEST_CASE("names") {
  const auto with = [](const std::string& names) {
    return verdict_of_claims(R"({"aud":"convd","iss":"convd","exp":1790000060)" + names + "}");
  };
  CHECK(with("") == "the token has no \"sub\"");
  CHECK(with(R"(,"sub":7)") == "the token has no \"sub\"");
  CHECK(with(R"(,"sub":"ada","org":7)") == "the claim \"org\" is no string");
  CHECK(with(R"(,"sub":"ada","scope":["read"])") == "the claim \"scope\" is no string");
  // What callers are called who have no token.
  const std::string taken = "\"sub\" or \"org\" is a name that no token can have";
  for (const char* name : {"local", "LOCAL", "uid:0", "UID:1000", "uid:", "", "a\\nb", "\\u007f"}) {
    INFO(name);
    CHECK(with(R"(,"sub":")" + std::string(name) + "\"") == taken);
    CHECK(with(R"(,"sub":"ada","org":")" + std::string(name) + "\"") == taken);
  }
  CHECK(with(R"(,"sub":")" + std::string(255, 'a') + "\"") == "good");
  CHECK(with(R"(,"sub":")" + std::string(256, 'a') + "\"") == taken);
  CHECK(with(R"(,"sub":"locally")") == "good");
}

TEST_CASE("scopes") {
  const auto scopes = [](const std::string& claims) {
    return verify(Draft{.claims = claims}.signed_by(*hs()), only(hs()), expected, now_s * 1000)->scopes;
  };
  CHECK(scopes(claims_with(R"("exp":1790000060)")) == Scopes());
  CHECK(scopes(claims_with(R"("exp":1790000060,"scope":"openid read  admin Convert")")) ==
        Scopes().with(Scope::read).with(Scope::admin));
}

TEST_CASE("what is no token at all") {
  const std::string good = Draft().signed_by(*hs());
  for (const std::string& token : {std::string(), std::string("."), std::string(".."), std::string("a.b"), good + ".",
                                   "." + good, good.substr(0, good.find('.')), std::string("a.b.c.d.e")}) {
    INFO(token);
    const std::string said = verdict(token, only(hs()));
    CHECK((said == "this is no JSON Web Token" || said == "the header of the token is malformed"));
  }
  for (const char* part : {"!", "=", "a b", "YQ==", "YR", "a", "\xff", "+/+/"}) {
    INFO(part);
    CHECK(verdict(part + good.substr(good.find('.')), only(hs())) == "the header of the token is malformed");
    const std::string text = good.substr(0, good.find('.') + 1) + part;
    CHECK(verdict(text + "." + to_base64url(hs()->sign(text)), only(hs())) == "the claims of the token are malformed");
  }
  for (const char* json :
       {"", "[]", "null", "{", "{}{}", R"({"a":1,"a":2})", "{\"a\":\"\xff\"}", R"({"a":"\u0000"})"}) {
    INFO(json);
    CHECK(verdict_of_claims(json) == "the claims of the token are malformed");
    CHECK(verdict_of_header(json) == "the header of the token is malformed");
  }
  const std::string twice = R"({"sub":"ada","sub":"eve","aud":"convd","iss":"convd","exp":1790000060})";
  CHECK(verdict_of_claims(twice) == "the claims of the token are malformed");
  CHECK(verdict(std::string(most_token_bytes + 1, 'a'), only(hs())) == "the token is too long");
  const std::string padding(most_token_bytes, 'x');
  CHECK(verdict_of_claims(claims_with(R"("exp":1790000060,"x":")" + padding + "\"")) == "the token is too long");
}

TEST_CASE("keys that are not good enough are refused, and not quoted") {
  const auto why = [](Algorithm algorithm, const std::string& content) {
    const auto read = Key::read("k", algorithm, content);
    return read ? std::string("good") : read.error().message;
  };
  CHECK(why(Algorithm::hs256, "short") == "the secret has 5 bytes and needs 32 (openssl rand -hex 32)");
  CHECK(why(Algorithm::hs256, std::string(31, 'a') + "\n").starts_with("the secret has 31 bytes"));
  CHECK(why(Algorithm::hs256, std::string(32, 'a') + "\n") == "good");
  CHECK(why(Algorithm::rs256, pem_of(EVP_RSA_gen(1024)).private_key) ==
        "the RSA key must have 2048 to 8192 bits, it has 1024");
  CHECK(why(Algorithm::rs256, p256().public_key) == "RS256 needs an RSA key");
  CHECK(why(Algorithm::es256, pem_of(EVP_EC_gen("P-384")).public_key) ==
        "ES256 needs a key on the curve P-256 (prime256v1)");
  CHECK(why(Algorithm::es256, rsa().public_key) == "ES256 needs a key on the curve P-256 (prime256v1)");
  CHECK(why(Algorithm::eddsa, pem_of(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448")).public_key) ==
        "EdDSA needs an Ed25519 key");
  CHECK(why(Algorithm::rs256, "no key") == "expected a key in PEM, without a passphrase");
}

TEST_CASE("base64url has one spelling") {
  for (const std::string& bytes :
       {std::string(), std::string("f"), std::string("fo"), std::string("foo"), std::string("\xff\xfe\xfd\x00", 4)}) {
    CHECK(from_base64url(to_base64url(bytes)) == bytes);
  }
  CHECK(to_base64url("\xff\xfe") == "__4");
  CHECK_FALSE(from_base64url("__5"));  // its last bits belong to no byte
  CHECK_FALSE(from_base64url("_"));
}
