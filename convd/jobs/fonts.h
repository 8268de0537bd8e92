#pragma once
// The set of fonts that a conversion accepted now will find, as far as that is certain.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convd/loop/loop.h"
#include "convd/process/font_set.h"
#include "convd/store/store.h"

namespace convd::jobs {

// Loop thread only.
class Fonts {
 public:
  Fonts(loop::Loop& loop, store::Store& store, std::vector<std::string> roots);
  ~Fonts();
  Fonts(const Fonts&) = delete;
  Fonts& operator=(const Fonts&) = delete;

  // Blocks; at start.
  void look();
  // Nothing while it is not known, and for some time after a change: until then a LibreOffice that is warm may know the
  // fonts from before. Looks again when it is time: at the directories at once, at the files on the file thread.
  std::optional<std::string> stamp();

 private:
  void look_again();

  loop::Loop& loop_;
  store::Store& store_;
  const std::vector<std::string> roots_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::optional<process::FontSet> fonts_;
  loop::TimePoint looked_;   // at the files
  loop::TimePoint glanced_;  // at the directories
  bool looking_ = false;
};

}  // namespace convd::jobs
