#include "convd/api/file_upload.h"

#include <utility>

#include "convd/api/services.h"

namespace convd::api {
namespace {

constexpr std::int64_t form_bytes = 1 << 20;  // boundaries, part heads and fields beside the file

}  // namespace

shared::Result<FileUpload> FileUpload::begin(const UploadDesk& desk, std::string name,
                                             std::optional<std::int64_t> total_bytes) {
  if (!name.empty()) {
    if (auto outcome = jobs::check_filename(name); !outcome) return outcome.error();
  }
  using For = jobs::Manager::UploadFor;
  const bool is_repetition = desk.idempotency_key && desk.manager.remembers(desk.org, *desk.idempotency_key);
  auto upload = desk.manager.begin_upload(desk.org, is_repetition ? For::repetition : For::new_work, total_bytes);
  if (!upload) return upload.error();
  FileUpload file(desk, std::move(name), *std::move(upload));
  if (!file.name_.empty()) file.announce(total_bytes);
  return file;
}

void FileUpload::announce(std::optional<std::int64_t> total_bytes) {
  ticket_ = desk_.uploads.begin(desk_.org, desk_.principal, name_, total_bytes);
}

shared::Result<void> FileUpload::append(std::string_view bytes) {
  const std::int64_t limit_bytes = desk_.manager.settings().input_bytes;
  if (upload_->size_bytes() + static_cast<std::int64_t>(bytes.size()) > limit_bytes) {
    return shared::Error{
        shared::ErrorCode::body_too_large, "a file may have " + std::to_string(limit_bytes) + " bytes", {}};
  }
  if (!ticket_) announce({});
  auto appended = upload_->append(bytes);
  if (appended) ticket_->received(upload_->size_bytes());
  return appended;
}

UploadDesk upload_desk(const Services& services, const Caller& caller) {
  return {services.manager, services.realtime.uploads, caller.org, caller.principal, {}};
}

std::int64_t upload_body_bytes(const jobs::Manager& manager) {
  return manager.settings().input_bytes + form_bytes;
}

}  // namespace convd::api
