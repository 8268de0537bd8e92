#include "convctl/options.h"

#include <charconv>
#include <cstdint>
#include <utility>

#include "convctl/failure.h"

namespace convctl {
namespace {

std::pair<std::string, std::string> split(const std::string& argument, std::string_view flag) {
  const auto equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Failure{Exit::usage, std::string(flag) + " " + argument + ": expected KEY=VALUE", ""};
  }
  return {argument.substr(0, equals), argument.substr(equals + 1)};
}

}  // namespace

shared::Json typed_value(std::string_view text) {
  if (text == "true") return shared::Json(true);
  if (text == "false") return shared::Json(false);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  constexpr std::int64_t exact = std::int64_t{1} << 53;
  const bool whole = error == std::errc() && end == text.data() + text.size() && number <= exact && number >= -exact;
  if (whole && std::to_string(number) == text) return shared::Json(number);
  return shared::Json(text);
}

shared::Json typed_options(const std::vector<std::string>& arguments) {
  shared::Json object = shared::Json::object();
  for (const std::string& argument : arguments) {
    const auto [key, value] = split(argument, "-O");
    object.set(key, typed_value(value));
  }
  return object;
}

std::map<std::string, std::string> labels_from(const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> labels;
  for (const std::string& argument : arguments) {
    auto [key, value] = split(argument, "--label");
    labels[key] = value;
  }
  return labels;
}

}  // namespace convctl
