#include "convctl/table.h"

#include <algorithm>
#include <numeric>

namespace convctl {

std::string render_aligned(const Row& header, const std::vector<Row>& rows, int width) {
  std::vector<int> cells;
  for (const std::string& title : header) cells.push_back(cell_width(title));
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) cells[i] = std::max(cells[i], cell_width(row[i]));
  }
  const int gaps = 2 * (static_cast<int>(cells.size()) - 1);
  while (std::accumulate(cells.begin(), cells.end(), gaps) > width) {
    const auto widest = std::max_element(cells.begin(), cells.end());
    if (*widest <= 8) break;
    --*widest;
  }
  std::string out;
  const auto add = [&](const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i + 1 == row.size() ? clip(row[i], cells[i]) : fit(row[i], cells[i]) + "  ";
    }
    while (out.ends_with(' ')) out.pop_back();
    out += "\n";
  };
  add(header);
  for (const Row& row : rows) add(row);
  return out;
}

std::string render_table(const Row& header, const std::vector<Row>& rows, const Terminal& terminal) {
  if (terminal.is_tty()) return render_aligned(header, rows, terminal.width());
  std::string out;
  const auto add = [&](const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) out += (i == 0 ? "" : "\t") + printable(row[i]);
    out += "\n";
  };
  add(header);
  for (const Row& row : rows) add(row);
  return out;
}

}  // namespace convctl
