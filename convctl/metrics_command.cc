#include <memory>

#include "convctl/commands.h"
#include "convctl/prometheus.h"
#include "convctl/table.h"

namespace convctl {
namespace {

Exit run_metrics(Session& session, bool raw) {
  const std::string text = session.client().ask({.target = "/metrics"}).body;
  if (raw) {
    session.print(text);
    return Exit::ok;
  }
  const std::vector<Sample> samples = important_samples(text);
  if (session.globals().json) {
    shared::Json list = shared::Json::array();
    for (const Sample& sample : samples) {
      list.push(std::move(shared::Json::object()
                              .set("name", sample.name)
                              .set("labels", sample.labels)
                              .set("value", sample.value)
                              .set("help", sample.help)));
    }
    session.print_json(std::move(shared::Json::object().set("metrics", std::move(list))), "metrics");
    return Exit::ok;
  }
  std::vector<Row> rows;
  for (const Sample& sample : samples) rows.push_back({sample.name, sample.labels, sample.value, sample.help});
  session.print(render_table({"METRIC", "LABELS", "VALUE", "MEANING"}, rows, session.out()));
  return Exit::ok;
}

}  // namespace

Run set_up_metrics(CLI::App& command) {
  auto raw = std::make_shared<bool>(false);
  command.add_flag("--raw", *raw, "The Prometheus text as it is");
  return [raw](Session& session) { return run_metrics(session, *raw); };
}

}  // namespace convctl
