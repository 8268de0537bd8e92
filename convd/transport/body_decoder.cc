#include "convd/transport/body_decoder.h"

#include <algorithm>
#include <charconv>

#include "convd/transport/head_rules.h"
#include "convd/transport/invalid.h"

namespace convd::transport {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr std::size_t longest_size_line = 256;  // with extensions, which are ignored
constexpr std::size_t most_size_digits = 12;

}  // namespace

void BodyDecoder::start_counted(std::int64_t length) {
  left_ = length;
  state_ = length > 0 ? State::counted : State::done;
}

void BodyDecoder::start_chunked() {
  state_ = State::size;
  trailer_size_ = 0;
  line_.clear();
}

Result<void> BodyDecoder::step(std::string_view& input, const Sink& sink) {
  if (state_ == State::done || input.empty()) return {};
  if (state_ != State::counted && state_ != State::data) return take_line(input);
  take_bytes(input, sink);
  return {};
}

void BodyDecoder::take_bytes(std::string_view& input, const Sink& sink) {
  const std::size_t size =
      static_cast<std::size_t>(std::min<std::int64_t>(left_, static_cast<std::int64_t>(input.size())));
  const std::string_view piece = input.substr(0, size);
  input.remove_prefix(size);
  left_ -= static_cast<std::int64_t>(size);
  if (left_ == 0) state_ = state_ == State::counted ? State::done : State::data_end;
  sink(piece);
}

Result<void> BodyDecoder::take_line(std::string_view& input) {
  const std::size_t feed = input.find('\n');
  const std::size_t size = std::min(feed, input.size() - 1) + 1;
  line_.append(input.substr(0, size));
  input.remove_prefix(size);
  if (state_ == State::trailer && trailer_size_ + line_.size() > limits_.trailer_bytes) {
    return Error{ErrorCode::header_too_large, "The trailers of the chunked body are too long.", {}};
  }
  if (state_ != State::trailer && line_.size() > longest_size_line) return invalid("A chunk size line is too long.");
  if (feed == std::string_view::npos) return {};
  if (!line_.ends_with("\r\n") || line_.find('\r') != line_.size() - 2) {
    return invalid("A line of the chunked body does not end in CR LF.");
  }
  line_.resize(line_.size() - 2);
  return end_of_line();
}

Result<void> BodyDecoder::end_of_line() {
  Result<void> result;
  switch (state_) {
    case State::size:
      result = start_chunk();
      break;
    case State::data_end:
      if (!line_.empty()) result = invalid("A chunk is longer than its size line says.");
      state_ = State::size;
      break;
    default:
      result = end_of_trailer_line();
      break;
  }
  line_.clear();
  return result;
}

Result<void> BodyDecoder::start_chunk() {
  const std::size_t digits = std::min(line_.find_first_not_of("0123456789abcdefABCDEF"), line_.size());
  const bool has_extension = digits < line_.size();
  if (digits == 0 || digits > most_size_digits || (has_extension && line_[digits] != ';') || !is_field_text(line_)) {
    return invalid("A chunk size must be 1 to 12 hex digits.");
  }
  std::from_chars(line_.data(), line_.data() + digits, left_, 16);
  state_ = left_ > 0 ? State::data : State::trailer;
  return {};
}

Result<void> BodyDecoder::end_of_trailer_line() {
  trailer_size_ += line_.size();
  if (line_.empty()) {
    state_ = State::done;
    return {};
  }
  if (auto error = check_field_line(line_)) return *error;
  return {};
}

}  // namespace convd::transport
