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
};

// Any thread.
const std::vector<Key>& keys();

}  // namespace convd
