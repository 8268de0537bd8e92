#include "convd/process/wire.h"

#include <limits>
#include <type_traits>
#include <utility>

#include "shared/json.h"

namespace convd::process {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::JsonReader;
using shared::Result;

constexpr std::int64_t most = std::int64_t{1} << 53;
constexpr shared::JsonLimits json_limits{.size_bytes = 1 << 20, .depth = 8};

// One field list per message, for writing and for reading.
void fields(auto& v, auto& m, std::type_identity<Hello>) {
  v.field("version", m.version);
  v.field("sandboxed", m.sandboxed);
  v.field("confinement", m.confinement);
  v.field("problem", m.problem);
}
void fields(auto& v, auto& m, std::type_identity<std::pair<std::string, std::string>>) {
  v.field("key", m.first);
  v.field("value", m.second);
}
void fields(auto& v, auto& m, std::type_identity<InputFile>) {
  v.field("name", m.name);
}
void fields(auto& v, auto& m, std::type_identity<MadeFile>) {
  v.field("path", m.path);
  v.field("content", m.content);
}
void fields(auto& v, auto& m, std::type_identity<Limits>) {
  v.field("memory_bytes", m.memory_bytes);
  v.field("address_space_bytes", m.address_space_bytes);
  v.field("cpu_ms", m.cpu_ms);
  v.field("file_bytes", m.file_bytes);
  v.field("output_bytes", m.output_bytes);
  v.field("output_files", m.output_files);
  v.field("processes", m.processes);
  v.field("open_files", m.open_files);
  v.field("tmp_bytes", m.tmp_bytes);
}
void fields(auto& v, auto& m, std::type_identity<ChildSpec>) {
  v.field("job", m.job);
  v.field("argv", m.argv);
  v.field("env", m.env);
  v.field("inputs", m.inputs);
  v.field("files", m.files);
  v.field("read_only", m.read_only);
  v.field("limits", m.limits);
  v.field("nice", m.nice);
}
void fields(auto& v, auto& m, std::type_identity<Start>) {
  v.field("id", m.id);
  v.field("spec", m.spec);
}
void fields(auto& v, auto& m, std::type_identity<Kill>) {
  v.field("id", m.id);
}
void fields(auto& v, auto& m, std::type_identity<Release>) {
  v.field("id", m.id);
}
void fields(auto& v, auto& m, std::type_identity<Open>) {
  v.field("id", m.id);
  v.field("name", m.name);
  v.field("ticket", m.ticket);
}
void fields(auto& v, auto& m, std::type_identity<Opened>) {
  v.field("ticket", m.ticket);
  v.field("error", m.error);
}
void fields(auto& v, auto& m, std::type_identity<Usage>) {
  v.field("id", m.id);
  v.field("cpu_ms", m.cpu_ms);
}
void fields(auto& v, auto& m, std::type_identity<OutputFile>) {
  v.field("name", m.name);
  v.field("size", m.size_bytes);
}
void fields(auto& v, auto& m, std::type_identity<Outputs>) {
  v.field("id", m.id);
  v.field("files", m.files);
}
void fields(auto& v, auto& m, std::type_identity<Exited>) {
  v.field("id", m.id);
  v.field("end", m.exit.end);
  v.field("status", m.exit.status);
  v.field("reason", m.exit.reason);
  v.field("user_ms", m.exit.user_ms);
  v.field("system_ms", m.exit.system_ms);
  v.field("peak_rss_bytes", m.exit.peak_rss_bytes);
}

template <typename T>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<T, Hello>) return "hello";
  if constexpr (std::is_same_v<T, Start>) return "start";
  if constexpr (std::is_same_v<T, Kill>) return "kill";
  if constexpr (std::is_same_v<T, Release>) return "release";
  if constexpr (std::is_same_v<T, Open>) return "open";
  if constexpr (std::is_same_v<T, Opened>) return "opened";
  if constexpr (std::is_same_v<T, Usage>) return "usage";
  if constexpr (std::is_same_v<T, Outputs>) return "outputs";
  if constexpr (std::is_same_v<T, Exited>) return "exit";
}

class Writer {
 public:
  template <typename T>
  void field(const char* key, const T& value) {
    json_.set(key, encode_value(value));
  }

  static Json encode_value(const std::string& value) { return Json(value); }
  static Json encode_value(bool value) { return Json(value); }
  static Json encode_value(int value) { return Json(value); }
  static Json encode_value(std::int64_t value) { return Json(value); }
  static Json encode_value(ChildId value) { return Json(static_cast<std::int64_t>(value)); }
  static Json encode_value(End value) { return Json(static_cast<int>(value)); }
  template <typename T>
  static Json encode_value(const std::vector<T>& values) {
    Json array = Json::array();
    for (const T& value : values) array.push(encode_value(value));
    return array;
  }
  template <typename T>
  requires std::is_class_v<T>
  static Json encode_value(const T& value) {
    Writer writer;
    fields(writer, value, std::type_identity<T>{});
    return std::move(writer.json_);
  }

 private:
  Json json_ = Json::object();
};

class Reader {
 public:
  explicit Reader(const JsonReader& json) : json_(json) {}

  template <typename T>
  void field(const char* key, T& value) {
    if (!outcome_.ok()) return;
    auto member = json_.at(key);
    outcome_ = member ? read(*member, value) : Result<void>(member.error());
  }
  const Result<void>& outcome() const { return outcome_; }

  static Result<void> read(const JsonReader& json, std::string& value) {
    auto text = json.string();
    if (!text) return text.error();
    value = *std::move(text);
    return {};
  }
  static Result<void> read(const JsonReader& json, bool& value) {
    auto flag = json.boolean();
    if (!flag) return flag.error();
    value = *flag;
    return {};
  }
  template <typename T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  static Result<void> read(const JsonReader& json, T& value) {
    const auto [least, highest] = range_of<T>();
    auto number = json.integer(least, highest);
    if (!number) return number.error();
    value = static_cast<T>(*number);
    return {};
  }
  template <typename T>
  static Result<void> read(const JsonReader& json, std::vector<T>& values) {
    auto items = json.items();
    if (!items) return items.error();
    for (const JsonReader& item : *items) {
      if (auto outcome = read(item, values.emplace_back()); !outcome) return outcome;
    }
    return {};
  }
  template <typename T>
  requires std::is_class_v<T>
  static Result<void> read(const JsonReader& json, T& value) {
    Reader reader(json);
    fields(reader, value, std::type_identity<T>{});
    return reader.outcome();
  }

 private:
  template <typename T>
  static constexpr std::pair<std::int64_t, std::int64_t> range_of() {
    if constexpr (std::is_same_v<T, End>)
      return {0, static_cast<std::int64_t>(End::lost)};
    else if constexpr (sizeof(T) == sizeof(int))
      return {std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
    else
      return {std::is_unsigned_v<T> ? 0 : -most, most};
  }

  const JsonReader& json_;
  Result<void> outcome_;
};

// Tries the alternatives of the variant one after the other.
template <std::size_t I = 0>
Result<Message> decode_as(const std::string& type, const JsonReader& json) {
  if constexpr (I == std::variant_size_v<Message>) {
    return Error{ErrorCode::invalid_json, "$.type: unknown message \"" + type + "\"", {}};
  } else {
    using T = std::variant_alternative_t<I, Message>;
    if (type != type_name<T>()) return decode_as<I + 1>(type, json);
    T value;
    if (auto outcome = Reader::read(json, value); !outcome) return outcome.error();
    return Message(std::move(value));
  }
}

}  // namespace

std::string encode(const Message& message) {
  return std::visit(
      [](const auto& value) {
        Json json = Writer::encode_value(value);
        json.set("type", type_name<std::remove_cvref_t<decltype(value)>>());
        return json.dump();
      },
      message);
}

Result<Message> decode(std::string_view text) {
  auto json = Json::parse(text, json_limits);
  if (!json) return json.error();
  auto type = json->read().at("type");
  if (!type) return type.error();
  auto name = type->string();
  if (!name) return name.error();
  return decode_as(*name, json->read());
}

}  // namespace convd::process
