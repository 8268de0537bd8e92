#include "tests/simulation/documents.h"

#include <functional>

#include "convd/store/sha256.h"

namespace simulation {
namespace {

constexpr int damaged_every = 7;

}  // namespace

std::string document(const std::string& format, int number) {
  const std::string name =
      (number % damaged_every == damaged_every - 1 ? "damaged " : "document ") + std::to_string(number);
  if (format == "pdf") return "%PDF-1.7\n" + name;
  return std::string("PK\x03\x04", 4) + std::string(26, '\0') + "[Content_Types].xml word/" + name;
}

bool is_damaged(const std::string& content) {
  return content.find("damaged") != std::string::npos;
}

std::map<std::string, std::string> converted(const std::string& content, const std::string& from,
                                             const std::string& to) {
  std::map<std::string, std::string> outputs;
  if (to != "png") {
    outputs["source." + to] = from + " as " + to + ": " + content;
    return outputs;
  }
  const std::size_t pages = 1 + content.size() % 3;
  for (std::size_t page = 1; page <= pages; ++page) {
    outputs["source-" + std::to_string(page) + ".png"] = "page " + std::to_string(page) + " of " + content;
  }
  return outputs;
}

std::map<std::string, std::string> delivered(const std::string& content, const std::string& from,
                                             const std::string& to) {
  if (from == "docx" && to != "pdf") return converted(converted(content, from, "pdf").begin()->second, "pdf", to);
  return converted(content, from, to);
}

std::string sha256_of(const std::string& content) {
  convd::store::Sha256 hash;
  hash.update(content);
  return hash.finish();
}

}  // namespace simulation
