#pragma once
// Words to rows in reading order: the recursive XY cut of Nagy and Seth (1984). A page is cut at its widest white
// gutter into columns, else at its highest white band, until nothing is left to cut. Pure.

#include <vector>

#include "convd/layout/page.h"

namespace convd::layout {

// Words that stand close together on one line.
struct Segment {
  std::vector<Word> words;
  Box box;

  std::string text() const;
  double size() const;  // of the largest word
  bool bold() const;    // every word is
};

// Segments at one height, from left to right: one segment is a line of text, several are a candidate for a table.
struct Row {
  std::vector<Segment> segments;
  Box box;
  int region = 0;  // rows of different columns of a page have different regions
};

std::vector<Row> reading_order(const Page& page);

}  // namespace convd::layout
