#include "convd/layout/blocks.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace convd::layout {
namespace {

constexpr double heading_ratio = 1.15;     // of the body size
constexpr std::size_t heading_words = 16;  // a longer line is text, however large
constexpr double paragraph_gap = 0.75;     // of the font size: more white starts a new paragraph
constexpr int heading_levels = 4;

// "• text", "- text", "3. text", "a) text": the mark and where the text begins.
struct ListMark {
  std::string mark;
  std::size_t length = 0;
};

std::optional<ListMark> list_mark(const std::string& text) {
  for (const char* bullet : {"•", "◦", "▪", "●", "○", "‣", "–", "", "·", "*", "-"}) {
    const std::string start = std::string(bullet) + " ";
    if (text.starts_with(start)) return ListMark{"-", start.size()};
  }
  std::size_t digits = 0;
  while (digits < text.size() && digits < 3 && std::isdigit(static_cast<unsigned char>(text[digits])) != 0) ++digits;
  if (digits > 0 && digits + 1 < text.size() && (text[digits] == '.' || text[digits] == ')') &&
      text[digits + 1] == ' ') {
    return ListMark{text.substr(0, digits) + ".", digits + 2};
  }
  return std::nullopt;
}

bool starts_lower(const std::string& text) {
  return !text.empty() && std::islower(static_cast<unsigned char>(text.front())) != 0;
}

// Continues `text` with the next line, healing a word that was hyphenated across the two.
void join_line(std::string& text, const std::string& next) {
  const bool hyphenated =
      text.size() > 1 && text.back() == '-' && std::isalpha(static_cast<unsigned char>(text[text.size() - 2])) != 0;
  if (hyphenated && starts_lower(next)) {
    text.pop_back();
  } else if (!text.empty()) {
    text += ' ';
  }
  text += next;
}

// Left edges that the segments of two rows share, which is what makes two rows a table.
int shared_columns(const Row& a, const Row& b) {
  int shared = 0;
  for (const Segment& one : a.segments) {
    for (const Segment& other : b.segments) {
      const double overlap = std::min(one.box.right, other.box.right) - std::max(one.box.left, other.box.left);
      if (overlap > 0) {
        ++shared;
        break;
      }
    }
  }
  return shared;
}

bool same_table(const Row& a, const Row& b) {
  return a.segments.size() > 1 && b.segments.size() > 1 && shared_columns(a, b) > 1;
}

// The x ranges of a table's columns: the union of overlapping segments.
std::vector<std::pair<double, double>> columns_of(const std::vector<Row>& rows) {
  std::vector<std::pair<double, double>> spans;
  for (const Row& row : rows) {
    for (const Segment& segment : row.segments) spans.emplace_back(segment.box.left, segment.box.right);
  }
  std::sort(spans.begin(), spans.end());
  std::vector<std::pair<double, double>> columns;
  for (const auto& span : spans) {
    if (!columns.empty() && span.first <= columns.back().second)
      columns.back().second = std::max(columns.back().second, span.second);
    else
      columns.push_back(span);
  }
  return columns;
}

Block table_of(int page, const std::vector<Row>& rows) {
  Block table;
  table.kind = Kind::table;
  table.page = page;
  table.box = rows.front().box;
  const auto columns = columns_of(rows);
  for (const Row& row : rows) {
    table.box = around(table.box, row.box);
    std::vector<std::string> cells(columns.size());
    for (const Segment& segment : row.segments) {
      const auto column =
          std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return segment.box.left <= c.second; });
      join_line(cells[static_cast<std::size_t>(column - columns.begin())], segment.text());
    }
    table.cells.push_back(std::move(cells));
  }
  return table;
}

struct Line {
  std::string text;
  Box box;
  double size = 0;
  bool bold = false;
};

Line line_of(const Row& row) {
  Line line{{}, row.box, 0, true};
  for (const Segment& segment : row.segments) {
    join_line(line.text, segment.text());
    line.size = std::max(line.size, segment.size());
    line.bold = line.bold && segment.bold();
  }
  return line;
}

std::size_t count_words(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), ' ')) + 1;
}

// A page or line number is no heading.
bool has_letter(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0 || c >= 0x80; });
}

int rounded(double size) {
  return static_cast<int>(std::lround(size * 2));
}

// The size in which most characters are set.
int body_size(const std::vector<Block>& blocks) {
  std::map<int, std::size_t> characters;
  for (const Block& block : blocks) characters[rounded(block.size)] += block.text.size();
  const auto most = std::max_element(characters.begin(), characters.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == characters.end() ? 0 : most->first;
}

}  // namespace

void Blocks::add(int page, const std::vector<Row>& rows) {
  const Row* previous = nullptr;
  bool previous_bold = false;
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i + 1;
    while (end < rows.size() && same_table(rows[end - 1], rows[end])) ++end;
    if (end - i > 1) {
      blocks_.push_back(table_of(
          page, {rows.begin() + static_cast<std::ptrdiff_t>(i), rows.begin() + static_cast<std::ptrdiff_t>(end)}));
      previous = nullptr;
      i = end;
      continue;
    }
    const Line line = line_of(rows[i]);
    const auto mark = list_mark(line.text);
    const bool continues = previous != nullptr && !mark && rounded(blocks_.back().size) == rounded(line.size) &&
                           previous_bold == line.bold &&
                           line.box.top - previous->box.bottom < paragraph_gap * line.size &&
                           line.box.top >= previous->box.top;
    if (continues) {
      join_line(blocks_.back().text, line.text);
      blocks_.back().box = around(blocks_.back().box, line.box);
    } else {
      Block block;
      block.page = page;
      block.box = line.box;
      block.size = line.size;
      block.kind = mark        ? Kind::list_item
                   : line.bold ? Kind::heading
                               : Kind::paragraph;  // bold alone is settled in finish()
      block.text = mark ? line.text.substr(mark->length) : line.text;
      block.mark = mark ? mark->mark : "";
      blocks_.push_back(std::move(block));
    }
    previous = &rows[i];
    previous_bold = line.bold;
    ++i;
  }
}

std::vector<Block> Blocks::finish() {
  const int body = body_size(blocks_);
  std::set<int, std::greater<>> sizes;
  const auto large = [&](const Block& block) { return rounded(block.size) > static_cast<int>(body * heading_ratio); };
  for (Block& block : blocks_) {
    if (block.kind != Kind::paragraph && block.kind != Kind::heading) continue;
    const bool bold = block.kind == Kind::heading;
    const bool is_short = count_words(block.text) <= heading_words;
    block.kind = is_short && has_letter(block.text) && (large(block) || bold) ? Kind::heading : Kind::paragraph;
    if (block.kind == Kind::heading) sizes.insert(rounded(block.size));
  }
  for (Block& block : blocks_) {
    if (block.kind != Kind::heading) continue;
    const auto rank = std::distance(sizes.begin(), sizes.find(rounded(block.size)));
    block.level = std::min(static_cast<int>(rank) + 1, heading_levels);
  }
  return std::move(blocks_);
}

}  // namespace convd::layout
