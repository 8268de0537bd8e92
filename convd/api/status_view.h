#pragma once
// A status object as an answer. Any thread.

#include <string>

#include "convd/api/exchange.h"
#include "convd/events/board.h"
#include "shared/protocol.h"

namespace convd::api {

std::string status_etag(const shared::StatusObject& object);  // "r7" with its quotes
Response status_response(int status, const shared::StatusObject& object);
// 202 with Location.
Response accepted_response(const shared::StatusObject& object);
Response not_modified(const std::string& etag);
// As the board would publish it.
events::Latest latest_of(const shared::StatusObject& object);

}  // namespace convd::api
