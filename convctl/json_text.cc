#include "convctl/json_text.h"

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

}  // namespace convctl
