#pragma once
// The whole terminal for a command that redraws it: alternate screen, single keys, resize. Main thread only.

#include <termios.h>

#include <functional>
#include <string>
#include <vector>

#include "convctl/client_loop.h"
#include "convctl/file_descriptor.h"
#include "convctl/terminal.h"

namespace convctl {

class Screen {
 public:
  struct Hooks {
    std::function<void(char)> key;
    std::function<void()> resized;
  };
  // Takes the screen of `terminal`, which must be one that can redraw. Without a controlling terminal there are no
  // keys. Both outlive this object.
  Screen(Terminal& terminal, ClientLoop& loop, Hooks hooks);
  // Gives it back as it was.
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // From the top; what does not fit is left out, and said so.
  void draw(std::vector<std::string> lines);

 private:
  void take_keys();
  void take_resizes();

  Terminal& terminal_;
  Hooks hooks_;
  FileDescriptor keyboard_;
  FileDescriptor resizes_;
  termios before_{};
  ClientLoop::WatchHandle key_watch_;
  ClientLoop::WatchHandle resize_watch_;
};

}  // namespace convctl
