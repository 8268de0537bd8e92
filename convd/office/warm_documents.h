#pragma once
// The documents of the warm-up: one of each family, as flat OpenDocument. Between them they use what most documents do:
// styles and faces, lists, tables, a field, a header, a picture, a chart. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace convd::office {

struct WarmFormat {
  std::string_view extension;
  std::string_view filter;
  std::string_view import_options;
  std::string_view export_options;
};

struct WarmFamily {
  std::string_view name;
  std::string_view import_filter;  // of `document`
  std::string document;
  std::string_view pdf_filter;
  std::string_view picture_filter;
  std::vector<WarmFormat> formats;  // stored, loaded again, and exported as PDF
};

std::vector<WarmFamily> warm_families();

}  // namespace convd::office
