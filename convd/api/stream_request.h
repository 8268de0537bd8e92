#pragma once
// What a client of the stream asks for: as the first message of a WebSocket, or as a query. Any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/api/exchange.h"
#include "convd/events/filter.h"
#include "convd/events/hub.h"
#include "shared/json.h"
#include "shared/result.h"

namespace convd::api {

struct StreamRequest {
  events::Filter filter;
  std::vector<std::string> rejected;
  events::Start start;
  bool compress = false;
  std::optional<std::int64_t> progress_ms;

  bool resumes() const { return start.from != events::Start::From::now; }
};

// What is wrong with a message of a client, as the error frame tells it.
struct StreamFault {
  std::string_view code;  // bad_message, unsupported_version, too_many_services, unknown_message
  std::string message;
};

// `fault` is set when nothing is returned.
std::optional<StreamRequest> handshake_from(const shared::JsonReader& json, StreamFault& fault);
// services=a,b (default: conversion), lastSeq, epoch, since=oldest. Errors: invalid_request.
shared::Result<StreamRequest> stream_query(const Request& request);

}  // namespace convd::api
