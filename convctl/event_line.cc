#include "convctl/event_line.h"

#include <algorithm>
#include <array>

#include "convctl/duration.h"
#include "convctl/json_text.h"
#include "convctl/progress.h"

namespace convctl {
namespace {

using shared::JsonReader;

// TIME, SEQ, TYPE, SUBJECT; the summary has what is left.
constexpr std::array<int, 4> widths{8, 7, 21, 36};
constexpr std::size_t subject = 3;
constexpr int least_subject = 13;
constexpr int good_summary = 40;  // the subject gives way for that much
constexpr int least_summary = 16;

const Row titles{"TIME", "SEQ", "TYPE", "SUBJECT", "SUMMARY"};

void add(std::string& text, const std::string& part, std::string_view separator = ", ") {
  if (part.empty()) return;
  if (!text.empty()) text += separator;
  text += part;
}

std::string conversion_words(const JsonReader& data) {
  std::string words = text_at(data, "status");
  if (const auto object = shared::status_object_from(data); object && !is_terminal(object->status)) {
    Task task;
    task.phase = Phase::converting;
    task.status = *object;
    add(words, percent_text(task));
  }
  const std::string error = text_at(data, "error");
  add(words, error.empty() ? text_at(data, "message") : error);
  std::string text = text_at(data, "filename");
  add(text, words, ": ");
  return text;
}

std::string bytes_at(const JsonReader& data, std::string_view key) {
  const auto member = data.find(key);
  const auto number = member ? member->integer(0, std::int64_t{1} << 53) : shared::Error{};
  return number ? format_bytes(*number) : "";
}

std::string upload_words(const JsonReader& data) {
  std::string amount = bytes_at(data, "received");
  add(amount, bytes_at(data, "total"), " of ");
  std::string words = text_at(data, "state");
  add(words, amount);
  std::string text = text_at(data, "filename");
  add(text, words, ": ");
  return text;
}

std::string queue_words(const JsonReader& data) {
  std::string slots = text_at(data, "slots");
  if (const std::string more = text_at(data, "short_slots"); !more.empty() && more != "0") slots += "+" + more;
  std::string text =
      text_at(data, "running") + " of " + slots + " slots busy, " + text_at(data, "waiting") + " waiting";
  if (!flag_at(data, "accepting")) add(text, "accepts nothing");
  return text;
}

std::string presence_words(const JsonReader& data) {
  std::string names;
  for (const JsonReader& watcher : items_at(data, "watchers")) add(names, text_at(watcher, "principal"));
  std::string text = text_at(data, "total") + " watching";
  add(text, names, ": ");
  return text;
}

std::string other_words(const JsonReader& data) {
  for (const char* key : {"message", "filename", "name"}) {
    if (std::string text = text_at(data, key); !text.empty()) return text;
  }
  return data.clone().dump();
}

// "09:00:00" of an RFC 3339 time, or the whole of what is none.
std::string clock_of(const std::string& time) {
  return time.size() < 20 ? time : time.substr(11, 8);
}

Color color_of(const JsonReader& event) {
  const std::string type = text_at(event, "type");
  if (type.ends_with(".error")) return Color::red;
  if (type.ends_with(".completed")) return Color::green;
  return text_at(event, "class") == "progress" ? Color::dim : Color::none;
}

std::string aligned(const Row& cells, int width,
                    const std::function<std::string(std::size_t, const std::string&)>& dress) {
  auto wide = widths;
  int rest = width - 1 - 2 * static_cast<int>(widths.size());
  for (const int column : widths) rest -= column;
  const int given = std::clamp(good_summary - rest, 0, wide[subject] - least_subject);
  wide[subject] -= given;
  std::string line;
  for (std::size_t i = 0; i < wide.size(); ++i) line += dress(i, fit(cells[i], wide[i])) + "  ";
  line += clip(cells.back(), std::max(rest + given, least_summary));
  while (line.ends_with(' ')) line.pop_back();
  return line + "\n";
}

std::string in_a_pipe(const Row& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) line += (i == 0 ? "" : "\t") + printable(cells[i]);
  return line + "\n";
}

}  // namespace

std::string event_summary(const JsonReader& event) {
  const std::string type = text_at(event, "type");
  const auto data = event.find("data");
  if (!data) return "";
  if (type.starts_with("conversion.")) return conversion_words(*data);
  if (type.starts_with("upload.")) return upload_words(*data);
  if (type == "queue.depth") return queue_words(*data);
  if (type == "presence.changed") return presence_words(*data);
  if (type == "note.added") return text_at(*data, "author") + ": " + text_at(*data, "text");
  return other_words(*data);
}

Row event_cells(const JsonReader& event) {
  return {text_at(event, "ts"), text_at(event, "seq"), text_at(event, "type"), text_at(event, "subject"),
          event_summary(event)};
}

std::string aligned_event(const Row& cells, int width) {
  Row row = cells;
  row[0] = clock_of(row[0]);
  return aligned(row, width, [](std::size_t, const std::string& cell) { return cell; });
}

std::string event_header(const Terminal& terminal) {
  return terminal.is_tty() ? aligned_event(titles, terminal.width()) : in_a_pipe(titles);
}

std::string event_line(const JsonReader& event, const Terminal& terminal) {
  Row row = event_cells(event);
  if (!terminal.is_tty()) return in_a_pipe(row);
  row[0] = clock_of(row[0]);
  return aligned(row, terminal.width(), [&](std::size_t column, const std::string& cell) {
    return column == 2 ? terminal.paint(color_of(event), cell) : cell;
  });
}

std::string gap_text(const Gap& gap) {
  const std::string kept = std::to_string(gap.oldest) + " to " + std::to_string(gap.head);
  if (gap.reason == to_string(shared::GapReason::epoch))
    return "events are missing here (epoch): this is another log than before, with " + kept;
  if (gap.reason == to_string(shared::GapReason::ahead))
    return "events may be missing here (ahead): the log ends before that position, at " + std::to_string(gap.head);
  return "events are missing here (" + gap.reason + "): the log has only " + kept + " now";
}

}  // namespace convctl
