#pragma once
// One HTTP/1.1 exchange over one connection. Main thread only.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "convctl/client_loop.h"
#include "convctl/client_stream.h"
#include "convctl/endpoint.h"
#include "convctl/failure.h"
#include "convctl/file_descriptor.h"
#include "convctl/http_message.h"

namespace convctl {

// A body that is read from a file while it is sent: `prefix`, `size_bytes` of the file, `suffix`.
struct FileBody {
  FileDescriptor file;
  std::int64_t size_bytes = 0;
  std::string prefix;
  std::string suffix;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  // below the endpoint's base path, already encoded
  Headers headers = {};
  std::string body = {};
  std::optional<FileBody> file = {};
  ResponseReader::Sink sink = {};                             // takes the body of 200 and 206
  std::function<void(std::int64_t sent_bytes)> on_sent = {};  // of the file
};

// A Failure is of the transport only: unavailable (69), io_error of the input (74), protocol (76). Any status is a
// response.
using HttpOutcome = std::variant<HttpResponse, Failure>;

// Destroying it breaks the exchange off and nothing is told.
class HttpCall {
 public:
  using Done = std::function<void(HttpOutcome)>;

  // `done` runs once, in a later turn of the loop; it may destroy this object.
  HttpCall(ClientLoop& loop, const Endpoint& endpoint, HttpRequest request, Done done);
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

 private:
  void connect();
  bool open();
  void ready();
  void send_some();
  bool refill();
  void receive_some();
  void fail(Exit exit, std::string message);
  void finish(HttpOutcome outcome);
  void watch_idle();

  ClientLoop& loop_;
  const Endpoint& endpoint_;
  HttpRequest request_;
  Done done_;
  ResponseReader reader_;
  FileDescriptor socket_;
  std::unique_ptr<Stream> stream_;
  std::string out_;
  std::size_t out_at_ = 0;
  std::int64_t file_at_ = 0;
  bool suffix_sent_ = false;
  bool opening_ = true;
  bool sending_ = true;
  bool over_ = false;
  std::chrono::steady_clock::time_point last_activity_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  ClientLoop::WatchHandle watch_;
  ClientLoop::TimerHandle idle_;
};

}  // namespace convctl
