#include "convd/realtime/conversion_progress.h"

namespace convd::realtime {
namespace {

constexpr auto service = shared::Service::conversion;

}  // namespace

ConversionProgress::ConversionProgress(events::Board& board, events::ProgressSink& sink) : board_(board), sink_(sink) {
  board_.observe(this);
}

ConversionProgress::~ConversionProgress() {
  board_.observe(nullptr);
}

void ConversionProgress::published(const std::string& topic, const events::Latest& latest, events::Urgency urgency) {
  const bool is_progress = urgency == events::Urgency::progress;
  if (is_progress && wants_progress(latest.org))
    sink_.offer({latest.org, service, "conversion.progress", topic, *latest.frame});
}

void ConversionProgress::superseded(const std::string& topic, const std::string& org) {
  sink_.drop(org, service, topic);
}

bool ConversionProgress::wants_progress(const std::string& org) const {
  return sink_.is_heard(org, service);
}

}  // namespace convd::realtime
