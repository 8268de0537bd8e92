#include "convd/api/file_response.h"

#include <utility>

#include "convd/api/conditions.h"

namespace convd::api {
namespace {

// What a document says must not run in our origin: the bytes are the client's or an engine's.
Headers file_headers(const shared::ResultFile& file, const std::string& etag) {
  Headers headers{{"Content-Type", file.media_type},
                  {"Accept-Ranges", "bytes"},
                  {"Content-Disposition", attachment(file.name)},
                  {"Cache-Control", "private, no-cache"},
                  {"X-Content-Type-Options", "nosniff"},
                  {"Content-Security-Policy", "sandbox; default-src 'none'"}};
  if (!etag.empty()) headers.emplace_back("ETag", etag);
  return headers;
}

void refuse_range(const shared::ResultFile& file, const Reply& reply) {
  Problem problem;
  problem.error = {shared::ErrorCode::range_not_satisfiable,
                   "the range begins behind the end; the file has " + std::to_string(file.size_bytes) + " bytes",
                   {}};
  problem.headers.emplace_back("Content-Range", "bytes */" + std::to_string(file.size_bytes));
  reply.fail(problem);
}

}  // namespace

void send_file(const Request& request, const shared::ResultFile& file, loop::UniqueFd fd, const Reply& reply) {
  const std::string etag = file.sha256.empty() ? std::string() : "\"" + file.sha256 + "\"";
  if (!etag.empty() && names_etag(request.header("if-none-match"), etag)) {
    Response response = empty_response(304);
    response.headers = {{"ETag", etag}, {"Cache-Control", "private, no-cache"}};
    return reply.send(std::move(response));
  }
  ByteRange range;
  // RFC 9110 defines Range for GET only.
  if (request.method == "GET" && range_applies(request.header("if-range"), etag)) {
    range = parse_range(request.header("range"), file.size_bytes);
  }
  if (range.kind == ByteRange::Kind::unsatisfiable) return refuse_range(file, reply);
  Response response{200, file_headers(file, etag), FileBody{std::move(fd), 0, file.size_bytes}};
  if (range.kind == ByteRange::Kind::part) {
    auto& body = std::get<FileBody>(response.body);
    body.offset = range.offset;
    body.length = range.length;
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.offset) + "-" +
                                                       std::to_string(range.offset + range.length - 1) + "/" +
                                                       std::to_string(file.size_bytes));
  }
  reply.send(std::move(response));
}

}  // namespace convd::api
