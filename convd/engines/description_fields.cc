#include "convd/engines/description_fields.h"

#include <utility>

namespace convd::engines {

using shared::Error;
using shared::ErrorCode;
using shared::JsonReader;
using shared::Result;

namespace {

Error unlike(const std::string& path, std::string_view expected, std::string_view got) {
  return {ErrorCode::invalid_option,
          path + ": expected " + std::string(expected) + ", got \"" + std::string(got) + "\"",
          {}};
}

Result<std::string> checked(const JsonReader& json, const DescriptionFields::Rule& rule) {
  auto text = json.string();
  if (text && !rule.fits(*text)) return unlike(json.path(), rule.expected, *text);
  return text;
}

}  // namespace

DescriptionFields::DescriptionFields(const JsonReader& json, const std::vector<std::string_view>& known)
    : json_(json), outcome_(json_.only(known)) {}

std::optional<JsonReader> DescriptionFields::member(std::string_view key, Need need) {
  if (!outcome_) return std::nullopt;
  auto found = json_.find(key);
  if (!found && need == Need::required) add(json_.at(key).error());
  return found;
}

std::string DescriptionFields::text(std::string_view key, Need need, const Rule& rule, std::string fallback) {
  const auto found = member(key, need);
  if (!found) return fallback;
  auto text = checked(*found, rule);
  if (text) return *std::move(text);
  add(text.error());
  return fallback;
}

std::int64_t DescriptionFields::number(std::string_view key, std::int64_t least, std::int64_t most,
                                       std::int64_t fallback) {
  const auto found = member(key, Need::optional);
  if (!found) return fallback;
  const auto number = found->integer(least, most);
  if (number) return *number;
  add(number.error());
  return fallback;
}

std::vector<std::string> DescriptionFields::texts(std::string_view key, Need need, const Rule& rule, std::size_t most) {
  std::vector<std::string> all;
  each(key, need, most, [&](const JsonReader& item) -> Result<void> {
    auto text = checked(item, rule);
    if (!text) return text.error();
    all.push_back(*std::move(text));
    return {};
  });
  return all;
}

void DescriptionFields::each(std::string_view key, Need need, std::size_t most,
                             const std::function<Result<void>(const JsonReader&)>& read) {
  const auto found = member(key, need);
  if (!found) return;
  const auto items = found->items();
  if (!items) return add(items.error());
  const std::size_t least = need == Need::required ? 1 : 0;
  if (items->size() < least || items->size() > most) {
    return add(Error{ErrorCode::invalid_option,
                     found->path() + ": expected " + std::to_string(least) + " to " + std::to_string(most) +
                         " items, got " + std::to_string(items->size()),
                     {}});
  }
  for (const JsonReader& item : *items) {
    if (outcome_) add(read(item));
  }
}

void DescriptionFields::object(std::string_view key, const std::function<Result<void>(const JsonReader&)>& read) {
  if (const auto found = member(key, Need::optional)) add(read(*found));
}

void DescriptionFields::fail(std::string_view key, std::string_view expected, std::string_view got) {
  add(unlike(json_.path() + "." + std::string(key), expected, got));
}

void DescriptionFields::add(Result<void> outcome) {
  if (outcome_) outcome_ = std::move(outcome);
}

}  // namespace convd::engines
