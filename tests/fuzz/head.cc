// The head of a request: its end is found whatever the pieces, and what is accepted has one meaning.

#include "convd/api/idempotency_key.h"
#include "convd/api/text.h"
#include "convd/api/trace.h"
#include "convd/transport/head_parser.h"
#include "convd/transport/head_rules.h"
#include "tests/fuzz/input.h"

using namespace convd;
using namespace convd::transport;

namespace {

const Limits& small() {
  static const Limits limits = [] {
    Limits made;
    made.head_bytes = 1024;
    made.target_bytes = 256;
    return made;
  }();
  return limits;
}

std::string found(const shared::Result<std::size_t>& end) {
  return end ? std::to_string(*end) : end.error().message;
}

std::size_t count(const api::Headers& headers, std::string_view name) {
  return static_cast<std::size_t>(
      std::count_if(headers.begin(), headers.end(), [&](const auto& header) { return header.first == name; }));
}

void check(const Head& head) {
  const api::Request& request = head.request;
  fuzz::must(api::is_token(request.method), "the method is a token");
  fuzz::must(count(request.headers, "content-length") + count(request.headers, "transfer-encoding") <= 1,
             "the body is delimited in one way");
  fuzz::must(count(request.headers, "host") == 1 || head.http_1_0, "there is one Host");
  fuzz::must(request.content_length.value_or(0) >= 0 && !(head.chunked && request.content_length),
             "a length is not negative and stands alone");
  for (const auto& [name, value] : request.headers) {
    fuzz::must(api::is_token(name) && api::lower(name) == name, "names are tokens in lower case");
    fuzz::must(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "values are one line");
  }
  if (const auto key = api::idempotency_key(request); key && *key)
    fuzz::must(!(*key)->empty() && (*key)->size() <= 255, "a key is within its limit");
  if (head.websocket) (void)websocket_handshake(request);
  const std::string trace = api::trace_id_from(request.header("traceparent"));
  fuzz::must(trace.size() == 32 && trace.find_first_not_of("0123456789abcdef") == trace.npos,
             "a trace id is 32 digits");
}

}  // namespace

FUZZ_TARGET(input) {
  const std::size_t seed = input.number(256);
  const fuzz::Exact bytes(input.rest());
  HeadScanner at_once(small());
  const auto end = at_once.find_end(bytes.text());

  HeadScanner by_and_by(small());
  std::size_t size = 0;
  shared::Result<std::size_t> later = std::size_t{0};
  fuzz::in_pieces(bytes.text(), seed, [&](std::string_view piece) {
    size += piece.size();
    const fuzz::Exact so_far(bytes.text().substr(0, size));
    later = by_and_by.find_end(so_far.text());
    return later.ok() && *later == 0;
  });
  fuzz::must(found(end) == found(later), "the pieces make no difference");
  if (!end || *end == 0) return;
  fuzz::must(*end <= small().head_bytes, "no head is over its limit");

  const fuzz::Exact head(bytes.text().substr(0, *end));
  if (const auto parsed = parse_head(head.text(), small())) check(*parsed);
}
