#pragma once
// The pages of a document before they are exported. LibreOffice's thread only.

#include <cstdint>
#include <vector>

#include "convd/office/transfer.h"

namespace convd::office {

// Whether the job's export is paged: a PDF.
bool is_paged(const process::OfficeJob& job);
// The FilterData of the job's export.
NamedValues export_data(const process::OfficeJob& job);
// One entry of it, or empty.
std::string export_value(const process::OfficeJob& job, std::string_view name);

// What an export will make of a document that has been laid out.
struct Layout {
  std::vector<bool> shown;           // each page, or slide, of the document; false for a hidden slide
  std::vector<std::int64_t> chosen;  // the numbers, from 1, of those the page range names

  std::int64_t pages() const;  // of the whole document
  std::int64_t total() const;  // that will be written
  // Pages written when the export says it has done `steps` of its own: it counts hidden slides too.
  std::int64_t written(std::int64_t steps) const;
};

// Lays the document out; the export reuses that. Throws css::uno::Exception.
Layout lay_out(const Lok::Inside& lok, const Document& document, const process::OfficeJob& job);

}  // namespace convd::office
