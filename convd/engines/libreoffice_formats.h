#pragma once
// What LibreOffice reads and writes, and by which of its filters. One constant table. Any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "convd/engines/engine.h"

namespace convd::engines {

// The kinds of documents inside LibreOffice: what was read as one can be written as that only.
enum class OfficeFamily : std::uint8_t { writer, calc, impress, draw, picture };

// Whether a format can carry a password: none, one to open it, or one that LibreOffice can also set.
enum class OfficeLock : std::uint8_t { none, opens, sets };

struct OfficeFormat {
  std::string_view format;
  OfficeFamily family;
  std::string_view reader;  // empty: not read here, or LibreOffice finds it by itself (pictures)
  std::string_view writer;  // empty: not written here
  OfficeLock lock;
};

// `format` is one that office_edges() names, and not pdf.
const OfficeFormat& office_format(std::string_view format);
std::vector<Edge> office_edges();

std::string_view pdf_filter(OfficeFamily family);

// The formats that are read as one of these.
std::vector<std::string> sources_of(std::initializer_list<OfficeFamily> families);
// The formats a password may have to open, and those that can be given one (pdf among them).
std::vector<std::string> lockable_sources();
std::vector<std::string> lockable_targets();

}  // namespace convd::engines
