#pragma once
// What the route groups stand on, and the groups themselves. One .cc per group.

#include <vector>

#include "convd/api/control.h"
#include "convd/api/edge.h"
#include "convd/api/file_upload.h"
#include "convd/api/host.h"
#include "convd/api/http_metrics.h"
#include "convd/api/route.h"
#include "convd/jobs/manager.h"
#include "convd/loop/loop.h"
#include "convd/realtime/realtime.h"
#include "convd/store/store.h"
#include "convd/trust/audit.h"
#include "convd/trust/authority.h"

namespace convd::api {

// All outlive every exchange. Loop thread only.
struct Services {
  jobs::Manager& manager;
  store::Store& store;
  loop::Loop& loop;
  HttpMetrics& http;
  const Host& host;
  realtime::Realtime& realtime;
  Control& control;
  trust::Authority& authority;
  loop::TimePoint started;
  const Edge& edge;
  trust::Audit& audit;
};

std::vector<Route> conversion_routes(Services& services);
std::vector<SocketRoute> conversion_sockets(Services& services);
std::vector<Route> submission_routes(Services& services);
std::vector<Route> result_routes(Services& services);
std::vector<Route> note_routes(Services& services);
std::vector<Route> document_routes(Services& services);
std::vector<Route> info_routes(Services& services);
std::vector<Route> usage_routes(Services& services);
std::vector<Route> health_routes(Services& services);
std::vector<Route> control_routes(Services& services);
std::vector<Route> token_routes(Services& services);
std::vector<Route> realtime_routes(Services& services);
std::vector<SocketRoute> realtime_sockets(Services& services);

UploadDesk upload_desk(const Services& services, const Caller& caller);

// Fails a request that wanted to start a conversion, with what helps: Retry-After from the queue, the targets that are
// possible from `from` (a format; may be empty).
void fail_submission(const Services& services, const Call& call, const shared::Error& error, const std::string& from);

}  // namespace convd::api
