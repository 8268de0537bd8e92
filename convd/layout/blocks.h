#pragma once
// Rows to blocks: headings, paragraphs, list items and tables. Pure.

#include <string>
#include <vector>

#include "convd/layout/reading_order.h"

namespace convd::layout {

enum class Kind : unsigned char { paragraph, heading, list_item, table };

struct Block {
  Kind kind = Kind::paragraph;
  int page = 0;
  Box box;
  std::string text;  // one logical line; empty for tables
  int level = 0;     // heading: 1-4; list item: 0
  std::string mark;  // list item: "-" or "3."
  double size = 0;
  std::vector<std::vector<std::string>> cells;  // table: rows of equally many cells
};

// Collects pages, then tells the blocks: what is a heading depends on the sizes of the whole document.
class Blocks {
 public:
  void add(int page, const std::vector<Row>& rows);
  // Call once, after the last page.
  std::vector<Block> finish();

 private:
  std::vector<Block> blocks_;
};

}  // namespace convd::layout
