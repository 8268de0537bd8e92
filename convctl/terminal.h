#pragma once
// The one file that knows the terminal: whether there is one, how wide, which colours, and how lines are drawn again in
// place. Widths are in cells. Main thread only; the free functions: any thread, in a UTF-8 LC_CTYPE.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convctl {

enum class ColorMode { automatic, always, never };
enum class Color { none, red, green, yellow, dim };

// Cells of UTF-8 text; malformed bytes and control characters count as the "?" that printable() makes of them.
int cell_width(std::string_view text);
// The text without control characters and malformed bytes: a file name must not command the terminal.
std::string printable(std::string_view text);
// Exactly `cells` wide: cut with "…", or filled with blanks.
std::string fit(std::string_view text, int cells);
// At most `cells` wide.
std::string clip(std::string_view text, int cells);

// One output stream.
class Terminal {
 public:
  Terminal(int fd, ColorMode color);

  bool is_tty() const { return is_tty_; }
  // Whether lines can be drawn again: a terminal that is not TERM=dumb.
  bool can_redraw() const { return is_tty_ && !is_dumb_; }
  bool has_color() const { return has_color_; }
  // From the terminal, else COLUMNS, else 80.
  int width() const;
  // From the terminal, else LINES, else 24.
  int height() const;
  // UTF-8 text in that colour, or as it is.
  std::string paint(Color color, std::string_view text) const;

  // Replaces the lines drawn before.
  void draw(const std::vector<std::string>& lines);
  // Takes them away; what is written next stands in their place.
  void erase();
  void write(std::string_view text);

 private:
  int fd_;
  bool is_tty_;
  bool is_dumb_;
  bool has_color_;
  std::size_t drawn_ = 0;
};

}  // namespace convctl
