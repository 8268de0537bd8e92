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

}  // namespace convctl
