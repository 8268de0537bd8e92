#include "convd/realtime/uploads.h"

#include <chrono>
#include <utility>

#include "convd/loop/wall_clock.h"
#include "shared/json.h"

namespace convd::realtime {
namespace {

using shared::Json;

constexpr auto service = shared::Service::upload;

}  // namespace

Uploads::Uploads(loop::Loop& loop, events::ProgressSink& sink)
    : loop_(loop), sink_(std::make_shared<events::ProgressSink*>(&sink)) {}

Uploads::Ticket Uploads::begin(const std::string& org, const std::string& principal, const std::string& filename,
                               std::optional<std::int64_t> total) {
  const auto now = loop::wall_ms(loop_);
  Ticket arrival(new Arrival(sink_, org));
  arrival->id_ = ids_.next(now);
  arrival->principal_ = principal;
  arrival->filename_ = filename;
  arrival->total_ = total;
  arrival->tell("receiving");
  return arrival;
}

Uploads::Arrival::Arrival(std::weak_ptr<events::ProgressSink*> sink, std::string org)
    : sink_(std::move(sink)), org_(std::move(org)) {}

Uploads::Arrival::~Arrival() {
  if (!ended_) tell("failed");
}

void Uploads::Arrival::received(std::int64_t bytes) {
  received_ = bytes;
  tell("receiving");
}

void Uploads::Arrival::stored(const std::string& filename) {
  filename_ = filename;
  ended_ = true;
  tell("stored");
}

void Uploads::Arrival::tell(const char* state) const {
  const auto sink = sink_.lock();
  if (!sink || !(*sink)->is_heard(org_, service)) return;
  Json json = Json::object();
  json.set("id", id_)
      .set("filename", filename_)
      .set("principal", principal_)
      .set("received", received_)
      .set("total", Json::or_null(total_))
      .set("state", state);
  (*sink)->offer({org_, service, "upload.progress", id_, json.dump()});
}

}  // namespace convd::realtime
