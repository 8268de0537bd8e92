#pragma once
// multipart/form-data (RFC 7578) as a stream: bytes go in as they arrive, parts come out. Memory is one delimiter, one
// part head and one field value, whatever the body's size. Pure. Any thread, one at a time per object.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace convd::api {

// What a part says of itself.
struct PartHead {
  std::string name;
  std::optional<std::string> filename;  // from filename* (RFC 8187) when given, else filename; may be empty
  std::string content_type;             // as sent; empty when absent
};

enum class PartUse : std::uint8_t {
  value,   // collect it and hand it over as a whole
  stream,  // hand it over as it comes
};

// Gets the parts. An error returned from here is what feed() returns; nothing is called after it.
class PartSink {
 public:
  virtual ~PartSink() = default;
  virtual shared::Result<PartUse> on_part(const PartHead& head) = 0;
  virtual shared::Result<void> on_value(const PartHead& head, std::string value) = 0;
  virtual shared::Result<void> on_bytes(std::string_view bytes) = 0;  // never empty
  virtual shared::Result<void> on_stream_end() = 0;
};

struct MultipartLimits {
  std::size_t head_bytes = 8 << 10;   // of one part
  std::size_t value_bytes = 1 << 20;  // of one value
  int parts = 256;
};

class MultipartParser {
 public:
  // From a Content-Type field. Errors: invalid_request.
  static shared::Result<std::string> boundary_of(std::string_view content_type);

  MultipartParser(const std::string& boundary, PartSink& sink, const MultipartLimits& limits = {});

  // Errors: invalid_request for a malformed body or too many parts, body_too_large for a value over its limit, and
  // those of the sink. After an error the parser must not be fed again.
  shared::Result<void> feed(std::string_view bytes);
  // The body has ended. Error: invalid_request when the closing boundary is missing.
  shared::Result<void> finish() const;

 private:
  enum class State : std::uint8_t { preamble, after_delimiter, head, content, epilogue };

  // Each takes what it can from the front of `rest`, and says whether it needs more bytes.
  enum class Step : std::uint8_t { go_on, need_more };
  shared::Result<Step> step(std::string_view& rest);
  shared::Result<Step> to_delimiter(std::string_view& rest);
  shared::Result<Step> after_delimiter(std::string_view& rest);
  shared::Result<Step> head(std::string_view& rest);
  shared::Result<void> content(std::string_view bytes);
  shared::Result<void> end_part();

  const std::string delimiter_;  // CRLF "--" boundary
  PartSink& sink_;
  const MultipartLimits limits_;
  State state_ = State::preamble;
  std::string held_;      // what was seen and not understood yet
  std::size_t skip_ = 0;  // of the content: the line end of its head
  int parts_ = 0;
  PartHead part_;
  PartUse use_ = PartUse::value;
  std::string value_;
};

}  // namespace convd::api
