#include "convd/transport/patience.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace convd::transport {

void keep_little_unsent(int socket) {
  ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
}

bool Patience::is_over(int socket, std::int64_t writes, loop::TimePoint now, loop::milliseconds timeout) {
  // TCP: not acknowledged yet. Unix: not read yet. A write alone would not tell: the kernel asks for more only when a
  // good part of its buffer is free, which can take a slow but honest reader longer than the timeout.
  int queued = 0;
  ::ioctl(socket, SIOCOUTQ, &queued);
  if (!since_ || writes != writes_ || queued != queued_) {
    since_ = now;
    writes_ = writes;
    queued_ = queued;
  }
  return now - *since_ >= timeout;
}

}  // namespace convd::transport
