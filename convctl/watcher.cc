#include "convctl/watcher.h"

#include "shared/stream.h"

namespace convctl {

using shared::StatusObject;

Watcher::Watcher(Client& client, std::string id, std::chrono::milliseconds interval, Events events)
    : client_(client), id_(std::move(id)), interval_(interval), events_(std::move(events)) {
  read_status(First::yes);
}

void Watcher::read_status(First first) {
  call_ = client_.start({.target = "/conversion-status/" + url_encode(id_)},
                        [this, first](const HttpOutcome& outcome) { answered(outcome, first); });
}

void Watcher::answered(const HttpOutcome& outcome, First first) {
  const std::weak_ptr<bool> alive = alive_;
  if (const auto* response = std::get_if<HttpResponse>(&outcome)) {
    if (response->status == 304) {
      ladder_.succeeded();
    } else if (is_success(*response)) {
      if (ladder_.mode() != Ladder::Mode::socket) ladder_.succeeded();
      accept(response->body);
    } else {
      const Failure failure = failure_from(*response);
      if (failure.exit != Exit::try_later && failure.exit != Exit::internal) return events_.on_failure(failure);
      return first == First::yes ? events_.on_failure(failure) : lost(failure);
    }
  } else {
    const auto& failure = std::get<Failure>(outcome);
    return first == First::yes ? events_.on_failure(failure) : lost(failure);
  }
  if (alive.expired() || !events_.on_status) return;
  if (ladder_.mode() == Ladder::Mode::socket) {
    // The first contact opens the socket; later ones only bridge the time to its next try.
    return first == First::yes ? open_socket() : follow(ladder_.failed(std::generate_canonical<double, 16>(random_)));
  }
  const auto pause = std::chrono::milliseconds(ladder_.mode() == Ladder::Mode::poll ? 2000 : 0);
  follow(Ladder::Step{ladder_.mode(), pause});
}

void Watcher::lost(const Failure& why) {
  last_failure_ = why;
  follow(ladder_.failed(std::generate_canonical<double, 16>(random_)));
}

void Watcher::follow(std::optional<Ladder::Step> step) {
  if (!step) {
    return events_.on_failure(Failure{last_failure_.exit, "lost contact with convd: " + last_failure_.message,
                                      "the conversion may still be running: `convctl watch " + id_ + "`"});
  }
  timer_ = client_.loop().after(step->delay, [this, mode = step->mode] {
    if (mode == Ladder::Mode::socket)
      open_socket();
    else if (mode == Ladder::Mode::long_poll)
      long_poll();
    else
      read_status(First::no);
  });
}

void Watcher::open_socket() {
  socket_ = std::make_unique<WebSocket>(
      client_.loop(), client_.endpoint(),
      "/ws/conversion/" + url_encode(id_) + "?progress_ms=" + std::to_string(interval_.count()),
      WebSocket::Liveness::pings,
      WebSocket::Events{[this](const std::string& text) {
                          ladder_.succeeded();
                          accept(text);
                        },
                        [this](const Closed& closed) { lost_socket(closed); }});
}

// What has happened meanwhile is asked for first: it may have been the end.
void Watcher::lost_socket(const Closed& closed) {
  last_failure_ = failure_from(closed, client_.endpoint());
  if (!shared::may_reconnect(closed.code)) ladder_.leave_socket();
  read_status(First::no);
}

void Watcher::long_poll() {
  HttpRequest request{.target = "/conversion-status/" + url_encode(id_) + "?wait=25"};
  request.headers.emplace_back("If-None-Match", "\"r" + std::to_string(rev_) + "\"");
  call_ = client_.start(std::move(request), [this](const HttpOutcome& outcome) { answered(outcome, First::no); });
}

void Watcher::accept(const std::string& body) {
  const StatusObject object = status_from(body);
  if (object.rev < rev_) return;
  rev_ = object.rev;
  if (!is_terminal(object.status)) return events_.on_status(object);
  // Nothing is told after this.
  const Events events = std::exchange(events_, {});
  socket_.reset();
  timer_.reset();
  events.on_status(object);
}

}  // namespace convctl
