#include "convd/api/multipart.h"

#include <algorithm>
#include <utility>

#include "convd/api/header_value.h"
#include "convd/api/text.h"
#include "shared/utf8.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t most_padding = 256;

Error malformed(const std::string& what) {
  return {ErrorCode::invalid_request, "multipart body: " + what, {}};
}

// The length of the longest end of `text` that is a beginning of `delimiter`.
std::size_t possible_start(std::string_view text, std::string_view delimiter) {
  for (std::size_t n = std::min(text.size(), delimiter.size() - 1); n > 0; --n) {
    if (text.substr(text.size() - n) == delimiter.substr(0, n)) return n;
  }
  return 0;
}

// Browsers write a quote, CR and LF in a name as %22, %0D and %0A, and nothing else.
std::string undo_browser_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string three = lower(text.substr(i, 3));
    const char meant = three == "%22" ? '"' : three == "%0d" ? '\r' : three == "%0a" ? '\n' : '\0';
    out += meant == '\0' ? text[i] : meant;
    if (meant != '\0') i += 2;
  }
  return out;
}

Result<void> read_disposition(std::string_view field, PartHead& part) {
  auto parsed = parse_header_value(field);
  if (!parsed) return malformed("Content-Disposition: " + parsed.error().message);
  if (parsed->value != "form-data") return malformed("Content-Disposition must be form-data");
  const auto name = parsed->param("name");
  if (!name || name->empty()) return malformed("a part without a name");
  part.name = undo_browser_escapes(*name);
  if (const auto filename = parsed->param("filename")) part.filename = undo_browser_escapes(*filename);
  if (const auto extended = parsed->param("filename*")) {
    part.filename = decode_ext_value(*extended);
    if (!part.filename) return malformed("filename* must look like UTF-8''na%C3%AFve.txt (RFC 8187)");
  }
  if (!shared::is_utf8(part.name)) return malformed("the name of a part is not valid UTF-8");
  if (part.filename && !shared::is_utf8(*part.filename)) {
    return Error{ErrorCode::invalid_filename, "the filename of a part is not valid UTF-8", {}};
  }
  return {};
}

Result<void> check_encoding(std::string_view field) {
  const std::string encoding = lower(field);
  if (encoding == "binary" || encoding == "8bit" || encoding == "7bit") return {};
  return malformed("Content-Transfer-Encoding \"" + encoding + "\" is not supported; send the bytes as they are");
}

Result<PartHead> parse_head(std::string_view head) {
  PartHead part;
  bool disposed = false;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find(line_end), head.size());
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + line_end.size(), head.size()));
    const std::size_t colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon)))
      return malformed("a part header that is not \"Name: value\"");
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trim(line.substr(colon + 1));
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != value.npos)
      return malformed("a control byte in a part header");
    Result<void> outcome;
    if (name == "content-disposition") {
      if (std::exchange(disposed, true)) return malformed("two Content-Disposition headers in one part");
      outcome = read_disposition(value, part);
    } else if (name == "content-type") {
      part.content_type = value;
    } else if (name == "content-transfer-encoding") {
      outcome = check_encoding(value);
    }
    if (!outcome) return outcome.error();
  }
  if (!disposed) return malformed("a part without Content-Disposition");
  return part;
}

bool is_boundary_char(char c) {
  constexpr std::string_view others = "'()+_,-./:=? ";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || others.find(c) != others.npos;
}

}  // namespace

Result<std::string> MultipartParser::boundary_of(std::string_view content_type) {
  auto parsed = parse_header_value(content_type);
  if (!parsed) return Error{ErrorCode::invalid_request, "Content-Type: " + parsed.error().message, {}};
  const auto boundary = parsed->param("boundary");
  if (!boundary)
    return Error{ErrorCode::invalid_request, "Content-Type: multipart/form-data needs a boundary parameter", {}};
  const bool sane = !boundary->empty() && boundary->size() <= 70 && boundary->back() != ' ' &&
                    std::all_of(boundary->begin(), boundary->end(), is_boundary_char);
  if (!sane) {
    return Error{
        ErrorCode::invalid_request, "Content-Type: the boundary must be 1 to 70 characters as RFC 2046 allows", {}};
  }
  return *boundary;
}

// The first delimiter may stand at the very start: as if a line had ended just before the body.
MultipartParser::MultipartParser(const std::string& boundary, PartSink& sink, const MultipartLimits& limits)
    : delimiter_("\r\n--" + boundary), sink_(sink), limits_(limits), held_(line_end) {}

Result<void> MultipartParser::feed(std::string_view bytes) {
  std::string joined;
  std::string_view rest = bytes;
  if (!held_.empty()) {
    joined = std::exchange(held_, {});
    joined.append(bytes);
    rest = joined;
  }
  while (!rest.empty()) {
    auto outcome = step(rest);
    if (!outcome) return outcome.error();
    if (*outcome == Step::need_more) break;
  }
  held_ = rest;
  return {};
}

Result<void> MultipartParser::finish() const {
  if (state_ == State::epilogue) return {};
  return malformed(state_ == State::preamble ? "no boundary line in it" : "it ends before the closing boundary");
}

Result<MultipartParser::Step> MultipartParser::step(std::string_view& rest) {
  switch (state_) {
    case State::preamble:
    case State::content:
      return to_delimiter(rest);
    case State::after_delimiter:
      return after_delimiter(rest);
    case State::head:
      return head(rest);
    case State::epilogue:
      rest = {};
      return Step::need_more;
  }
  return Step::need_more;
}

Result<MultipartParser::Step> MultipartParser::to_delimiter(std::string_view& rest) {
  const std::size_t found = rest.find(delimiter_);
  const bool whole = found != rest.npos;
  const std::size_t before = whole ? found : rest.size() - possible_start(rest, delimiter_);
  if (state_ == State::content) {
    if (before > 0) {
      if (auto outcome = content(rest.substr(0, before)); !outcome) return outcome.error();
    }
    if (whole) {
      if (auto outcome = end_part(); !outcome) return outcome.error();
    }
  }
  rest.remove_prefix(whole ? before + delimiter_.size() : before);
  if (!whole) return Step::need_more;
  state_ = State::after_delimiter;
  return Step::go_on;
}

Result<MultipartParser::Step> MultipartParser::after_delimiter(std::string_view& rest) {
  if (rest.size() < 2) return Step::need_more;
  if (rest.substr(0, 2) == "--") {
    rest.remove_prefix(2);
    state_ = State::epilogue;
    return Step::go_on;
  }
  const std::size_t text = rest.find_first_not_of(" \t");
  if (std::min(text, rest.size()) > most_padding) return malformed("too many blanks after a boundary");
  if (text == rest.npos || (rest[text] == '\r' && text + 1 == rest.size())) return Step::need_more;
  if (rest.substr(text, 2) != line_end)
    return malformed("a boundary must be followed by the end of the line or \"--\"");
  // The line end stays: a head without any header is then "\r\n\r\n" like every other end.
  rest.remove_prefix(text);
  if (++parts_ > limits_.parts) return malformed("more than " + std::to_string(limits_.parts) + " parts");
  state_ = State::head;
  return Step::go_on;
}

Result<MultipartParser::Step> MultipartParser::head(std::string_view& rest) {
  const std::size_t end = rest.find(head_end);
  // Where it ends, at the earliest: a part of its end may be there.
  const std::size_t least = std::min(end, rest.size() - std::min(rest.size(), head_end.size() - 1));
  if (least > limits_.head_bytes) {
    return malformed("the headers of a part are over " + std::to_string(limits_.head_bytes) + " bytes");
  }
  if (end == rest.npos) return Step::need_more;
  auto part = parse_head(end == 0 ? std::string_view() : rest.substr(2, end - 2));
  if (!part) return part.error();
  part_ = *std::move(part);
  auto use = sink_.on_part(part_);
  if (!use) return use.error();
  use_ = *use;
  value_.clear();
  // The second line end stays, for it may be the one a delimiter begins with (RFC 2046: a part without a body).
  rest.remove_prefix(end + line_end.size());
  skip_ = line_end.size();
  state_ = State::content;
  return Step::go_on;
}

Result<void> MultipartParser::content(std::string_view bytes) {
  bytes.remove_prefix(std::exchange(skip_, 0));
  if (bytes.empty()) return {};
  if (use_ == PartUse::stream) return sink_.on_bytes(bytes);
  if (value_.size() + bytes.size() > limits_.value_bytes) {
    return Error{ErrorCode::body_too_large,
                 "the field " + part_.name + " is over " + std::to_string(limits_.value_bytes) + " bytes",
                 {}};
  }
  value_.append(bytes);
  return {};
}

Result<void> MultipartParser::end_part() {
  if (use_ == PartUse::stream) return sink_.on_stream_end();
  return sink_.on_value(part_, std::exchange(value_, {}));
}

}  // namespace convd::api
