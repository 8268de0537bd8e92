#include "convd/office/source.h"

#include <algorithm>
#include <com/sun/star/io/XInputStream.hpp>
#include <com/sun/star/packages/zip/ZipFileAccess.hpp>
#include <fstream>

#include "convd/office/markup.h"
#include "convd/office/settings.h"

namespace convd::office {
namespace {

using Package = Reference<css::packages::zip::XZipFileAccess2>;
using Urls = std::vector<std::string>;

constexpr sal_Int32 most_bytes = 4 << 20;
constexpr std::size_t most_parts = 2'000;

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string read(const Reference<css::io::XInputStream>& stream) {
  Sequence<sal_Int8> bytes;
  const sal_Int32 size = stream->readBytes(bytes, most_bytes);
  return {reinterpret_cast<const char*>(bytes.getConstArray()), static_cast<std::size_t>(size)};
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(most_bytes), '\0');
  file.read(text.data(), most_bytes);
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return text;
}

std::string read_part(const Package& package, const OUString& name) {
  const Reference<css::io::XInputStream> stream(package->getByName(name), UNO_QUERY);
  return stream.is() ? read(stream) : "";
}

Urls links_in_office_xml(const Package& package) {
  Urls urls;
  const auto names = package->getElementNames();
  for (sal_Int32 i = 0; i < std::min<sal_Int32>(names.getLength(), most_parts); ++i) {
    if (!names[i].endsWith(".rels")) continue;
    for (auto& url : links_in_relationships(read_part(package, names[i]))) urls.push_back(std::move(url));
  }
  return urls;
}

Urls links_in_package(const Lok::Inside& lok, const std::string& path) {
  try {
    const Package package = css::packages::zip::ZipFileAccess::createWithURL(lok.context, to_uno(file_url(path)));
    if (package->hasByName("[Content_Types].xml")) return links_in_office_xml(package);
    if (package->hasByName("content.xml")) return links_in_opendocument(read_part(package, "content.xml"));
  } catch (const css::uno::Exception&) {
    // No package, or an encrypted one.
  }
  return {};
}

}  // namespace

Urls links_in_source(const Lok::Inside& lok, const std::string& path) {
  static constexpr std::string_view package_mark = "PK";
  std::string head(2, '\0');
  std::ifstream(path, std::ios::binary).read(head.data(), 2);
  if (head == package_mark) return links_in_package(lok, path);
  if (ends_with(path, ".html") || ends_with(path, ".htm")) return links_in_html(read_file(path));
  for (const std::string_view flat : {".fodt", ".fods", ".fodp", ".fodg"}) {
    if (ends_with(path, flat)) return links_in_opendocument(read_file(path));
  }
  return {};
}

}  // namespace convd::office
