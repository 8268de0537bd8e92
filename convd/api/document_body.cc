#include "convd/api/document_body.h"

#include <utility>

#include "convd/api/header_value.h"
#include "convd/api/multipart.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Result;

Error refused(std::string message) {
  return {ErrorCode::invalid_request, std::move(message), {}};
}

class RawDocument final : public DocumentBody {
 public:
  explicit RawDocument(FileUpload file) : file_(std::move(file)) {}

  Result<void> feed(std::string_view bytes) override { return file_.append(bytes); }
  Result<std::vector<FileUpload>> finish() override {
    std::vector<FileUpload> files;
    files.push_back(std::move(file_));
    return files;
  }

 private:
  FileUpload file_;
};

class FormDocuments final : public DocumentBody, private PartSink {
 public:
  FormDocuments(const std::string& boundary, UploadDesk desk)
      : desk_(std::move(desk)), parser_(boundary, *this, {.parts = static_cast<int>(most_files_per_request)}) {}

  Result<void> feed(std::string_view bytes) override { return parser_.feed(bytes); }
  Result<std::vector<FileUpload>> finish() override {
    if (auto outcome = parser_.finish(); !outcome) return outcome.error();
    if (files_.empty()) return refused("file: required; send one or more file parts");
    return std::move(files_);
  }

 private:
  Result<PartUse> on_part(const PartHead& head) override {
    if (head.name != "file") return refused("unknown field \"" + head.name + "\"; known is file");
    const std::string name = head.filename.value_or("");
    if (name.empty()) return Error{ErrorCode::invalid_filename, "a file part without a filename", {}};
    for (const FileUpload& other : files_) {
      if (other.name() == name) return refused("file: \"" + name + "\" is sent twice");
    }
    auto file = FileUpload::begin(desk_, name);
    if (!file) return file.error();
    files_.push_back(*std::move(file));
    return PartUse::stream;
  }
  Result<void> on_value(const PartHead&, std::string) override { return {}; }  // no part is used that way
  Result<void> on_bytes(std::string_view bytes) override { return files_.back().append(bytes); }
  Result<void> on_stream_end() override { return {}; }

  UploadDesk desk_;
  MultipartParser parser_;
  std::vector<FileUpload> files_;
};

Result<std::unique_ptr<DocumentBody>> open_raw(const Request& request, const UploadDesk& desk) {
  const auto name = request.param("name");
  if (!name) {
    return refused("name: required: send the bytes with ?name=NAME, or a multipart/form-data body with file parts");
  }
  if (auto outcome = jobs::check_filename(*name); !outcome) return outcome.error();
  const std::int64_t most_bytes = desk.manager.settings().input_bytes;
  if (request.content_length.value_or(0) > most_bytes) {
    return Error{ErrorCode::body_too_large, "a file may have " + std::to_string(most_bytes) + " bytes", {}};
  }
  auto file = FileUpload::begin(desk, *name, request.content_length);
  if (!file) return file.error();
  return std::unique_ptr<DocumentBody>(std::make_unique<RawDocument>(*std::move(file)));
}

}  // namespace

Result<std::unique_ptr<DocumentBody>> DocumentBody::open(const Request& request, UploadDesk desk) {
  const std::string_view content_type = request.header("content-type");
  if (body_type(content_type) != BodyType::multipart) return open_raw(request, desk);
  auto boundary = MultipartParser::boundary_of(content_type);
  if (!boundary) return boundary.error();
  return std::unique_ptr<DocumentBody>(std::make_unique<FormDocuments>(*boundary, std::move(desk)));
}

}  // namespace convd::api
