#pragma once
// What stands before the first element of an XML document. Any thread.

#include <optional>
#include <string>
#include <string_view>

namespace convd::inspect {

// Office Open XML knows no document type declaration at all; elsewhere harmless ones are common.
enum class Doctype : unsigned char { refused, harmless_allowed };

// Why it is not to be read, as a sentence; nothing for what is harmless or no XML. Entities may be short plain text:
// none that loads something, none made of others. The beginning of the document is enough (prolog_bytes).
inline constexpr std::size_t prolog_bytes = 64 << 10;
std::optional<std::string> danger_in_prolog(std::string_view head, Doctype doctype);

}  // namespace convd::inspect
