#pragma once
// The table of keys: what each is called, what it takes and where that goes.

#include <functional>
#include <string>
#include <vector>

#include "convd/config.h"

namespace convd {

struct Key {
  std::string name;
  std::string expected;
  std::string help;
  std::function<bool(Config&, const std::string&)> set;  // false: not what was expected
  Repeated repeated = Repeated::replaces;
  std::string alias = {};  // a further variable of the environment; may be empty
  // The value as it may be written in the file, and the way from one configuration to another; every key has both.
  std::function<std::string(Config)> get = {};
  std::function<void(Config& to, Config from)> copy = {};
};

// Any thread.
const std::vector<Key>& keys();

}  // namespace convd
