#pragma once
// One transaction for many operations, over the connection that writes. Store thread only.

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "convd/store/files.h"
#include "convd/store/log_writer.h"
#include "convd/store/lost_write.h"
#include "convd/store/sqlite.h"
#include "convd/store/submission.h"

namespace convd::store {

// The statements of the writing connection. Methods throw SqliteError.
class WriteTransaction final : public Transaction {
 public:
  explicit WriteTransaction(Database& database);

  void insert(const ConversionRow& row) override;
  bool update(const ConversionRow& row) override;
  bool remove_conversion(const std::string& id) override;
  bool remove_result(const std::string& id, Millis now_ms, const std::string& why) override;
  std::optional<IdempotencyRow> claim_key(const IdempotencyRow& row, Millis live_since_ms) override;
  std::int64_t prune_keys(Millis before_ms, int limit) override;
  Noted add_note(const NoteRow& row, int most) override;
  void put(const DocumentRow& row) override;
  bool remove_document(const std::string& org, const std::string& name) override;
  void use_document(const std::string& org, const std::string& name, Millis now_ms) override;
  bool remove_unused_document(const std::string& org, const std::string& name, Millis before_ms) override;
  LogHead open_log(const std::string& org) override { return log_.open(org); }
  std::int64_t append(const EventRow& row) override { return log_.append(row); }
  std::int64_t prune_events(Millis before_ms, std::int64_t most_events, int limit) override {
    return log_.prune(before_ms, most_events, limit);
  }
  void record(const RuntimeRow& row) override;
  void put(const PoisonRow& row) override;
  void touch() override;
  void maybe_drop_blob(const std::string& sha256) override;

  void begin();
  void commit();
  void rollback(Database& database);
  // Operations are undone one by one: what one has done goes, with the blobs it wanted dropped.
  void begin_operation();
  void keep_operation();
  void undo_operation();

  // How much has been written since the connection was opened; only whether it differs means something.
  std::int64_t changes() const { return database_.changes() + touches_; }

  bool blob_in_use(const std::string& sha256);
  std::vector<std::string> take_drops();
  std::vector<EventRow> take_appended() { return log_.take_appended(); }

 private:
  Database& database_;
  Statement begin_;
  Statement commit_;
  Statement rollback_;
  Statement savepoint_;
  Statement release_;
  Statement rollback_to_;
  Statement insert_;
  Statement update_;
  Statement remove_conversion_;
  Statement find_result_;
  Statement remove_result_;
  Statement remove_notes_;
  Statement remove_keys_;
  Statement expire_key_;
  Statement claim_key_;
  Statement find_key_;
  Statement prune_keys_;
  Statement may_note_;
  Statement add_note_;
  Statement put_;
  Statement remove_document_;
  Statement use_document_;
  Statement remove_unused_document_;
  Statement record_;
  Statement forget_;
  Statement put_poison_;
  Statement remove_poison_;
  Statement blob_in_use_;
  Statement touch_;
  std::int64_t touches_ = 0;
  LogWriter log_;
  std::vector<std::string> drops_;
  std::size_t drops_before_operation_ = 0;
};

class Writer {
 public:
  // Throws SqliteError when the database cannot be opened.
  Writer(std::string path, Files& files, LostWrite& lost_write);

  // Writes and commits what has been prepared; sets every outcome. Throws nothing that an operation, the disk or SQLite
  // can cause: after an error that leaves the connection in doubt it is opened anew, by the next batch if not at once.
  void run(std::span<Submission> batch);

  // What operations committed since the last call have appended to the logs.
  std::vector<EventRow> take_appended();
  // The blobs that operations committed since the last call may have left unused.
  std::vector<std::string> take_drops();

  // How long the last COMMIT took; nothing when the last batch had none.
  std::optional<std::chrono::microseconds> last_commit() const { return last_commit_; }

 private:
  struct Connection {
    explicit Connection(const std::string& path);
    Database database;
    WriteTransaction transaction;
  };

  void commit(std::span<Submission> batch);
  void write(std::span<Submission> batch);
  bool write_one(Submission& submission);
  void drop_unused(std::span<const Submission> batch);
  void abandon(std::span<Submission> batch, const SqliteError& error);
  void rescue(std::span<Submission> batch);
  void shorten_log();

  std::string path_;
  Files& files_;
  LostWrite& lost_write_;
  std::optional<Connection> connection_;
  std::optional<std::chrono::microseconds> last_commit_;
};

}  // namespace convd::store
