#include "convd/office/layout.h"

#include <algorithm>
#include <charconv>
#include <com/sun/star/beans/XPropertySet.hpp>
#include <com/sun/star/drawing/XDrawPages.hpp>
#include <com/sun/star/drawing/XDrawPagesSupplier.hpp>
#include <com/sun/star/presentation/XPresentationSupplier.hpp>
#include <com/sun/star/view/XRenderable.hpp>

#include "convd/office/page_range.h"

namespace convd::office {
namespace {

std::size_t count_pages(const Lok::Inside& lok, const Document& document, const process::OfficeJob& job) {
  const Reference<css::view::XRenderable> pages(document, UNO_QUERY_THROW);
  process::OfficeJob whole = job;
  std::erase_if(whole.export_data, [](const process::FilterValue& entry) { return entry.name == "PageRange"; });
  NamedValues options = export_data(whole);
  // As the export has it: against another device text may break elsewhere.
  options.add("RenderDevice", lok.device).add("ExportNotesPages", false);
  return static_cast<std::size_t>(std::max<sal_Int32>(pages->getRendererCount(Any(document), options.sequence()), 0));
}

void leave_out_hidden_slides(const Document& document, std::vector<bool>& shown) {
  if (!Reference<css::presentation::XPresentationSupplier>(document, UNO_QUERY).is()) return;
  const auto slides = Reference<css::drawing::XDrawPagesSupplier>(document, UNO_QUERY_THROW)->getDrawPages();
  const auto count = std::min<std::size_t>(shown.size(), static_cast<std::size_t>(slides->getCount()));
  for (std::size_t i = 0; i < count; ++i) {
    bool visible = true;
    Reference<css::beans::XPropertySet>(slides->getByIndex(static_cast<sal_Int32>(i)), UNO_QUERY_THROW)
        ->getPropertyValue("Visible") >>= visible;
    shown[i] = visible;
  }
}

}  // namespace

bool is_paged(const process::OfficeJob& job) {
  static constexpr std::string_view suffix = "_pdf_Export";
  const std::string_view filter = job.export_filter;
  return filter.size() >= suffix.size() && filter.substr(filter.size() - suffix.size()) == suffix;
}

NamedValues export_data(const process::OfficeJob& job) {
  NamedValues data;
  for (const process::FilterValue& entry : job.export_data) {
    sal_Int32 number = 0;
    switch (entry.kind) {
      case process::ValueKind::flag:
        data.add(entry.name, entry.value == "true");
        break;
      case process::ValueKind::number:
        std::from_chars(entry.value.data(), entry.value.data() + entry.value.size(), number);
        data.add(entry.name, number);
        break;
      case process::ValueKind::text:
        data.add_text(entry.name, entry.value);
        break;
    }
  }
  return data;
}

std::string export_value(const process::OfficeJob& job, std::string_view name) {
  for (const process::FilterValue& entry : job.export_data) {
    if (entry.name == name) return entry.value;
  }
  return "";
}

std::int64_t Layout::pages() const {
  return std::count(shown.begin(), shown.end(), true);
}

std::int64_t Layout::total() const {
  return written(static_cast<std::int64_t>(chosen.size()));
}

std::int64_t Layout::written(std::int64_t steps) const {
  const auto end = chosen.begin() + std::clamp<std::int64_t>(steps, 0, static_cast<std::int64_t>(chosen.size()));
  return std::count_if(chosen.begin(), end,
                       [&](std::int64_t page) { return shown[static_cast<std::size_t>(page - 1)]; });
}

Layout lay_out(const Lok::Inside& lok, const Document& document, const process::OfficeJob& job) {
  Layout layout;
  layout.shown.assign(count_pages(lok, document, job), true);
  if (export_value(job, "ExportHiddenSlides") != "true") leave_out_hidden_slides(document, layout.shown);
  // With a page for each sheet the export does not look at the range.
  const bool all = export_value(job, "SinglePageSheets") == "true";
  layout.chosen = pages_of(all ? "" : export_value(job, "PageRange"), static_cast<std::int64_t>(layout.shown.size()));
  return layout;
}

}  // namespace convd::office
