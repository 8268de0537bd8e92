#pragma once
// The body of POST /documents while it arrives: one raw file, or a form with one or more.

#include <memory>
#include <string_view>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/api/file_upload.h"
#include "shared/result.h"

namespace convd::api {

inline constexpr std::size_t most_files_per_request = 100;

// Loop thread only. Dropped before finish(), it leaves nothing behind.
class DocumentBody {
 public:
  // A form by its Content-Type, anything else is raw and named by ?name=. Errors: invalid_request, invalid_filename,
  // body_too_large by the announced length, disk_full, shutting_down.
  static shared::Result<std::unique_ptr<DocumentBody>> open(const Request& request, UploadDesk desk);

  virtual ~DocumentBody() = default;
  virtual shared::Result<void> feed(std::string_view bytes) = 0;
  // At least one, each with a name, no name twice.
  virtual shared::Result<std::vector<FileUpload>> finish() = 0;
};

}  // namespace convd::api
