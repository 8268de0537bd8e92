#pragma once
// What a fuzz target has to do with its bytes: take them apart, and say what must hold.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace fuzz {

// What must hold whatever the bytes. A failure ends the target, which keeps them.
inline void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : text_(reinterpret_cast<const char*>(data), size) {}

  std::size_t number(std::size_t below) {
    const std::size_t value = text_.empty() ? 0 : static_cast<unsigned char>(text_.front());
    text_.remove_prefix(std::min<std::size_t>(1, text_.size()));
    return value % below;
  }
  // Up to the next line feed.
  std::string_view line() {
    const std::string_view taken = text_.substr(0, text_.find('\n'));
    text_.remove_prefix(std::min(taken.size() + 1, text_.size()));
    return taken;
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
};

// Hands `text` over in pieces of 1 to 16 bytes, each in memory of just its size, so that a look beyond its end is seen.
// Ends when `take` says false.
template <typename Take>
void in_pieces(std::string_view text, std::size_t seed, Take take) {
  while (!text.empty()) {
    seed = seed * 1103515245 + 12345;
    const std::size_t size = std::min(text.size(), (seed >> 16) % 16 + 1);
    const std::unique_ptr<char[]> piece(new char[size]);
    std::copy_n(text.data(), size, piece.get());
    text.remove_prefix(size);
    if (!take(std::string_view(piece.get(), size))) return;
  }
}

// The same bytes in memory of just their size.
class Exact {
 public:
  explicit Exact(std::string_view text) : bytes_(new char[text.size()]), size_(text.size()) {
    std::copy_n(text.data(), size_, bytes_.get());
  }
  std::string_view text() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

}  // namespace fuzz

#define FUZZ_TARGET(input)                                                            \
  static void fuzz_one(fuzz::Input(input));                                           \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);  \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    fuzz_one(fuzz::Input(data, size));                                                \
    return 0;                                                                         \
  }                                                                                   \
  static void fuzz_one([[maybe_unused]] fuzz::Input(input))
