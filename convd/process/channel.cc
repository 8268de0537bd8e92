#include "convd/process/channel.h"

#include <poll.h>

#include <utility>

namespace convd::process {

Channel::Channel(loop::Loop& loop, loop::UniqueFd socket, Handler handler, loop::Task closed)
    : loop_(loop),
      socket_(std::move(socket)),
      handler_(std::move(handler)),
      closed_(std::move(closed)),
      readable_(loop.watch(socket_.get(), loop::Io::read, [this] { receive(); })) {}

// One message a turn: the loop is level-triggered, and a handler may destroy this channel.
void Channel::receive() {
  Packet packet;
  const Received received = receive_packet(socket_.get(), buffer_, packet);
  if (received == Received::later) return;
  if (received == Received::closed) {
    readable_.reset();
    const loop::Task closed = closed_;
    closed();
    return;
  }
  const Handler handler = handler_;
  handler(std::move(packet.text), std::move(packet.descriptors));
}

bool Channel::has_more() const {
  pollfd readable{socket_.get(), POLLIN, 0};
  return readable_ && ::poll(&readable, 1, 0) == 1;
}

void Channel::send(std::string text, std::vector<loop::UniqueFd> descriptors) {
  waiting_.push_back({std::move(text), std::move(descriptors)});
  flush();
}

void Channel::flush() {
  while (!waiting_.empty()) {
    const Sent sent = send_packet(socket_.get(), waiting_.front());
    if (sent == Sent::later) {
      if (!writable_) writable_ = loop_.watch(socket_.get(), loop::Io::write, [this] { flush(); });
      return;
    }
    waiting_.pop_front();  // what can never be sent has no reader: receive() will see the end
  }
  writable_.reset();
}

}  // namespace convd::process
