#include "convd/jobs/uuid.h"

#include <string_view>

namespace convd::jobs {
namespace {

constexpr int counter_bits = 42;
constexpr std::uint64_t counter_mask = (std::uint64_t{1} << counter_bits) - 1;

void append_hex(std::string& text, std::uint64_t value, int digits) {
  constexpr std::string_view hex = "0123456789abcdef";
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) text += hex[(value >> shift) & 0xf];
}

}  // namespace

std::uint64_t random_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

UuidSource::UuidSource(std::uint64_t seed) : random_(seed) {}

void UuidSource::refresh(std::int64_t epoch_ms) {
  last_ms_ = epoch_ms;
  // The top bit starts clear, so that a millisecond has room for 2^41 ids before the counter is full.
  counter_ = random_() & (counter_mask >> 1);
}

std::string UuidSource::next(std::int64_t epoch_ms) {
  if (epoch_ms > last_ms_) {
    refresh(epoch_ms);
  } else if (counter_ + 1 > counter_mask) {
    refresh(last_ms_ + 1);
  } else {
    ++counter_;
  }
  const std::uint64_t tail = random_() & 0xffffffff;
  std::string text;
  text.reserve(36);
  const auto time = static_cast<std::uint64_t>(last_ms_);
  append_hex(text, time >> 16, 8);
  text += '-';
  append_hex(text, time & 0xffff, 4);
  text += '-';
  append_hex(text, 0x7000 | (counter_ >> 30), 4);
  text += '-';
  append_hex(text, 0x8000 | ((counter_ >> 16) & 0x3fff), 4);
  text += '-';
  append_hex(text, counter_ & 0xffff, 4);
  append_hex(text, tail, 8);
  return text;
}

}  // namespace convd::jobs
