#include "convd/jobs/sequence.h"

#include <algorithm>
#include <bit>

namespace convd::jobs {
namespace {

// The blocks that a node of the tree sums up end with it; so many they are.
std::size_t span(std::size_t node) {
  return node & (~node + 1);
}

}  // namespace

void Sequence::Counts::append(std::uint32_t value) {
  const std::size_t node = tree.size() + 1;
  for (std::size_t below = 1; below < span(node); below *= 2) value += tree[node - below - 1];
  tree.push_back(value);
}

void Sequence::Counts::change(std::size_t block, int by) {
  total += by;
  for (std::size_t node = block + 1; node <= tree.size(); node += span(node))
    tree[node - 1] += static_cast<std::uint32_t>(by);
}

std::int64_t Sequence::Counts::before(std::size_t block) const {
  std::int64_t sum = 0;
  for (std::size_t node = block; node > 0; node -= span(node)) sum += tree[node - 1];
  return sum;
}

std::uint64_t Sequence::push(const std::string& id, Length length) {
  if (filled_ == width) {
    drop_front();
    blocks_.emplace_back();
    for (Counts& counts : counts_) counts.append(0);
    filled_ = 0;
  }
  Block& block = blocks_.back();
  const std::uint64_t bit = std::uint64_t{1} << filled_;
  block.ids[filled_] = &id;
  for (const Room room : {Room::any, Room::short_only}) {
    if (room == Room::short_only && length == Length::long_work) continue;
    block.present[side(room)] |= bit;
    counts_[side(room)].change(blocks_.size() - 1, 1);
  }
  return dropped_ + (blocks_.size() - 1) * width + filled_++;
}

void Sequence::erase(std::uint64_t place, Length length) {
  const std::size_t block = (place - dropped_) / width;
  const std::uint64_t bit = std::uint64_t{1} << ((place - dropped_) % width);
  for (const Room room : {Room::any, Room::short_only}) {
    if (room == Room::short_only && length == Length::long_work) continue;
    blocks_[block].present[side(room)] &= ~bit;
    counts_[side(room)].change(block, -1);
  }
}

std::int64_t Sequence::before(std::uint64_t place, Room room) const {
  const std::size_t block = (place - dropped_) / width;
  const std::uint64_t bit = std::uint64_t{1} << ((place - dropped_) % width);
  return counts_[side(room)].before(block) + std::popcount(blocks_[block].present[side(room)] & (bit - 1));
}

const std::string* Sequence::first(Room room) const {
  const Counts& counts = counts_[side(room)];
  if (counts.total == 0) return nullptr;
  while (blocks_[counts.head].present[side(room)] == 0) ++counts.head;
  const Block& block = blocks_[counts.head];
  return block.ids[static_cast<std::size_t>(std::countr_zero(block.present[side(room)]))];
}

std::vector<std::string> Sequence::first_ids(int limit) const {
  std::vector<std::string> ids;
  if (first(Room::any) == nullptr) return ids;
  for (std::size_t block = counts_[side(Room::any)].head; block < blocks_.size(); ++block) {
    for (std::uint64_t left = blocks_[block].present[side(Room::any)]; left != 0; left &= left - 1) {
      if (static_cast<int>(ids.size()) >= limit) return ids;
      ids.push_back(*blocks_[block].ids[static_cast<std::size_t>(std::countr_zero(left))]);
    }
  }
  return ids;
}

// Where nothing stands any more, once that is half of it: so it costs no more than the pushes did.
void Sequence::drop_front() {
  std::size_t empty = counts_[side(Room::any)].head;
  while (empty < blocks_.size() && blocks_[empty].present[side(Room::any)] == 0) ++empty;
  counts_[side(Room::any)].head = empty;
  if (empty * 2 < blocks_.size()) return;
  blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(empty));
  dropped_ += empty * width;
  for (std::size_t side = 0; side < counts_.size(); ++side) {
    Counts& counts = counts_[side];
    counts.head -= std::min(counts.head, empty);
    counts.tree.clear();
    for (const Block& block : blocks_) counts.append(static_cast<std::uint32_t>(std::popcount(block.present[side])));
  }
}

}  // namespace convd::jobs
