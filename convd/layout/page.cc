#include "convd/layout/page.h"

#include <algorithm>

namespace convd::layout {

Box around(const Box& a, const Box& b) {
  return {std::min(a.left, b.left), std::min(a.top, b.top), std::max(a.right, b.right), std::max(a.bottom, b.bottom)};
}

}  // namespace convd::layout
