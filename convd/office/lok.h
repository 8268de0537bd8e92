#pragma once
// LibreOffice inside this process, through LibreOfficeKit, with everything on the one thread that calls run(). Started
// and warmed once, it is what children are forked from: a child finds libraries, fonts and filters as they are here.
// One per process; one thread only.

#include <functional>
#include <memory>
#include <string>

#include "shared/result.h"

namespace convd::office {

class Lok {
 public:
  struct Options {
    std::string profile_dir;  // made if need be; holds the settings, nothing else is kept in it
    std::string temp_dir;     // for what LibreOffice puts down before a child has a place of its own
    std::string program_dir = "/usr/lib/libreoffice/program";
  };
  // Errors: unavailable, with why.
  static shared::Result<std::unique_ptr<Lok>> start(const Options& options);
  ~Lok();

  // Runs serve() once inside LibreOffice's loop and returns what it returned. What it throws is thrown again. A process
  // that has left LibreOffice's loop has no further use for it: exit.
  int run(std::function<int()> serve);
  // [in serve] Loads and stores small documents of every family, made on the spot, so that what conversions need is in
  // memory. Errors: why this process must not serve.
  shared::Result<void> warm_up();
  std::string version() const;  // "7.4.7.2"

  // What the UNO code of this folder works with; defined in inside.h.
  struct Inside;
  Inside& inside() { return *inside_; }

 private:
  explicit Lok(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace convd::office
