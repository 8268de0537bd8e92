#include "convd/trust/bucket_table.h"

namespace convd::trust {
namespace {

// More than one comes in with a call, so that the table shrinks when fewer ask.
constexpr int most_forgotten_per_call = 2;

}  // namespace

Buckets& BucketTable::of(const std::string& key, TimePoint now) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return entries_.front().second;
  }
  for (int i = 0; i < most_forgotten_per_call && !entries_.empty() && entries_.back().second.are_full(now); ++i)
    forget_last();
  if (entries_.size() >= most_) forget_last();
  entries_.emplace_front(key, Buckets());
  by_key_.emplace(key, entries_.begin());
  return entries_.front().second;
}

void BucketTable::forget_last() {
  by_key_.erase(entries_.back().first);
  entries_.pop_back();
}

}  // namespace convd::trust
