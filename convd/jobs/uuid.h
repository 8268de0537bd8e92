#pragma once
// UUIDv7 (RFC 9562) in text: 48 bits of milliseconds, then random bits. Sorts by time as text.

#include <cstdint>
#include <random>
#include <string>

namespace convd::jobs {

// Differs each time.
std::uint64_t random_seed();

// Ids of one generator strictly grow, also within a millisecond and when the clock is set back. One thread per object.
class UuidSource {
 public:
  explicit UuidSource(std::uint64_t seed = random_seed());

  // `epoch_ms`: milliseconds since 1970-01-01T00:00:00Z.
  std::string next(std::int64_t epoch_ms);

 private:
  void refresh(std::int64_t epoch_ms);

  std::mt19937_64 random_;
  std::int64_t last_ms_ = -1;
  std::uint64_t counter_ = 0;  // 42 bits: rand_a and the top 30 bits of rand_b
};

}  // namespace convd::jobs
