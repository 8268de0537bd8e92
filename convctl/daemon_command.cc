#include <algorithm>
#include <memory>
#include <set>

#include "convctl/commands.h"
#include "convctl/json_text.h"
#include "convctl/table.h"
#include "shared/version.h"

namespace convctl {
namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : " ") + text;
  return list;
}

void show_route(Session& session, const shared::JsonReader& route) {
  std::vector<Row> steps;
  for (const auto& step : items_at(route, "steps"))
    steps.push_back({text_at(step, "engine"), text_at(step, "from"), text_at(step, "to")});
  session.print(render_table({"ENGINE", "FROM", "TO"}, steps, session.out()));
  std::vector<Row> options;
  for (const auto& option : items_at(route, "options")) {
    std::string range = joined(texts_at(option, "choices"));
    if (range.empty() && !(text_at(option, "least") + text_at(option, "most")).empty())
      range = text_at(option, "least") + " to " + text_at(option, "most");
    options.push_back(
        {text_at(option, "name"), text_at(option, "type"), range, text_at(option, "default"), text_at(option, "help")});
  }
  if (!options.empty())
    session.print("\n" + render_table({"OPTION", "TYPE", "VALUES", "DEFAULT", "MEANING"}, options, session.out()));
}

struct Pair {
  std::string from;
  std::string to;
};

// Routes with that source, that target, or all.
std::vector<Row> matching(const shared::JsonReader& json, const Pair& pair) {
  std::vector<Row> rows;
  for (const auto& route : items_at(json, "routes")) {
    const std::string from = text_at(route, "from");
    const auto targets = texts_at(route, "to");
    if (!pair.from.empty() && pair.from != from) continue;
    if (!pair.to.empty() && std::find(targets.begin(), targets.end(), pair.to) == targets.end()) continue;
    rows.push_back({from, joined(targets)});
  }
  return rows;
}

std::string bare_names(const std::vector<Row>& rows, const Pair& pair) {
  std::set<std::string> names;
  for (const Row& row : rows) {
    if (pair.from.empty()) names.insert(row[0]);
    if (!pair.to.empty()) continue;
    std::istringstream targets(row[1]);
    for (std::string name; targets >> name;) names.insert(name);
  }
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return text;
}

Exit run_formats(Session& session, const Pair& pair) {
  const bool one = !pair.from.empty() && !pair.to.empty();
  const std::string query = one ? "?from=" + url_encode(pair.from) + "&to=" + url_encode(pair.to) : "";
  shared::Json json = session.client().get_json("/v1/formats" + query);
  if (one) {
    if (session.globals().json)
      session.print_json(std::move(json), "route");
    else
      show_route(session, json.read());
    return Exit::ok;
  }
  const auto rows = matching(json.read(), pair);
  if (session.globals().json) {
    shared::Json routes = shared::Json::array();
    for (const auto& route : items_at(json.read(), "routes")) {
      const auto same = [&](const Row& row) { return row[0] == text_at(route, "from"); };
      if (std::any_of(rows.begin(), rows.end(), same)) routes.push(route.clone());
    }
    session.print_json(std::move(shared::Json::object().set("routes", std::move(routes))), "formats");
  } else if (session.globals().quiet) {
    session.print(bare_names(rows, pair));
  } else {
    session.print(render_table({"FROM", "TO"}, rows, session.out()));
  }
  if (rows.empty())
    throw Failure{Exit::no_input, "there is no such format: " + pair.from + pair.to, "`convctl formats` lists all"};
  return Exit::ok;
}

Exit run_engines(Session& session) {
  shared::Json json = session.client().get_json("/v1/engines");
  if (session.globals().json) {
    session.print_json(std::move(json), "engines");
    return Exit::ok;
  }
  std::vector<Row> rows;
  for (const auto& engine : items_at(json.read(), "engines")) {
    rows.push_back({text_at(engine, "name"), text_at(engine, "title"), text_at(engine, "version"),
                    flag_at(engine, "available") ? "yes" : "no", text_at(engine, "package"),
                    text_at(engine, "problem")});
  }
  session.print(render_table({"NAME", "ENGINE", "VERSION", "AVAILABLE", "PACKAGE", "PROBLEM"}, rows, session.out()));
  return Exit::ok;
}

Exit run_version(Session& session) {
  std::string daemon;
  std::string problem;
  try {
    daemon = text_at(session.client().get_json("/version").read(), "version");
  } catch (const Failure& failure) {
    if (failure.exit >= Exit::timeout) throw;
    problem = failure.message;
  }
  if (session.globals().json) {
    shared::Json json = shared::Json::object();
    json.set("convctl", shared::version).set("convd", daemon.empty() ? shared::Json() : shared::Json(daemon));
    session.print_json(std::move(json), "version");
  } else {
    session.print("convctl " + std::string(shared::version) + "\n" + (daemon.empty() ? "" : "convd " + daemon + "\n"));
    if (!problem.empty()) session.remark(problem);
  }
  return Exit::ok;
}

}  // namespace

Run set_up_formats(CLI::App& command) {
  auto pair = std::make_shared<Pair>();
  command.add_option("--from", pair->from, "Only from this format")->type_name("FORMAT");
  command.add_option("--to", pair->to, "Only to this one; with --from: the steps and options")->type_name("FORMAT");
  return [pair](Session& session) { return run_formats(session, *pair); };
}

Run set_up_engines(CLI::App&) {
  return run_engines;
}

Run set_up_version(CLI::App&) {
  return run_version;
}

}  // namespace convctl
