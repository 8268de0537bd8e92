#pragma once
// JSON (RFC 8259) over cJSON, the only door to it. Strict where cJSON is lax: trailing text, invalid UTF-8, duplicate
// keys,
// "\u0000", depth and size are refused. Numbers are doubles: whole numbers are exact up to 2^53, larger ones travel as
// strings. Any thread, one at a time per object.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

struct cJSON;

namespace shared {

struct JsonLimits {
  std::size_t size_bytes = 1 << 20;
  int depth = 32;
};

class JsonReader;

// An owned JSON value, built by hand or parsed.
class Json {
 public:
  Json();  // null
  Json(std::string_view text);
  Json(const char* text) : Json(std::string_view(text)) {}
  Json(const std::string& text) : Json(std::string_view(text)) {}
  Json(bool flag);
  Json(int number) : Json(static_cast<std::int64_t>(number)) {}
  Json(std::int64_t number);   // exact up to 2^53
  Json(std::uint64_t number);  // exact up to 2^53
  Json(double number);         // NaN and infinities become null
  Json(Json&& other) noexcept;
  Json& operator=(Json&& other) noexcept;
  ~Json();

  static Json object();
  static Json array();
  template <typename T>
  static Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
  }
  // Errors: invalid_json with the byte offset and what was expected.
  static Result<Json> parse(std::string_view text, const JsonLimits& limits = {});

  Json clone() const;
  // Only for objects; an existing key is replaced. Returns *this for chaining.
  Json& set(std::string_view key, Json value);
  // Only for arrays.
  Json& push(Json value);

  std::string dump() const;    // one line
  std::string pretty() const;  // indented

  // Valid while this Json lives and is not changed.
  JsonReader read() const;

 private:
  struct Free {
    void operator()(cJSON* node) const noexcept;
  };
  explicit Json(cJSON* node);
  std::unique_ptr<cJSON, Free> node_;
};

// A place in a document together with its path ("$.outputs[1].format"); every error names the path and what was
// expected.
class JsonReader {
 public:
  JsonReader(const cJSON* node, std::string path) : node_(node), path_(std::move(path)) {}

  bool is_null() const;
  bool is_object() const;
  bool is_array() const;
  bool is_string() const;
  const std::string& path() const { return path_; }

  // Errors of all of these: invalid_json "<path>: expected a string, found a number".
  Result<std::string> string() const;
  Result<bool> boolean() const;
  Result<double> number() const;
  Result<std::int64_t> integer(std::int64_t least, std::int64_t most) const;
  Result<std::vector<JsonReader>> items() const;
  Result<std::vector<std::pair<std::string, JsonReader>>> members() const;

  // A member, or nothing when it is absent or null. Keys are compared exactly.
  std::optional<JsonReader> find(std::string_view key) const;
  // Error when absent or null: "<path>.key: required".
  Result<JsonReader> at(std::string_view key) const;
  // Errors when there is a member outside `known`; names it and the known ones.
  Result<void> only(const std::vector<std::string_view>& known) const;

  Json clone() const;

 private:
  Error wrong(std::string_view expected) const;
  const cJSON* node_;
  std::string path_;
};

}  // namespace shared
