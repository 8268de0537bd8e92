#include "convd/api/header_value.h"

#include <algorithm>

#include "convd/api/text.h"
#include "shared/utf8.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

// Reads a field from left to right.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool end() const { return at_ >= text_.size(); }
  bool take(char c) {
    if (end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view until(std::string_view stops) {
    const std::size_t start = at_;
    at_ = std::min(text_.find_first_of(stops, at_), text_.size());
    return text_.substr(start, at_ - start);
  }
  // After the opening quote. Nothing when the closing one is missing.
  std::optional<std::string> quoted() {
    std::string out;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        return out;
      }
      const bool escape =
          text_[at_] == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\');
      if (escape) ++at_;
      out += text_[at_];
    }
    return std::nullopt;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

Error wrong(const std::string& what) {
  return {ErrorCode::invalid_request, what, {}};
}

Result<std::string> parameter_value(Cursor& cursor, const std::string& name) {
  if (cursor.take('"')) {
    auto text = cursor.quoted();
    if (!text) return wrong("the value of " + name + " has no closing quote");
    return *std::move(text);
  }
  const std::string_view text = trim(cursor.until(";"));
  if (text.empty() || text.find_first_of(" \t\"") != text.npos) {
    return wrong("the value of " + name + " must be a token or a quoted string");
  }
  return std::string(text);
}

std::string latin1_to_utf8(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xC0U | (byte >> 6U));
      out += static_cast<char>(0x80U | (byte & 0x3FU));
    }
  }
  return out;
}

// How closely a media range names a type: 3 exactly, 2 by "type/*", 1 by "*/*", 0 not at all.
int specificity(std::string_view range, std::string_view media_type) {
  if (range == media_type) return 3;
  if (range == "*/*") return 1;
  const std::size_t slash = media_type.find('/');
  if (slash == media_type.npos || range.size() < 2 || range.substr(range.size() - 2) != "/*") return 0;
  return range.substr(0, range.size() - 1) == media_type.substr(0, slash + 1) ? 2 : 0;
}

// A weight of RFC 9110: "0.7", at most three digits behind the point.
std::optional<double> weight_from(std::string_view text) {
  constexpr std::size_t longest = 5;
  const bool has_form = !text.empty() && text.size() <= longest && (text[0] == '0' || text[0] == '1') &&
                        (text.size() == 1 || text[1] == '.');
  if (!has_form) return std::nullopt;
  int thousandths = (text[0] - '0') * 1000;
  int unit = 100;
  for (const char digit : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return std::nullopt;
    thousandths += (digit - '0') * unit;
    unit /= 10;
  }
  return thousandths <= 1000 ? std::optional(thousandths / 1000.0) : std::nullopt;
}

}  // namespace

std::optional<std::string> HeaderValue::param(std::string_view lower_case_name) const {
  for (const auto& [name, text] : params) {
    if (name == lower_case_name) return text;
  }
  return std::nullopt;
}

Result<HeaderValue> parse_header_value(std::string_view field) {
  Cursor cursor(field);
  HeaderValue parsed;
  parsed.value = lower(trim(cursor.until(";")));
  if (parsed.value.empty()) return wrong("no value before the parameters");
  while (!cursor.end()) {
    if (!cursor.take(';')) return wrong("text after a quoted value");
    cursor.blanks();
    if (cursor.end()) break;  // a trailing ";" does no harm
    const std::string name = lower(trim(cursor.until("=;")));
    if (!is_token(name) || !cursor.take('=')) return wrong("expected name=value after \";\"");
    if (parsed.param(name)) return wrong(name + " is given twice");
    cursor.blanks();
    auto value = parameter_value(cursor, name);
    if (!value) return value.error();
    parsed.params.emplace_back(name, *std::move(value));
    cursor.blanks();
  }
  return parsed;
}

std::optional<std::string> decode_ext_value(std::string_view text) {
  const std::size_t first = text.find('\'');
  if (first == text.npos) return std::nullopt;
  const std::size_t second = text.find('\'', first + 1);
  if (second == text.npos) return std::nullopt;
  const std::string charset = lower(text.substr(0, first));
  auto bytes = percent_decode(text.substr(second + 1));
  if (!bytes) return std::nullopt;
  if (charset == "iso-8859-1") return latin1_to_utf8(*bytes);
  if (charset != "utf-8" || !shared::is_utf8(*bytes)) return std::nullopt;
  return bytes;
}

BodyType body_type(std::string_view content_type) {
  if (trim(content_type).empty()) return BodyType::absent;
  const std::string type = lower(trim(content_type.substr(0, content_type.find(';'))));
  if (type == "multipart/form-data") return BodyType::multipart;
  if (type == "application/x-www-form-urlencoded") return BodyType::urlencoded;
  const bool json_suffix = type.size() > 5 && type.compare(type.size() - 5, 5, "+json") == 0;
  return type == "application/json" || json_suffix ? BodyType::json : BodyType::other;
}

double accept_quality(std::string_view accept, std::string_view media_type) {
  if (trim(accept).empty()) return 1;
  int best = 0;
  double quality = 0;
  for (const std::string_view item : list_items(accept)) {
    auto range = parse_header_value(item);
    if (!range) continue;
    const int how = specificity(range->value, media_type);
    if (how <= best) continue;
    const auto weight = weight_from(range->param("q").value_or("1"));
    if (!weight) continue;
    best = how;
    quality = *weight;
  }
  return quality;
}

}  // namespace convd::api
