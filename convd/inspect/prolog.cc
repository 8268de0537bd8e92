#include "convd/inspect/prolog.h"

#include <algorithm>

#include "convd/inspect/bytes.h"

namespace convd::inspect {
namespace {

using std::string_view;
using namespace std::string_view_literals;

constexpr auto blanks = " \t\r\n"sv;
constexpr std::size_t longest_entity = 1024;
constexpr int most_entities = 256;

constexpr auto entities_sentence =
    "The document declares entities that load something or are made of others; such XML is not read";
constexpr auto doctype_sentence = "The document has a document type declaration, which its format forbids";
constexpr auto endless_sentence = "The document is XML whose first element begins too far from its start";

// UTF-16 as the ASCII in it, which is what the syntax is made of.
std::string as_ascii(string_view head) {
  std::string text(head);
  const bool wide = has_at(head, 0, "\xFF\xFE"sv) || has_at(head, 0, "\xFE\xFF"sv) || has_at(head, 0, "<\0"sv) ||
                    has_at(head, 0, "\0<"sv);
  if (wide) std::erase(text, '\0');
  for (const auto mark : {"\xFF\xFE"sv, "\xFE\xFF"sv, "\xEF\xBB\xBF"sv}) {
    if (has_at(text, 0, mark)) text.erase(0, mark.size());
  }
  return text;
}

// Walks over text; at the end everything fails.
class Walk {
 public:
  explicit Walk(string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  bool takes(string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size())); }
  void skip_word() { rest_.remove_prefix(std::min(rest_.find_first_of(" \t\r\n\"'<>[]"sv), rest_.size())); }
  // False: `end` does not come.
  bool skip_to(string_view end) {
    const auto found = rest_.find(end);
    rest_.remove_prefix(found == string_view::npos ? rest_.size() : found + end.size());
    return found != string_view::npos;
  }
  char next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  // What a quote that has just been taken encloses.
  std::optional<string_view> quoted(char quote) {
    const auto end = rest_.find(quote);
    if (end == string_view::npos) return std::nullopt;
    const string_view value = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return value;
  }

 private:
  string_view rest_;
};

// References to characters, "&#65;", are no entities.
bool is_plain(string_view value) {
  if (value.size() > longest_entity || value.find('%') != string_view::npos) return false;
  for (auto at = value.find('&'); at != string_view::npos; at = value.find('&', at + 1)) {
    if (!has_at(value, at, "&#"sv)) return false;
  }
  return true;
}

// Behind "<!ENTITY".
bool declares_plain_text(Walk& walk) {
  walk.skip_blanks();
  walk.skip_word();  // the name; of a parameter entity it is "%"
  walk.skip_blanks();
  if (walk.at_end()) return false;
  const char quote = walk.next();
  if (quote != '"' && quote != '\'') return false;
  const auto value = walk.quoted(quote);
  return value && is_plain(*value) && walk.skip_to(">");
}

// Behind the '[' of a declaration; to its ']'.
bool is_harmless_subset(Walk& walk) {
  int entities = 0;
  while (!walk.at_end()) {
    if (walk.takes("<!--")) {
      if (!walk.skip_to("-->")) return false;
    } else if (walk.takes("<?")) {
      if (!walk.skip_to("?>")) return false;
    } else if (walk.takes("<!ENTITY")) {
      if (++entities > most_entities || !declares_plain_text(walk)) return false;
    } else {
      const char c = walk.next();
      if (c == ']') return true;
      if (c == '%') return false;
      if ((c == '"' || c == '\'') && !walk.quoted(c)) return false;
    }
  }
  return false;
}

// Behind "<!DOCTYPE".
bool is_harmless_doctype(Walk& walk) {
  while (!walk.at_end()) {
    const char c = walk.next();
    if (c == '>') return true;
    if ((c == '"' || c == '\'') && !walk.quoted(c)) return false;
    if (c == '[' && !is_harmless_subset(walk)) return false;
  }
  return false;
}

}  // namespace

std::optional<std::string> danger_in_prolog(string_view head, Doctype doctype) {
  const std::string text = as_ascii(head.substr(0, prolog_bytes));
  Walk walk(text);
  for (;;) {
    walk.skip_blanks();
    if (walk.takes("<!DOCTYPE"sv)) {
      if (doctype == Doctype::refused) return doctype_sentence;
      if (!is_harmless_doctype(walk)) return entities_sentence;
      return std::nullopt;
    }
    const bool goes_on = walk.takes("<!--"sv) ? walk.skip_to("-->"sv) : walk.takes("<?"sv) && walk.skip_to("?>"sv);
    if (goes_on) continue;
    // Either the first element, or nothing more in what was read.
    if (walk.at_end() && head.size() >= prolog_bytes) return endless_sentence;
    return std::nullopt;
  }
}

}  // namespace convd::inspect
