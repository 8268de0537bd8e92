#pragma once
// The buckets of many, never of more than a fixed number.

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "convd/trust/bucket.h"

namespace convd::trust {

struct Buckets {
  Bucket requests;
  Bucket bytes;
  Bucket handshakes;

  bool are_full(TimePoint now) const { return requests.is_full(now) && bytes.is_full(now) && handshakes.is_full(now); }
};

// Who has not been seen for the longest time is forgotten when there are too many, and when its buckets are full again.
// Loop thread only.
class BucketTable {
 public:
  explicit BucketTable(std::size_t most) : most_(most) {}

  // Valid until the next call.
  Buckets& of(const std::string& key, TimePoint now);
  std::size_t size() const { return by_key_.size(); }

 private:
  using Entry = std::pair<std::string, Buckets>;

  void forget_last();

  const std::size_t most_;
  std::list<Entry> entries_;  // the last seen in front
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace convd::trust
