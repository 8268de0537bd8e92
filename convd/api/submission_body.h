#pragma once
// The body of a request for a conversion while it arrives: JSON, a form, or a form with the file itself.

#include <memory>
#include <string_view>

#include "convd/api/exchange.h"
#include "convd/api/file_upload.h"
#include "convd/jobs/manager.h"
#include "shared/result.h"

namespace convd::api {

// Loop thread only. Dropped before finish(), it leaves nothing behind.
class SubmissionBody {
 public:
  // By Content-Type. Errors: unsupported_media_type (with what is accepted), invalid_request for a broken boundary.
  static shared::Result<std::unique_ptr<SubmissionBody>> open(const Request& request, UploadDesk desk);

  virtual ~SubmissionBody() = default;
  // Errors: what is wrong with the bytes so far, body_too_large, and those of the upload (disk_full, shutting_down).
  virtual shared::Result<void> feed(std::string_view bytes) = 0;
  // What was asked for, without org and principal. The filename is never empty.
  virtual shared::Result<jobs::Submission> finish() = 0;
  // After finish(): to be told when the file that came with it is stored. Null when none came.
  virtual realtime::Uploads::Ticket take_ticket() { return nullptr; }
};

}  // namespace convd::api
