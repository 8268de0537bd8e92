// A token of a stranger: only what is signed with a key of ours is believed, and then what it says is within bounds.

#include "convd/trust/token.h"

#include <memory>

#include "convd/trust/proxies.h"
#include "shared/base64url.h"
#include "tests/fuzz/input.h"

using namespace convd::trust;

namespace {

constexpr std::int64_t now_ms = 1'790'000'000'000;
constexpr const char* secret = "0123456789abcdef0123456789abcdef";

std::shared_ptr<const Key> key() {
  auto made = Key::read("k1", Algorithm::hs256, secret);
  fuzz::must(made.ok(), "the secret is good");
  return std::make_shared<const Key>(*std::move(made));
}

// The two parts of the input signed as they are: what only an issuer can send, whose claims are wrong.
std::string signed_by_us(std::string_view header, std::string_view claims) {
  const std::string text = shared::to_base64url(header) + "." + shared::to_base64url(claims);
  return text + "." + shared::to_base64url(key()->sign(text));
}

void check(const Identity& who) {
  fuzz::must(is_name_for_token(who.principal) && is_name_for_token(who.org), "names are such as tokens may have");
  fuzz::must(who.expires_ms > now_ms, "it has not expired");
}

void read_proxies(std::string_view forwarded, std::string_view x_forwarded_for) {
  const Proxies proxies({*Network::parse("10.0.0.0/8"), *Network::parse("::1")});
  const std::string client = proxies.client_behind("10.1.2.3", {std::string(x_forwarded_for), std::string(forwarded)});
  fuzz::must(address_from(client).has_value(), "whoever is behind a proxy is an address");
  fuzz::must(proxies.client_behind("192.0.2.1", {std::string(x_forwarded_for), {}}) == "192.0.2.1",
             "who is no proxy speaks for itself");
  if (const auto network = Network::parse(x_forwarded_for)) {
    const auto again = Network::parse(network->text());
    fuzz::must(again && *again == *network, "a network can be written and read again");
  }
}

}  // namespace

FUZZ_TARGET(input) {
  static const Keys keys({key()});
  const std::size_t kind = input.number(3);
  if (kind == 0) {
    const fuzz::Exact token(input.rest());
    fuzz::must(!verify(token.text(), keys, {}, now_ms), "nobody guesses a signature");
    if (const auto bytes = shared::from_base64url(token.text()))
      fuzz::must(shared::to_base64url(*bytes) == token.text(), "there is one spelling of bytes");
    return;
  }
  const std::string first(input.line());
  if (kind == 2) return read_proxies(first, input.rest());
  const auto who = verify(signed_by_us(first, input.rest()), keys, {}, now_ms);
  if (!who) return fuzz::must(!who.error().message.empty(), "a refusal says why");
  check(*who);
  fuzz::must(first.find("HS256") != std::string::npos, "the algorithm is that of the key");
}
