#include "convd/store/rows.h"

#include <vector>

#include "convd/store/row_sum.h"

namespace convd::store {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += ", ";
    text += part;
  }
  return text;
}

}  // namespace

std::string conversion_column_names() {
  std::vector<std::string> names;
  const ConversionRow row;
  columns([&](std::string_view name, const auto&) { names.emplace_back(name); }, row);
  names.emplace_back("sum");
  return joined(names);
}

std::string insert_conversion_sql() {
  std::vector<std::string> marks;
  const ConversionRow row;
  columns([&](std::string_view, const auto&) { marks.emplace_back("?"); }, row);
  marks.emplace_back("?");
  return "INSERT INTO conversions (" + conversion_column_names() + ") VALUES (" + joined(marks) + ")";
}

std::string update_conversion_sql() {
  std::vector<std::string> settings;
  const ConversionRow row;
  changing_columns([&](std::string_view name, const auto&) { settings.emplace_back(std::string(name) + " = ?"); }, row);
  settings.emplace_back("sum = ?");
  return "UPDATE conversions SET " + joined(settings) +
         " WHERE id = ? AND status NOT IN ('completed', 'error', 'cancelled') AND attempt <= ? AND rev < ?";
}

ConversionRow read_conversion(const Rows& rows) {
  ConversionRow row;
  int column = 0;
  columns([&](std::string_view, auto& value) { rows.get(column++, value); }, row);
  check_sum(rows, column, row, "conversions");
  return row;
}

}  // namespace convd::store
