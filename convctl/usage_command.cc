#include "convctl/commands.h"
#include "convctl/duration.h"
#include "convctl/table.h"

namespace convctl {
namespace {

using shared::JsonReader;

std::int64_t number(const JsonReader& json, std::string_view key) {
  const auto member = json.find(key);
  const auto value = member ? member->integer(0, INT64_MAX) : shared::Result<std::int64_t>(0);
  return value ? *value : 0;
}

std::string kept(const JsonReader& json, std::string_view key) {
  const auto all = json.find("kept");
  const std::int64_t keep_ms = all ? number(*all, key) : 0;
  if (keep_ms == 0) return "kept until removed";
  const std::int64_t days = keep_ms / 86'400'000;
  return "kept for " + (days > 0 ? std::to_string(days) + (days == 1 ? " day" : " days")
                                 : format_duration(std::chrono::milliseconds(keep_ms)));
}

std::string share(std::int64_t used, std::int64_t limit) {
  if (limit == 0) return "no quota";
  return "of " + format_bytes(limit) + " (" + std::to_string(used * 100 / limit) + "%)";
}

std::vector<Row> rows_of(const JsonReader& json) {
  const std::int64_t bytes = number(json, "bytes");
  std::vector<Row> rows{{"documents", std::to_string(number(json, "documents")),
                         format_bytes(number(json, "document_bytes")), kept(json, "documents_ms")},
                        {"results", std::to_string(number(json, "results")), format_bytes(number(json, "result_bytes")),
                         kept(json, "results_ms")},
                        {"together", "", format_bytes(bytes), share(bytes, number(json, "quota"))}};
  if (const auto queue = json.find("queue")) {
    rows.push_back({"queue", std::to_string(number(*queue, "waiting")), "",
                    "of " + std::to_string(number(*queue, "limit")) + " that may wait, " +
                        std::to_string(number(*queue, "running")) + " running"});
  }
  return rows;
}

Exit run_usage(Session& session) {
  shared::Json answer = session.client().ask_json({.target = "/v1/usage"});
  if (session.globals().json) {
    session.print_json(std::move(answer), "usage");
    return Exit::ok;
  }
  session.print(render_table({"WHAT", "COUNT", "SIZE", "LIMIT"}, rows_of(answer.read()), session.out()));
  return Exit::ok;
}

}  // namespace

Run set_up_usage(CLI::App&) {
  return run_usage;
}

}  // namespace convctl
