#include "convd/office/join.h"

#include <algorithm>
#include <exception>
#include <memory>
// No use is made of what this warns of.
#define POINTERHOLDER_TRANSITION 4
#include <qpdf/QPDF.hh>
#include <qpdf/QPDFObjectHandle.hh>
#include <qpdf/QPDFPageDocumentHelper.hh>
#include <qpdf/QPDFPageObjectHelper.hh>
#include <qpdf/QPDFWriter.hh>

namespace convd::office {
namespace {

using Object = QPDFObjectHandle;
using Pages = std::vector<QPDFPageObjectHelper>;

constexpr std::size_t most_entries = 100'000;

struct Entry {
  std::string title;
  std::vector<Object> place;  // of the destination, without its page
  std::size_t page = 0;       // of the part, from 0
};

bool links_inside(QPDFPageObjectHelper& page) {
  for (QPDFAnnotationObjectHelper& link : page.getAnnotations("/Link")) {
    Object dictionary = link.getObjectHandle();
    if (dictionary.hasKey("/Dest") || dictionary.getKey("/A").getKey("/S").isNameAndEquals("/GoTo")) return true;
  }
  return false;
}

// The number of the page, or that of all pages.
std::size_t find(const Pages& pages, const Object& wanted) {
  std::size_t number = 0;
  while (number < pages.size() && pages[number].getObjectHandle().getObjGen() != wanted.getObjGen()) ++number;
  return number;
}

// Of one part. False when it cannot be carried over.
bool read_outline(QPDF& part, const Pages& pages, std::vector<Entry>& entries) {
  Object item = part.getRoot().getKey("/Outlines");
  for (item = item.isDictionary() ? item.getKey("/First") : item; item.isDictionary(); item = item.getKey("/Next")) {
    if (item.hasKey("/First") || entries.size() > most_entries) return false;
    Entry entry{item.getKey("/Title").getStringValue(), {}, pages.size()};
    Object place = item.getKey("/Dest");
    if (place.isArray() && place.getArrayNItems() > 1) {
      entry.place = place.getArrayAsVector();
      entry.page = find(pages, entry.place.front());
      entry.place.erase(entry.place.begin());
    }
    entries.push_back(std::move(entry));
  }
  return true;
}

// Slides have an entry each, which names the page by its number in the whole document: in all parts but the first it
// leads nowhere. The places on the pages are the same for all. False when it is not so.
bool mend_outline(const std::vector<Entry>& first, std::size_t pages, std::vector<Entry>& entries) {
  const bool lost =
      std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.page == pages; });
  if (!lost) return true;
  if (entries.size() != pages || first.empty()) return false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i].page = i;
    entries[i].place = first.front().place;
  }
  return true;
}

// After the last entry of the outline of the first part, which may have none.
void append(QPDF& whole, const std::vector<Entry>& entries, const Pages& pages, std::size_t first_page) {
  if (entries.empty()) return;
  Object outline = whole.getRoot().getKey("/Outlines");
  if (!outline.isDictionary()) {
    outline = whole.makeIndirectObject(Object::parse("<< /Type /Outlines /Count 0 >>"));
    whole.getRoot().replaceKey("/Outlines", outline);
  }
  for (const Entry& entry : entries) {
    Object item = whole.makeIndirectObject(Object::newDictionary());
    Object place = Object::newArray();
    place.appendItem(pages[first_page + entry.page].getObjectHandle());
    for (const Object& each : entry.place) place.appendItem(each.isIndirect() ? whole.copyForeignObject(each) : each);
    item.replaceKey("/Title", Object::newString(entry.title));
    item.replaceKey("/Dest", place);
    item.replaceKey("/Parent", outline);
    Object last = outline.getKey("/Last");
    if (last.isDictionary()) {
      item.replaceKey("/Prev", last);
      last.replaceKey("/Next", item);
    } else {
      outline.replaceKey("/First", item);
    }
    outline.replaceKey("/Last", item);
    const long long count = outline.getKey("/Count").isInteger() ? outline.getKey("/Count").getIntValue() : 0;
    outline.replaceKey("/Count", Object::newInteger(count + 1));
  }
}

struct Part {
  std::unique_ptr<QPDF> file = std::make_unique<QPDF>();
  std::size_t pages = 0;
  std::vector<Entry> outline;
};

bool read_part(const std::string& path, Part& part) {
  part.file->setSuppressWarnings(true);
  part.file->processFile(path.c_str());
  Pages pages = QPDFPageDocumentHelper(*part.file).getAllPages();
  for (QPDFPageObjectHelper& page : pages) {
    if (links_inside(page)) return false;
  }
  part.pages = pages.size();
  return !pages.empty() && read_outline(*part.file, pages, part.outline);
}

bool join(const std::vector<std::string>& paths, const std::string& path) {
  std::vector<Part> parts(paths.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!read_part(paths[i], parts[i])) return false;
    if (!mend_outline(parts.front().outline, parts[i].pages, parts[i].outline)) return false;
  }
  QPDF& whole = *parts.front().file;
  QPDFPageDocumentHelper pages(whole);
  std::size_t first_page = parts.front().pages;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    for (const QPDFPageObjectHelper& page : QPDFPageDocumentHelper(*parts[i].file).getAllPages())
      pages.addPage(page, false);
    const Pages all = pages.getAllPages();
    append(whole, parts[i].outline, all, first_page);
    first_page += parts[i].pages;
  }
  QPDFWriter writer(whole, path.c_str());
  writer.write();
  return true;
}

}  // namespace

bool join_pdfs(const std::vector<std::string>& parts, const std::string& path) {
  try {
    return join(parts, path);
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace convd::office
