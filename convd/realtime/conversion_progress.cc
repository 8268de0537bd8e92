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
  if (urgency == events::Urgency::state) return sink_.drop(latest.org, service, topic);
  if (wants_progress(latest.org)) sink_.offer({latest.org, service, "conversion.progress", topic, *latest.frame});
}

bool ConversionProgress::wants_progress(const std::string& org) const {
  return sink_.is_heard(org, service);
}

}  // namespace convd::realtime
