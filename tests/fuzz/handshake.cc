// What a client asks of the stream, as a message and as a query; positions and topics.

#include "convd/api/stream_request.h"

#include "shared/stream.h"
#include "tests/fuzz/input.h"

using namespace convd;
using api::StreamRequest;

namespace {

void check(const StreamRequest& request) {
  const auto& topics = request.filter.topics();
  fuzz::must(topics.size() + request.rejected.size() <= events::Filter::most_services, "no more services than allowed");
  fuzz::must(!topics.empty() || !request.rejected.empty(), "something was asked for");
  fuzz::must(request.start.seq >= 0 && request.start.seq <= std::int64_t{1} << 53, "a position is in its range");
  fuzz::must(request.progress_ms.value_or(10) >= 10 && request.progress_ms.value_or(10) <= 60'000,
             "an interval is in its range");
  std::vector<std::string> names;
  for (const events::Topic& topic : topics) names.push_back(to_text(topic));
  const auto again = events::Filter::parse(names);
  fuzz::must(again.rejected.empty() && again.filter == request.filter, "topics can be written and read again");
  for (const events::Topic& topic : topics)
    fuzz::must(request.filter.matches(topic.service, topic.subject), "who asked for it gets it");
}

}  // namespace

FUZZ_TARGET(input) {
  const bool as_query = input.number(2) == 1;
  if (as_query) {
    api::Request request;
    for (const char* name : {"services", "lastSeq", "epoch", "since"}) {
      if (const auto line = input.line(); !line.empty()) request.query.emplace_back(name, line);
    }
    if (const auto wanted = api::stream_query(request)) check(*wanted);
    if (const auto position = shared::position_from(fuzz::Exact(input.rest()).text())) {
      fuzz::must(position->seq >= 0, "a position is not negative");
      const auto again = shared::position_from(shared::to_text(*position));
      fuzz::must(again && again->epoch == position->epoch && again->seq == position->seq,
                 "a position can be written and read again");
    }
    return;
  }
  const auto json = shared::Json::parse(fuzz::Exact(input.rest()).text());
  if (!json) return;
  api::StreamFault fault;
  const auto request = api::handshake_from(json->read(), fault);
  if (request)
    check(*request);
  else
    fuzz::must(!fault.code.empty() && !fault.message.empty(), "a refusal says why");
}
