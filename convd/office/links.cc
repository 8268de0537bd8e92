#include "convd/office/links.h"

#include <algorithm>
#include <com/sun/star/document/XEmbeddedObjectSupplier2.hpp>
#include <com/sun/star/embed/XLinkageSupport.hpp>
#include <com/sun/star/sheet/XExternalDocLinks.hpp>
#include <com/sun/star/text/SectionFileLink.hpp>
#include <com/sun/star/text/XTextEmbeddedObjectsSupplier.hpp>
#include <com/sun/star/text/XTextGraphicObjectsSupplier.hpp>
#include <com/sun/star/text/XTextSectionsSupplier.hpp>
#include <filesystem>
#include <utility>

#include "convd/office/properties.h"
#include "convd/office/settings.h"
#include "convd/office/shapes.h"
#include "convd/office/source.h"
#include "shared/utf8.h"

namespace convd::office {
namespace {

// Together they fit into a note.
constexpr std::size_t most_links = 100;
constexpr std::size_t most_bytes = 500;  // of one

bool starts_with(const std::string& text, std::string_view start) {
  return text.compare(0, start.size(), start) == 0;
}

class Links {
 public:
  explicit Links(const std::string& source) {
    const std::string folder = std::filesystem::path(source).parent_path();
    folder_ = file_url(folder) + "/";
    above_ = file_url(std::filesystem::path(folder).parent_path()) + "/";
  }

  void add(std::string url) {
    // Inside the document, or nothing.
    if (url.empty() || url.front() == '#' || starts_with(url, "vnd.sun.star.") || starts_with(url, "data:")) return;
    // LibreOffice has made it absolute; where the file lies at the moment is nobody's business.
    if (starts_with(url, folder_))
      url.erase(0, folder_.size());
    else if (starts_with(url, above_))
      url.replace(0, above_.size(), "../");
    if (!shared::is_utf8(url)) return;
    if (url.size() > most_bytes) url.resize(most_bytes);
    while (!shared::is_utf8(url)) url.pop_back();
    if (urls_.size() < most_links && std::find(urls_.begin(), urls_.end(), url) == urls_.end()) urls_.push_back(url);
  }
  void add_properties(const Properties& object) {
    for (const auto name : {"GraphicURL", "LinkURL", "FrameURL", "MediaURL", "PluginURL"})
      add(text_property(object, name));
    Reference<css::beans::XPropertySet> graphic;
    property(object, "Graphic") >>= graphic;
    add(text_property(graphic, "OriginURL"));
  }
  std::vector<std::string> urls() { return std::move(urls_); }

 private:
  std::string folder_;
  std::string above_;
  std::vector<std::string> urls_;
};

void add_embedded(const Document& document, Links& links) {
  const Reference<css::text::XTextEmbeddedObjectsSupplier> supplier(document, UNO_QUERY);
  if (!supplier.is()) return;
  for_each<css::beans::XPropertySet>(supplier->getEmbeddedObjects(), [&](const Properties& object) {
    links.add_properties(object);
    // Not the object itself: asking for that would start it.
    const Reference<css::document::XEmbeddedObjectSupplier2> embedded(object, UNO_QUERY);
    if (!embedded.is()) return;
    const Reference<css::embed::XLinkageSupport> linked(embedded->getExtendedControlOverEmbeddedObject(), UNO_QUERY);
    if (linked.is() && linked->isLink()) links.add(from_uno(linked->getLinkURL()));
  });
}

void add_text(const Document& document, Links& links) {
  const Reference<css::text::XTextGraphicObjectsSupplier> graphics(document, UNO_QUERY);
  if (graphics.is())
    for_each<css::beans::XPropertySet>(graphics->getGraphicObjects(),
                                       [&](const Properties& graphic) { links.add_properties(graphic); });
  const Reference<css::text::XTextSectionsSupplier> sections(document, UNO_QUERY);
  if (!sections.is()) return;
  for_each<css::beans::XPropertySet>(sections->getTextSections(), [&](const Properties& section) {
    css::text::SectionFileLink link;
    if (property(section, "FileLink") >>= link) links.add(from_uno(link.FileURL));
    links.add(text_property(section, "DDECommandFile"));
  });
}

void add_sheets(const Document& document, Links& links) {
  const Properties properties(document, UNO_QUERY);
  for (const auto name : {"SheetLinks", "DDELinks"}) {
    Reference<css::container::XNameAccess> named;
    property(properties, name) >>= named;
    if (!named.is()) continue;
    const auto names = named->getElementNames();
    for (const OUString& each : names) links.add(from_uno(each));
  }
  Reference<css::container::XIndexAccess> areas;
  property(properties, "AreaLinks") >>= areas;
  for_each<css::beans::XPropertySet>(areas, [&](const Properties& area) { links.add(text_property(area, "Url")); });
  Reference<css::sheet::XExternalDocLinks> books;
  property(properties, "ExternalDocLinks") >>= books;
  if (!books.is()) return;
  const auto names = books->getElementNames();
  for (const OUString& each : names) links.add(from_uno(each));
}

}  // namespace

std::vector<std::string> outside_links(const Lok::Inside& lok, const Document& document, const std::string& source) {
  Links links(source);
  add_text(document, links);
  add_embedded(document, links);
  add_sheets(document, links);
  for_each_shape(document, [&](const Shape& shape) { links.add_properties(Properties(shape, UNO_QUERY)); });
  for (const std::string& url : links_in_source(lok, source)) links.add(url);
  return links.urls();
}

}  // namespace convd::office
