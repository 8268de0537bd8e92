#include "convctl/top_view.h"

#include <array>
#include <cstdio>
#include <functional>
#include <optional>
#include <sstream>

#include "convctl/duration.h"
#include "convctl/json_text.h"
#include "convctl/progress.h"
#include "convctl/table.h"

namespace convctl {
namespace {

using shared::JsonReader;

constexpr int width_for_ids = 130;  // below, an id is told by its end, which differs most
constexpr std::size_t end_of_id = 12;
constexpr std::size_t bar_cells = 10;

using Render = std::function<std::string(const Row& header, const std::vector<Row>& rows)>;

std::optional<std::int64_t> number_at(const JsonReader& json, std::string_view key) {
  const auto member = json.find(key);
  if (!member) return std::nullopt;
  const auto number = member->integer(0, std::int64_t{1} << 53);
  return number ? std::optional(*number) : std::nullopt;
}

std::string duration_at(const JsonReader& json, std::string_view key) {
  const auto ms = number_at(json, key);
  return ms ? format_duration(std::chrono::milliseconds(*ms)) : "-";
}

std::string rate_at(const JsonReader& json, std::string_view key) {
  const auto member = json.find(key);
  const auto number = member ? member->number() : shared::Error{};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", number ? *number : 0.0);
  return text.data();
}

std::string bar_of(const shared::StatusObject& object) {
  Task task;
  task.phase = Phase::converting;
  task.status = object;
  const std::string percent = percent_text(task);
  if (percent.empty()) return "[" + std::string(bar_cells, '-') + "]";
  const auto full = static_cast<std::size_t>(std::clamp(object.progress, 0, 100)) * bar_cells / 100;
  return "[" + std::string(full, '#') + std::string(bar_cells - full, '-') + "] " + percent;
}

std::string stage_of(const shared::StatusObject& object) {
  if (!object.stage) return "-";
  std::string text = object.stage->name;
  if (object.stage->done && !object.stage->unit.empty()) {
    text += " " + object.stage->unit + " " + std::to_string(*object.stage->done);
    if (object.stage->total) text += "/" + std::to_string(*object.stage->total);
  }
  return text;
}

std::string eta_of(const shared::StatusObject& object) {
  return object.eta_ms ? format_duration(std::chrono::milliseconds(*object.eta_ms)) : "-";
}

std::string id_of(const shared::StatusObject& object, int width) {
  if (width >= width_for_ids || object.id.size() <= end_of_id) return object.id;
  return "…" + object.id.substr(object.id.size() - end_of_id);
}

std::string state_line(const JsonReader& activity) {
  std::string state = text_at(activity, "state");
  if (state == "draining" && flag_at(activity, "idle")) state = "drained";
  if (flag_at(activity, "stopping")) state = "about to end";
  return "convd " + state + ", up " + duration_at(activity, "uptime_ms") +
         (flag_at(activity, "all_orgs") ? "" : ", conversions of yours only") + "  " + text_at(activity, "time");
}

// Of both classes, where there are slots for short work alone.
std::string slots_line(const JsonReader& activity) {
  const auto slots = activity.find("slots");
  if (!slots) return "";
  const auto of = [&](std::string_view key) { return number_at(*slots, key).value_or(0); };
  std::string text =
      "slots " + std::to_string(of("running")) + " of " + std::to_string(of("total") + of("short")) + " busy";
  if (of("short") == 0) return text;
  return text + ", " + std::to_string(of("short")) +
         " for short work alone: " + std::to_string(of("running") - of("running_short")) + " long, " +
         std::to_string(of("running_short")) + " short";
}

std::string queue_line(const JsonReader& activity) {
  const auto queue = activity.find("queue");
  if (!queue) return "";
  std::string line = "queue " + text_at(*queue, "waiting") + " waiting";
  if (number_at(*queue, "oldest_ms")) line += ", the oldest for " + duration_at(*queue, "oldest_ms");
  if (number_at(*queue, "wait_ms")) line += "; new work waits for " + duration_at(*queue, "wait_ms");
  if (!flag_at(*queue, "accepting")) line += "; nothing new is accepted";
  return line;
}

std::string dash_if_empty(const std::string& text) {
  return text.empty() ? "-" : text;
}

std::string cost_line(const JsonReader& activity) {
  std::string line;
  if (const auto store = activity.find("store")) {
    std::array<char, 32> ms{};
    std::snprintf(ms.data(), ms.size(), "%.1f",
                  static_cast<double>(number_at(*store, "last_commit_us").value_or(0)) / 1e3);
    line += std::string("last commit ") + ms.data() + " ms, " + text_at(*store, "queued") + " writes queued; ";
  }
  return line + "memory " + format_bytes(number_at(activity, "resident_bytes").value_or(0));
}

std::vector<Row> rates(const JsonReader& activity) {
  std::vector<Row> rows;
  const auto per_minute = activity.find("per_minute");
  if (!per_minute) return rows;
  const std::array<std::pair<const char*, const char*>, 2> windows{
      {{"last_1_minute", "last minute"}, {"last_15_minutes", "last 15 minutes"}}};
  for (const auto& [key, title] : windows) {
    const auto rate = per_minute->find(key);
    if (!rate) continue;
    rows.push_back({title, rate_at(*rate, "accepted"), rate_at(*rate, "completed"), rate_at(*rate, "error"),
                    rate_at(*rate, "cancelled")});
  }
  return rows;
}

std::vector<Row> running(const JsonReader& activity, int width) {
  std::vector<Row> rows;
  for (const auto& item : items_at(activity, "running")) {
    const auto conversion = item.find("conversion");
    const auto object = conversion ? shared::status_object_from(*conversion) : shared::Error{};
    if (!object) continue;
    rows.push_back({id_of(*object, width), text_at(item, "org"), object->filename, object->from + ">" + object->to,
                    dash_if_empty(text_at(item, "class")), bar_of(*object), stage_of(*object),
                    duration_at(item, "elapsed_ms"), eta_of(*object)});
  }
  return rows;
}

std::vector<Row> next(const JsonReader& activity, int width) {
  std::vector<Row> rows;
  for (const auto& item : items_at(activity, "next")) {
    const auto conversion = item.find("conversion");
    const auto object = conversion ? shared::status_object_from(*conversion) : shared::Error{};
    if (!object) continue;
    rows.push_back({object->position ? std::to_string(*object->position) : "-", id_of(*object, width),
                    text_at(item, "org"), object->filename, object->from + ">" + object->to,
                    duration_at(item, "waited_ms"), eta_of(*object)});
  }
  return rows;
}

std::vector<Row> orgs(const JsonReader& activity) {
  std::vector<Row> rows;
  for (const auto& item : items_at(activity, "waiting_by_org"))
    rows.push_back({text_at(item, "org"), text_at(item, "waiting")});
  return rows;
}

std::vector<std::string> lines_of(const JsonReader& activity, int width, const Render& render) {
  std::vector<std::string> lines;
  for (const auto& line : {state_line(activity), slots_line(activity), queue_line(activity), cost_line(activity)})
    lines.push_back(printable(line));
  const auto add = [&](const Row& header, const std::vector<Row>& rows) {
    if (rows.empty()) return;
    lines.emplace_back();
    std::istringstream text(render(header, rows));
    for (std::string line; std::getline(text, line);) lines.push_back(line);
  };
  add({"PER MINUTE", "ACCEPTED", "COMPLETED", "ERROR", "CANCELLED"}, rates(activity));
  add({"RUNNING", "ORG", "FILE", "ROUTE", "CLASS", "PROGRESS", "STAGE", "TIME", "ETA"}, running(activity, width));
  add({"NEXT", "ID", "ORG", "FILE", "ROUTE", "WAITED", "ETA"}, next(activity, width));
  add({"WAITING OF", "CONVERSIONS"}, orgs(activity));
  return lines;
}

}  // namespace

std::vector<std::string> aligned_top(const JsonReader& activity, int width) {
  auto lines = lines_of(activity, width, [width](const Row& header, const std::vector<Row>& rows) {
    return render_aligned(header, rows, width);
  });
  for (std::string& line : lines) line = clip(line, width);
  return lines;
}

std::vector<std::string> top_lines(const JsonReader& activity, const Terminal& terminal) {
  if (terminal.is_tty()) return aligned_top(activity, terminal.width());
  auto lines = lines_of(activity, width_for_ids, [&](const Row& header, const std::vector<Row>& rows) {
    return render_table(header, rows, terminal);
  });
  return lines;
}

}  // namespace convctl
