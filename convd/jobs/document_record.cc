#include "convd/jobs/document_record.h"

#include <string>

#include "shared/time.h"

namespace convd::jobs {

using shared::Json;

Json to_json(const DocumentInfo& document) {
  Json json = Json::object();
  json.set("name", document.name)
      .set("media_type", document.media_type)
      .set("size", document.size_bytes)
      .set("sha256", document.sha256)
      .set("created_at", document.created_at)
      .set("pages", Json())
      .set("last_conversion", Json::or_null(document.last_conversion))
      .set("last_status", document.last_status ? Json(shared::to_string(*document.last_status)) : Json());
  return json;
}

DocumentInfo to_info(const store::DocumentRow& row) {
  return {row.name,
          row.media_type,
          row.size_bytes,
          row.sha256,
          shared::to_rfc3339(row.created_ms),
          row.last_conversion,
          shared::status_from(row.last_status.value_or(""))};
}

store::EventRow event_of(const store::DocumentRow& row, std::string_view what, std::int64_t now_ms) {
  store::EventRow event;
  event.org = row.org;
  event.ts_ms = now_ms;
  event.service = "document";
  event.type = "document." + std::string(what);
  event.subject = row.name;
  event.data_json = to_json(to_info(row)).dump();
  return event;
}

}  // namespace convd::jobs
