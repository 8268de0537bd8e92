#pragma once
// A page of a PDF as words with their places. Units are points (1/72 inch), origin at the top left, y grows downwards.

#include <string>
#include <vector>

namespace convd::layout {

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;

  double width() const { return right - left; }
  double height() const { return bottom - top; }
};

// The smallest box around both.
Box around(const Box& a, const Box& b);

struct Word {
  std::string text;  // UTF-8
  Box box;
  double size = 0;  // of the font
  bool bold = false;
};

struct Page {
  int number = 0;  // from 1
  double width = 0;
  double height = 0;
  std::vector<Word> words;
};

}  // namespace convd::layout
