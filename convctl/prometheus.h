#pragma once
// Reads the Prometheus text format as far as a table needs it. Pure. Any thread.

#include <string>
#include <string_view>
#include <vector>

namespace convctl {

struct Sample {
  std::string name;
  std::string labels;  // what stands between the braces
  std::string value;
  std::string help;
};

// All samples in order. Of a histogram or summary only count and, as "name_mean", sum / count.
std::vector<Sample> important_samples(std::string_view text);

}  // namespace convctl
