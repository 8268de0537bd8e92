#pragma once
// HTTP/1.1 messages of a client: what is asked, and a strict reader of what is answered. Pure. Any thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convctl {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;  // empty when the bytes went to a sink

  // The first header of that name in lower case, or nothing.
  std::optional<std::string> header(std::string_view name) const;
};

// Reads one response, fed in pieces of any size. Refuses: header over 64 KiB, bad or double Content-Length, a length
// together with Transfer-Encoding, a coding other than chunked, a body over `body_limit_bytes` when it is kept in
// memory.
class ResponseReader {
 public:
  using Sink = std::function<void(std::string_view)>;
  enum class State { head, body, done, broken };
  enum class Ending { closed, cut_off };

  // The sink takes the body of 200 and 206; without one, and for other answers, the body is kept.
  ResponseReader(bool head_request, Sink sink, std::size_t body_limit_bytes);

  State feed(std::string_view bytes);
  // The connection has ended. Closed by the peer, that is the end of a body without length; else a broken answer.
  State finish(Ending ending);
  State state() const { return state_; }
  const std::string& problem() const { return problem_; }
  HttpResponse& response() { return response_; }

 private:
  enum class Framing { length, chunk_size, chunk_data, chunk_end, trailer, until_close };
  State broken(std::string why);
  bool read_head();
  bool read_status_line(std::string_view line);
  bool read_header_line(std::string_view line);
  bool choose_framing();
  bool read_body();
  bool read_chunk_line(std::string_view line);
  void deliver(std::string_view bytes);
  std::optional<std::string> take_line();

  bool head_request_;
  Sink sink_;
  std::size_t body_limit_bytes_;
  State state_ = State::head;
  Framing framing_ = Framing::until_close;
  std::uint64_t left_bytes_ = 0;
  std::string buffer_;
  std::string problem_;
  HttpResponse response_;
};

// Percent-encodes everything but unreserved characters.
std::string url_encode(std::string_view text);

}  // namespace convctl
