#include "convd/api/prometheus.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>

namespace convd::api {
namespace {

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

// Backslash and line feed are escaped everywhere, quotes only in label values.
std::string escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

Histogram::Histogram(const std::vector<double>& bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

Histogram::Histogram(const std::vector<double>& bounds, std::vector<std::int64_t> counts, double sum)
    : bounds_(bounds),
      counts_(std::move(counts)),
      count_(std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0})),
      sum_(sum) {}

void Histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<std::size_t>(bucket)];
  ++count_;
  sum_ += value;
}

std::int64_t Histogram::up_to(std::size_t bucket) const {
  const auto end = counts_.begin() + static_cast<std::ptrdiff_t>(bucket) + 1;
  return std::accumulate(counts_.begin(), end, std::int64_t{0});
}

Exposition& Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + escaped(help, "\\") + "\n";
  text_ += "# TYPE " + name_ + " " + std::string(type) + "\n";
  return *this;
}

Exposition& Exposition::sample(const Labels& labels, double value) {
  line("", labels, value);
  return *this;
}

Exposition& Exposition::histogram(const Labels& labels, const Histogram& histogram) {
  for (std::size_t i = 0; i < histogram.bounds().size(); ++i) {
    const std::string bound = number(histogram.bounds()[i]);
    Labels with_bound = labels;
    with_bound.emplace_back("le", bound);
    line("_bucket", with_bound, static_cast<double>(histogram.up_to(i)));
  }
  Labels unbounded = labels;
  unbounded.emplace_back("le", "+Inf");
  line("_bucket", unbounded, static_cast<double>(histogram.count()));
  line("_sum", labels, histogram.sum());
  line("_count", labels, static_cast<double>(histogram.count()));
  return *this;
}

Exposition& Exposition::gauge(std::string_view name, std::string_view help, double value) {
  return family(name, "gauge", help).sample({}, value);
}

Exposition& Exposition::counter(std::string_view name, std::string_view help, double value) {
  return family(name, "counter", help).sample({}, value);
}

void Exposition::line(std::string_view suffix, const Labels& labels, double value) {
  text_ += name_;
  text_ += suffix;
  if (!labels.empty()) {
    char open = '{';
    for (const auto& [label, text] : labels) {
      text_ += open;
      text_ += label;
      text_ += "=\"" + escaped(text, "\\\"") + "\"";
      open = ',';
    }
    text_ += '}';
  }
  text_ += " " + number(value) + "\n";
}

}  // namespace convd::api
