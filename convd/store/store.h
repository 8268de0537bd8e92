#pragma once
// The database: SQLite in WAL mode with synchronous=FULL, one connection that writes, on the store thread, many
// operations to a transaction (group commit). What was acknowledged survives a power cut. Files are prepared on threads
// of their own, so that nobody's commit waits for another's fsync: uploads on the upload thread, all else on the file
// thread, for a result may be large and who uploads waits for an answer.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/store/files.h"
#include "convd/store/records.h"
#include "shared/result.h"

namespace convd::store {

// One that was asked for is not what was written.
class DamagedEvent : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What became of a note that was to be written.
enum class Noted : std::uint8_t { written, no_conversion, too_many };

// What an operation may do inside the writer's transaction. Throws what the database cannot do: then the operation
// fails, the others of its transaction do not. Store thread only.
class Transaction {
 public:
  virtual ~Transaction() = default;
  virtual void insert(const ConversionRow& row) = 0;
  // Writes every column of an existing row but those that never change (id, org, filename, input_sha256, created_ms).
  // Attempt and rev are the writer's token: a row that has ended, that has come to a later attempt or that is as new by
  // its rev is never touched. Returns whether it was written.
  virtual bool update(const ConversionRow& row) = 0;
  // With its notes and its idempotency keys. Returns whether there was one.
  virtual bool remove_conversion(const std::string& id) = 0;
  // Of a conversion that has completed: its results are not stored any more, and why ("age", "size"). Raises its rev by
  // one; the files go after the commit. Returns whether it still had them.
  virtual bool remove_result(const std::string& id, Millis now_ms, const std::string& why) = 0;
  // Written unless the org has that key since `live_since_ms` or later: then nothing is, and what it has is returned.
  virtual std::optional<IdempotencyRow> claim_key(const IdempotencyRow& row, Millis live_since_ms) = 0;
  // Removes keys older than that, the oldest first, at most `limit` at a time; returns how many.
  virtual std::int64_t prune_keys(Millis before_ms, int limit) = 0;
  // Written only when the org has such a conversion, and that has less than `most` notes.
  virtual Noted add_note(const NoteRow& row, int most) = 0;
  virtual void put(const DocumentRow& row) = 0;
  virtual bool remove_document(const std::string& org, const std::string& name) = 0;
  // A conversion of it was asked for. Known to the minute: one that was used within the last is left alone.
  virtual void use_document(const std::string& org, const std::string& name, Millis now_ms) = 0;
  // Only when it has been neither stored nor used since `before_ms`. Returns whether it was removed.
  virtual bool remove_unused_document(const std::string& org, const std::string& name, Millis before_ms) = 0;
  // Begins the org's log when there is none.
  virtual LogHead open_log(const std::string& org) = 0;
  // Returns the event's seq in the org's log. Seqs grow, and none is given out twice, whatever happens; those of
  // operations that fail are lost.
  virtual std::int64_t append(const EventRow& row) = 0;
  // Removes events older than that and those beyond the newest `most_events` of an org, at most `limit` at a time;
  // returns how many.
  virtual std::int64_t prune_events(Millis before_ms, std::int64_t most_events, int limit) = 0;
  virtual void record(const RuntimeRow& row) = 0;
  virtual void put(const PoisonRow& row) = 0;  // no crashes: removes it
  // Writes what means nothing: its commit shows whether the disk takes what it is given.
  virtual void touch() = 0;
  // A blob that no document and no unfinished conversion names any more is removed after the commit: after every write
  // submitted by the time `done` has run, before the `done` of what is submitted in a later turn of the loop. Publish a
  // blob and write the first row that names it in one submission, which keeps the Upload until its `done`.
  virtual void maybe_drop_blob(const std::string& sha256) = 0;
};

struct ListQuery {
  std::string org;
  std::optional<std::string> status;
  std::optional<std::string> filename;
  std::string before;  // keyset: ids strictly older than this one; empty is from the newest
  int limit = 50;
};

struct DocumentQuery {
  std::string org;
  std::string after;  // keyset: names strictly greater
  int limit = 50;
};

// State events of one service with after < seq <= through.
struct EventCount {
  std::string org;
  std::string service;
  std::string subject;  // empty: of all
  std::int64_t after = 0;
  std::int64_t through = 0;
};

struct StoreStats {
  std::int64_t commits = 0;
  std::int64_t operations = 0;
  std::int64_t failed = 0;
  std::int64_t queued = 0;  // operations waiting now
  std::int64_t last_commit_us = 0;
};

// submit() and the reads: loop thread only. Preparations run on the file thread or the upload thread, operations on the
// store thread, `done` on the loop thread.
class Store {
 public:
  using Preparation = std::function<shared::Result<void>(Files&)>;
  using Operation = std::function<shared::Result<void>(Transaction&, Files&)>;
  using Done = std::function<void(shared::Result<void>)>;

  // Opens or creates <state_dir>/convd.db, migrates it, starts the thread. Errors: unavailable (with what is wrong: not
  // a database, a newer schema, no permission).
  static shared::Result<std::unique_ptr<Store>> open(const std::string& state_dir, loop::Loop& loop);
  virtual ~Store() = default;  // commits what was submitted, joins the threads; no `done` is called after that

  // `prepare` is file work that blocks (fsync of an upload, publishing a result). It runs before the transaction and
  // outside of it; when it fails `write` is not run. Each of the three may be missing. `done` after the commit, or with
  // the error: what `prepare` or `write` returned, disk_full or unavailable when the commit failed.
  //
  // The order: submissions with a `prepare` keep theirs, prepared one after the other and then written one after the
  // other; so do those without. Between the two kinds there is none: one without overtakes those whose files are not
  // ready. Who needs an order there waits for `done` before submitting the second, or gives both a `prepare`.
  virtual void submit(Preparation prepare, Operation write, Done done) = 0;
  void submit(Operation write, Done done) { submit(nullptr, std::move(write), std::move(done)); }
  // The like for a `prepare` that does no more than publish_blob(). These keep their order among themselves; they and
  // what is prepared otherwise do not wait for one another.
  virtual void submit_upload(Preparation prepare, Operation write, Done done) {
    submit(std::move(prepare), std::move(write), std::move(done));
  }
  // What ends or removes something. When the disk is full it is written all the same, into space that was held back
  // (see Reserve); `write` may then run twice, the first time undone.
  virtual void submit_essential(Operation write, Done done) { submit(std::move(write), std::move(done)); }

  // What has been appended to the logs is told on the loop thread once it is committed, in the order of each log: after
  // the `done` of its submission and before that of any later one.
  using Appended = std::function<void(std::vector<EventRow>)>;
  virtual void on_appended(Appended told) = 0;

  // Reads: short, indexed, bounded; on a read-only connection of their own. They throw std::runtime_error when the
  // database cannot be read: "there is none" would be a lie, and a sweep that believed it would remove what is needed.
  virtual std::optional<ConversionRow> conversion(const std::string& id) = 0;
  virtual std::vector<ConversionRow> conversions(const ListQuery& query) = 0;  // newest first
  virtual std::vector<ConversionRow> unfinished() = 0;                         // oldest first; for recovery
  // The newest completed conversion of the org with that reuse key whose results are stored.
  virtual std::optional<ConversionRow> reusable(const std::string& org, const std::string& reuse_key) = 0;
  virtual std::optional<IdempotencyRow> idempotency_key(const std::string& org, const std::string& key) = 0;
  virtual std::optional<DocumentRow> document(const std::string& org, const std::string& name) = 0;
  virtual std::vector<DocumentRow> documents(const DocumentQuery& query) = 0;                     // by name
  virtual std::vector<NoteRow> notes(const std::string& org, const std::string& conversion) = 0;  // oldest first
  virtual std::vector<RuntimeRow> recent_runtimes(int limit) = 0;                                 // newest first
  // State events with after < seq <= through, oldest first. Throws DamagedEvent.
  virtual std::vector<EventRow> events(const std::string& org, std::int64_t after, std::int64_t through, int limit) = 0;
  virtual std::vector<EventRow> newest_events(const std::string& org, std::int64_t through, int limit) = 0;  // the same
  virtual std::int64_t count_events(const EventCount& query) = 0;
  virtual std::int64_t oldest_event(const std::string& org) = 0;     // the first seq that may still be there
  virtual std::vector<PoisonRow> poisons(int limit) = 0;             // the last crash first; no damaged ones
  virtual bool has_result(const std::string& id) = 0;                // completed, and retention has left it its results
  virtual std::vector<ConversionRow> stored_results(int limit) = 0;  // those who have theirs, first ended first
  virtual std::vector<ConversionRow> ended(Millis before_ms, int limit) = 0;  // first ended first
  virtual std::vector<DocumentRow> unused_documents(Millis before_ms, int limit) = 0;
  virtual Usage usage(const std::string& org) = 0;
  virtual Usage usage_of_all() = 0;  // a row for each org: not for every request
  virtual bool blob_in_use(const std::string& sha256) = 0;

  virtual Files& files() = 0;
  // Why the disk took less than it was given, until something is written again; nothing when all is well. Any thread.
  virtual std::optional<shared::Error> lost_write() const = 0;
  virtual StoreStats stats() const = 0;  // any thread
};

}  // namespace convd::store
