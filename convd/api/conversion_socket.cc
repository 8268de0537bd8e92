#include "convd/api/conversion_socket.h"

#include <utility>

#include "convd/events/websocket_frame.h"
#include "shared/stream.h"

namespace convd::api {

ConversionSocket::ConversionSocket(events::Board& board, const std::string& id, events::Latest now,
                                   loop::milliseconds interval, realtime::Presence::Ticket ticket,
                                   std::unique_ptr<realtime::Connections::Stay> stay)
    : latest_(std::move(now)), ticket_(std::move(ticket)), stay_(std::move(stay)) {
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

void ConversionSocket::end_at(loop::Loop& loop, std::int64_t wall_ms) {
  const auto over = [this] {
    token_over_ = true;
    if (outlet_ != nullptr) outlet_->want_write();
  };
  expiry_.emplace(loop, Expiry::Told{.soon = [] {}, .over = over});
  expiry_->set(wall_ms);
}

std::optional<SocketSession::Close> ConversionSocket::finished() const {
  constexpr auto expired = shared::CloseCode::token_expired;
  if (!waiting_ && !latest_.terminal && token_over_)
    return Close{static_cast<std::uint16_t>(expired), std::string(shared::reason_of(expired))};
  if (waiting_ || !latest_.terminal) return std::nullopt;
  return Close{1000, "finished"};
}

void ConversionSocket::on_too_slow() {
  if (stay_) stay_->was_slow();
}

}  // namespace convd::api
