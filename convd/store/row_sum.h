#pragma once
// The sum that is stored with a row: what comes back from the disk is what was written, or an error.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "convd/store/records.h"
#include "convd/store/sqlite.h"

namespace convd::store {

// Over the values of a row, in an order of its own; a change of any of them changes it. Any thread.
class RowSum {
 public:
  void operator()(std::string_view, const auto& value) { add(value); }  // as columns() visits

  void add(std::int64_t value) { mix(static_cast<std::uint64_t>(value)); }
  void add(int value) { add(static_cast<std::int64_t>(value)); }
  void add(std::string_view bytes);
  void add(const std::string& text) { add(std::string_view(text)); }
  template <typename T>
  void add(const std::optional<T>& value) {
    mix(value ? 1 : 2);
    if (value) add(*value);
  }
  std::int64_t value() const { return static_cast<std::int64_t>(state_); }

 private:
  void mix(std::uint64_t word);
  std::uint64_t state_ = 0;
};

std::int64_t sum_of(const ConversionRow& row);
std::int64_t sum_of(const DocumentRow& row);  // without its badge, which is another row
std::int64_t sum_of(const EventRow& row);
std::int64_t sum_of(const NoteRow& row);
std::int64_t sum_of(const LogRow& row);
std::int64_t sum_of(const IdempotencyRow& row);
std::int64_t sum_of(const PoisonRow& row);

// Throws DamagedRow when the sum in that column is another one. There is none where a release has written
// that knows of no sums.
template <typename Row>
void check_sum(const Rows& rows, int column, const Row& row, std::string_view what) {
  std::optional<std::int64_t> stored;
  rows.get(column, stored);
  if (stored && *stored != sum_of(row)) throw DamagedRow("a row of " + std::string(what) + " does not match its sum");
}

}  // namespace convd::store
