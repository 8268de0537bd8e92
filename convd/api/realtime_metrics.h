#pragma once
// How the stream fares: GET /v2/realtime/metrics, and the same for Prometheus. Loop thread only.

#include "convd/api/prometheus.h"
#include "convd/realtime/realtime.h"
#include "shared/json.h"

namespace convd::api {

shared::Json realtime_json(realtime::Realtime& realtime);
void write_realtime(Exposition& out, realtime::Realtime& realtime);

}  // namespace convd::api
