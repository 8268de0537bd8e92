#pragma once
// What the source of a document names that LibreOffice drops without a trace when it may not load it. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace convd::office {

// External relationships of Office XML other than hyperlinks and templates, for one ".rels" part.
std::vector<std::string> links_in_relationships(std::string_view xml);
// Objects, frames and pictures of OpenDocument text (flat, or content.xml) that are somewhere else.
std::vector<std::string> links_in_opendocument(std::string_view xml);
// Pictures, frames and objects of HTML.
std::vector<std::string> links_in_html(std::string_view html);

}  // namespace convd::office
