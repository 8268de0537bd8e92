#pragma once
// What the daemon says about events, as frames of the stream or as pages of the poll: read, checked against the cursor,
// told to a sink. Pure. Any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "convctl/event_cursor.h"
#include "convctl/failure.h"
#include "convctl/http_message.h"
#include "shared/json.h"

namespace convctl {

struct Gap {
  std::string reason;  // a word of shared::GapReason
  std::int64_t oldest = 0;
  std::int64_t head = 0;
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Each once and in order; only snapshots may come again after a lost connection. `event` is {seq, ts, type, ...}.
  virtual void event(const std::string& epoch, const shared::JsonReader& event) = 0;
  // Something before this could not be told.
  virtual void gap(const std::string& epoch, const Gap& gap) = 0;
  virtual void warn(const std::string& text) = 0;
};

class EventIntake {
 public:
  EventIntake(EventCursor cursor, EventSink& sink) : cursor_(std::move(cursor)), sink_(sink) {}

  enum class Frame { ack, event, ping, other };
  // Throws Failure: protocol for what is no frame, usage when the daemon knows none of the services.
  Frame take_frame(const std::string& text);

  struct Page {
    bool has_events = false;
    std::int64_t head = 0;  // where the log ended; the cursor's own place when nothing came
  };
  // 200, 204 and 410 of the poll. Throws Failure: as above, and what any other answer means.
  Page take_page(const HttpResponse& response);

  const EventCursor& cursor() const { return cursor_; }
  // After which silence the daemon is to be doubted; as the last ack said.
  std::chrono::milliseconds heartbeat() const { return heartbeat_; }
  // The pause a leaving daemon has asked for, once: from `least` to `most`.
  struct Pause {
    std::chrono::milliseconds least;
    std::chrono::milliseconds most;
  };
  std::optional<Pause> take_pause() { return std::exchange(pause_, std::nullopt); }

 private:
  void take_ack(const shared::JsonReader& frame);
  void take_goodbye(const shared::JsonReader& frame);
  bool take_events(const shared::JsonReader& frame);
  void take_rejected(const std::vector<std::string>& rejected);
  void doubt_services();
  Page take_expired(const HttpResponse& response);

  EventCursor cursor_;
  EventSink& sink_;
  std::chrono::milliseconds heartbeat_{30'000};
  std::optional<Pause> pause_;
  bool rejected_told_ = false;
};

// For an answer of 404 to any route of the stream.
Failure no_stream();

}  // namespace convctl
