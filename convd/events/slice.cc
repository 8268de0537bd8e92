// What readers are given: the frames of a stretch of the ring in their encoding, made once for all who stand there.

#include <algorithm>
#include <utility>

#include "convd/events/hub_state.h"
#include "convd/events/websocket_frame.h"

namespace convd::events {

// Thousands of readers stand at the same place: what one is given is made once.
const Slice& Hub::State::slice(OrgLog& log, const std::shared_ptr<const Filter>& filter, Encoding encoding,
                               Ring::Place from, const Hub::Reader::Most& most) {
  Ring& ring = *log.ring;
  for (const Slice& made : log.slices) {
    if (made.filter != nullptr && made.from == from && made.until == ring.end() && made.encoding == encoding &&
        made.most == most && *made.filter == *filter)
      return made;
  }
  Slice& fresh = log.slices[log.next_slice++ % log.slices.size()];
  std::string bytes = std::exchange(fresh.bytes, {});
  bytes.clear();
  fresh = {filter, encoding, most, from, ring.end(), from, std::move(bytes), 0, 0, 0, {}};
  for (; fresh.to < ring.end(); ++fresh.to) {
    const Ring::Entry& entry = ring.at(fresh.to);
    if (!filter->matches(entry.service, entry.subject)) continue;
    if (entry.superseded) {
      ++fresh.skipped;
      continue;
    }
    const bool is_full = fresh.bytes.size() + entry.frame.text.size() > most.bytes || fresh.events >= most.events;
    if (fresh.events > 0 && is_full) break;
    if (fresh.events++ == 0) fresh.appended_at = entry.appended_at;
    if (encoding == Encoding::json) {
      fresh.bytes.append(entry.frame.text, entry.frame.event_at, entry.frame.event_size) += ',';
    } else if (encoding == Encoding::websocket_deflate && entry.frame.text.size() >= limits.compress_bytes) {
      append_frame(fresh.bytes, ring.packed(fresh.to, deflater), FrameType::binary);
      ++fresh.compressed;
    } else {
      encode(fresh.bytes, log, entry.frame.text, entry.seq, encoding);
    }
  }
  return fresh;
}

void Hub::State::encode(std::string& out, const OrgLog& log, const std::string& frame, std::int64_t seq,
                        Encoding encoding, Kind kind) {
  switch (encoding) {
    case Encoding::websocket:
      return append_frame(out, frame);
    case Encoding::websocket_deflate:
      if (frame.size() < limits.compress_bytes) return append_frame(out, frame);
      ++counters.compressed;
      return append_frame(out, deflater.pack(frame), FrameType::binary);
    case Encoding::sse:
      if (kind == Kind::event) out += "id: " + shared::to_text(shared::Position{log.head.epoch, seq}) + "\n";
      if (kind == Kind::gap) out += "event: gap\n";
      out += "data: " + frame + "\n\n";
      return;
    case Encoding::json:
      out += frame + ",";
      return;
  }
}

void Hub::State::delivered(const Slice& slice, bool was_current) {
  counters.delivered += slice.events;
  counters.compressed += slice.compressed;
  counters.conflated += slice.skipped;
  if (slice.events == 0) return;
  if (!was_current) counters.replayed += slice.events;
  if (!was_current || slice.appended_at == loop::TimePoint{}) return;
  const double lag_s = std::chrono::duration<double>(loop.now() - slice.appended_at).count();
  const auto& bounds = Hub::lag_bounds_s();
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), lag_s) - bounds.begin();
  counters.lag_counts[static_cast<std::size_t>(bucket)] += slice.events;
  counters.lag_sum_s += lag_s * static_cast<double>(slice.events);
}

}  // namespace convd::events
