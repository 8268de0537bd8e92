// What stands around the tokens: key files, tickets, trusted proxies.

#include <sys/stat.h>

#include <fstream>
#include <string>

#include "convd/trust/keys.h"
#include "convd/trust/proxies.h"
#include "convd/trust/tickets.h"
#include "tests/support/catch.h"
#include "tests/support/temp_directory.h"

namespace {

using namespace convd::trust;

constexpr std::int64_t now_ms = 1'790'000'000'000;

Identity ada(std::int64_t expires_ms = now_ms + 3'600'000) {
  return {"ada", "press", Scopes::of_peers(), expires_ms};
}

std::string behind(const std::string& peer, const std::string& x_forwarded_for, const std::string& forwarded = {}) {
  const Proxies proxies({*Network::parse("127.0.0.1"), *Network::parse("10.0.0.0/8"), *Network::parse("fd00::/8")});
  return proxies.client_behind(peer, {x_forwarded_for, forwarded});
}

}  // namespace

TEST_CASE("a key file is its owner's alone") {
  const tests::TempDirectory directory;
  const std::string path = directory.path() + "/secret";
  std::ofstream(path) << std::string(32, 'k');
  const auto why = [&](mode_t mode) {
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    const auto keys = Keys::load({{"k", Algorithm::hs256, path}});
    return keys ? std::string("good") : keys.error().message;
  };
  const std::string place = "auth.key: k: " + path + ": ";
  CHECK(why(0600) == "good");
  CHECK(why(0440) == "good");
  CHECK(why(0644) == place + "everybody can read this secret: chmod o-rwx");
  CHECK(why(0620) == place + "others can write it: chmod go-w");
  CHECK(why(0602) == place + "others can write it: chmod go-w");
  if (::geteuid() == 0) {
    constexpr uid_t stranger = 65534;
    REQUIRE(::chown(path.c_str(), stranger, 0) == 0);
    CHECK(why(0600) == place + "it must belong to root or to the user of convd");
    REQUIRE(::chown(path.c_str(), 0, 0) == 0);
  }
  const auto missing = Keys::load({{"k", Algorithm::hs256, path + "-not"}});
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().message == "auth.key: k: " + path + "-not: No such file or directory");
  CHECK(Keys::load({{"k", Algorithm::hs256, directory.path()}}).error().message.ends_with("it is no file"));
  std::ofstream(path) << std::string(70'000, 'k');
  CHECK(why(0600) == place + "it is too large to be a key");
}

TEST_CASE("a ticket is good once, for a minute, and no longer than its token") {
  Tickets tickets;
  const std::string ticket = *tickets.issue(ada(), now_ms);
  CHECK(ticket.size() == 43);
  CHECK(ticket != *tickets.issue(ada(), now_ms));
  REQUIRE(tickets.find(ticket, now_ms + 59'999) != nullptr);
  CHECK(tickets.find(ticket, now_ms + 59'999)->org == "press");
  CHECK(tickets.find(ticket, now_ms + 60'000) == nullptr);
  CHECK(tickets.find(ticket + "x", now_ms) == nullptr);
  CHECK(tickets.find("", now_ms) == nullptr);
  tickets.spend(ticket);
  CHECK(tickets.find(ticket, now_ms) == nullptr);
  tickets.spend(ticket);

  const std::string brief = *tickets.issue(ada(now_ms + 5'000), now_ms);
  CHECK(tickets.find(brief, now_ms + 4'999) != nullptr);
  CHECK(tickets.find(brief, now_ms + 5'000) == nullptr);
}

TEST_CASE("tickets are bounded, for one and for all") {
  Tickets tickets;
  for (int i = 0; i < Tickets::most_of_principal; ++i) REQUIRE(tickets.issue(ada(), now_ms).ok());
  CHECK(tickets.issue(ada(), now_ms).error().code == shared::ErrorCode::too_many_connections);
  Identity other = ada();
  other.org = "another";
  const std::string used = *tickets.issue(other, now_ms);
  tickets.spend(used);
  CHECK(tickets.issue(ada(), now_ms + 60'000).ok());
  CHECK(tickets.count() == 1);

  for (std::size_t i = tickets.count(); i < Tickets::most; ++i) {
    other.principal = "p" + std::to_string(i);
    REQUIRE(tickets.issue(other, now_ms + 60'000).ok());
  }
  CHECK_FALSE(tickets.issue(other, now_ms + 60'000).ok());
}

TEST_CASE("only a trusted peer says for whom it asks") {
  CHECK(behind("127.0.0.1", "192.0.2.7") == "192.0.2.7");
  CHECK(behind("192.0.2.1", "192.0.2.7") == "192.0.2.1");
  CHECK(behind("127.0.0.1", "") == "127.0.0.1");
  CHECK(behind("::1", "192.0.2.7") == "::1");
  // What stands further left was written by the client.
  CHECK(behind("127.0.0.1", "6.6.6.6, 192.0.2.7") == "192.0.2.7");
  CHECK(behind("127.0.0.1", "6.6.6.6,192.0.2.7, 10.9.8.7") == "192.0.2.7");
  CHECK(behind("127.0.0.1", "10.0.0.1") == "10.0.0.1");
  CHECK(behind("fd00::5", "2001:DB8:0::7") == "2001:db8::7");
  CHECK(behind("127.0.0.1", "::ffff:192.0.2.7") == "192.0.2.7");
  CHECK(behind("127.0.0.1", "192.0.2.7:4711") == "192.0.2.7");
  CHECK(behind("127.0.0.1", "[2001:db8::7]:4711") == "2001:db8::7");
  // No address: whoever has passed it on is the last that is known.
  for (const char* list : {"unknown", "6.6.6.6, unknown", "6.6.6.6,", "1.2.3", "::1::", "6.6.6.6, 127.0.0.1:x"}) {
    INFO(list);
    CHECK(behind("127.0.0.1", list) == "127.0.0.1");
  }
}

TEST_CASE("Forwarded says the same, and not both") {
  CHECK(behind("127.0.0.1", "", "for=192.0.2.7") == "192.0.2.7");
  CHECK(behind("127.0.0.1", "", R"(for=6.6.6.6, proto=https;For="[2001:db8::7]:4711";by=10.0.0.1)") == "2001:db8::7");
  CHECK(behind("127.0.0.1", "", "for=_hidden") == "127.0.0.1");
  CHECK(behind("127.0.0.1", "", "by=192.0.2.7") == "127.0.0.1");
  CHECK(behind("127.0.0.1", "192.0.2.7", "for=6.6.6.6") == "127.0.0.1");
}

TEST_CASE("networks") {
  for (const char* text : {"10.0.0.0/8", "127.0.0.1", "fd00::/8", "::1", "0.0.0.0/0"}) {
    INFO(text);
    REQUIRE(Network::parse(text));
    CHECK(Network::parse(text)->text() == text);
  }
  for (const char* text : {"", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "host"})
    CHECK_FALSE(Network::parse(text));
  const Network twelve = *Network::parse("172.16.0.0/12");
  CHECK(twelve.holds(*address_from("172.31.255.255")));
  CHECK_FALSE(twelve.holds(*address_from("172.32.0.0")));
  CHECK_FALSE(Network::parse("0.0.0.0/0")->holds(*address_from("2001:db8::1")));
}
