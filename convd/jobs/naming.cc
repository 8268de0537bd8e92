#include "convd/jobs/naming.h"

#include <algorithm>

#include "convd/jobs/manager.h"
#include "shared/utf8.h"

namespace convd::jobs {
namespace {

constexpr std::size_t most_filename_bytes = 255;
constexpr std::size_t most_stem_bytes = 200;

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool continues_a_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

shared::Result<void> check_filename(std::string_view filename) {
  const auto invalid = [](std::string message) {
    return shared::Error{shared::ErrorCode::invalid_filename, std::move(message), {}};
  };
  if (filename.empty()) return invalid("the filename is empty");
  if (filename.size() > most_filename_bytes) return invalid("the filename is longer than 255 bytes");
  if (!shared::is_utf8(filename)) return invalid("the filename is not valid UTF-8");
  if (std::any_of(filename.begin(), filename.end(), is_control)) {
    return invalid("the filename contains a control character");
  }
  if (filename.find_first_of("/\\") != std::string_view::npos) {
    return invalid("the filename contains a path separator; give the name of a document, not a path");
  }
  if (filename == "." || filename.find("..") != std::string_view::npos) return invalid("the filename contains \"..\"");
  return {};
}

std::string result_stem(std::string_view filename) {
  if (const auto dot = filename.rfind('.'); dot != std::string_view::npos) filename = filename.substr(0, dot);
  filename.remove_prefix(std::min(filename.find_first_not_of(". "), filename.size()));
  std::string stem(filename.substr(0, most_stem_bytes));
  if (filename.size() > most_stem_bytes && continues_a_character(filename[most_stem_bytes])) {
    while (!stem.empty() && continues_a_character(stem.back())) stem.pop_back();
    if (!stem.empty()) stem.pop_back();
  }
  std::erase_if(stem, [](char c) { return is_control(c) || c == '/' || c == '\\'; });
  while (!stem.empty() && stem.back() == ' ') stem.pop_back();
  return stem.empty() ? "result" : stem;
}

std::string result_name(std::string_view stem, std::string_view extension, int index, int count) {
  std::string name(stem);
  if (count > 1) name += "-" + std::to_string(index);
  return name + "." + std::string(extension);
}

}  // namespace convd::jobs
