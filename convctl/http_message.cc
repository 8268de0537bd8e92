#include "convctl/http_message.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>

namespace convctl {
namespace {

constexpr std::size_t head_limit_bytes = 64 * 1024;
// How a TLS server begins that has read plain HTTP: with an alert.
constexpr char tls_alert = 0x15;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::uint64_t> number_from(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return std::nullopt;
}

ResponseReader::ResponseReader(bool head_request, Sink sink, std::size_t body_limit_bytes)
    : head_request_(head_request), sink_(std::move(sink)), body_limit_bytes_(body_limit_bytes) {}

ResponseReader::State ResponseReader::broken(std::string why) {
  problem_ = std::move(why);
  return state_ = State::broken;
}

ResponseReader::State ResponseReader::feed(std::string_view bytes) {
  if (state_ == State::head && buffer_.empty() && bytes.starts_with(tls_alert))
    return broken("that port speaks TLS, not plain HTTP; is it https:// instead of http://?");
  buffer_.append(bytes);
  while (state_ == State::head && read_head()) {
  }
  while (state_ == State::body && read_body()) {
  }
  return state_;
}

ResponseReader::State ResponseReader::finish(Ending ending) {
  const bool ends_a_body = framing_ == Framing::until_close && ending == Ending::closed;
  if (state_ == State::body && ends_a_body) return state_ = State::done;
  if (state_ == State::done || state_ == State::broken) return state_;
  return broken(response_.status == 0 && buffer_.empty() ? "the connection was closed without an answer"
                                                         : "the connection was closed in the middle of the answer");
}

std::optional<std::string> ResponseReader::take_line() {
  const auto end = buffer_.find('\n');
  if (end == std::string::npos) {
    if (buffer_.size() > head_limit_bytes) broken("the answer has a line of over 64 KiB");
    return std::nullopt;
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

bool ResponseReader::read_head() {
  const auto end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (buffer_.size() > head_limit_bytes) broken("the header of the answer is over 64 KiB");
    return false;
  }
  const std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  response_ = {};
  std::size_t at = 0;
  for (bool first = true; at < head.size(); first = false) {
    const auto stop = head.find("\r\n", at);
    const std::string_view line = std::string_view(head).substr(at, stop - at);
    if (!(first ? read_status_line(line) : read_header_line(line))) return false;
    at = stop + 2;
  }
  if (response_.status < 200) return true;  // 100 Continue and the like: the answer is still to come
  return choose_framing();
}

bool ResponseReader::read_status_line(std::string_view line) {
  const bool http1 = line.starts_with("HTTP/1.1 ") || line.starts_with("HTTP/1.0 ");
  const auto status = http1 && line.size() >= 12 ? number_from(line.substr(9, 3), 10) : std::nullopt;
  if (!status || *status < 100 || *status > 599 || (line.size() > 12 && line[12] != ' ')) {
    broken("the answer is not HTTP/1.1");
    return false;
  }
  response_.status = static_cast<int>(*status);
  return true;
}

bool ResponseReader::read_header_line(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0 || line.find_first_of(" \t") < colon) {
    broken("the answer has a malformed header line");
    return false;
  }
  response_.headers.emplace_back(lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  return true;
}

bool ResponseReader::choose_framing() {
  const auto count = [&](std::string_view name) {
    return std::count_if(response_.headers.begin(), response_.headers.end(), [&](auto& h) { return h.first == name; });
  };
  const auto coding = response_.header("transfer-encoding");
  const auto length = response_.header("content-length");
  if (head_request_ || response_.status == 204 || response_.status == 304) {
    state_ = State::done;
    return false;
  }
  if ((coding && length) || count("content-length") > 1 || (coding && lower(*coding) != "chunked")) {
    broken("the answer has contradicting lengths");
    return false;
  }
  state_ = State::body;
  framing_ = coding ? Framing::chunk_size : length ? Framing::length : Framing::until_close;
  if (!length) return false;
  const auto value = number_from(*length, 10);
  if (!value) {
    broken("the answer has a bad Content-Length");
    return false;
  }
  left_bytes_ = *value;
  if (left_bytes_ == 0) state_ = State::done;
  return false;
}

void ResponseReader::deliver(std::string_view bytes) {
  if (sink_ && (response_.status == 200 || response_.status == 206)) return sink_(bytes);
  if (response_.body.size() + bytes.size() > body_limit_bytes_) {
    broken("the answer is larger than " + std::to_string(body_limit_bytes_) + " bytes");
    return;
  }
  response_.body.append(bytes);
}

bool ResponseReader::read_chunk_line(std::string_view line) {
  const auto size = number_from(trim(line.substr(0, line.find(';'))), 16);
  if (!size) {
    broken("the answer has a bad chunk size");
    return false;
  }
  left_bytes_ = *size;
  framing_ = left_bytes_ == 0 ? Framing::trailer : Framing::chunk_data;
  return true;
}

bool ResponseReader::read_body() {
  if (framing_ == Framing::chunk_size || framing_ == Framing::chunk_end || framing_ == Framing::trailer) {
    const auto line = take_line();
    if (!line) return false;
    if (framing_ == Framing::chunk_size) return read_chunk_line(*line);
    if (framing_ == Framing::chunk_end) {
      if (!line->empty()) broken("the answer has a bad chunk");
      framing_ = Framing::chunk_size;
    } else if (line->empty()) {
      state_ = State::done;
    }
    return state_ == State::body;
  }
  if (buffer_.empty()) return false;
  const bool open_end = framing_ == Framing::until_close;
  const std::size_t take =
      open_end ? buffer_.size() : static_cast<std::size_t>(std::min<std::uint64_t>(left_bytes_, buffer_.size()));
  deliver(std::string_view(buffer_).substr(0, take));
  buffer_.erase(0, take);
  if (open_end || state_ == State::broken) return false;
  left_bytes_ -= take;
  if (left_bytes_ == 0) {
    if (framing_ == Framing::chunk_data)
      framing_ = Framing::chunk_end;
    else
      state_ = State::done;
  }
  return state_ == State::body;
}

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02X", static_cast<unsigned>(byte));
    out += code.data();
  }
  return out;
}

}  // namespace convctl
