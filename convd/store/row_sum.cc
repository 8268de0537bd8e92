#include "convd/store/row_sum.h"

#include <cstring>

#include "convd/store/rows.h"

namespace convd::store {

// Every step can be undone, so one changed word always shows.
void RowSum::mix(std::uint64_t word) {
  constexpr std::uint64_t odd = 0x9e37'79b9'7f4a'7c15;
  state_ = (state_ ^ word) * odd;
  state_ ^= state_ >> 32;
}

void RowSum::add(std::string_view bytes) {
  mix(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    const std::string_view piece = bytes.substr(at, sizeof word);
    std::memcpy(&word, piece.data(), piece.size());
    mix(word);
  }
}

std::int64_t sum_of(const ConversionRow& row) {
  RowSum sum;
  columns(sum, row);
  return sum.value();
}

std::int64_t sum_of(const DocumentRow& row) {
  RowSum sum;
  sum.add(row.org);
  sum.add(row.name);
  sum.add(row.media_type);
  sum.add(row.sha256);
  sum.add(row.size_bytes);
  sum.add(row.created_ms);
  return sum.value();
}

std::int64_t sum_of(const EventRow& row) {
  RowSum sum;
  sum.add(row.org);
  sum.add(row.seq);
  sum.add(row.prev);
  sum.add(row.ts_ms);
  sum.add(row.service);
  sum.add(row.type);
  sum.add(row.subject);
  sum.add(row.data_json);
  return sum.value();
}

std::int64_t sum_of(const NoteRow& row) {
  RowSum sum;
  sum.add(row.id);
  sum.add(row.org);
  sum.add(row.conversion);
  sum.add(row.author);
  sum.add(row.text);
  sum.add(row.created_ms);
  return sum.value();
}

std::int64_t sum_of(const LogRow& row) {
  RowSum sum;
  sum.add(row.org);
  sum.add(row.epoch);
  sum.add(row.reserved);
  sum.add(row.floor);
  return sum.value();
}

std::int64_t sum_of(const IdempotencyRow& row) {
  RowSum sum;
  sum.add(row.org);
  sum.add(row.key);
  sum.add(row.fingerprint);
  sum.add(row.conversion);
  sum.add(row.created_ms);
  return sum.value();
}

std::int64_t sum_of(const PoisonRow& row) {
  RowSum sum;
  sum.add(row.sha256);
  sum.add(row.engine);
  sum.add(row.version);
  sum.add(row.crashes);
  sum.add(row.last_ms);
  return sum.value();
}

}  // namespace convd::store
