#pragma once
// The Prometheus text exposition format, version 0.0.4. Any thread, one at a time per object.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convd::api {

// Observations in cumulative buckets.
class Histogram {
 public:
  // `bounds`: upper bounds, ascending; "+Inf" is added.
  explicit Histogram(const std::vector<double>& bounds);
  // Of observations counted elsewhere: one more count than bounds.
  Histogram(const std::vector<double>& bounds, std::vector<std::int64_t> counts, double sum);
  void observe(double value);

  const std::vector<double>& bounds() const { return bounds_; }
  std::int64_t up_to(std::size_t bucket) const;  // observations <= bounds()[bucket]
  std::int64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::int64_t> counts_;  // per bucket, not cumulative
  std::int64_t count_ = 0;
  double sum_ = 0;
};

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

// Writes families one after the other; the samples of a family follow its begin call.
class Exposition {
 public:
  // Histograms go through here too, with type "histogram".
  Exposition& family(std::string_view name, std::string_view type, std::string_view help);
  Exposition& sample(const Labels& labels, double value);
  Exposition& histogram(const Labels& labels, const Histogram& histogram);

  // A family of one sample without labels.
  Exposition& gauge(std::string_view name, std::string_view help, double value);
  Exposition& counter(std::string_view name, std::string_view help, double value);

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, const Labels& labels, double value);

  std::string text_;
  std::string name_;
};

}  // namespace convd::api
