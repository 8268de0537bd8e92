#pragma once
// Messages with descriptors over a SOCK_SEQPACKET Unix socket: what convd and convd-runner talk through.

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/loop/unique_fd.h"
#include "convd/process/packet.h"

namespace convd::process {

// Loop thread only. Destroying it closes the socket.
class Channel {
 public:
  using Handler = std::function<void(std::string text, std::vector<loop::UniqueFd> descriptors)>;

  // `closed` is called once, when the peer is gone or has broken the rules; the channel may be destroyed in it.
  Channel(loop::Loop& loop, loop::UniqueFd socket, Handler handler, loop::Task closed);

  // Queues when the socket is full. The descriptors are closed after they have been sent; borrow by dup().
  void send(std::string text, std::vector<loop::UniqueFd> descriptors = {});

  // Whether something of the peer's, its end included, has come and is not handed over yet.
  bool has_more() const;

 private:
  void receive();
  void flush();

  loop::Loop& loop_;
  loop::UniqueFd socket_;
  Handler handler_;
  loop::Task closed_;
  std::vector<char> buffer_;
  std::deque<Packet> waiting_;
  loop::Watch readable_;
  loop::Watch writable_;
};

}  // namespace convd::process
