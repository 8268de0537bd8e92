#include "convd/api/conversion_socket.h"

#include <utility>

#include "convd/events/websocket_frame.h"

namespace convd::api {

ConversionSocket::ConversionSocket(events::Board& board, const std::string& id, events::Latest now,
                                   loop::milliseconds interval, realtime::Presence::Ticket ticket)
    : latest_(std::move(now)), ticket_(std::move(ticket)) {
  if (!latest_.terminal) {
    subscription_ = board.subscribe(
        id, [this](const events::Latest& latest) { changed(latest); }, interval);
  }
}

void ConversionSocket::on_open(Outlet& outlet) {
  outlet_ = &outlet;
  outlet.want_write();
}

void ConversionSocket::changed(const events::Latest& latest) {
  // Merged progress may arrive after a state was read that already contains it.
  const bool newer = latest.rev > latest_.rev || (latest.terminal && !latest_.terminal);
  if (!newer) return;
  latest_ = latest;
  waiting_ = true;
  if (outlet_ != nullptr) outlet_->want_write();
}

std::string_view ConversionSocket::next_frames(std::size_t) {
  frame_.clear();
  if (std::exchange(waiting_, false)) events::append_frame(frame_, *latest_.frame);
  return frame_;
}

std::optional<SocketSession::Close> ConversionSocket::finished() const {
  if (waiting_ || !latest_.terminal) return std::nullopt;
  return Close{1000, "finished"};
}

}  // namespace convd::api
