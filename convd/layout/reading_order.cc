#include "convd/layout/reading_order.h"

#include <algorithm>
#include <utility>

namespace convd::layout {
namespace {

constexpr double segment_gap = 1.6;      // of the font size: wider white splits a line into segments
constexpr double gutter_width = 1.0;     // of the font size: narrower white between columns is not believed
constexpr std::size_t column_lines = 3;  // fewer lines are a table, not a column
constexpr double column_words = 3.5;     // mean words per line; fewer are a table's cells

Segment segment_of(Word word) {
  const Box box = word.box;
  return {{std::move(word)}, box};
}

bool same_height(const Box& a, const Box& b) {
  const double overlap = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return overlap > 0.5 * std::min(a.height(), b.height());
}

// Words of the page in lines, each line cut at wide white.
std::vector<Segment> segments_of(const Page& page) {
  std::vector<Word> words = page.words;
  std::stable_sort(words.begin(), words.end(), [](const Word& a, const Word& b) { return a.box.top < b.box.top; });
  std::vector<std::vector<Word>> lines;
  for (Word& word : words) {
    auto line =
        std::find_if(lines.rbegin(), lines.rend(), [&](const auto& l) { return same_height(l.front().box, word.box); });
    if (line == lines.rend())
      lines.push_back({std::move(word)});
    else
      line->push_back(std::move(word));
  }
  std::vector<Segment> segments;
  for (auto& line : lines) {
    std::stable_sort(line.begin(), line.end(), [](const Word& a, const Word& b) { return a.box.left < b.box.left; });
    bool fresh = true;
    for (Word& word : line) {
      if (!fresh && word.box.left - segments.back().box.right < segment_gap * word.size) {
        segments.back().box = around(segments.back().box, word.box);
        segments.back().words.push_back(std::move(word));
      } else {
        segments.push_back(segment_of(std::move(word)));
      }
      fresh = false;
    }
  }
  return segments;
}

struct Gap {
  double width = 0;
  double middle = 0;
};

// The widest stretch that none of the intervals covers.
Gap widest_gap(std::vector<std::pair<double, double>> intervals) {
  std::sort(intervals.begin(), intervals.end());
  Gap best;
  double reached = intervals.empty() ? 0 : intervals.front().second;
  for (const auto& [from, to] : intervals) {
    if (from - reached > best.width) best = {from - reached, (from + reached) / 2};
    reached = std::max(reached, to);
  }
  return best;
}

bool reads_like_a_column(const std::vector<Segment>& segments) {
  if (segments.size() < column_lines) return false;
  std::size_t words = 0;
  for (const Segment& segment : segments) words += segment.words.size();
  return static_cast<double>(words) / static_cast<double>(segments.size()) >= column_words;
}

double mean_size(const std::vector<Segment>& segments) {
  double sum = 0;
  for (const Segment& segment : segments) sum += segment.size();
  return segments.empty() ? 0 : sum / static_cast<double>(segments.size());
}

class Cutter {
 public:
  std::vector<Row> take() { return std::move(rows_); }

  void cut(std::vector<Segment> segments) {
    if (segments.empty()) return;
    if (cut_columns(segments)) return;
    ++region_;
    add_rows(std::move(segments));
  }

 private:
  // Splits at a gutter between columns; failing that, at the highest white band above or below which a gutter appears.
  bool cut_columns(std::vector<Segment>& segments) {
    if (segments.size() < 2 * column_lines) return false;
    std::vector<std::pair<double, double>> spans;
    for (const Segment& segment : segments) spans.emplace_back(segment.box.left, segment.box.right);
    const Gap gutter = widest_gap(std::move(spans));
    if (gutter.width > gutter_width * mean_size(segments)) {
      auto [left, right] = split(segments, [&](const Segment& s) { return s.box.right < gutter.middle; });
      if (reads_like_a_column(left) && reads_like_a_column(right)) {
        cut(std::move(left));
        cut(std::move(right));
        return true;
      }
    }
    std::vector<std::pair<double, double>> heights;
    for (const Segment& segment : segments) heights.emplace_back(segment.box.top, segment.box.bottom);
    const Gap band = widest_gap(std::move(heights));
    if (band.width <= 0) return false;
    auto [above, below] = split(segments, [&](const Segment& s) { return s.box.bottom < band.middle; });
    cut(std::move(above));
    cut(std::move(below));
    return true;
  }

  template <typename First>
  static std::pair<std::vector<Segment>, std::vector<Segment>> split(std::vector<Segment>& segments, First first) {
    std::pair<std::vector<Segment>, std::vector<Segment>> parts;
    for (Segment& segment : segments) (first(segment) ? parts.first : parts.second).push_back(segment);
    return parts;
  }

  void add_rows(std::vector<Segment> segments) {
    for (Segment& segment : segments) {
      const bool joins = !rows_.empty() && rows_.back().region == region_ && same_height(rows_.back().box, segment.box);
      if (!joins) rows_.push_back({{}, segment.box, region_});
      rows_.back().box = around(rows_.back().box, segment.box);
      rows_.back().segments.push_back(std::move(segment));
    }
  }

  std::vector<Row> rows_;
  int region_ = 0;
};

}  // namespace

std::string Segment::text() const {
  std::string line;
  for (const Word& word : words) line += (line.empty() ? "" : " ") + word.text;
  return line;
}

double Segment::size() const {
  double largest = 0;
  for (const Word& word : words) largest = std::max(largest, word.size);
  return largest;
}

bool Segment::bold() const {
  return std::all_of(words.begin(), words.end(), [](const Word& word) { return word.bold; });
}

std::vector<Row> reading_order(const Page& page) {
  Cutter cutter;
  cutter.cut(segments_of(page));
  return cutter.take();
}

}  // namespace convd::layout
