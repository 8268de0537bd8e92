#include "convd/events/deflate.h"

#include <zlib.h>

#include <new>

namespace convd::events {
namespace {

constexpr int fast = 1;
constexpr int raw_window_bits = -15;  // negative: neither header nor checksum
constexpr int memory_level = 8;

}  // namespace

void Deflater::End::operator()(z_stream_s* stream) const noexcept {
  deflateEnd(stream);
  delete stream;
}

Deflater::Deflater() : stream_(new z_stream_s{}) {
  if (deflateInit2(stream_.get(), fast, Z_DEFLATED, raw_window_bits, memory_level, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
}

std::string Deflater::pack(std::string_view text) {
  z_stream_s& stream = *stream_;
  deflateReset(&stream);
  std::string packed(deflateBound(&stream, text.size()), '\0');
  // zlib takes its input by a pointer to non-const, and does not write to it.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(packed.size() - stream.avail_out);
  return packed;
}

}  // namespace convd::events
