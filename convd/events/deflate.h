#pragma once
// Raw DEFLATE (RFC 1951), one message at a time, without memory of earlier ones. One thread at a time.

#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace convd::events {

class Deflater {
 public:
  Deflater();  // throws std::bad_alloc
  // A complete DEFLATE stream.
  std::string pack(std::string_view text);

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };
  std::unique_ptr<z_stream_s, End> stream_;
};

}  // namespace convd::events
