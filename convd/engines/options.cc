// The check of what a client sent against the option tables of a route.

#include <algorithm>
#include <charconv>

#include "convd/engines/page_range.h"
#include "convd/engines/registry.h"

namespace convd::engines {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::JsonReader;
using shared::Result;

Error wrong(const OptionSpec& spec, const std::string& expected, const std::string& got) {
  return {ErrorCode::invalid_option, "options." + spec.name + ": expected " + expected + ", got " + got, {}};
}

// The value as text: forms and query strings send every value as text, JSON may send numbers and flags.
Result<std::string> as_text(const OptionSpec& spec, const JsonReader& value) {
  if (auto text = value.string()) return *std::move(text);
  if (auto flag = value.boolean()) return std::string(*flag ? "true" : "false");
  const std::int64_t exact = std::int64_t{1} << 53;
  if (auto number = value.integer(-exact, exact)) return std::to_string(*number);
  return wrong(spec, "a single value", value.clone().dump());
}

std::string join(const std::vector<std::string>& words) {
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  return list;
}

Result<std::string> check_integer(const OptionSpec& spec, const std::string& text) {
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = problem == std::errc() && end == text.data() + text.size();
  if (whole && number >= spec.least && number <= spec.most) return std::to_string(number);
  return wrong(spec, "a whole number from " + std::to_string(spec.least) + " to " + std::to_string(spec.most),
               "\"" + text + "\"");
}

Result<std::string> check_text(const OptionSpec& spec, const std::string& text) {
  const auto size = static_cast<std::int64_t>(text.size());
  const bool clean =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  if (clean && size >= spec.least && size <= spec.most) return text;
  // The text itself is not repeated: it may be a password.
  return wrong(spec,
               std::to_string(spec.least) + " to " + std::to_string(spec.most) + " bytes without control characters",
               clean ? std::to_string(size) + " bytes" : "control characters");
}

Result<std::string> check(const OptionSpec& spec, const std::string& text) {
  switch (spec.type) {
    case OptionType::integer:
      return check_integer(spec, text);
    case OptionType::text:
      return check_text(spec, text);
    case OptionType::flag:
      if (text == "true" || text == "1") return std::string("true");
      if (text == "false" || text == "0") return std::string("false");
      return wrong(spec, "true or false", "\"" + text + "\"");
    case OptionType::choice:
      if (std::find(spec.choices.begin(), spec.choices.end(), text) != spec.choices.end()) return text;
      return wrong(spec, "one of " + join(spec.choices), "\"" + text + "\"");
    case OptionType::page_range:
      if (const auto range = parse_page_range(text)) return to_string(*range);
      return wrong(spec, "pages such as 3, 2-5 or 4-", "\"" + text + "\"");
  }
  return text;
}

Error unknown(const std::string& name, const std::vector<OptionSpec>& known) {
  std::vector<std::string> names;
  for (const OptionSpec& spec : known) names.push_back(spec.name);
  std::sort(names.begin(), names.end());
  const std::string advice = names.empty() ? "this conversion has no options" : "this conversion knows " + join(names);
  return {ErrorCode::invalid_option, "options." + name + ": unknown option; " + advice, {}};
}

bool lists(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool applies(const OptionSpec& spec, std::string_view from, std::string_view to) {
  return (spec.to.empty() || lists(spec.to, to)) && (spec.from.empty() || from.empty() || lists(spec.from, from));
}

std::vector<OptionSpec> options_for(const std::vector<Leg>& legs, std::string_view to) {
  std::vector<OptionSpec> known;
  for (const Leg& leg : legs) {
    for (OptionSpec& spec : leg.engine->options()) {
      const bool seen = std::any_of(known.begin(), known.end(), [&](const auto& row) { return row.name == spec.name; });
      if (!seen && applies(spec, leg.from, to)) known.push_back(std::move(spec));
    }
  }
  return known;
}

bool is_secret(std::string_view option) {
  return option == "password" || option == "output_password";
}

Result<Options> validate_options(const std::vector<Leg>& legs, const std::string& to, const JsonReader& given) {
  Options options;
  if (given.is_null()) return options;
  const auto members = given.members();
  if (!members) return Error{ErrorCode::invalid_option, "options: expected an object of names and values", {}};
  const std::vector<OptionSpec> known = options_for(legs, to);
  for (const auto& [name, value] : *members) {
    if (value.is_null()) continue;
    const auto spec =
        std::find_if(known.begin(), known.end(), [&, &key = name](const auto& row) { return row.name == key; });
    if (spec == known.end()) return unknown(name, known);
    auto text = as_text(*spec, value);
    if (!text) return text.error();
    auto checked = check(*spec, *text);
    if (!checked) return checked.error();
    options[name] = *std::move(checked);
  }
  return options;
}

}  // namespace convd::engines
