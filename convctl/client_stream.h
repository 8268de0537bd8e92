#pragma once
// The bytes of one connection to the daemon, in clear or through TLS (client_tls.h). Main thread only.

#include <cstddef>
#include <string>
#include <string_view>

#include "convctl/endpoint.h"
#include "convctl/failure.h"

namespace convctl {

// Nothing blocks: what cannot go on now says what it waits for, and is called again then.
class Stream {
 public:
  enum class State {
    moved,          // it went on, by `bytes`
    wait_to_read,   // again when the socket can be read
    wait_to_write,  // again when it can be written to
    closed,         // the peer has said that this is the end
    cut_off,        // the connection has ended, and nobody knows what is missing
    failed,         // problem() says why
  };
  struct Step {
    State state = State::failed;
    std::size_t bytes = 0;
  };

  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  // To be repeated until it has `moved`; before that there is nothing to send and to receive. Never closed or cut_off.
  virtual Step open() = 0;
  // Of `bytes`, which must not be empty, as many as go; repeated with the same ones when it has to wait. After cut_off
  // there may still be something to receive: the answer of a daemon that did not want all of an upload.
  virtual Step send(std::string_view bytes) = 0;
  virtual Step receive(char* room, std::size_t size) = 0;
  virtual Failure problem() const = 0;
};

// A socket that is being connected. The descriptor stays the caller's.
class SocketStream : public Stream {
 public:
  SocketStream(const Endpoint& endpoint, int fd) : endpoint_(endpoint), fd_(fd) {}

  Step open() override;
  Step send(std::string_view bytes) override;
  Step receive(char* room, std::size_t size) override;
  Failure problem() const override { return problem_; }

 protected:
  Step fail(Failure problem);

  const Endpoint& endpoint_;
  int fd_;

 private:
  Failure problem_;
};

// The Failure for a daemon that cannot be reached: says what was tried and how to start one.
Failure unreachable(const Endpoint& endpoint, const std::string& why);

}  // namespace convctl
