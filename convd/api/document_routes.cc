// The document library.

#include <optional>
#include <utility>

#include "convd/api/document_body.h"
#include "convd/api/file_response.h"
#include "convd/api/header_value.h"
#include "convd/api/query.h"
#include "convd/api/services.h"
#include "convd/api/text.h"

namespace convd::api {
namespace {

using shared::Error;
using shared::Json;
using shared::Result;

Json documents_json(const std::vector<jobs::DocumentInfo>& documents) {
  Json items = Json::array();
  for (const jobs::DocumentInfo& document : documents) items.push(jobs::to_json(document));
  Json json = Json::object();
  json.set("documents", std::move(items));
  return json;
}

// Files of one request on their way to the store; answers when the last one is there. The first error is the answer,
// what was stored before stays stored.
class Storing : public std::enable_shared_from_this<Storing> {
 public:
  Storing(Reply reply, std::size_t files) : reply_(std::move(reply)), stored_(files), left_(files) {}

  void start(jobs::Manager& manager, const std::string& org, std::vector<FileUpload> files) {
    for (std::size_t i = 0; i < files.size(); ++i) {
      reply_.about(files[i].name());
      const std::shared_ptr<realtime::Uploads::Arrival> arrival = files[i].take_ticket();
      manager.put_document(org, files[i].name(), files[i].take(),
                           [self = shared_from_this(), i, arrival](Result<jobs::DocumentInfo> document) {
                             if (document) arrival->stored(document->name);
                             self->done(i, std::move(document));
                           });
    }
  }

 private:
  void done(std::size_t index, Result<jobs::DocumentInfo> document) {
    if (document)
      stored_[index] = *std::move(document);
    else if (!error_)
      error_ = document.error();
    if (--left_ > 0) return;
    if (error_) return reply_.fail(*error_);
    Response response = json_response(201, documents_json(stored_));
    if (stored_.size() == 1) response.headers.emplace_back("Location", "/documents/" + percent_encode(stored_[0].name));
    reply_.send(std::move(response));
  }

  Reply reply_;
  std::vector<jobs::DocumentInfo> stored_;
  std::size_t left_;
  std::optional<Error> error_;
};

class UploadDocuments final : public Handler {
 public:
  UploadDocuments(jobs::Manager& manager, Call call, std::unique_ptr<DocumentBody> body)
      : manager_(manager), call_(std::move(call)), body_(std::move(body)) {}

  void on_body(std::string_view bytes) override {
    if (auto outcome = body_->feed(bytes); !outcome) call_.reply.fail(outcome.error());
  }
  void on_body_end() override {
    auto files = body_->finish();
    if (!files) return call_.reply.fail(files.error());
    const auto storing = std::make_shared<Storing>(call_.reply, files->size());
    storing->start(manager_, call_.request.caller.org, *std::move(files));
  }

 private:
  jobs::Manager& manager_;
  Call call_;
  std::unique_ptr<DocumentBody> body_;
};

std::shared_ptr<Handler> upload(const Services& services, Call call) {
  auto body = DocumentBody::open(call.request, upload_desk(services, call.request.caller));
  if (!body) {
    call.reply.fail(body.error());
    return nullptr;
  }
  return std::make_shared<UploadDocuments>(services.manager, std::move(call), *std::move(body));
}

Result<Response> list(const Services& services, const Call& call) {
  const auto limit = integer_param(call.request, "limit", 1, 500);
  if (!limit) return limit.error();
  const auto page = services.manager.documents(call.request.caller.org, call.request.param("after").value_or(""),
                                               static_cast<int>(limit->value_or(50)));
  Json json = documents_json(page.items);
  json.set("next", Json::or_null(page.next));
  return json_response(200, json);
}

// The bytes, unless the client would rather have JSON than a file of this type.
void get(const Services& services, const Call& call) {
  const auto& org = call.request.caller.org;
  const auto document = services.manager.document(org, call.params[0]);
  if (!document) return call.reply.fail(document.error());
  const std::string_view accept = call.request.header("accept");
  if (accept_quality(accept, "application/json") > accept_quality(accept, document->media_type)) {
    Response response = json_response(200, jobs::to_json(*document));
    response.headers.emplace_back("Vary", "Accept");
    return call.reply.send(std::move(response));
  }
  auto fd = services.manager.open_document(org, call.params[0]);
  if (!fd) return call.reply.fail(fd.error());
  const shared::ResultFile file{document->name, document->media_type, document->size_bytes, document->sha256};
  send_file(call.request, file, *std::move(fd), call.reply);
}

void remove(const Services& services, const Call& call) {
  services.manager.remove_document(call.request.caller.org, call.params[0], [reply = call.reply](Result<void> outcome) {
    if (!outcome) return reply.fail(outcome.error());
    reply.send(empty_response(204));
  });
}

}  // namespace

std::vector<Route> document_routes(Services& services) {
  const auto later = [&services](auto handler) {
    return answer_later([&services, handler](const Call& call) { handler(services, call); });
  };
  constexpr auto convert = Permission::convert;
  constexpr auto read = Permission::read;
  constexpr auto limit = ignored_body_bytes;
  return {
      {"POST", "/documents", convert, Body::taken, upload_body_bytes(services.manager),
       [&services](Call call) { return upload(services, std::move(call)); }},
      {"GET", "/documents", read, Body::ignored, limit,
       answer([&services](const Call& call) { return list(services, call); })},
      {"GET", "/documents/{name}", read, Body::ignored, limit, later(get)},
      {"DELETE", "/documents/{name}", convert, Body::ignored, limit, later(remove)},
  };
}

}  // namespace convd::api
