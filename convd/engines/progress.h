#pragma once
// What the engines print about their progress. Output may arrive in any pieces. One reader per run.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "convd/engines/engine.h"

namespace convd::engines {

// Cuts a stream into lines at LF or CR; of a line longer than the limit nothing is seen.
class LineCutter {
 public:
  explicit LineCutter(std::size_t limit_bytes = 4096) : limit_bytes_(limit_bytes) {}
  void feed(std::string_view bytes, const std::function<void(std::string_view)>& line);

 private:
  std::size_t limit_bytes_;
  std::string partial_;
  bool too_long_ = false;
};

// What the numbers of pages mean that an engine prints.
struct PageCounting {
  enum class Last : std::uint8_t { of_the_document, of_a_range };
  enum class Pages : std::uint8_t { written, read };
  int first = 1;  // asked for
  Last last = Last::of_the_document;
  Pages pages = Pages::written;
};
// "N LAST file" on stderr (pdftoppm -progress).
std::unique_ptr<ProgressReader> make_pdftoppm_progress(PageCounting counting);
// "page N TOTAL" on stderr (convd-layout).
std::unique_ptr<ProgressReader> make_layout_progress();
// "out_time_us=N" on stdout (ffmpeg -progress pipe:1) against "Duration: H:M:S" on stderr; in milliseconds.
std::unique_ptr<ProgressReader> make_ffmpeg_progress();

}  // namespace convd::engines
