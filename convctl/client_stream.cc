#include "convctl/client_stream.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace convctl {

Failure unreachable(const Endpoint& endpoint, const std::string& why) {
  return Failure{
      Exit::unavailable, "cannot reach convd at " + endpoint.describe() + ": " + why,
      "start it with `systemctl start convd` or `convd`, or convert without one: `convctl convert --local ...`"};
}

Stream::Step SocketStream::fail(Failure problem) {
  problem_ = std::move(problem);
  return {State::failed};
}

Stream::Step SocketStream::open() {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) return fail(unreachable(endpoint_, std::strerror(error)));
  return {State::moved};
}

Stream::Step SocketStream::send(std::string_view bytes) {
  const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) return {State::moved, static_cast<std::size_t>(sent)};
  return {errno == EAGAIN || errno == EINTR ? State::wait_to_write : State::cut_off};
}

Stream::Step SocketStream::receive(char* room, std::size_t size) {
  for (;;) {
    const ssize_t got = recv(fd_, room, size, 0);
    if (got > 0) return {State::moved, static_cast<std::size_t>(got)};
    if (got == 0) return {State::closed};
    if (errno == EAGAIN) return {State::wait_to_read};
    if (errno != EINTR) return {State::cut_off};
  }
}

}  // namespace convctl
