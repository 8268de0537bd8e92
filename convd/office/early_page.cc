#include "convd/office/early_page.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <com/sun/star/awt/Size.hpp>
#include <com/sun/star/awt/Toolkit.hpp>
#include <com/sun/star/document/XExporter.hpp>
#include <com/sun/star/document/XFilter.hpp>
#include <com/sun/star/drawing/XDrawPages.hpp>
#include <com/sun/star/drawing/XDrawPagesSupplier.hpp>
#include <com/sun/star/frame/XModel.hpp>
#include <com/sun/star/graphic/GraphicProvider.hpp>
#include <com/sun/star/sheet/XSpreadsheetDocument.hpp>
#include <com/sun/star/text/XPageCursor.hpp>
#include <com/sun/star/text/XTextDocument.hpp>
#include <com/sun/star/text/XTextViewCursorSupplier.hpp>
#include <com/sun/star/view/XRenderable.hpp>
#include <filesystem>
#include <fstream>

#include "convd/office/layout.h"
#include "convd/office/settings.h"

namespace convd::office {
namespace {

constexpr double long_side = 1000;    // pixels
constexpr double screen_pixels = 96;  // an inch
constexpr sal_Int32 widest_drawn = 4'000;

struct Pixels {
  sal_Int32 width = 0;
  sal_Int32 height = 0;
};

// In hundredths of a millimetre.
css::awt::Size paper_of(const Lok::Inside& lok, const Document& document, std::int64_t page) {
  const Reference<css::view::XRenderable> pages(document, UNO_QUERY_THROW);
  NamedValues options;
  options.add("RenderDevice", lok.device);
  const auto told = pages->getRenderer(static_cast<sal_Int32>(page - 1), Any(document), options.sequence());
  css::awt::Size size;
  for (const auto& value : told) {
    if (value.Name == "PageSize") value.Value >>= size;
  }
  return size;
}

Pixels scaled(const css::awt::Size& paper, double scale) {
  const auto pixels = [&](sal_Int32 length) {
    return std::max<sal_Int32>(1, static_cast<sal_Int32>(std::lround(length * scale)));
  };
  return {pixels(paper.Width), pixels(paper.Height)};
}

// Of a store; little compression, for it is looked at once, and early.
process::OfficeJob picture_job(const std::string& filter, const Pixels& size) {
  process::OfficeJob job;
  job.export_filter = filter;
  job.export_data = {{"PixelWidth", process::ValueKind::number, std::to_string(size.width)},
                     {"PixelHeight", process::ValueKind::number, std::to_string(size.height)},
                     {"Compression", process::ValueKind::number, "1"}};
  return job;
}

bool store_picture(const Document& document, const std::string& filter, const Pixels& size, const std::string& path) {
  return store_document(document, picture_job(filter, size), path, [](std::int64_t, std::int64_t) {}).ok();
}

bool store_text_page(const Document& document, std::int64_t page, const Pixels& size, const std::string& path) {
  // The picture is of the page the cursor is on, and a text may begin on its second page.
  const Reference<css::frame::XModel> model(document, UNO_QUERY_THROW);
  const Reference<css::text::XTextViewCursorSupplier> view(model->getCurrentController(), UNO_QUERY_THROW);
  const Reference<css::text::XPageCursor> cursor(view->getViewCursor(), UNO_QUERY_THROW);
  const auto number = static_cast<sal_Int16>(std::min<std::int64_t>(page, INT16_MAX));
  if (!cursor->jumpToPage(number) || cursor->getPage() != number) return false;
  return store_picture(document, "writer_png_Export", size, path);
}

bool store_slide(const Lok::Inside& lok, const Document& document, std::int64_t page, const Pixels& size,
                 const std::string& path) {
  const auto slides = Reference<css::drawing::XDrawPagesSupplier>(document, UNO_QUERY_THROW)->getDrawPages();
  const auto exporter = lok.service<css::document::XExporter>("com.sun.star.drawing.GraphicExportFilter");
  if (!exporter.is() || page > slides->getCount()) return false;
  exporter->setSourceDocument(Document(slides->getByIndex(static_cast<sal_Int32>(page - 1)), UNO_QUERY_THROW));
  NamedValues arguments;
  arguments.add_text("URL", file_url(path)).add_text("MediaType", "image/png");
  arguments.add("FilterData", export_data(picture_job("", size)).sequence());
  return Reference<css::document::XFilter>(exporter, UNO_QUERY_THROW)->filter(arguments.sequence());
}

// The export of a spreadsheet as a picture shows cells without their page, so this draws the page, as on a screen.
bool store_sheet_page(const Lok::Inside& lok, const Document& document, std::int64_t page, const css::awt::Size& paper,
                      const std::string& path) {
  const Pixels size = scaled(paper, screen_pixels / 2540);
  if (std::max(size.width, size.height) > widest_drawn) return false;
  const Reference<css::awt::XDevice> device =
      css::awt::Toolkit::create(lok.context)->createScreenCompatibleDevice(size.width, size.height);
  NamedValues options;
  options.add("RenderDevice", device).add("IsFirstPage", true).add("IsLastPage", true);
  const Reference<css::view::XRenderable> pages(document, UNO_QUERY_THROW);
  pages->render(static_cast<sal_Int32>(page - 1), Any(document), options.sequence());
  const auto provider = css::graphic::GraphicProvider::create(lok.context);
  NamedValues drawn;
  // Drawing leaves the device measuring in hundredths of a millimetre.
  drawn.add("Bitmap", device->createBitmap(0, 0, paper.Width, paper.Height));
  NamedValues target;
  target.add_text("URL", file_url(path)).add_text("MimeType", "image/png");
  provider->storeGraphic(provider->queryGraphic(drawn.sequence()), target.sequence());
  return true;
}

bool store_page(const Lok::Inside& lok, const Document& document, std::int64_t page, const css::awt::Size& paper,
                const std::string& path) {
  const Pixels size = scaled(paper, long_side / std::max(paper.Width, paper.Height));
  if (Reference<css::text::XTextDocument>(document, UNO_QUERY).is()) return store_text_page(document, page, size, path);
  if (Reference<css::sheet::XSpreadsheetDocument>(document, UNO_QUERY).is())
    return store_sheet_page(lok, document, page, paper, path);
  return store_slide(lok, document, page, size, path);
}

// As the file says: LibreOffice rounds in its own way. A PNG has both numbers in bytes 16 to 24, the highest byte
// first.
std::optional<process::OfficeEarlyPage> picture_size(const std::string& path) {
  std::array<char, 24> head{};
  if (!std::ifstream(path, std::ios::binary).read(head.data(), head.size())) return std::nullopt;
  const auto number = [&](std::size_t at) {
    std::int64_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) value = value * 256 + static_cast<unsigned char>(head[i]);
    return value;
  };
  return process::OfficeEarlyPage{number(16), number(20)};
}

}  // namespace

std::optional<process::OfficeEarlyPage> write_early_page(const Lok::Inside& lok, const Document& document,
                                                         std::int64_t page, const std::string& path) {
  const css::awt::Size paper = paper_of(lok, document, page);
  const std::string unfinished = path + ".part";
  if (paper.Width <= 0 || paper.Height <= 0 || !store_page(lok, document, page, paper, unfinished)) return std::nullopt;
  const auto picture = picture_size(unfinished);
  std::error_code failed;
  std::filesystem::rename(unfinished, path, failed);
  if (failed) return std::nullopt;
  return picture;
}

}  // namespace convd::office
