#include "convd/transport/response_writer.h"

#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>

namespace convd::transport {
namespace {

constexpr std::size_t piece_bytes = 256 * 1024;  // of a file per system call
constexpr int pieces_per_turn = 4;
constexpr std::size_t kept_capacity = 8 * 1024;

std::string_view reason_of(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "";
  }
}

void append_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  append_value(out, value);
  out += "\r\n";
}

bool carries_body(int status) {
  return status >= 200 && status != 204 && status != 304;
}

// Nothing when it is known only at the end.
std::optional<std::int64_t> body_length(const api::Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return static_cast<std::int64_t>(text->size());
  if (const auto* file = std::get_if<api::FileBody>(&response.body)) return file->length;
  return std::nullopt;
}

}  // namespace

std::string_view DateCache::text() {
  const std::time_t now = std::chrono::system_clock::to_time_t(loop_.wall());
  if (now == second_) return text_;
  second_ = now;
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm t{};
  gmtime_r(&now, &t);
  std::array<char, 64> buffer{};
  // Not strftime: the names must not follow a locale.
  const int size = std::snprintf(
      buffer.data(), buffer.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[static_cast<std::size_t>(t.tm_wday)],
      t.tm_mday, months[static_cast<std::size_t>(t.tm_mon)], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
  text_.assign(buffer.data(), static_cast<std::size_t>(size));
  return text_;
}

bool has_stream(const api::Response& response, const ResponseForm& form) {
  return !form.head_only && carries_body(response.status) &&
         std::holds_alternative<std::unique_ptr<api::BodyStream>>(response.body);
}

std::string head_of(const api::Response& response, const ResponseForm& form) {
  std::string out;
  out.reserve(256);
  out.append("HTTP/1.1 ")
      .append(std::to_string(response.status))
      .append(" ")
      .append(reason_of(response.status))
      .append("\r\n");
  for (const auto& [name, value] : response.headers) append_header(out, name, value);
  if (carries_body(response.status)) {
    if (const auto length = body_length(response))
      append_header(out, "Content-Length", std::to_string(*length));
    else if (form.chunked)
      append_header(out, "Transfer-Encoding", "chunked");
  }
  append_header(out, "Date", form.date);
  if (form.persistence == Persistence::close) out += "Connection: close\r\n";
  if (form.persistence == Persistence::keep_alive_1_0) out += "Connection: keep-alive\r\n";
  return out += "\r\n";
}

void ResponseWriter::add(api::Response response, const ResponseForm& form) {
  text_ += head_of(response, form);
  if (form.head_only || !carries_body(response.status)) return;
  if (const auto* text = std::get_if<std::string>(&response.body))
    text_ += *text;
  else if (auto* file = std::get_if<api::FileBody>(&response.body))
    file_ = std::move(*file);
}

ResponseWriter::Outcome ResponseWriter::flush(int socket) {
  const Outcome text = flush_text(socket);
  return text == Outcome::done ? flush_file(socket) : text;
}

ResponseWriter::Outcome ResponseWriter::flush_text(int socket) {
  while (text_sent_ < text_.size()) {
    const int flags = MSG_NOSIGNAL | (file_.length > 0 ? MSG_MORE : 0);
    const ssize_t sent = ::send(socket, text_.data() + text_sent_, text_.size() - text_sent_, flags);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::blocked : Outcome::failed;
    text_sent_ += static_cast<std::size_t>(sent);
    sent_bytes_ += sent;
  }
  text_.clear();
  text_sent_ = 0;
  if (text_.capacity() > kept_capacity) text_.shrink_to_fit();
  return Outcome::done;
}

ResponseWriter::Outcome ResponseWriter::flush_file(int socket) {
  for (int piece = 0; file_.length > 0; ++piece) {
    if (piece == pieces_per_turn) return Outcome::blocked;
    const auto most = static_cast<std::size_t>(std::min<std::int64_t>(file_.length, piece_bytes));
    const std::int64_t sent = send_piece(socket, most);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Outcome::blocked : Outcome::failed;
    if (sent == 0) return Outcome::failed;
    file_.offset += sent;
    file_.length -= sent;
    sent_bytes_ += sent;
  }
  file_ = {};
  return Outcome::done;
}

std::int64_t ResponseWriter::send_piece(int socket, std::size_t most) {
  off_t offset = file_.offset;
  const ssize_t sent = ::sendfile(socket, file_.fd.get(), &offset, most);
  if (sent >= 0 || (errno != EINVAL && errno != ENOSYS)) return sent;
  // A file system that cannot splice.
  std::array<char, 16 * 1024> buffer;
  const ssize_t size = ::pread(file_.fd.get(), buffer.data(), std::min(most, buffer.size()), file_.offset);
  return size <= 0 ? size : ::send(socket, buffer.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
}

}  // namespace convd::transport
