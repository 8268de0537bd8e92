#include "convd/transport/head_rules.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "convd/api/text.h"
#include "convd/transport/invalid.h"

namespace convd::transport {
namespace {

using api::is_token;
using api::is_token_char;
using shared::Error;
using shared::ErrorCode;
using shared::Result;

bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}

bool is_value_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

// RFC 3986, without the escapes that no name of a host has.
constexpr std::string_view name_chars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+;=";

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

Error too_many(const std::string& what, std::size_t most) {
  return {ErrorCode::header_too_large, "The request has more than " + std::to_string(most) + " " + what + ".", {}};
}

std::optional<Error> check_version(std::string_view version) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return std::nullopt;
  const bool known_form = version.size() == 8 && version.starts_with("HTTP/") && is_digits(version.substr(5, 1)) &&
                          version[6] == '.' && is_digits(version.substr(7));
  if (!known_form) return invalid("The request line must end in HTTP/1.1 or HTTP/1.0.");
  return Error{ErrorCode::not_implemented, "Only HTTP/1.1 and HTTP/1.0 are spoken here.", {}};
}

std::optional<Error> check_request_line(std::string_view line, const Limits& limits) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
  if (second == std::string_view::npos) return invalid("The request line must be: method, target, version.");
  if (!is_token(line.substr(0, first))) return invalid("The method of the request line is malformed.");
  const std::string_view target = line.substr(first + 1, second - first - 1);
  if (target.empty() || !std::all_of(target.begin(), target.end(), is_visible)) {
    return invalid("The request target may hold visible ASCII only; encode everything else as %XX.");
  }
  if (auto error = check_version(line.substr(second + 1))) return error;
  if (target.size() <= limits.target_bytes) return std::nullopt;
  return Error{ErrorCode::header_too_large,
               "The request target is longer than " + std::to_string(limits.target_bytes) + " bytes.",
               {}};
}

// Two servers that trim differently would see two requests.
bool frames_the_request(std::string_view name) {
  const std::string lower = api::lower(name);
  return lower == "transfer-encoding" || lower == "content-length" || lower == "host";
}

// One that we may lack. "chunked" in whatever disguise is none of them, and neither is nothing.
bool names_a_coding(std::string_view value) {
  return is_token(value) && !api::lower(value).ends_with("chunked");
}

bool is_port(std::string_view text) {
  constexpr std::size_t most_digits = 5;
  return text.empty() || (is_digits(text) && text.size() <= most_digits);
}

bool is_authority(std::string_view text) {
  const bool in_brackets = text.starts_with('[');
  const std::size_t colon = in_brackets ? text.find("]:") + 1 : text.find(':');
  const bool has_port = colon != std::string_view::npos && colon != 0;
  if (has_port && !is_port(text.substr(colon + 1))) return false;
  std::string_view name = text.substr(0, has_port ? colon : text.size());
  if (!in_brackets) return name.find_first_not_of(name_chars) == std::string_view::npos;
  if (name.size() < 3 || !name.ends_with(']')) return false;
  name = name.substr(1, name.size() - 2);
  return name.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

}  // namespace

bool is_field_text(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_value_char);
}

std::optional<Error> check_field_line(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return invalid("A header is folded over two lines.");
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return invalid("A header line must be a name, directly followed by ':' and a value.");
  }
  const std::string_view value = line.substr(colon + 1);
  const bool has_tab = value.find('\t') != std::string_view::npos;
  if (!is_field_text(value) || (has_tab && frames_the_request(line.substr(0, colon))))
    return invalid("A header value holds a control byte.");
  return std::nullopt;
}

Result<std::size_t> HeadScanner::find_end(std::string_view bytes) {
  if (!bytes.empty() && !is_token_char(bytes.front())) return invalid("This is not the beginning of an HTTP request.");
  for (;;) {
    const std::size_t feed = bytes.find('\n', scanned_);
    if (std::min(feed, bytes.size()) >= limits_.head_bytes) {
      return Error{ErrorCode::header_too_large,
                   "The request head is longer than " + std::to_string(limits_.head_bytes) + " bytes.",
                   {}};
    }
    if (feed == std::string_view::npos) {
      scanned_ = bytes.size();
      return std::size_t{0};
    }
    if (feed == line_ || bytes[feed - 1] != '\r') return invalid("A line of the request head does not end in CR LF.");
    const bool empty_line = feed - line_ == 1;
    line_ = scanned_ = feed + 1;
    if (empty_line) return line_;
  }
}

std::optional<Error> check_head(std::string_view head, const Limits& limits) {
  head.remove_suffix(2);
  std::size_t lines = 0;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    if (line.find('\r') != std::string_view::npos) return invalid("A bare CR is not allowed in a request head.");
    auto error = lines == 0 ? check_request_line(line, limits) : check_field_line(line);
    if (error) return error;
    if (lines++ > limits.header_fields) return too_many("header lines", limits.header_fields);
    head.remove_prefix(end + 2);
  }
  return std::nullopt;
}

Result<Framing> framing_of(const api::Headers& headers, int minor_version) {
  Framing out;
  int codings = 0;
  for (const auto& [name, value] : headers) {
    if (name == "content-length") {
      if (out.content_length) return invalid("Content-Length is given twice.");
      if (!is_digits(value) || value.size() > 15)
        return invalid("Content-Length must be a number of at most 15 digits.");
      out.content_length = std::stoll(value);
    } else if (name == "transfer-encoding") {
      if (++codings > 1) return invalid("Transfer-Encoding is given twice.");
      out.chunked = equals_ignoring_case(value, "chunked");
      if (!out.chunked && !names_a_coding(value)) return invalid("Transfer-Encoding is malformed.");
    }
  }
  if (codings == 0) return out;
  if (out.content_length) return invalid("Content-Length and Transfer-Encoding exclude each other.");
  if (minor_version == 0) return invalid("Transfer-Encoding needs HTTP/1.1.");
  if (out.chunked) return out;
  return Error{ErrorCode::not_implemented, "The only transfer coding spoken here is 'chunked'.", {}};
}

std::optional<Error> check_host(const api::Headers& headers, int minor_version, std::string_view authority) {
  const std::string* host = nullptr;
  for (const auto& [name, value] : headers) {
    if (name != "host") continue;
    if (host != nullptr) return invalid("Host is given twice.");
    host = &value;
  }
  if (host == nullptr) {
    if (minor_version == 0) return std::nullopt;
    return invalid("A request of HTTP/1.1 needs a Host header.");
  }
  if (!is_authority(*host)) return invalid("The Host header must be a name or address with an optional port.");
  if (authority.empty() || api::lower(authority) == api::lower(*host)) return std::nullopt;
  return invalid("The Host header and the authority of the request target differ.");
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const std::size_t from = std::min(item.find_first_not_of(" \t"), item.size());
    item.remove_prefix(from);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (equals_ignoring_case(item, token)) return true;
  }
  return false;
}

}  // namespace convd::transport
