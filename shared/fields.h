#pragma once
// Plain structs as JSON objects by one field list each, visited for writing and for reading:
//
//   void fields(auto& v, auto& stage, std::type_identity<Stage>) {
//     v.field("name", stage.name);
//     v.field("index", stage.index);
//   }
//
// The list is declared in the namespace of the struct, before its first use. Members may be text, flags, whole numbers,
// enums (with to_string and enum_from beside them), optionals, vectors, pairs, text maps and such structs. Any thread.

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "shared/error_code.h"
#include "shared/json.h"
#include "shared/result.h"

namespace shared {

inline std::optional<ErrorCode> enum_from(std::string_view name, std::type_identity<ErrorCode>) {
  return error_code_from(name);
}

// What a reader makes of a member that is not there or null.
enum class Absent : std::uint8_t { keeps_default, is_refused };

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <typename T>
concept Integer = std::is_integral_v<T> && !std::is_same_v<T, bool>;

class FieldWriter {
 public:
  template <typename T>
  void field(std::string_view key, const T& value) {
    json_.set(key, encode(value));
  }
  template <typename T>
  void field_if_set(std::string_view key, const std::optional<T>& value) {
    if (value) field(key, *value);
  }

  static Json encode(const std::string& value) { return Json(value); }
  static Json encode(bool value) { return Json(value); }
  static Json encode(Integer auto value) { return Json(static_cast<std::int64_t>(value)); }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  static Json encode(Enum value) { return Json(to_string(value)); }
  static Json encode(const std::map<std::string, std::string>& value) {
    Json object = Json::object();
    for (const auto& [key, text] : value) object.set(key, text);
    return object;
  }
  template <typename First, typename Second>
  static Json encode(const std::pair<First, Second>& value) {
    Json array = Json::array();
    array.push(encode(value.first)).push(encode(value.second));
    return array;
  }
  template <typename T>
  static Json encode(const std::optional<T>& value) {
    return value ? encode(*value) : Json();
  }
  template <typename T>
  static Json encode(const std::vector<T>& value) {
    Json array = Json::array();
    for (const T& item : value) array.push(encode(item));
    return array;
  }
  template <typename T>
  requires std::is_class_v<T>
  static Json encode(const T& value) {
    FieldWriter writer;
    fields(writer, value, std::type_identity<T>{});
    return std::move(writer.json_);
  }

 private:
  Json json_ = Json::object();
};

// The first error stops the reading; its message carries the path of the member.
template <Absent absent>
class FieldReader {
 public:
  explicit FieldReader(const JsonReader& json) : json_(json) {}

  template <typename T>
  void field(std::string_view key, T& value) {
    if (!outcome_.ok()) return;
    if (auto member = json_.find(key))
      outcome_ = decode(*member, value);
    else if (absent == Absent::is_refused && !is_optional<T>)
      outcome_ = json_.at(key).error();
  }
  template <typename T>
  void field_if_set(std::string_view key, std::optional<T>& value) {
    field(key, value);
  }

  static Result<void> decode(const JsonReader& json, std::string& value) { return store(json.string(), value); }
  static Result<void> decode(const JsonReader& json, bool& value) { return store(json.boolean(), value); }
  static Result<void> decode(const JsonReader& json, Integer auto& value) {
    using T = std::remove_cvref_t<decltype(value)>;
    constexpr std::int64_t most = std::int64_t{1} << 53;  // what a double holds exactly
    constexpr bool narrow = sizeof(T) < sizeof(std::int64_t);
    constexpr std::int64_t least = narrow                  ? static_cast<std::int64_t>(std::numeric_limits<T>::min())
                                   : std::is_unsigned_v<T> ? 0
                                                           : -most;
    constexpr std::int64_t highest = narrow ? static_cast<std::int64_t>(std::numeric_limits<T>::max()) : most;
    auto number = json.integer(least, highest);
    if (!number) return number.error();
    value = static_cast<T>(*number);
    return {};
  }
  template <typename Enum>
  requires std::is_enum_v<Enum>
  static Result<void> decode(const JsonReader& json, Enum& value) {
    auto text = json.string();
    if (!text) return text.error();
    const std::optional<Enum> found = enum_from(*text, std::type_identity<Enum>{});
    if (!found) return Error{ErrorCode::invalid_json, json.path() + ": unknown value \"" + *text + "\"", {}};
    value = *found;
    return {};
  }
  static Result<void> decode(const JsonReader& json, std::map<std::string, std::string>& value) {
    auto members = json.members();
    if (!members) return members.error();
    for (const auto& [key, member] : *members) {
      if (auto outcome = decode(member, value[key]); !outcome) return outcome;
    }
    return {};
  }
  template <typename First, typename Second>
  static Result<void> decode(const JsonReader& json, std::pair<First, Second>& value) {
    auto items = json.items();
    if (!items) return items.error();
    if (items->size() != 2) return Error{ErrorCode::invalid_json, json.path() + ": expected two items", {}};
    auto outcome = decode(items->front(), value.first);
    return outcome ? decode(items->back(), value.second) : outcome;
  }
  template <typename T>
  static Result<void> decode(const JsonReader& json, std::optional<T>& value) {
    return decode(json, value.emplace());
  }
  template <typename T>
  static Result<void> decode(const JsonReader& json, std::vector<T>& value) {
    auto items = json.items();
    if (!items) return items.error();
    for (const JsonReader& item : *items) {
      if (auto outcome = decode(item, value.emplace_back()); !outcome) return outcome;
    }
    return {};
  }
  template <typename T>
  requires std::is_class_v<T>
  static Result<void> decode(const JsonReader& json, T& value) {
    if (!json.is_object()) return Error{ErrorCode::invalid_json, json.path() + ": expected an object", {}};
    FieldReader reader(json);
    fields(reader, value, std::type_identity<T>{});
    return reader.outcome_;
  }

 private:
  template <typename T>
  static Result<void> store(Result<T> from, T& to) {
    if (!from) return from.error();
    to = *std::move(from);
    return {};
  }

  const JsonReader& json_;
  Result<void> outcome_;
};

template <typename T>
Json write_fields(const T& value) {
  return FieldWriter::encode(value);
}

// Members it does not know are ignored. Errors: invalid_json with the path.
template <Absent absent, typename T>
Result<void> read_fields(const JsonReader& json, T& value) {
  return FieldReader<absent>::decode(json, value);
}

}  // namespace shared
