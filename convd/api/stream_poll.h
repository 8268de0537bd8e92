#pragma once
// GET /v2/realtime/poll: the stream for those who ask again and again.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "convd/api/route.h"
#include "convd/api/stream_request.h"
#include "convd/events/hub.h"
#include "convd/loop/loop.h"
#include "convd/realtime/realtime.h"

namespace convd::api {

// One request: answered as soon as there are events, or when its patience is over. Loop thread only.
class StreamPoll final : public Handler, private events::Hub::Waker {
 public:
  StreamPoll(realtime::Realtime& realtime, loop::Loop& loop, Call call)
      : realtime_(realtime), loop_(loop), call_(std::move(call)) {}

  void on_body_end() override;

 private:
  struct Wishes {
    StreamRequest request;
    loop::milliseconds wait{0};
    int most_events = 0;
  };
  shared::Result<Wishes> wishes() const;

  void on_opened(const events::Opened& opened) override;
  void on_refused(const shared::Error& error) override { call_.reply.fail(error); }
  void on_events() override;

  void in_a_later_turn(std::function<void()> task);
  void begin_waiting();
  bool answer_with_events();
  void answer(std::string_view events);
  void answer_without();
  void refuse(shared::GapReason reason) const;

  realtime::Realtime& realtime_;
  loop::Loop& loop_;
  Call call_;
  Wishes wishes_;
  realtime::Connections::Entry entry_;
  events::Opened opened_;
  bool waits_ = false;
  std::unique_ptr<events::Hub::Reader> reader_;
  loop::Timer timer_;
};

}  // namespace convd::api
