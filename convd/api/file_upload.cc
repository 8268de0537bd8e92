#include "convd/api/file_upload.h"

#include <utility>

namespace convd::api {
namespace {

constexpr std::int64_t form_bytes = 1 << 20;  // boundaries, part heads and fields beside the file

}  // namespace

shared::Result<FileUpload> FileUpload::begin(jobs::Manager& manager, std::string name) {
  if (!name.empty()) {
    if (auto outcome = jobs::check_filename(name); !outcome) return outcome.error();
  }
  auto upload = manager.begin_upload();
  if (!upload) return upload.error();
  return FileUpload(std::move(name), *std::move(upload), manager.settings().input_bytes);
}

shared::Result<void> FileUpload::append(std::string_view bytes) {
  if (upload_->size_bytes() + static_cast<std::int64_t>(bytes.size()) > limit_bytes_) {
    return shared::Error{
        shared::ErrorCode::body_too_large, "a file may have " + std::to_string(limit_bytes_) + " bytes", {}};
  }
  return upload_->append(bytes);
}

std::int64_t upload_body_bytes(const jobs::Manager& manager) {
  return manager.settings().input_bytes + form_bytes;
}

}  // namespace convd::api
