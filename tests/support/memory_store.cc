#include "tests/support/memory_store.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "shared/protocol.h"

namespace tests {

using namespace convd::store;

namespace {

bool is_terminal(const ConversionRow& row) {
  const auto status = shared::status_from(row.status);
  return status && shared::is_terminal(*status);
}

bool has_its_result(const ConversionRow& row) {
  return row.status == "completed" && !row.result_gone_ms;
}

// The first `limit` by when they ended.
std::vector<ConversionRow> first_ended(std::vector<ConversionRow> rows, int limit) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.completed_ms < b.completed_ms; });
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(limit)));
  return rows;
}

}  // namespace

class MemoryStore::Work final : public Transaction {
 public:
  explicit Work(Tables& tables) : tables_(tables) {}
  void touch() override { wrote = true; }
  void insert(const ConversionRow& row) override { writing().conversions.emplace(row.id, row); }
  bool update(const ConversionRow& row) override {
    const auto found = tables_.conversions.find(row.id);
    const bool stale = found == tables_.conversions.end() || is_terminal(found->second) ||
                       found->second.attempt > row.attempt || found->second.rev >= row.rev;
    if (stale) {
      ++tables_.refused;
      return false;
    }
    found->second = row;
    return wrote = true;
  }
  bool remove_conversion(const std::string& id) override {
    std::erase_if(writing().notes, [&](const NoteRow& note) { return note.conversion == id; });
    std::erase_if(tables_.keys, [&](const auto& entry) { return entry.second.conversion == id; });
    return tables_.conversions.erase(id) > 0;
  }
  std::optional<IdempotencyRow> claim_key(const IdempotencyRow& row, Millis live_since_ms) override {
    const auto place = tables_.keys.find({row.org, row.key});
    if (place != tables_.keys.end() && place->second.created_ms >= live_since_ms) return place->second;
    writing().keys[{row.org, row.key}] = row;
    return std::nullopt;
  }
  std::int64_t prune_keys(Millis before_ms, int limit) override {
    std::int64_t removed = 0;
    std::erase_if(writing().keys, [&](const auto& entry) {
      return removed < limit && entry.second.created_ms < before_ms && ++removed > 0;
    });
    tables_.most_pruned = std::max(tables_.most_pruned, removed);
    return removed;
  }
  bool remove_result(const std::string& id, Millis now_ms, const std::string& why) override {
    const auto found = tables_.conversions.find(id);
    if (found == tables_.conversions.end() || !has_its_result(found->second)) return false;
    found->second.result_gone_ms = now_ms;
    found->second.result_gone_why = why;
    ++found->second.rev;
    return wrote = true;
  }
  Noted add_note(const NoteRow& row, int most) override {
    const auto found = tables_.conversions.find(row.conversion);
    if (found == tables_.conversions.end() || found->second.org != row.org) return Noted::no_conversion;
    const auto others = std::count_if(tables_.notes.begin(), tables_.notes.end(),
                                      [&](const NoteRow& note) { return note.conversion == row.conversion; });
    if (others >= most) return Noted::too_many;
    writing().notes.push_back(row);
    return Noted::written;
  }
  void put(const DocumentRow& row) override {
    writing().documents[{row.org, row.name}] = row;
    tables_.uses[{row.org, row.name}] = row.created_ms;
  }
  void use_document(const std::string& org, const std::string& name, Millis now_ms) override {
    writing().uses[{org, name}] = now_ms;
  }
  bool remove_unused_document(const std::string& org, const std::string& name, Millis before_ms) override {
    return tables_.uses[{org, name}] < before_ms && remove_document(org, name);
  }
  bool remove_document(const std::string& org, const std::string& name) override {
    return writing().documents.erase({org, name}) > 0;
  }
  LogHead open_log(const std::string& org) override {
    return {"epoch of " + org, writing().floors[org] + 1, tables_.last_seqs[org]};
  }
  std::int64_t append(const EventRow& given) override {
    EventRow row = given;
    row.seq = ++writing().last_seqs[row.org];
    for (const EventRow& earlier : tables_.events) {
      if (earlier.org == row.org && earlier.service == row.service) row.prev = earlier.seq;
    }
    if (row.event_class == shared::EventClass::state) tables_.events.push_back(row);
    after.appended.push_back(row);
    return row.seq;
  }
  std::int64_t prune_events(Millis before_ms, std::int64_t, int) override {
    return static_cast<std::int64_t>(std::erase_if(writing().events, [&](const EventRow& row) {
      if (row.ts_ms >= before_ms) return false;
      tables_.floors[row.org] = std::max(tables_.floors[row.org], row.seq);
      return true;
    }));
  }
  void record(const RuntimeRow& row) override { writing().runtimes.push_back(row); }
  void put(const PoisonRow& row) override {
    if (row.crashes > 0) {
      writing().poisons[{row.sha256, row.engine}] = row;
    } else {
      writing().poisons.erase({row.sha256, row.engine});
    }
  }
  void maybe_drop_blob(const std::string& sha256) override { after.drops.push_back(sha256); }

  Aftermath after;
  bool wrote = false;

 private:
  Tables& writing() {
    wrote = true;
    return tables_;
  }
  Tables& tables_;
};

void MemoryStore::submit(Preparation prepare, Operation write, Done done) {
  waiting_.push_back({std::move(prepare), std::move(write), std::move(done)});
  if (!held_) loop_.post([this] { run_all(); });
}

void MemoryStore::let_go() {
  held_ = false;
  loop_.post([this] { run_all(); });
}

void MemoryStore::run_all() {
  if (held_) return;
  auto operations = std::exchange(waiting_, {});
  std::stable_partition(operations.begin(), operations.end(), [](const Waiting& waiting) { return !waiting.prepare; });
  for (auto& operation : operations) {
    Aftermath after;
    auto outcome = run(operation, after);
    loop_.post([this, done = std::move(operation.done), outcome = std::move(outcome), after = std::move(after)] {
      const auto& drops = after.drops;
      if (done) done(outcome);
      if (appended_ && !after.appended.empty()) appended_(after.appended);
      if (!drops.empty()) submit([this, drops](Files&) { return drop_unused(drops); }, nullptr, nullptr);
    });
  }
}

shared::Result<void> MemoryStore::drop_unused(const std::vector<std::string>& drops) {
  for (const std::string& sha256 : drops) {
    if (!blob_in_use(sha256)) files_.remove_blob(sha256);
  }
  return {};
}

shared::Result<void> MemoryStore::run(const Waiting& operation, Aftermath& aftermath) {
  if (operation.prepare) {
    if (auto prepared = operation.prepare(files_); !prepared) return prepared;
  }
  if (!operation.write) return {};
  return write(operation.write, aftermath);
}

shared::Result<void> MemoryStore::write(const Operation& operation, Aftermath& aftermath) {
  Tables changed = tables_;
  Work work(changed);
  if (auto written = operation(work, files_); !written) return written;
  if (work.wrote && failing_) {
    lost_write_ = failing_;
    return *failing_;
  }
  if (work.wrote) lost_write_.reset();
  tables_ = std::move(changed);
  aftermath = std::move(work.after);
  if (auto doubt = std::exchange(doubted_, std::nullopt)) return *std::move(doubt);
  return {};
}

std::optional<ConversionRow> MemoryStore::conversion(const std::string& id) {
  const auto found = tables_.conversions.find(id);
  if (found == tables_.conversions.end()) return std::nullopt;
  return sound(found->second);
}

const ConversionRow& MemoryStore::sound(const ConversionRow& row) const {
  if (damaged_.contains(row.id)) throw std::runtime_error("a row of conversions does not match its sum");
  return row;
}

std::vector<ConversionRow> MemoryStore::conversions(const ListQuery& query) {
  std::vector<ConversionRow> rows;
  for (auto entry = tables_.conversions.rbegin(); entry != tables_.conversions.rend(); ++entry) {
    const ConversionRow& row = entry->second;
    const bool wanted = row.org == query.org && (query.before.empty() || row.id < query.before) &&
                        (!query.status || row.status == *query.status) &&
                        (!query.filename || row.filename == *query.filename);
    if (wanted && rows.size() < static_cast<std::size_t>(query.limit)) rows.push_back(row);
  }
  return rows;
}

std::vector<ConversionRow> MemoryStore::unfinished() {
  std::vector<ConversionRow> rows;
  for (const auto& [id, row] : tables_.conversions) {
    if (!is_terminal(row)) rows.push_back(row);
  }
  return rows;
}

std::optional<ConversionRow> MemoryStore::reusable(const std::string& org, const std::string& reuse_key) {
  for (auto entry = tables_.conversions.rbegin(); entry != tables_.conversions.rend(); ++entry) {
    const ConversionRow& row = entry->second;
    if (row.org == org && row.reuse_key == reuse_key && row.status == "completed" && !row.result_gone_ms)
      return sound(row);
  }
  return std::nullopt;
}

std::optional<IdempotencyRow> MemoryStore::idempotency_key(const std::string& org, const std::string& key) {
  const auto found = tables_.keys.find({org, key});
  if (keys_overlooked_ || found == tables_.keys.end()) return std::nullopt;
  return found->second;
}

DocumentRow MemoryStore::with_badge(DocumentRow row) {
  const auto newest = conversions({row.org, std::nullopt, row.name, "", 1});
  if (newest.empty()) return row;
  row.last_conversion = newest.front().id;
  row.last_status = newest.front().status;
  return row;
}

std::optional<DocumentRow> MemoryStore::document(const std::string& org, const std::string& name) {
  const auto found = tables_.documents.find({org, name});
  if (found == tables_.documents.end()) return std::nullopt;
  return with_badge(found->second);
}

std::vector<DocumentRow> MemoryStore::documents(const DocumentQuery& query) {
  std::vector<DocumentRow> rows;
  for (const auto& [key, row] : tables_.documents) {
    if (row.org == query.org && row.name > query.after && rows.size() < static_cast<std::size_t>(query.limit))
      rows.push_back(with_badge(row));
  }
  return rows;
}

std::vector<NoteRow> MemoryStore::notes(const std::string& org, const std::string& conversion) {
  std::vector<NoteRow> rows;
  for (const NoteRow& row : tables_.notes) {
    if (row.org == org && row.conversion == conversion) rows.push_back(row);
  }
  return rows;
}

std::vector<RuntimeRow> MemoryStore::recent_runtimes(int limit) {
  std::vector<RuntimeRow> rows(tables_.runtimes.rbegin(), tables_.runtimes.rend());
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(limit)));
  return rows;
}

std::vector<EventRow> MemoryStore::events(const std::string& org, std::int64_t after, std::int64_t through, int limit) {
  std::vector<EventRow> rows;
  for (const EventRow& row : tables_.events) {
    const bool wanted = row.org == org && row.seq > after && row.seq <= through;
    if (wanted && rows.size() < static_cast<std::size_t>(limit)) rows.push_back(row);
  }
  return rows;
}

std::vector<EventRow> MemoryStore::newest_events(const std::string& org, std::int64_t through, int limit) {
  auto rows = events(org, 0, through, std::numeric_limits<int>::max());
  const auto most = static_cast<std::size_t>(limit);
  if (rows.size() > most) rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(most));
  return rows;
}

std::int64_t MemoryStore::count_events(const EventCount& query) {
  const auto rows = events(query.org, query.after, query.through, std::numeric_limits<int>::max());
  return std::count_if(rows.begin(), rows.end(), [&](const EventRow& row) {
    return row.service == query.service && (query.subject.empty() || row.subject == query.subject);
  });
}

std::int64_t MemoryStore::oldest_event(const std::string& org) {
  return tables_.floors[org] + 1;
}

std::vector<PoisonRow> MemoryStore::poisons(int limit) {
  std::vector<PoisonRow> rows;
  for (const auto& [key, row] : tables_.poisons) rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.last_ms > b.last_ms; });
  rows.resize(std::min(rows.size(), static_cast<std::size_t>(limit)));
  return rows;
}

bool MemoryStore::has_result(const std::string& id) {
  const auto found = conversion(id);
  return found && has_its_result(*found);
}

std::vector<ConversionRow> MemoryStore::stored_results(int limit) {
  std::vector<ConversionRow> rows;
  for (const auto& [id, row] : tables_.conversions) {
    if (has_its_result(row)) rows.push_back(row);
  }
  return first_ended(std::move(rows), limit);
}

std::vector<ConversionRow> MemoryStore::ended(Millis before_ms, int limit) {
  std::vector<ConversionRow> rows;
  for (const auto& [id, row] : tables_.conversions) {
    if (row.completed_ms && *row.completed_ms < before_ms) rows.push_back(row);
  }
  return first_ended(std::move(rows), limit);
}

std::vector<DocumentRow> MemoryStore::unused_documents(Millis before_ms, int limit) {
  std::vector<DocumentRow> rows;
  for (const auto& [key, row] : tables_.documents) {
    if (tables_.uses[key] < before_ms && rows.size() < static_cast<std::size_t>(limit)) rows.push_back(row);
  }
  return rows;
}

Usage MemoryStore::usage_where(const std::function<bool(const std::string& org)>& counts) const {
  Usage usage;
  for (const auto& [key, row] : tables_.documents) {
    if (!counts(row.org)) continue;
    ++usage.documents;
    usage.document_bytes += row.size_bytes;
  }
  for (const auto& [id, row] : tables_.conversions) {
    if (!counts(row.org) || !has_its_result(row)) continue;
    ++usage.results;
    usage.result_bytes += row.result_bytes;
  }
  return usage;
}

bool MemoryStore::blob_in_use(const std::string& sha256) {
  const auto by_document = [&](const auto& entry) { return entry.second.sha256 == sha256; };
  const auto by_conversion = [&](const auto& entry) {
    return entry.second.input_sha256 == sha256 && !is_terminal(entry.second);
  };
  return std::any_of(tables_.documents.begin(), tables_.documents.end(), by_document) ||
         std::any_of(tables_.conversions.begin(), tables_.conversions.end(), by_conversion);
}

std::vector<std::string> MemoryStore::story(const std::string& subject) const {
  std::vector<std::string> types;
  for (const EventRow& row : tables_.events) {
    if (row.subject == subject) types.push_back(row.type);
  }
  return types;
}

}  // namespace tests
