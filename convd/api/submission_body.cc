#include "convd/api/submission_body.h"

#include <utility>

#include "convd/api/header_value.h"
#include "convd/api/multipart.h"
#include "convd/api/submission.h"
#include "shared/utf8.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::Result;

constexpr std::size_t most_text_bytes = 1 << 20;

Result<jobs::Submission> named(Result<jobs::Submission> submission) {
  if (submission && submission->filename.empty()) {
    return Error{ErrorCode::invalid_filename,
                 "filename: required: a document of the library; or send a multipart form with a file",
                 {}};
  }
  return submission;
}

// JSON and urlencoded bodies are small: they are read whole.
class TextSubmission final : public SubmissionBody {
 public:
  using Read = Result<jobs::Submission> (*)(std::string_view text);
  explicit TextSubmission(Read read) : read_(read) {}

  Result<void> feed(std::string_view bytes) override {
    if (text_.size() + bytes.size() > most_text_bytes) {
      return Error{
          ErrorCode::body_too_large, "a body of this type may have " + std::to_string(most_text_bytes) + " bytes", {}};
    }
    text_.append(bytes);
    return {};
  }
  Result<jobs::Submission> finish() override { return named(read_(text_)); }

 private:
  Read read_;
  std::string text_;
};

Result<jobs::Submission> read_json(std::string_view text) {
  const auto json = Json::parse(text, {.size_bytes = most_text_bytes, .depth = 32});
  if (!json) return json.error();
  return read_submission(json->read());
}

Result<jobs::Submission> read_urlencoded(std::string_view text) {
  const auto fields = parse_form(text);
  if (!fields) return fields.error();
  return read_form_submission(*fields);
}

// Fields may come before or after the file.
class MultipartSubmission final : public SubmissionBody, private PartSink {
 public:
  MultipartSubmission(const std::string& boundary, UploadDesk desk)
      : desk_(std::move(desk)), parser_(boundary, *this) {}

  Result<void> feed(std::string_view bytes) override { return parser_.feed(bytes); }

  Result<jobs::Submission> finish() override {
    if (auto outcome = parser_.finish(); !outcome) return outcome.error();
    auto submission = read_form_submission(fields_);
    if (!submission || !file_ || file_->is_unchosen()) return named(std::move(submission));
    if (submission->filename.empty()) submission->filename = file_->name();
    if (submission->filename.empty()) {
      return Error{
          ErrorCode::invalid_filename, "the file part has no filename; give it one, or send a filename field", {}};
    }
    submission->upload = file_->take();
    return submission;
  }
  realtime::Uploads::Ticket take_ticket() override { return file_ ? file_->take_ticket() : nullptr; }

 private:
  Result<PartUse> on_part(const PartHead& head) override {
    if (is_submission_field(head.name)) return PartUse::value;
    if (head.name != "file") return Error{ErrorCode::invalid_request, unknown_field(head.name), {}};
    if (file_) return Error{ErrorCode::invalid_request, "file: given twice; a conversion has one input", {}};
    auto file = FileUpload::begin(desk_, head.filename.value_or(""));
    if (!file) return file.error();
    file_.emplace(*std::move(file));
    return PartUse::stream;
  }
  Result<void> on_value(const PartHead& head, std::string value) override {
    if (!shared::is_utf8(value)) return Error{ErrorCode::invalid_request, head.name + ": not valid UTF-8", {}};
    fields_.emplace_back(head.name, std::move(value));
    return {};
  }
  Result<void> on_bytes(std::string_view bytes) override { return file_->append(bytes); }
  Result<void> on_stream_end() override { return {}; }

  UploadDesk desk_;
  MultipartParser parser_;
  FormFields fields_;
  std::optional<FileUpload> file_;
};

}  // namespace

Result<std::unique_ptr<SubmissionBody>> SubmissionBody::open(const Request& request, UploadDesk desk) {
  const std::string_view content_type = request.header("content-type");
  switch (body_type(content_type)) {
    case BodyType::json:
      return std::unique_ptr<SubmissionBody>(std::make_unique<TextSubmission>(read_json));
    case BodyType::urlencoded:
      return std::unique_ptr<SubmissionBody>(std::make_unique<TextSubmission>(read_urlencoded));
    case BodyType::multipart: {
      auto boundary = MultipartParser::boundary_of(content_type);
      if (!boundary) return boundary.error();
      return std::unique_ptr<SubmissionBody>(std::make_unique<MultipartSubmission>(*boundary, std::move(desk)));
    }
    case BodyType::other:
    case BodyType::absent:
      break;
  }
  return Error{ErrorCode::unsupported_media_type,
               "Content-Type must be application/json, multipart/form-data or application/x-www-form-urlencoded",
               {}};
}

}  // namespace convd::api
