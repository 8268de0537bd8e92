#pragma once
// One file on its way from a request into the store.

#include <memory>
#include <string>
#include <string_view>

#include "convd/jobs/manager.h"
#include "convd/store/files.h"
#include "shared/result.h"

namespace convd::api {

// Dropping it removes what was received. Loop thread only.
class FileUpload {
 public:
  // `name` may be empty: it is then given later, or the file was not chosen. Errors: invalid_filename, disk_full,
  // shutting_down.
  static shared::Result<FileUpload> begin(jobs::Manager& manager, std::string name);

  // Errors: body_too_large beyond Settings::input_bytes, disk_full, unavailable.
  shared::Result<void> append(std::string_view bytes);
  const std::string& name() const { return name_; }
  // A form's file input that was left empty arrives as a part with an empty name and no bytes.
  bool is_unchosen() const { return name_.empty() && upload_->size_bytes() == 0; }
  std::unique_ptr<store::Upload> take() { return std::move(upload_); }

 private:
  FileUpload(std::string name, std::unique_ptr<store::Upload> upload, std::int64_t limit_bytes)
      : name_(std::move(name)), upload_(std::move(upload)), limit_bytes_(limit_bytes) {}

  std::string name_;
  std::unique_ptr<store::Upload> upload_;
  std::int64_t limit_bytes_;
};

// The limit of a body that may hold a file and the form around it.
std::int64_t upload_body_bytes(const jobs::Manager& manager);

}  // namespace convd::api
