#include "shared/protocol.h"

#include <array>
#include <limits>
#include <utility>

namespace shared {
namespace {

constexpr std::int64_t most = std::int64_t{1} << 53;

template <typename Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 5> status_names{"pending", "processing", "completed", "error", "cancelled"};
constexpr std::array<std::string_view, 3> kind_names{"none", "estimated", "measured"};

// Fields: one list per wire struct, visited by the writer and by the reader. `v.field(name, member)` is the whole
// protocol.
template <typename Visitor>
void fields(Visitor& v, auto& stage, std::type_identity<Stage>) {
  v.field("name", stage.name);
  v.field("index", stage.index);
  v.field("count", stage.count);
  v.field("unit", stage.unit);
  v.field("done", stage.done);
  v.field("total", stage.total);
  v.field("kind", stage.kind);
}

template <typename Visitor>
void fields(Visitor& v, auto& info, std::type_identity<ErrorInfo>) {
  v.field("code", info.code);
  v.field("retryable", info.retryable);
  v.field("stage", info.stage);
  v.field("detail", info.detail);
}

template <typename Visitor>
void fields(Visitor& v, auto& file, std::type_identity<ResultFile>) {
  v.field("name", file.name);
  v.field("media_type", file.media_type);
  v.field("size", file.size_bytes);
  v.field("sha256", file.sha256);
}

template <typename Visitor>
void fields(Visitor& v, auto& result, std::type_identity<ResultInfo>) {
  fields(v, result.file, std::type_identity<ResultFile>{});
  v.field("parts", result.parts);
}

template <typename Visitor>
void fields(Visitor& v, auto& object, std::type_identity<StatusObject>) {
  v.field("id", object.id);
  v.field("filename", object.filename);
  v.field("status", object.status);
  v.field("progress", object.progress);
  v.field("message", object.message);
  v.field("created_at", object.created_at);
  v.field("started_at", object.started_at);
  v.field("completed_at", object.completed_at);
  v.field("error", object.error);
  v.field("rev", object.rev);
  v.field("from", object.from);
  v.field("to", object.to);
  v.field("attempt", object.attempt);
  v.field("position", object.position);
  v.field("eta_ms", object.eta_ms);
  v.field("stage", object.stage);
  v.field("result", object.result);
  v.field("error_info", object.error_info);
  v.field("batch", object.batch);
  v.field("labels", object.labels);
  v.field_if_set("retry_of", object.retry_of);
}

class Writer {
 public:
  template <typename T>
  void field(std::string_view key, const T& value) {
    json_.set(key, encode(value));
  }
  template <typename T>
  void field_if_set(std::string_view key, const std::optional<T>& value) {
    if (value) field(key, *value);
  }
  Json take() { return std::move(json_); }

  static Json encode(const std::string& value) { return Json(value); }
  static Json encode(bool value) { return Json(value); }
  static Json encode(int value) { return Json(value); }
  static Json encode(std::int64_t value) { return Json(value); }
  static Json encode(Status value) { return Json(to_string(value)); }
  static Json encode(ProgressKind value) { return Json(to_string(value)); }
  static Json encode(ErrorCode value) { return Json(to_string(value)); }
  static Json encode(const std::map<std::string, std::string>& value) {
    Json object = Json::object();
    for (const auto& [key, text] : value) object.set(key, text);
    return object;
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
    Writer writer;
    fields(writer, value, std::type_identity<T>{});
    return writer.take();
  }

 private:
  Json json_ = Json::object();
};

class Reader {
 public:
  explicit Reader(const JsonReader& json) : json_(json) {}

  // An absent or null member leaves the default; the first error stops the reading.
  template <typename T>
  void field(std::string_view key, T& value) {
    if (!outcome_.ok()) return;
    if (auto member = json_.find(key)) outcome_ = decode(*member, value);
  }
  template <typename T>
  void field_if_set(std::string_view key, std::optional<T>& value) {
    field(key, value);
  }
  const Result<void>& outcome() const { return outcome_; }

  static Result<void> decode(const JsonReader& json, std::string& value) { return store(json.string(), value); }
  static Result<void> decode(const JsonReader& json, bool& value) { return store(json.boolean(), value); }
  static Result<void> decode(const JsonReader& json, std::int64_t& value) {
    return store(json.integer(-most, most), value);
  }
  static Result<void> decode(const JsonReader& json, int& value) {
    auto number = json.integer(std::numeric_limits<int>::min(), std::numeric_limits<int>::max());
    if (!number) return number.error();
    value = static_cast<int>(*number);
    return {};
  }
  static Result<void> decode(const JsonReader& json, Status& value) { return name(json, value, status_from); }
  static Result<void> decode(const JsonReader& json, ProgressKind& value) {
    return name(json, value, progress_kind_from);
  }
  static Result<void> decode(const JsonReader& json, ErrorCode& value) { return name(json, value, error_code_from); }
  static Result<void> decode(const JsonReader& json, std::map<std::string, std::string>& value) {
    auto members = json.members();
    if (!members) return members.error();
    for (const auto& [key, member] : *members) {
      if (auto outcome = decode(member, value[key]); !outcome) return outcome;
    }
    return {};
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
    Reader reader(json);
    fields(reader, value, std::type_identity<T>{});
    return reader.outcome();
  }

 private:
  template <typename T>
  static Result<void> store(Result<T> from, T& to) {
    if (!from) return from.error();
    to = *std::move(from);
    return {};
  }
  template <typename Enum>
  static Result<void> name(const JsonReader& json, Enum& value, std::optional<Enum> (*from)(std::string_view)) {
    auto text = json.string();
    if (!text) return text.error();
    const auto found = from(*text);
    if (!found) return Error{ErrorCode::invalid_json, json.path() + ": unknown value \"" + *text + "\"", {}};
    value = *found;
    return {};
  }

  const JsonReader& json_;
  Result<void> outcome_;
};

template <typename T>
Result<T> read_struct(const JsonReader& json) {
  T value;
  if (auto outcome = Reader::decode(json, value); !outcome) return outcome.error();
  return value;
}

}  // namespace

std::string_view to_string(Status status) {
  return status_names[static_cast<std::size_t>(status)];
}

std::optional<Status> status_from(std::string_view name) {
  return find_name<Status>(status_names, name);
}

std::string_view to_string(ProgressKind kind) {
  return kind_names[static_cast<std::size_t>(kind)];
}

std::optional<ProgressKind> progress_kind_from(std::string_view name) {
  return find_name<ProgressKind>(kind_names, name);
}

Json to_json(const StatusObject& object) {
  return Writer::encode(object);
}

Json to_json(const ResultInfo& result) {
  return Writer::encode(result);
}

Json to_json(const ErrorInfo& info) {
  return Writer::encode(info);
}

Result<StatusObject> status_object_from(const JsonReader& json) {
  return read_struct<StatusObject>(json);
}

Result<ResultInfo> result_info_from(const JsonReader& json) {
  return read_struct<ResultInfo>(json);
}

Result<ErrorInfo> error_info_from(const JsonReader& json) {
  return read_struct<ErrorInfo>(json);
}

}  // namespace shared
