#include "convd/process/channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace convd::process {
namespace {

using Control = std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)>;

std::vector<loop::UniqueFd> descriptors_of(msghdr& header) {
  std::vector<loop::UniqueFd> descriptors;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
  return descriptors;
}

}  // namespace

Channel::Channel(loop::Loop& loop, loop::UniqueFd socket, Message message, loop::Task closed)
    : loop_(loop),
      socket_(std::move(socket)),
      message_(std::move(message)),
      closed_(std::move(closed)),
      buffer_(most_message_bytes + 1),
      readable_(loop.watch(socket_.get(), loop::Io::read, [this] { receive(); })) {}

// One message a turn: the loop is level-triggered, and a handler may destroy this channel.
void Channel::receive() {
  Control control{};
  iovec part{buffer_.data(), buffer_.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t length = recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
  auto descriptors = descriptors_of(header);
  if (length <= 0 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    readable_.reset();
    const loop::Task closed = closed_;
    closed();
    return;
  }
  const Message message = message_;
  message(std::string(buffer_.data(), static_cast<std::size_t>(length)), std::move(descriptors));
}

Channel::Sent Channel::send_now(const Outgoing& outgoing) {
  Control control{};
  iovec part{const_cast<char*>(outgoing.text.data()), outgoing.text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!outgoing.descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * outgoing.descriptors.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * outgoing.descriptors.size());
    for (std::size_t i = 0; i < outgoing.descriptors.size(); ++i) {
      const int fd = outgoing.descriptors[i].get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof fd);
    }
  }
  if (sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::yes;
  return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? Sent::later : Sent::never;
}

void Channel::send(std::string text, std::vector<loop::UniqueFd> descriptors) {
  waiting_.push_back({std::move(text), std::move(descriptors)});
  flush();
}

void Channel::flush() {
  while (!waiting_.empty()) {
    const Sent sent = send_now(waiting_.front());
    if (sent == Sent::later) {
      if (!writable_) writable_ = loop_.watch(socket_.get(), loop::Io::write, [this] { flush(); });
      return;
    }
    waiting_.pop_front();  // what can never be sent has no reader: receive() will see the end
  }
  writable_.reset();
}

}  // namespace convd::process
