#include "shared/json.h"

#include <cjson/cJSON.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_set>

#include "shared/utf8.h"

namespace shared {
namespace {

constexpr double exact_limit = 9007199254740992.0;  // 2^53

cJSON* checked(cJSON* node) {
  if (node == nullptr) throw std::bad_alloc();
  return node;
}

// cJSON prints a number with 15 digits and takes that for exact; larger ones are put in as text.
cJSON* whole_number(std::int64_t number) {
  constexpr std::int64_t fifteen_digits = 999'999'999'999'999;
  if (number >= -fifteen_digits && number <= fifteen_digits) return cJSON_CreateNumber(static_cast<double>(number));
  return cJSON_CreateRaw(std::to_string(number).c_str());
}

const char* kind_of(const cJSON* node) {
  if (node == nullptr || cJSON_IsNull(node)) return "null";
  if (cJSON_IsBool(node)) return "a boolean";
  if (cJSON_IsNumber(node)) return "a number";
  if (cJSON_IsString(node)) return "a string";
  if (cJSON_IsArray(node)) return "an array";
  return "an object";
}

// What cJSON lets pass, found by one look at the text: nesting, NUL (raw or escaped), lone control characters.
std::optional<Error> check_text(std::string_view text, const JsonLimits& limits) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string at = " at byte " + std::to_string(i);
    if (in_string) {
      if (static_cast<unsigned char>(c) < 0x20)
        return Error{ErrorCode::invalid_json, "control character in a string" + at, {}};
      if (c == '"') in_string = false;
      if (c == '\\') {
        if (text.substr(i, 6) == "\\u0000") return Error{ErrorCode::invalid_json, "\\u0000 is not allowed" + at, {}};
        ++i;
      }
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '\0') return Error{ErrorCode::invalid_json, "NUL byte" + at, {}};
    if ((c == '{' || c == '[') && ++depth > limits.depth) {
      return Error{ErrorCode::invalid_json, "nested deeper than " + std::to_string(limits.depth) + at, {}};
    }
    if (c == '}' || c == ']') --depth;
  }
  return std::nullopt;
}

std::optional<Error> check_duplicates(const cJSON* node, const std::string& path) {
  std::unordered_set<std::string_view> seen;
  int index = 0;
  for (const cJSON* child = node->child; child != nullptr; child = child->next, ++index) {
    std::string child_path = path;
    if (cJSON_IsObject(node)) {
      child_path += "." + std::string(child->string);
      if (!seen.insert(child->string).second) return Error{ErrorCode::invalid_json, child_path + ": given twice", {}};
    } else {
      child_path += "[" + std::to_string(index) + "]";
    }
    if (auto error = check_duplicates(child, child_path)) return error;
  }
  return std::nullopt;
}

std::string print(const cJSON* node, bool formatted) {
  char* text = formatted ? cJSON_Print(node) : cJSON_PrintUnformatted(node);
  if (text == nullptr) throw std::bad_alloc();
  std::string copy(text);
  cJSON_free(text);
  return copy;
}

}  // namespace

void Json::Free::operator()(cJSON* node) const noexcept {
  cJSON_Delete(node);
}

Json::Json(cJSON* node) : node_(checked(node)) {}
Json::Json() : Json(cJSON_CreateNull()) {}
Json::Json(std::string_view text) : Json(cJSON_CreateString(std::string(text).c_str())) {}
Json::Json(bool flag) : Json(cJSON_CreateBool(flag)) {}
Json::Json(std::int64_t number) : Json(whole_number(number)) {}
Json::Json(std::uint64_t number) : Json(static_cast<std::int64_t>(number)) {}
Json::Json(double number) : Json(std::isfinite(number) ? cJSON_CreateNumber(number) : cJSON_CreateNull()) {}
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

Json Json::object() {
  return Json(cJSON_CreateObject());
}

Json Json::array() {
  return Json(cJSON_CreateArray());
}

Result<Json> Json::parse(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.size_bytes) {
    return Error{ErrorCode::body_too_large, "JSON of more than " + std::to_string(limits.size_bytes) + " bytes", {}};
  }
  if (!is_utf8(text)) return Error{ErrorCode::invalid_json, "not valid UTF-8", {}};
  if (auto error = check_text(text, limits)) return *error;
  const char* end = nullptr;
  const std::string terminated(text);
  std::unique_ptr<cJSON, Free> node(cJSON_ParseWithLengthOpts(terminated.c_str(), terminated.size() + 1, &end, 0));
  if (!node) {
    const auto offset = end == nullptr ? 0 : end - terminated.c_str();
    return Error{ErrorCode::invalid_json, "syntax error at byte " + std::to_string(offset), {}};
  }
  const auto offset = static_cast<std::size_t>(end - terminated.c_str());
  if (terminated.find_first_not_of(" \t\r\n", offset) != std::string::npos) {
    return Error{ErrorCode::invalid_json, "text after the value at byte " + std::to_string(offset), {}};
  }
  if (auto error = check_duplicates(node.get(), "$")) return *error;
  return Json(node.release());
}

Json Json::clone() const {
  return Json(cJSON_Duplicate(node_.get(), 1));
}

Json& Json::set(std::string_view key, Json value) {
  const std::string name(key);
  if (cJSON_GetObjectItemCaseSensitive(node_.get(), name.c_str()) != nullptr) {
    cJSON_ReplaceItemInObjectCaseSensitive(node_.get(), name.c_str(), value.node_.release());
  } else {
    cJSON_AddItemToObject(node_.get(), name.c_str(), value.node_.release());
  }
  return *this;
}

Json& Json::push(Json value) {
  cJSON_AddItemToArray(node_.get(), value.node_.release());
  return *this;
}

std::string Json::dump() const {
  return print(node_.get(), false);
}

std::string Json::pretty() const {
  return print(node_.get(), true);
}

JsonReader Json::read() const {
  return JsonReader(node_.get(), "$");
}

bool JsonReader::is_null() const {
  return cJSON_IsNull(node_);
}

bool JsonReader::is_object() const {
  return cJSON_IsObject(node_);
}

bool JsonReader::is_array() const {
  return cJSON_IsArray(node_);
}

bool JsonReader::is_string() const {
  return cJSON_IsString(node_);
}

Error JsonReader::wrong(std::string_view expected) const {
  return {ErrorCode::invalid_json, path_ + ": expected " + std::string(expected) + ", found " + kind_of(node_), {}};
}

Result<std::string> JsonReader::string() const {
  if (!is_string()) return wrong("a string");
  return std::string(node_->valuestring);
}

Result<bool> JsonReader::boolean() const {
  if (!cJSON_IsBool(node_)) return wrong("a boolean");
  return static_cast<bool>(cJSON_IsTrue(node_));
}

Result<double> JsonReader::number() const {
  if (!cJSON_IsNumber(node_)) return wrong("a number");
  return node_->valuedouble;
}

Result<std::int64_t> JsonReader::integer(std::int64_t least, std::int64_t most) const {
  const std::string expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  if (!cJSON_IsNumber(node_)) return wrong(expected);
  const double value = node_->valuedouble;
  if (std::trunc(value) != value || std::fabs(value) > exact_limit || value < static_cast<double>(least) ||
      value > static_cast<double>(most)) {
    return Error{ErrorCode::invalid_json, path_ + ": expected " + expected, {}};
  }
  return static_cast<std::int64_t>(value);
}

Result<std::vector<JsonReader>> JsonReader::items() const {
  if (!is_array()) return wrong("an array");
  std::vector<JsonReader> all;
  for (const cJSON* child = node_->child; child != nullptr; child = child->next) {
    all.emplace_back(child, path_ + "[" + std::to_string(all.size()) + "]");
  }
  return all;
}

Result<std::vector<std::pair<std::string, JsonReader>>> JsonReader::members() const {
  if (!is_object()) return wrong("an object");
  std::vector<std::pair<std::string, JsonReader>> all;
  for (const cJSON* child = node_->child; child != nullptr; child = child->next) {
    all.emplace_back(child->string, JsonReader(child, path_ + "." + child->string));
  }
  return all;
}

std::optional<JsonReader> JsonReader::find(std::string_view key) const {
  if (!is_object()) return std::nullopt;
  const std::string name(key);
  const cJSON* child = cJSON_GetObjectItemCaseSensitive(node_, name.c_str());
  if (child == nullptr || cJSON_IsNull(child)) return std::nullopt;
  return JsonReader(child, path_ + "." + name);
}

Result<JsonReader> JsonReader::at(std::string_view key) const {
  if (!is_object()) return wrong("an object");
  if (auto member = find(key)) return *member;
  return Error{ErrorCode::invalid_json, path_ + "." + std::string(key) + ": required", {}};
}

Result<void> JsonReader::only(const std::vector<std::string_view>& known) const {
  auto all = members();
  if (!all) return all.error();
  for (const auto& [name, member] : *all) {
    bool found = false;
    for (std::string_view candidate : known) found = found || candidate == name;
    if (found) continue;
    std::string list;
    for (std::string_view candidate : known) list += (list.empty() ? "" : ", ") + std::string(candidate);
    return Error{ErrorCode::invalid_json, member.path() + ": unknown key; known are " + list, {}};
  }
  return {};
}

Json JsonReader::clone() const {
  Json copy;
  copy =
      Json::parse(print(node_, false), {.size_bytes = std::numeric_limits<std::size_t>::max(), .depth = 1000}).value();
  return copy;
}

}  // namespace shared
