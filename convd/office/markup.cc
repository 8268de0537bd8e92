#include "convd/office/markup.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <functional>
#include <utility>

namespace convd::office {
namespace {

struct Source {
  std::string_view element;
  std::string_view attribute;
};

constexpr std::array<Source, 9> opendocument_sources{{{"draw:image", "xlink:href"},
                                                      {"draw:object", "xlink:href"},
                                                      {"draw:object-ole", "xlink:href"},
                                                      {"draw:floating-frame", "xlink:href"},
                                                      {"draw:plugin", "xlink:href"},
                                                      {"text:section-source", "xlink:href"},
                                                      {"table:table-source", "xlink:href"},
                                                      {"table:cell-range-source", "xlink:href"},
                                                      {"draw:fill-image", "xlink:href"}}};
constexpr std::array<Source, 5> html_sources{
    {{"img", "src"}, {"iframe", "src"}, {"frame", "src"}, {"embed", "src"}, {"object", "data"}}};

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string without_entities(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, char>, 5> entities{
      {{"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&lt;", '<'}, {"&gt;", '>'}}};
  std::string out;
  while (!text.empty()) {
    const auto entity = std::find_if(entities.begin(), entities.end(),
                                     [&](const auto& each) { return text.substr(0, each.first.size()) == each.first; });
    out += entity == entities.end() ? text.front() : entity->second;
    text.remove_prefix(entity == entities.end() ? 1 : entity->first.size());
  }
  return out;
}

// The value of an attribute within the inside of a tag; empty when it has none.
std::string attribute(std::string_view tag, std::string_view name) {
  const std::string folded = lower(tag);
  for (std::size_t at = 0; (at = folded.find(name, at)) != std::string::npos; at += name.size()) {
    const std::string_view rest = tag.substr(at + name.size());
    if (at == 0 || !is_space(tag[at - 1]) || rest.empty() || rest.front() != '=') continue;
    const std::string_view value = rest.substr(1);
    if (value.empty()) return "";
    if (value.front() == '"' || value.front() == '\'')
      return without_entities(value.substr(1, value.find(value.front(), 1) - 1));
    return without_entities(value.substr(0, std::min(value.find_first_of(" \t\r\n/>"), value.size())));
  }
  return "";
}

// Calls `each` with the name of every opening tag, in lower case, and what is between "<" and ">".
void for_each_tag(std::string_view text, const std::function<void(const std::string&, std::string_view)>& each) {
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string_view::npos;) {
    const std::size_t end = text.find('>', ++at);
    if (end == std::string_view::npos) return;
    const std::string_view tag = text.substr(at, end - at);
    if (tag.empty() || tag.front() == '/' || tag.front() == '!' || tag.front() == '?') continue;
    each(lower(tag.substr(0, std::min(tag.find_first_of(" \t\r\n/"), tag.size()))), tag);
  }
}

template <std::size_t N>
std::vector<std::string> find_sources(std::string_view text, const std::array<Source, N>& sources) {
  std::vector<std::string> urls;
  for_each_tag(text, [&](const std::string& name, std::string_view tag) {
    for (const Source& source : sources) {
      if (source.element != name) continue;
      std::string url = attribute(tag, source.attribute);
      if (!url.empty()) urls.push_back(std::move(url));
    }
  });
  return urls;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

std::vector<std::string> links_in_relationships(std::string_view xml) {
  std::vector<std::string> urls;
  for_each_tag(xml, [&](const std::string& name, std::string_view tag) {
    if (name != "relationship" || attribute(tag, "targetmode") != "External") return;
    const std::string type = attribute(tag, "type");
    // A template gives new documents their look; this one has it already.
    if (!ends_with(type, "/hyperlink") && !ends_with(type, "/attachedTemplate"))
      urls.push_back(attribute(tag, "target"));
  });
  return urls;
}

std::vector<std::string> links_in_opendocument(std::string_view xml) {
  auto urls = find_sources(xml, opendocument_sources);
  // Without a scheme, and not up into the folder of the file, it is a part of the document.
  std::erase_if(urls,
                [](const std::string& url) { return url.find(':') == std::string::npos && url.rfind("../", 0) != 0; });
  return urls;
}

std::vector<std::string> links_in_html(std::string_view html) {
  return find_sources(html, html_sources);
}

}  // namespace convd::office
