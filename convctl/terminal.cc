#include "convctl/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>

namespace convctl {
namespace {

struct Character {
  std::size_t size = 1;  // bytes
  int cells = 1;
  bool printable = false;
};

std::size_t length_of(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

Character character_at(std::string_view text) {
  const std::size_t length = length_of(static_cast<unsigned char>(text.front()));
  if (length == 0 || length > text.size()) return {};
  static constexpr unsigned masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  unsigned code = static_cast<unsigned char>(text.front()) & masks[length];
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) != 0x80) return {};
    code = code << 6 | (byte & 0x3F);
  }
  const int cells = wcwidth(static_cast<wchar_t>(code));
  if (cells < 0) return {length, 1, false};
  return {length, cells, true};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::optional<int> number_in(const char* name) {
  const std::string text = environment(name);
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value > 0 ? std::optional(value) : std::nullopt;
}

std::string_view escape_of(Color color) {
  switch (color) {
    case Color::red:
      return "\x1b[31m";
    case Color::green:
      return "\x1b[32m";
    case Color::yellow:
      return "\x1b[33m";
    case Color::dim:
      return "\x1b[2m";
    case Color::none:
      break;
  }
  return "";
}

}  // namespace

int cell_width(std::string_view text) {
  int cells = 0;
  while (!text.empty()) {
    const Character c = character_at(text);
    cells += c.cells;
    text.remove_prefix(c.size);
  }
  return cells;
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character c = character_at(text);
    if (c.printable)
      out += text.substr(0, c.size);
    else
      out += '?';
    text.remove_prefix(c.size);
  }
  return out;
}

std::string clip(std::string_view text, int cells) {
  std::string whole = printable(text);
  if (cell_width(whole) <= cells) return whole;
  if (cells < 1) return "";
  std::string out;
  int used = 0;
  std::string_view rest = whole;
  while (!rest.empty()) {
    const Character c = character_at(rest);
    if (used + c.cells > cells - 1) break;
    out += rest.substr(0, c.size);
    used += c.cells;
    rest.remove_prefix(c.size);
  }
  return out + "…";
}

std::string fit(std::string_view text, int cells) {
  std::string out = clip(text, cells);
  const int missing = cells - cell_width(out);
  if (missing > 0) out.append(static_cast<std::size_t>(missing), ' ');
  return out;
}

Terminal::Terminal(int fd, ColorMode color)
    : fd_(fd), is_tty_(isatty(fd) == 1), is_dumb_(environment("TERM") == "dumb" || environment("TERM").empty()) {
  const bool wanted = can_redraw() && environment("NO_COLOR").empty();
  has_color_ = color == ColorMode::always || (color == ColorMode::automatic && wanted);
}

int Terminal::width() const {
  winsize size{};
  if (ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return number_in("COLUMNS").value_or(80);
}

int Terminal::height() const {
  winsize size{};
  if (ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) return size.ws_row;
  return number_in("LINES").value_or(24);
}

std::string Terminal::paint(Color color, std::string_view text) const {
  if (!has_color_ || color == Color::none) return std::string(text);
  return std::string(escape_of(color)) + std::string(text) + "\x1b[0m";
}

void Terminal::draw(const std::vector<std::string>& lines) {
  std::string out;
  if (drawn_ > 0) out += "\x1b[" + std::to_string(drawn_) + "A";
  for (const std::string& line : lines) out += "\r" + line + "\x1b[K\n";
  if (drawn_ > lines.size()) out += "\x1b[J";
  drawn_ = lines.size();
  write(out);
}

void Terminal::erase() {
  if (drawn_ == 0) return;
  write("\x1b[" + std::to_string(drawn_) + "A\r\x1b[J");
  drawn_ = 0;
}

void Terminal::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd_, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody looks any more
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace convctl
