#include "convctl/prometheus.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

namespace convctl {
namespace {

// The braces may hold quoted blanks and braces.
std::size_t end_of_labels(std::string_view line, std::size_t open) {
  bool quoted = false;
  for (std::size_t i = open; i < line.size(); ++i) {
    if (quoted && line[i] == '\\')
      ++i;
    else if (line[i] == '"')
      quoted = !quoted;
    else if (!quoted && line[i] == '}')
      return i;
  }
  return std::string_view::npos;
}

bool read_sample(std::string_view line, Sample& sample) {
  const auto open = line.find_first_of("{ ");
  if (open == std::string_view::npos) return false;
  sample.name = line.substr(0, open);
  std::size_t after = open;
  if (line[open] == '{') {
    const auto close = end_of_labels(line, open);
    if (close == std::string_view::npos) return false;
    sample.labels = line.substr(open + 1, close - open - 1);
    after = close + 1;
  }
  std::istringstream rest{std::string(line.substr(after))};
  return static_cast<bool>(rest >> sample.value);
}

std::string without_suffix(const std::string& name, std::string_view suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

}  // namespace

std::vector<Sample> important_samples(std::string_view text) {
  std::map<std::string, std::string> help;
  std::set<std::string> distributions;
  std::map<std::string, double> sums;
  std::vector<Sample> samples;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string kind;
    std::string name;
    if (line.starts_with("# ")) {
      words >> hash >> kind >> name >> std::ws;
      std::string rest;
      std::getline(words, rest);
      if (kind == "HELP") help[name] = rest;
      if (kind == "TYPE" && (rest == "histogram" || rest == "summary")) distributions.insert(name);
      continue;
    }
    Sample sample;
    if (line.empty() || line.front() == '#' || !read_sample(line, sample)) continue;
    const std::string sum_of = without_suffix(sample.name, "_sum");
    const std::string count_of = without_suffix(sample.name, "_count");
    if (distributions.contains(without_suffix(sample.name, "_bucket")) || distributions.contains(sample.name)) continue;
    if (distributions.contains(sum_of)) {
      sums[sum_of + "{" + sample.labels] = std::strtod(sample.value.c_str(), nullptr);
      continue;
    }
    sample.help = help[distributions.contains(count_of) ? count_of : sample.name];
    samples.push_back(sample);
    const double count = std::strtod(sample.value.c_str(), nullptr);
    const auto sum = sums.find(count_of + "{" + sample.labels);
    if (!distributions.contains(count_of) || sum == sums.end() || count <= 0) continue;
    std::array<char, 64> mean{};
    std::snprintf(mean.data(), mean.size(), "%.6g", sum->second / count);
    samples.push_back({count_of + "_mean", sample.labels, mean.data(), sample.help});
  }
  return samples;
}

}  // namespace convctl
