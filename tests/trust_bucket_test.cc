// Buckets, their table, and the gate in front of everything.

#include "convd/trust/bucket_gate.h"

#include "tests/support/catch.h"

using namespace convd::trust;
using namespace std::chrono_literals;

namespace {

const TimePoint start{1000h};
constexpr Rate six_a_minute{6, 60s};

// A visitor who asks at a time of the test's own.
class Asked {
 public:
  Asked() { settings.local = false; }

  Answer principal(const std::string& who, Load load = {}) {
    return gate.ask_principal({org, who, address}, load, now);
  }
  Answer from(const std::string& from, Load load = {}) { return gate.ask_address({org, name, from}, load, now); }
  int admitted(int times, const std::function<Answer()>& ask) {
    int count = 0;
    for (int i = 0; i < times; ++i) count += ask().refusal ? 0 : 1;
    return count;
  }

  LimitSettings settings;
  Gate gate{settings};
  TimePoint now = start;
  std::string org = "press";
  std::string name = "alice";
  std::string address = "192.0.2.7";
};

}  // namespace

TEST_CASE("A bucket is full at first, and fills at an even pace") {
  Bucket bucket;
  CHECK(bucket.left(six_a_minute, start) == 6);
  for (int i = 0; i < 6; ++i) {
    CHECK(bucket.wait_for(six_a_minute, 1, start) == 0ms);
    bucket.charge(six_a_minute, 1, start);
  }
  CHECK(bucket.left(six_a_minute, start) == 0);
  CHECK(bucket.wait_for(six_a_minute, 1, start) == 10s);
  CHECK(bucket.left(six_a_minute, start + 9'999ms) == 0);
  CHECK(bucket.left(six_a_minute, start + 10s) == 1);
  CHECK(bucket.wait_for(six_a_minute, 6, start + 10s) == 50s);
  CHECK_FALSE(bucket.is_full(start + 59s));
  CHECK(bucket.left(six_a_minute, start + 1h) == 6);
}

TEST_CASE("A charge may leave a debt, which is paid back at the same pace") {
  Bucket bucket;
  bucket.charge(six_a_minute, 9, start);
  CHECK(bucket.left(six_a_minute, start) == -3);
  CHECK(bucket.wait_for(six_a_minute, 1, start) == 40s);
  CHECK(bucket.wait_for(six_a_minute, 1'000, start) == 90s);  // more than there ever is: until it is full
}

TEST_CASE("Whole numbers stay whole for odd rates and large costs") {
  for (const std::int64_t amount : {1, 3, 7, 999, 6'000, 1'000'000'000}) {
    const Rate rate{amount, 60s};
    Bucket bucket;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(amount, 1'000); ++i) {
      REQUIRE(bucket.left(rate, start) == amount - i);
      bucket.charge(rate, 1, start);
    }
  }
  const Rate bytes{std::int64_t{10} << 30, 60s};
  Bucket bucket;
  bucket.charge(bytes, std::int64_t{4} << 30, start);
  CHECK(bucket.left(bytes, start) == std::int64_t{6} << 30);
}

TEST_CASE("The table forgets who was not seen for longest, and whose buckets are full") {
  BucketTable table(3);
  for (const char* key : {"a", "b", "c"}) table.of(key, start).requests.charge(six_a_minute, 6, start);
  CHECK(table.of("a", start).requests.left(six_a_minute, start) == 0);
  table.of("d", start).requests.charge(six_a_minute, 6, start);
  CHECK(table.size() == 3);
  CHECK(table.of("a", start).requests.left(six_a_minute, start) == 0);
  CHECK(table.of("c", start).requests.left(six_a_minute, start) == 0);
  CHECK(table.of("b", start).requests.left(six_a_minute, start) == 6);
  table.of("e", start + 1h);
  CHECK(table.size() == 2);  // "b", the last seen of those before, and "e"
}

TEST_CASE("Each principal has its own limits, each refusal says which, and is counted") {
  Asked asked;
  asked.settings.requests = 5;
  CHECK(asked.admitted(9, [&] { return asked.principal("alice"); }) == 5);
  CHECK(asked.admitted(9, [&] { return asked.principal("bob"); }) == 5);
  asked.org = "radio";
  CHECK_FALSE(asked.principal("alice").refusal);  // a namesake
  asked.org = "press";
  const Answer refused = asked.principal("alice");
  REQUIRE(refused.refusal);
  CHECK(to_string(refused.refusal->limit) == "requests");
  CHECK(refused.refusal->rate.amount == 5);
  CHECK(refused.refusal->wait == 12s);
  CHECK(asked.gate.refused(Limit::requests) == 9);
  asked.now += 12s;
  const Answer again = asked.principal("alice");
  REQUIRE_FALSE(again.refusal);
  CHECK(again.requests->left == 0);
  asked.settings.requests = 50;  // a reload: what is empty fills faster
  asked.now += 2s;
  CHECK_FALSE(asked.principal("alice").refusal);
  asked.settings.requests = 0;
  CHECK(asked.admitted(99, [&] { return asked.principal("alice"); }) == 99);
}

TEST_CASE("A handshake is a request, and one of fewer") {
  Asked asked;
  asked.settings.handshakes = 2;
  const Load socket{Errand::socket, {}};
  CHECK(asked.admitted(5, [&] { return asked.principal("alice", socket); }) == 2);
  CHECK(asked.principal("alice", {Errand::stream, {}}).refusal->limit == Limit::handshakes);
  CHECK_FALSE(asked.principal("alice").refusal);
}

TEST_CASE("A known body is charged at once, one of unknown length as it comes") {
  Asked asked;
  asked.settings.bytes = 1000;
  CHECK_FALSE(asked.principal("alice", {Errand::request, 1500}).refusal);
  const auto refused = asked.principal("alice", {Errand::request, 1}).refusal;
  REQUIRE(refused);
  CHECK(refused->limit == Limit::bytes);
  CHECK(refused->wait == 30'060ms);
  CHECK_FALSE(asked.principal("alice").refusal);  // without a body

  const std::string name = "bob";
  CHECK_FALSE(asked.principal("bob", {Errand::request, 0}).refusal);
  CHECK_FALSE(asked.gate.spend({asked.org, name, asked.address}, 999, asked.now));
  CHECK(asked.gate.spend({asked.org, name, asked.address}, 1, asked.now)->limit == Limit::bytes);
}

TEST_CASE("An address is counted whoever asks, IPv6 by its network") {
  Asked asked;
  asked.settings.address_requests = 3;
  asked.settings.address_bytes = 10;
  CHECK(asked.admitted(9, [&] { return asked.from("192.0.2.7"); }) == 3);
  CHECK_FALSE(asked.from("192.0.2.8").refusal);
  CHECK(asked.admitted(9, [&] { return asked.from("2001:db8::1"); }) == 3);
  CHECK(asked.from("2001:db8::ffff:1").refusal->limit == Limit::address_requests);
  CHECK_FALSE(asked.from("2001:db8:0:1::1").refusal);
  const std::string other = "192.0.2.9";
  CHECK(asked.gate.spend({asked.org, asked.name, other}, 10, asked.now)->limit == Limit::address_bytes);
}

TEST_CASE("An address is held to its handshakes and to the bytes it announces") {
  Asked asked;
  asked.settings.address_requests = 0;
  asked.settings.address_handshakes = 2;
  asked.settings.address_bytes = 10;
  const Load stream{Errand::socket, {}};
  CHECK(asked.admitted(5, [&] { return asked.from("192.0.2.7", stream); }) == 2);
  CHECK(asked.from("192.0.2.7", stream).refusal->limit == Limit::address_handshakes);
  CHECK_FALSE(asked.from("192.0.2.8", stream).refusal);
  const Load upload{Errand::request, 10};
  CHECK_FALSE(asked.from("192.0.2.9", upload).refusal);
  CHECK(asked.from("192.0.2.9", upload).refusal->limit == Limit::address_bytes);
}

TEST_CASE("A refused demand is not charged") {
  Asked asked;
  asked.settings.requests = 10;
  asked.settings.handshakes = 1;
  const Load socket{Errand::socket, {}};
  CHECK(asked.admitted(9, [&] { return asked.principal("alice", socket); }) == 1);
  CHECK(asked.principal("alice").requests->left == 8);
}

TEST_CASE("Nothing bothers this machine unless it shall") {
  Asked asked;
  asked.settings.requests = asked.settings.address_requests = asked.settings.connections = 1;
  const auto count = [&](const std::string& principal, const std::string& address) {
    return asked.admitted(3, [&] {
      Answer answer = asked.gate.ask_address({principal, principal, address}, {}, asked.now);
      return answer.refusal ? answer : asked.gate.ask_principal({principal, principal, address}, {}, asked.now);
    });
  };
  CHECK(count("uid:1000", "") == 3);
  CHECK(count("local", "127.0.0.1") == 3);
  CHECK(count("alice", "127.0.0.1") == 1);  // a token, through a proxy
  CHECK(asked.gate.enter({"uid:1000", "uid:1000", ""}));
  CHECK(asked.gate.enter({"uid:1000", "uid:1000", ""}));
  asked.settings.local = true;
  CHECK(count("uid:1000", "") == 1);
  CHECK(count("local", "127.0.0.1") == 1);
  CHECK_FALSE(asked.gate.enter({"uid:1000", "uid:1000", ""}));
}

TEST_CASE("Connections are counted until they end") {
  Asked asked;
  asked.settings.connections = 2;
  const std::string nobody;
  const std::string from = "192.0.2.7";
  const std::string wide = "2001:db8::1";
  const std::string wider = "2001:db8::2";
  CHECK(asked.gate.enter({nobody, nobody, from}));
  CHECK(asked.gate.enter({nobody, nobody, from}));
  CHECK_FALSE(asked.gate.enter({nobody, nobody, from}));
  CHECK(asked.gate.enter({nobody, nobody, wide}));
  CHECK(asked.gate.enter({nobody, nobody, wider}));
  CHECK_FALSE(asked.gate.enter({nobody, nobody, wide}));
  asked.gate.leave({nobody, nobody, from});
  CHECK(asked.gate.enter({nobody, nobody, from}));
  CHECK(asked.gate.refused(Limit::connections) == 2);
}
