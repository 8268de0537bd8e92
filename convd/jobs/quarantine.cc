#include "convd/jobs/quarantine.h"

#include <algorithm>
#include <iterator>

#include "shared/time.h"

namespace convd::jobs {
namespace {

using store::PoisonRow;

bool is_another_version(const PoisonRow& row, const EngineVersion& engine) {
  return !row.version.empty() && !engine.version.empty() && row.version != engine.version;
}

std::string sentence_of(const PoisonRow& row, std::int64_t until_ms) {
  const std::string times = std::to_string(row.crashes) + " times";
  const std::string until = shared::to_rfc3339(until_ms);
  if (row.engine == runner_as_engine) {
    return "The runner was lost " + times + " while it ran nothing but this document, which is not run again before " +
           until;
  }
  return "The engine " + row.engine + " crashed " + times + " on this document and is not given it again before " +
         until + ", unless another version of it is installed";
}

}  // namespace

bool Quarantine::is_recent(const PoisonRow& row, std::int64_t now_ms) const {
  return row.last_ms > now_ms - rules_.period_ms && row.last_ms < now_ms + rules_.period_ms;
}

bool Quarantine::is_enough(const PoisonRow& row) const {
  return row.crashes >= (row.engine == runner_as_engine ? rules_.lost_runners : rules_.crashes);
}

Quarantine::Rows Quarantine::load(const Rows& rows, std::int64_t now_ms) {
  for (const PoisonRow& row : rows) rows_[{row.sha256, row.engine}] = row;
  Rows changed;
  make_room(now_ms, changed);
  return changed;
}

Quarantine::Rows Quarantine::hear(const Evidence& evidence, std::int64_t now_ms) {
  Rows changed;
  if (rules_.crashes == 0) return changed;
  for (const std::string& engine : evidence.cleared) {
    if (evidence.crashed && evidence.crashed->name == engine) continue;
    if (const auto found = rows_.find({evidence.sha256, engine}); found != rows_.end()) forget(found, changed);
  }
  if (!evidence.crashed) return changed;
  make_room(now_ms, changed);
  PoisonRow& row = rows_[{evidence.sha256, evidence.crashed->name}];
  const bool counts_on = row.crashes > 0 && !is_another_version(row, *evidence.crashed);
  const std::string version = evidence.crashed->version.empty() ? row.version : evidence.crashed->version;
  row = {evidence.sha256, evidence.crashed->name, version, counts_on ? row.crashes + 1 : 1, now_ms};
  changed.push_back(row);
  return changed;
}

// What has had its time goes, and the oldest when there are too many.
void Quarantine::make_room(std::int64_t now_ms, Rows& changed) {
  for (auto entry = rows_.begin(); entry != rows_.end();) {
    const auto next = std::next(entry);
    if (!is_recent(entry->second, now_ms)) forget(entry, changed);
    entry = next;
  }
  while (rows_.size() >= most_rows) {
    forget(std::min_element(rows_.begin(), rows_.end(),
                            [](const auto& a, const auto& b) { return a.second.last_ms < b.second.last_ms; }),
           changed);
  }
}

void Quarantine::forget(std::map<Key, PoisonRow>::iterator entry, Rows& changed) {
  entry->second.crashes = 0;
  changed.push_back(std::move(entry->second));
  rows_.erase(entry);
}

bool Quarantine::knows(const std::string& sha256) const {
  const auto first = rows_.lower_bound({sha256, {}});
  return first != rows_.end() && first->first.first == sha256;
}

std::optional<Quarantine::Refusal> Quarantine::refusal(const std::string& sha256,
                                                       const std::vector<EngineVersion>& engines,
                                                       std::int64_t now_ms) const {
  for (const EngineVersion& engine : engines) {
    const auto found = rows_.find({sha256, engine.name});
    if (found == rows_.end()) continue;
    const PoisonRow& row = found->second;
    if (!is_enough(row) || !is_recent(row, now_ms) || is_another_version(row, engine)) continue;
    return Refusal{engine.name, sentence_of(row, row.last_ms + rules_.period_ms)};
  }
  return std::nullopt;
}

}  // namespace convd::jobs
