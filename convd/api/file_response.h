#pragma once
// A stored file as an answer: conditions, ranges, the name to save it under (RFC 9110, RFC 6266). Any thread.

#include "convd/api/exchange.h"
#include "convd/api/reply.h"
#include "convd/loop/unique_fd.h"
#include "shared/protocol.h"

namespace convd::api {

// Answers GET or HEAD: 200, 206, 304 or a 416 problem. A file without sha256 has no ETag.
void send_file(const Request& request, const shared::ResultFile& file, loop::UniqueFd fd, const Reply& reply);

}  // namespace convd::api
