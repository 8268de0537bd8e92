#include "convd/realtime/snapshots.h"

#include <array>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "convd/loop/wall_clock.h"
#include "shared/time.h"

namespace convd::realtime {
namespace {

using events::SnapshotPage;
using shared::Service;
using shared::Status;

constexpr int page_size = 64;
constexpr std::int64_t remembered_ms = 15 * 60'000;
// In this order: what moves on meanwhile is met again, and live events tell the rest.
constexpr std::array<Status, 5> stages{Status::pending, Status::processing, Status::completed, Status::error,
                                       Status::cancelled};

template <typename T>
T read_or_throw(shared::Result<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.error().message);
  return *std::move(outcome);
}

// "<stage>" or "<stage>:<the last id of the page before>".
struct Place {
  std::size_t stage = 0;
  std::string before;
};

Place place_from(const std::string& cursor) {
  if (cursor.empty()) return {};
  return {static_cast<std::size_t>(cursor[0] - '0'), cursor.size() > 1 ? cursor.substr(2) : std::string()};
}

std::string next_stage(std::size_t stage) {
  return stage + 1 < stages.size() ? std::to_string(stage + 1) : std::string();
}

}  // namespace

SnapshotPage Snapshots::page(const std::string& org, const events::Topic& topic, const std::string& cursor) const {
  if (topic.service == Service::document) return documents(org, cursor);
  if (topic.service != Service::conversion) return {};
  return topic.subject.empty() ? conversions(org, cursor) : conversion(org, topic.subject);
}

events::Event Snapshots::event(Service service, const std::string& subject, const shared::Json& data) const {
  events::Event event;
  event.ts_ms = loop::wall_ms(loop_);
  event.service = service;
  event.type = std::string(shared::to_string(service)) + ".snapshot";
  event.subject = subject;
  event.data_json = data.dump();
  return event;
}

bool Snapshots::has_ended_long_ago(const shared::StatusObject& object) const {
  if (!shared::is_terminal(object.status)) return false;
  const auto ended_ms = shared::from_rfc3339(object.completed_at.value_or(""));
  const auto now_ms = loop::wall_ms(loop_);
  return !ended_ms || *ended_ms < now_ms - remembered_ms;
}

SnapshotPage Snapshots::conversions(const std::string& org, const std::string& cursor) const {
  const Place place = place_from(cursor);
  jobs::ListRequest request;
  request.org = org;
  request.status = stages[place.stage];
  request.before = place.before;
  request.limit = page_size;
  const auto found = read_or_throw(manager_.list(request));
  SnapshotPage page;
  bool is_old = false;
  for (const shared::StatusObject& object : found.items) {
    is_old = has_ended_long_ago(object);
    if (!is_old) page.events.push_back(event(Service::conversion, object.id, shared::to_json(object)));
  }
  // Newest first: behind one that ended long ago there are only few that have not.
  const bool goes_on = found.next && !is_old;
  page.next = goes_on ? std::to_string(place.stage) + ":" + *found.next : next_stage(place.stage);
  return page;
}

// One that is not there, or is another's, has nothing to be told of.
SnapshotPage Snapshots::conversion(const std::string& org, const std::string& id) const {
  SnapshotPage page;
  const auto object = manager_.status(org, id);
  if (object) page.events.push_back(event(Service::conversion, id, shared::to_json(*object)));
  return page;
}

SnapshotPage Snapshots::documents(const std::string& org, const std::string& cursor) const {
  const auto found = manager_.documents(org, cursor, page_size);
  SnapshotPage page;
  for (const jobs::DocumentInfo& document : found.items) {
    page.events.push_back(event(Service::document, document.name, jobs::to_json(document)));
  }
  page.next = found.next.value_or("");
  return page;
}

}  // namespace convd::realtime
