#include "convctl/receipt_text.h"

#include <array>
#include <cstdio>
#include <string_view>
#include <utility>

#include "convctl/terminal.h"

namespace convctl {
namespace {

using shared::ReceiptAttempt;
using shared::ReceiptStep;

std::string number_text(const char* format, double number) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), format, number);
  return text.data();
}

std::string time_text(std::int64_t ms) {
  return number_text("%.3f s", static_cast<double>(ms) / 1000);
}

std::string size_text(std::int64_t bytes) {
  constexpr std::array<const char*, 5> formats{"%.0f bytes", "%.1f KiB", "%.1f MiB", "%.1f GiB", "%.1f TiB"};
  auto number = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; number >= 1024 && unit + 1 < formats.size(); ++unit) number /= 1024;
  return number_text(formats[unit], number);
}

// Parts with commas between them.
class List {
 public:
  List& add(const std::string& part) {
    if (!part.empty()) text_ += (text_.empty() ? "" : ", ") + part;
    return *this;
  }
  List& add_time(const std::string& name, const std::optional<std::int64_t>& ms) {
    return ms ? add(name + " " + time_text(*ms)) : *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class Lines {
 public:
  void line(std::string_view indent, const std::string& text) { text_ += std::string(indent) + printable(text) + "\n"; }
  // Nothing when there is nothing to say.
  void add(const std::string& label, const std::string& text) {
    constexpr std::size_t width = 9;
    if (!text.empty()) line("  ", label + std::string(width - label.size(), ' ') + text);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string pages_text(const std::optional<std::int64_t>& in, const std::optional<std::int64_t>& out) {
  List list;
  if (in) list.add(std::to_string(*in) + " in");
  if (out) list.add(std::to_string(*out) + " out");
  return list.text();
}

std::string file_text(std::int64_t size_bytes, const std::string& sha256) {
  return size_text(size_bytes) + ", sha256 " + sha256;
}

void add_output(Lines& lines, const shared::ReceiptOutput& output) {
  if (output.files.size() > 1)
    lines.add("output", std::to_string(output.files.size()) + " files, " + size_text(output.size_bytes));
  for (const shared::ResultFile& file : output.files)
    lines.add(output.files.size() > 1 ? "" : "output", file.name + ", " + file_text(file.size_bytes, file.sha256));
}

std::string route_text(const std::vector<shared::ReceiptLeg>& route) {
  List list;
  for (const shared::ReceiptLeg& leg : route) list.add(leg.from + " to " + leg.to + " by " + leg.engine);
  return list.text();
}

std::string end_text(const ReceiptStep& step) {
  if (step.ended.empty()) return "";
  if (step.ended == "exited") return "exit status " + std::to_string(step.exit_status);
  if (step.ended == "signalled") return "signal " + std::to_string(step.exit_status);
  return step.ended;
}

void add_step(Lines& lines, const ReceiptStep& step) {
  lines.line("  ", step.engine + (step.version.empty() ? "" : " " + step.version) + (step.warm ? " (warm)" : "") +
                       ", " + step.from + " to " + step.to + ": " +
                       List().add(step.outcome).add(end_text(step)).text());
  List use;
  use.add("wall " + time_text(step.wall_ms)).add("CPU " + time_text(step.cpu_ms));
  if (step.peak_rss_bytes > 0) use.add("memory " + size_text(step.peak_rss_bytes));
  const std::string pages = pages_text(step.pages_in, step.pages_out);
  if (!pages.empty()) use.add("pages " + pages);
  lines.line("    ", use.text());
  List fonts;
  for (const std::string& font : step.fonts_requested) fonts.add(font);
  if (!fonts.text().empty()) lines.line("    ", "fonts requested: " + fonts.text());
  for (const shared::ReceiptFont& font : step.fonts_substituted)
    lines.line("    ", "font missing: " + font.requested + (font.used ? ", " + *font.used + " used instead" : ""));
  for (const std::string& link : step.links_blocked) lines.line("    ", "link blocked: " + link);
  for (const std::string& warning : step.warnings) lines.line("    ", "warning: " + warning);
  if (step.warnings_total > static_cast<std::int64_t>(step.warnings.size()))
    lines.line("    ", "warnings in all: " + std::to_string(step.warnings_total));
}

void add_attempt(Lines& lines, const ReceiptAttempt& attempt) {
  List list;
  list.add(attempt.outcome);
  if (attempt.wall_ms) list.add(time_text(*attempt.wall_ms));
  list.add_time("input check", attempt.input_check_ms).add_time("publishing", attempt.publish_ms);
  lines.line("", "attempt " + std::to_string(attempt.attempt) + ": " + list.text());
}

}  // namespace

std::string receipt_text(const shared::Receipt& receipt) {
  Lines lines;
  lines.line(
      "", receipt.filename + ", " + receipt.from + " to " + receipt.to + ": " + std::string(to_string(receipt.status)));
  lines.add("id", receipt.id);
  if (receipt.reused)
    lines.add("reused", (*receipt.reused == "cache" ? "the stored result of " : "the run of ") +
                            receipt.served_from.value_or("another conversion"));
  if (!receipt.input.sha256.empty()) lines.add("input", file_text(receipt.input.size_bytes, receipt.input.sha256));
  if (receipt.output) add_output(lines, *receipt.output);
  lines.add("pages", pages_text(receipt.pages_in, receipt.pages_out));
  List times;
  times.add_time("waited", receipt.timings.waited_ms).add_time("in all", receipt.timings.total_ms);
  lines.add("time", times.text());
  lines.add("route", route_text(receipt.route));
  for (const ReceiptAttempt& attempt : receipt.attempts) {
    add_attempt(lines, attempt);
    for (const ReceiptStep& step : receipt.steps) {
      if (step.attempt == attempt.attempt) add_step(lines, step);
    }
  }
  return lines.take();
}

}  // namespace convctl
