#pragma once
// A response on its way out: head and text from memory, files straight from their descriptor, never more than the
// socket takes.

#include <cstdint>
#include <string>
#include <string_view>

#include "convd/api/exchange.h"
#include "convd/loop/loop.h"

namespace convd::transport {

// The Date header, formatted once a second. Loop thread only.
class DateCache {
 public:
  explicit DateCache(const loop::Loop& loop) : loop_(loop) {}
  std::string_view text();  // "Sat, 21 Nov 2026 09:00:00 GMT"

 private:
  const loop::Loop& loop_;
  std::int64_t second_ = -1;
  std::string text_;
};

enum class Persistence : std::uint8_t { close, keep_alive, keep_alive_1_0 };

struct ResponseForm {
  bool head_only = false;  // the answer to HEAD
  Persistence persistence = Persistence::close;
  std::string_view date;
  bool chunked = false;  // when the length of the body is unknown
};

// Whether the body of this answer is a stream, and to be sent.
bool has_stream(const api::Response& response, const ResponseForm& form);

// Status line and headers with their empty line. Control bytes in values become spaces, so no value can end its line.
std::string head_of(const api::Response& response, const ResponseForm& form);

// Loop thread only.
class ResponseWriter {
 public:
  enum class Outcome : std::uint8_t { done, blocked, failed };

  void add(std::string_view bytes) { text_.append(bytes); }
  // A BodyStream is not sent: what comes behind its head is the caller's.
  void add(api::Response response, const ResponseForm& form);

  // Sends until all is out, the socket is full, or this turn's share is used up (blocked: call again when writable).
  // Failed: the peer is gone or a file is shorter than promised.
  Outcome flush(int socket);
  bool idle() const { return text_.empty() && file_.length == 0; }
  std::int64_t sent_bytes() const { return sent_bytes_; }  // in all, to see whether the peer takes anything

 private:
  Outcome flush_text(int socket);
  Outcome flush_file(int socket);
  std::int64_t send_piece(int socket, std::size_t most);

  std::string text_;
  std::size_t text_sent_ = 0;
  api::FileBody file_;
  std::int64_t sent_bytes_ = 0;
};

}  // namespace convd::transport
