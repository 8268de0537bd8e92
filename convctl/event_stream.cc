#include "convctl/event_stream.h"

#include <algorithm>

#include "convctl/json_text.h"
#include "shared/stream.h"

namespace convctl {
namespace {

using namespace std::chrono_literals;

// From the request to the ack.
constexpr auto handshake_limit = 20s;
constexpr int poll_wait_s = 25;
// Between two polls of which the first brought nothing, should something on the way not let it wait.
constexpr auto idle_pause = 500ms;
constexpr int longest_retry_s = 60;

}  // namespace

EventStream::EventStream(Client& client, EventIntake& intake) : client_(client), intake_(intake) {
  call_ = client_.start({.target = "/v2/realtime/config"}, [this](const HttpOutcome& outcome) { configured(outcome); });
}

void EventStream::configured(const HttpOutcome& outcome) {
  if (const auto* failure = std::get_if<Failure>(&outcome)) throw *failure;
  const auto& response = std::get<HttpResponse>(outcome);
  if (response.status == 404) throw no_stream();
  if (!is_success(response)) throw failure_from(response);
  const shared::Json config = json_from(response.body);
  follow(text_at(config.read(), "transport") == "poll" ? ladder_.leave_socket() : Ladder::Step{ladder_.mode(), 0ms});
}

void EventStream::follow(const Ladder::Step& step) {
  timer_ = client_.loop().after(step.delay, [this, mode = step.mode] {
    socket_.reset();
    if (mode == Ladder::Mode::socket)
      open_socket();
    else
      long_poll();
  });
}

Ladder::Step EventStream::next_try(const Failure& why) {
  if (const auto step = ladder_.failed(chance())) return *step;
  throw Failure{why.exit, "lost contact with convd: " + why.message, ""};
}

void EventStream::open_socket() {
  socket_ = std::make_unique<WebSocket>(client_.loop(), client_.endpoint(), "/v2/realtime/stream",
                                        WebSocket::Liveness::left_to_the_owner,
                                        WebSocket::Events{[this](const std::string& text) { heard(text); },
                                                          [this](const Closed& closed) { lost_socket(closed); }});
  socket_->send(intake_.cursor().handshake());
  expect_a_word(handshake_limit);
}

void EventStream::expect_a_word(std::chrono::milliseconds within) {
  silence_ = client_.loop().after(within, [this] {
    socket_.reset();
    lost_socket({0, "silence"});
  });
}

void EventStream::heard(const std::string& text) {
  const EventIntake::Frame frame = intake_.take_frame(text);
  expect_a_word(intake_.heartbeat() * 5 / 2);
  if (frame == EventIntake::Frame::ping) socket_->send(R"({"type":"pong"})");
  // An ack alone proves little: the same daemon may hang up on the same position again.
  if (frame == EventIntake::Frame::ping || frame == EventIntake::Frame::event) ladder_.succeeded();
}

void EventStream::lost_socket(const Closed& closed) {
  silence_.reset();
  const auto pause = intake_.take_pause();
  if (closed.code == static_cast<std::uint16_t>(shared::CloseCode::realtime_disabled))
    return follow(ladder_.leave_socket());
  if (!shared::may_reconnect(closed.code)) throw failure_from(closed, client_.endpoint());
  Ladder::Step step = next_try(failure_from(closed, client_.endpoint()));
  if (pause) {
    const auto spread = static_cast<double>((pause->most - pause->least).count());
    step.delay = pause->least + std::chrono::milliseconds(static_cast<long>(spread * chance()));
  }
  follow(step);
}

void EventStream::long_poll() {
  call_ = client_.start({.target = intake_.cursor().poll_target(poll_wait_s)},
                        [this](const HttpOutcome& outcome) { polled(outcome); });
}

void EventStream::polled(const HttpOutcome& outcome) {
  EventIntake::Page page;
  try {
    if (const auto* failure = std::get_if<Failure>(&outcome)) throw *failure;
    page = intake_.take_page(std::get<HttpResponse>(outcome));
  } catch (const Failure& failure) {
    return lost_poll(failure);
  }
  ladder_.succeeded();
  follow({Ladder::Mode::long_poll, page.has_events ? 0ms : idle_pause});
}

void EventStream::lost_poll(const Failure& why) {
  if (why.exit != Exit::unavailable && why.exit != Exit::try_later && why.exit != Exit::internal) throw why;
  Ladder::Step step = next_try(why);
  if (why.retry_after_s) step.delay = std::chrono::seconds(std::min(*why.retry_after_s, longest_retry_s));
  follow(step);
}

}  // namespace convctl
