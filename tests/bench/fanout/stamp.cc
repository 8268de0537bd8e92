#include "tests/bench/fanout/stamp.h"

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <stdexcept>

namespace fanout {
namespace {

constexpr std::string_view stamp_mark = "@@";
constexpr std::size_t stamp_digits = 19;

// 64 KiB of words, chosen by a generator with a fixed seed.
const std::string& prose() {
  static const std::string text = [] {
    constexpr std::string_view words[] = {"page",    "document", "convert", "ready",   "library", "margin",  "the",
                                          "of",      "picture",  "table",   "chapter", "please",  "replace", "letter",
                                          "and",     "was",      "heading", "figure",  "number",  "second",  "version",
                                          "colour",  "this",     "has",     "missing", "printed", "quality", "result",
                                          "comment", "footer",   "look",    "fine"};
    std::string made;
    for (std::uint32_t state = 1; made.size() < 65536;) {
      state = state * 1664525 + 1013904223;
      made += words[state >> 27];
      made += state % 64 < 40 ? " " : ", " + std::to_string(state >> 20) + " ";
    }
    return made;
  }();
  return text;
}

}  // namespace

std::string stamped_text(std::size_t size) {
  static std::size_t turn = 0;
  const auto now = Clock::now().time_since_epoch();
  char stamp[32];
  std::snprintf(stamp, sizeof stamp, "@@%019lld ",
                static_cast<long long>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()));
  std::string text = stamp;
  if (text.size() >= size) return text;
  turn = (turn + 397) % (prose().size() - size);
  return text += prose().substr(turn, size - text.size() - 1) + ".";  // it must not end in a blank
}

Clock::time_point stamp_in(std::string_view payload) {
  const auto at = payload.find(stamp_mark);
  std::int64_t ns = 0;
  if (at != std::string_view::npos && payload.size() >= at + stamp_mark.size() + stamp_digits) {
    const char* digits = payload.data() + at + stamp_mark.size();
    std::from_chars(digits, digits + stamp_digits, ns);
  }
  if (ns == 0) throw std::runtime_error("an event without the time of its making: " + std::string(payload));
  return Clock::time_point(std::chrono::nanoseconds(ns));
}

}  // namespace fanout
