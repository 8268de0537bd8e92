#include "convd/engines/progress.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace convd::engines {
namespace {

using process::Stream;

// Takes a whole number from the front of `text`.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// The same of a part of a time, whose sum with others shall fit: a document can write such words, too.
std::optional<std::int64_t> take_part(std::string_view& text) {
  constexpr std::int64_t most = 1'000'000;
  const auto number = take_number(text);
  return number && *number <= most ? number : std::nullopt;
}

bool take(std::string_view& text, std::string_view word) {
  if (text.substr(0, word.size()) != word) return false;
  text.remove_prefix(word.size());
  return true;
}

class PageReader final : public ProgressReader {
 public:
  PageReader(std::string_view prefix, PageCounting counting) : prefix_(prefix), counting_(counting) {}

  void feed(Stream stream, std::string_view bytes, const Report& report) override {
    if (stream != Stream::err) return;
    lines_.feed(bytes, [&](std::string_view line) { read(line, report); });
  }

 private:
  void read(std::string_view line, const Report& report) {
    if (!take(line, prefix_)) return;
    const auto page = take_number(line);
    if (!page || !take(line, " ")) return;
    const auto last = take_number(line);
    if (!last || (!line.empty() && line.front() != ' ')) return;
    if (*page < counting_.first || *page > *last) return;
    if (counting_.last == PageCounting::Last::of_the_document) facts_.pages = *last;
    if (counting_.pages == PageCounting::Pages::written) facts_.pages_out = *page - counting_.first + 1;
    report({*page - counting_.first + 1, *last - counting_.first + 1, "page"});
  }

  std::string_view prefix_;
  PageCounting counting_;
  LineCutter lines_;
};

class FfmpegReader final : public ProgressReader {
 public:
  void feed(Stream stream, std::string_view bytes, const Report& report) override {
    if (stream == Stream::err) return words_.feed(bytes, [&](std::string_view line) { read_duration(line); });
    values_.feed(bytes, [&](std::string_view line) { read_value(line, report); });
  }

 private:
  // "  Duration: 00:00:09.99, start: 0.000000, bitrate: 258 kb/s"
  void read_duration(std::string_view line) {
    const auto begin = line.find("Duration: ");
    if (total_ms_ || begin == std::string_view::npos) return;
    line.remove_prefix(begin + 10);
    const auto hours = take_part(line);
    if (!hours || !take(line, ":")) return;
    const auto minutes = take_part(line);
    if (!minutes || !take(line, ":")) return;
    const auto seconds = take_part(line);
    if (!seconds || !take(line, ".")) return;
    const auto hundredths = take_part(line);
    if (!hundredths) return;
    const std::int64_t total = ((*hours * 60 + *minutes) * 60 + *seconds) * 1000 + *hundredths * 10;
    if (total > 0) total_ms_ = total;
  }
  void read_value(std::string_view line, const Report& report) const {
    if (!take(line, "out_time_us=")) return;
    const auto time_us = take_number(line);
    if (!time_us || !line.empty()) return;
    const std::int64_t done_ms = *time_us / 1000;
    report({total_ms_ ? std::min(done_ms, *total_ms_) : done_ms, total_ms_, "ms"});
  }

  LineCutter words_;
  LineCutter values_;
  std::optional<std::int64_t> total_ms_;
};

}  // namespace

void LineCutter::feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  while (!bytes.empty()) {
    const auto end = bytes.find_first_of("\r\n");
    const std::string_view piece = bytes.substr(0, end);
    too_long_ = too_long_ || partial_.size() + piece.size() > limit_bytes_;
    if (too_long_) {
      partial_.clear();
    } else {
      partial_ += piece;
    }
    if (end == std::string_view::npos) return;
    if (!too_long_ && !partial_.empty()) line(partial_);
    partial_.clear();
    too_long_ = false;
    bytes.remove_prefix(end + 1);
  }
}

std::unique_ptr<ProgressReader> make_pdftoppm_progress(PageCounting counting) {
  return std::make_unique<PageReader>("", counting);
}

std::unique_ptr<ProgressReader> make_layout_progress() {
  PageCounting counting;
  counting.pages = PageCounting::Pages::read;
  return std::make_unique<PageReader>("page ", counting);
}

std::unique_ptr<ProgressReader> make_ffmpeg_progress() {
  return std::make_unique<FfmpegReader>();
}

}  // namespace convd::engines
