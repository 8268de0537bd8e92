#pragma once
// One file on its way from a request into the store.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "convd/jobs/manager.h"
#include "convd/realtime/uploads.h"
#include "convd/store/files.h"
#include "shared/result.h"

namespace convd::api {

// Where the files of one caller go, and who is told of them.
struct UploadDesk {
  jobs::Manager& manager;
  realtime::Uploads& uploads;
  std::string org;
  std::string principal;
  std::optional<std::string> idempotency_key = {};  // what they come with may be a repetition
};

// Dropping it removes what was received. Loop thread only.
class FileUpload {
 public:
  // `name` may be empty: it is then given later, or the file was not chosen. `total_bytes` when the client said so.
  // Errors: invalid_filename, disk_full, quota_exceeded, shutting_down.
  static shared::Result<FileUpload> begin(const UploadDesk& desk, std::string name,
                                          std::optional<std::int64_t> total_bytes = {});

  // Errors: body_too_large beyond Settings::input_bytes, disk_full, quota_exceeded, unavailable.
  shared::Result<void> append(std::string_view bytes);
  const std::string& name() const { return name_; }
  // A form's file input that was left empty arrives as a part with an empty name and no bytes.
  bool is_unchosen() const { return name_.empty() && upload_->size_bytes() == 0; }
  std::unique_ptr<store::Upload> take() { return std::move(upload_); }
  // To be told when the file is stored. Null for a file that was not chosen.
  realtime::Uploads::Ticket take_ticket() { return std::move(ticket_); }

 private:
  FileUpload(UploadDesk desk, std::string name, std::unique_ptr<store::Upload> upload)
      : desk_(std::move(desk)), name_(std::move(name)), upload_(std::move(upload)) {}
  void announce(std::optional<std::int64_t> total_bytes);

  UploadDesk desk_;
  std::string name_;
  std::unique_ptr<store::Upload> upload_;
  realtime::Uploads::Ticket ticket_;
};

// The limit of a body that may hold a file and the form around it.
std::int64_t upload_body_bytes(const jobs::Manager& manager);

}  // namespace convd::api
