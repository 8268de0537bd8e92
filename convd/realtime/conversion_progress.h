#pragma once
// Carries the progress of conversions from the board into the stream, as conversion.progress. Their states get there by
// the store.

#include <string>

#include "convd/events/board.h"
#include "convd/events/event.h"

namespace convd::realtime {

// The board's observer while it lives. Loop thread only.
class ConversionProgress final : private events::Board::Observer {
 public:
  // Both outlive this object.
  ConversionProgress(events::Board& board, events::ProgressSink& sink);
  ~ConversionProgress() override;
  ConversionProgress(const ConversionProgress&) = delete;
  ConversionProgress& operator=(const ConversionProgress&) = delete;

 private:
  void published(const std::string& topic, const events::Latest& latest, events::Urgency urgency) override;
  void superseded(const std::string& topic, const std::string& org) override;
  bool wants_progress(const std::string& org) const override;

  events::Board& board_;
  events::ProgressSink& sink_;
};

}  // namespace convd::realtime
