#pragma once
// Takes a request body out of the byte stream: counted, or chunked. Pure. Loop thread only.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "convd/transport/limits.h"
#include "shared/result.h"

namespace convd::transport {

class BodyDecoder {
 public:
  using Sink = std::function<void(std::string_view bytes)>;

  explicit BodyDecoder(const Limits& limits) : limits_(limits) {}

  void start_counted(std::int64_t length);
  void start_chunked();

  // Takes at most one piece of the body off the front of `input`; body bytes go to `sink`. Call again until input is
  // empty, done() or an error. Errors: invalid_request (chunk framing), header_too_large (trailers).
  shared::Result<void> step(std::string_view& input, const Sink& sink);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { counted, size, data, data_end, trailer, done };

  shared::Result<void> take_line(std::string_view& input);
  shared::Result<void> end_of_line();
  shared::Result<void> start_chunk();
  shared::Result<void> end_of_trailer_line();
  void take_bytes(std::string_view& input, const Sink& sink);

  const Limits& limits_;
  State state_ = State::done;
  std::int64_t left_ = 0;
  std::string line_;  // the framing line at hand, as far as it has come
  std::size_t trailer_size_ = 0;
};

}  // namespace convd::transport
