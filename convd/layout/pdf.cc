#include "convd/layout/pdf.h"

#include <poppler-document.h>
#include <poppler-global.h>
#include <poppler-page.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>

namespace convd::layout {
namespace {

std::string utf8(const poppler::ustring& text) {
  const poppler::byte_array bytes = text.to_utf8();
  return {bytes.begin(), bytes.end()};
}

bool is_bold(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name.find("bold") != std::string::npos || name.find("black") != std::string::npos ||
         name.find("heavy") != std::string::npos;
}

Word word_from(const poppler::text_box& box) {
  const poppler::rectf place = box.bbox();
  Word word{utf8(box.text()), {place.left(), place.top(), place.right(), place.bottom()}, place.height(), false};
  if (box.has_font_info()) {
    word.size = box.get_font_size();
    word.bold = is_bold(box.get_font_name());
  }
  return word;
}

}  // namespace

struct Pdf::Document {
  std::unique_ptr<poppler::document> pdf;
};

Pdf::Pdf() : document_(std::make_unique<Document>()) {
  poppler::set_debug_error_function(
      [](const std::string& message, void*) { std::fprintf(stderr, "warning: %s\n", message.c_str()); }, nullptr);
}

Pdf::~Pdf() = default;

Opened Pdf::open(const std::string& path, const std::string& password) {
  document_->pdf.reset(poppler::document::load_from_file(path, password, password));
  if (!document_->pdf) return Opened::unreadable;
  if (document_->pdf->is_locked()) return Opened::locked;
  return document_->pdf->pages() > 0 ? Opened::ok : Opened::unreadable;
}

int Pdf::pages() const {
  return document_->pdf->pages();
}

Page Pdf::page(int number) const {
  Page result;
  result.number = number;
  const std::unique_ptr<poppler::page> page(document_->pdf->create_page(number - 1));
  if (!page) return result;
  const poppler::rectf size = page->page_rect();
  result.width = size.width();
  result.height = size.height();
  for (const poppler::text_box& box : page->text_list(poppler::page::text_list_include_font)) {
    Word word = word_from(box);
    if (!word.text.empty()) result.words.push_back(std::move(word));
  }
  return result;
}

}  // namespace convd::layout
