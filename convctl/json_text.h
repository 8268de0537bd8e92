#pragma once
// Lenient reading of the documents that are only shown: what is absent or of another kind is empty. Pure. Any thread.

#include <string>
#include <string_view>
#include <vector>

#include "shared/json.h"

namespace convctl {

// A string as it is, a number or boolean in words, else empty.
std::string text_at(const shared::JsonReader& json, std::string_view key);
bool flag_at(const shared::JsonReader& json, std::string_view key);
std::vector<shared::JsonReader> items_at(const shared::JsonReader& json, std::string_view key);
std::vector<std::string> texts_at(const shared::JsonReader& json, std::string_view key);

// JSON text in which no control character is left as it is, not even DEL and U+0080 to U+009F, which JSON allows and
// terminals obey.
std::string escape_controls(std::string_view json);

}  // namespace convctl
