#pragma once
// A variant of structs as one JSON object whose "type" says which it is. Each alternative has a field list (see
// shared/fields.h) and, in the same namespace, its name: constexpr std::string_view tag(std::type_identity<T>).

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "shared/fields.h"

namespace convd::process {

template <typename Variant>
std::string encode_tagged(const Variant& message) {
  return std::visit(
      [](const auto& value) {
        shared::Json json = shared::write_fields(value);
        json.set("type", tag(std::type_identity<std::remove_cvref_t<decltype(value)>>{}));
        return json.dump();
      },
      message);
}

// Tries the alternatives one after the other. All members are required. Errors: invalid_json with the path.
template <typename Variant, std::size_t index = 0>
shared::Result<Variant> decode_tagged_as(const std::string& type, const shared::JsonReader& json) {
  if constexpr (index == std::variant_size_v<Variant>) {
    return shared::Error{shared::ErrorCode::invalid_json, "$.type: unknown message \"" + type + "\"", {}};
  } else {
    using T = std::variant_alternative_t<index, Variant>;
    if (type != tag(std::type_identity<T>{})) return decode_tagged_as<Variant, index + 1>(type, json);
    T value;
    if (auto outcome = shared::read_fields<shared::Absent::is_refused>(json, value); !outcome) return outcome.error();
    return Variant(std::move(value));
  }
}

template <typename Variant>
shared::Result<Variant> decode_tagged(std::string_view text, const shared::JsonLimits& limits) {
  auto json = shared::Json::parse(text, limits);
  if (!json) return json.error();
  auto type = json->read().at("type");
  if (!type) return type.error();
  auto name = type->string();
  if (!name) return name.error();
  return decode_tagged_as<Variant>(*name, json->read());
}

}  // namespace convd::process
