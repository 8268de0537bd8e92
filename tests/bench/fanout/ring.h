#pragma once
// What the bare broadcaster shares among its subscribers.

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace fanout {

// The last bytes of an endless stream. Every byte is kept twice, `size` apart, so that what waits is always in one
// piece.
class Ring {
 public:
  static constexpr std::size_t size = 8 << 20;

  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t at = end_ % size;
      const std::string_view piece = bytes.substr(0, size - at);
      std::memcpy(&bytes_[at], piece.data(), piece.size());
      std::memcpy(&bytes_[at + size], piece.data(), piece.size());
      end_ += piece.size();
      bytes.remove_prefix(piece.size());
    }
  }
  std::uint64_t end() const { return end_; }
  std::string_view from(std::uint64_t position) const { return {&bytes_[position % size], end_ - position}; }

 private:
  std::vector<char> bytes_ = std::vector<char>(2 * size);
  std::uint64_t end_ = 0;
};

// One message after the other, each by itself: no message refers to another, so all subscribers can share it.
class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("zlib");
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  std::string_view compress(std::string_view text) {
    deflateReset(&stream_);
    out_.resize(deflateBound(&stream_, text.size()) + 16);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
    stream_.avail_out = static_cast<uInt>(out_.size());
    deflate(&stream_, Z_SYNC_FLUSH);
    constexpr std::size_t marker = 4;  // RFC 7692: the empty block at the end is not sent
    return {out_.data(), out_.size() - stream_.avail_out - marker};
  }

 private:
  z_stream stream_{};
  std::string out_;
};

}  // namespace fanout
