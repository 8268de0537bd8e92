#include "convd/process/packet.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

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

Sent send_packet(int socket, const Packet& packet) {
  Control control{};
  iovec part{const_cast<char*>(packet.text.data()), packet.text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!packet.descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * packet.descriptors.size());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * packet.descriptors.size());
    for (std::size_t i = 0; i < packet.descriptors.size(); ++i) {
      const int fd = packet.descriptors[i].get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof fd);
    }
  }
  if (sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return Sent::yes;
  // The last two: a peer that has not taken what is on its way yet, and a machine that is out of memory for now.
  const bool passes = errno == EAGAIN || errno == ENOBUFS || errno == EINTR || errno == ETOOMANYREFS || errno == ENOMEM;
  return passes ? Sent::later : Sent::never;
}

Received receive_packet(int socket, std::vector<char>& buffer, Packet& packet) {
  buffer.resize(most_message_bytes + 1);
  Control control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t length = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (length < 0 && (errno == EAGAIN || errno == EINTR)) return Received::later;
  packet.descriptors = descriptors_of(header);
  if (length <= 0 || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Received::closed;
  packet.text.assign(buffer.data(), static_cast<std::size_t>(length));
  return Received::yes;
}

}  // namespace convd::process
