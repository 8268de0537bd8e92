#pragma once
// Reading a PDF's words with poppler: the only door to it.

#include <memory>
#include <string>

#include "convd/layout/page.h"

namespace convd::layout {

enum class Opened : unsigned char { ok, unreadable, locked };

// One document, one thread.
class Pdf {
 public:
  Pdf();
  ~Pdf();
  Pdf(const Pdf&) = delete;
  Pdf& operator=(const Pdf&) = delete;

  Opened open(const std::string& path, const std::string& password);
  int pages() const;
  // Counts from 1. A page that cannot be read is empty.
  Page page(int number) const;

 private:
  struct Document;
  std::unique_ptr<Document> document_;
};

}  // namespace convd::layout
