#pragma once
// Things in the order of their coming that are counted and leave from anywhere. What is in here stands side by side in
// memory, because with a million of them it is not the steps that cost but the places they go to. Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "convd/jobs/slots.h"

namespace convd::jobs {

// push, erase and before are O(log n), first is O(1) over all calls.
class Sequence {
 public:
  // Returns where it stands; `id` outlives that.
  std::uint64_t push(const std::string& id, Length length);
  // Something stands there.
  void erase(std::uint64_t place, Length length);

  // All of it, or only the short work; Room::none is not asked for.
  std::int64_t count(Room room) const { return counts_[side(room)].total; }
  std::int64_t before(std::uint64_t place, Room room) const;
  // nullptr when there is none.
  const std::string* first(Room room) const;
  std::vector<std::string> first_ids(int limit) const;

 private:
  static constexpr std::size_t width = 64;
  struct Block {
    std::array<std::uint64_t, 2> present{};  // a bit for each place, by side
    std::array<const std::string*, width> ids{};
  };
  // Sums over blocks, as a binary indexed tree.
  struct Counts {
    std::vector<std::uint32_t> tree;
    std::int64_t total = 0;
    mutable std::size_t head = 0;  // nothing stands in the blocks before; things only come at the end

    void append(std::uint32_t value);
    void change(std::size_t block, int by);
    std::int64_t before(std::size_t block) const;
  };

  // Short work is counted on both sides.
  static std::size_t side(Room room) { return room == Room::short_only ? 1 : 0; }
  void drop_front();

  std::vector<Block> blocks_;
  std::array<Counts, 2> counts_;
  std::uint64_t dropped_ = 0;   // places in front of the first block
  std::size_t filled_ = width;  // places of the last block
};

}  // namespace convd::jobs
