#include "convctl/json_text.h"

#include <array>
#include <cstdio>

namespace convctl {

std::string text_at(const shared::JsonReader& json, std::string_view key) {
  const auto member = json.find(key);
  if (!member || member->is_object() || member->is_array()) return "";
  if (const auto text = member->string()) return *text;
  return member->clone().dump();
}

bool flag_at(const shared::JsonReader& json, std::string_view key) {
  const auto member = json.find(key);
  if (!member) return false;
  const auto flag = member->boolean();
  return flag && *flag;
}

std::vector<shared::JsonReader> items_at(const shared::JsonReader& json, std::string_view key) {
  const auto member = json.find(key);
  if (!member) return {};
  const auto items = member->items();
  return items ? *items : std::vector<shared::JsonReader>{};
}

std::vector<std::string> texts_at(const shared::JsonReader& json, std::string_view key) {
  std::vector<std::string> texts;
  for (const auto& item : items_at(json, key)) {
    if (const auto text = item.string()) texts.push_back(*text);
  }
  return texts;
}

// What it replaces stands only inside strings.
std::string escape_controls(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  const auto escape = [&out](unsigned code) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "\\u%04x", code);
    out += text.data();
  };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const auto byte = static_cast<unsigned char>(json[i]);
    const auto next = static_cast<unsigned char>(i + 1 < json.size() ? json[i + 1] : '\0');
    if (byte == 0x7F) {
      escape(byte);
    } else if (byte == 0xC2 && next >= 0x80 && next < 0xA0) {
      escape(next);
      ++i;
    } else {
      out += json[i];
    }
  }
  return out;
}

}  // namespace convctl
