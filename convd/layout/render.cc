#include "convd/layout/render.h"

#include <cmath>
#include <string_view>

#include "shared/json.h"

namespace convd::layout {
namespace {

// What Markdown would take for markup.
std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>|").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  if (!out.empty() && std::string_view("#+-=~").find(out.front()) != std::string_view::npos)
    out.insert(out.begin(), '\\');
  return out;
}

std::string table_row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const std::string& cell : cells) line += " " + escaped(cell) + " |";
  return line + "\n";
}

std::string markdown_table(const Block& block) {
  std::string out = table_row(block.cells.front()) + "|";
  for (std::size_t i = 0; i < block.cells.front().size(); ++i) out += " --- |";
  out += "\n";
  for (std::size_t i = 1; i < block.cells.size(); ++i) out += table_row(block.cells[i]);
  return out;
}

std::string table_text(const Block& block) {
  std::string out;
  for (const auto& row : block.cells) {
    std::string line;
    for (const std::string& cell : row) line += (line.empty() ? "" : "\t") + cell;
    out += line + "\n";
  }
  return out;
}

std::string markdown_block(const Block& block) {
  switch (block.kind) {
    case Kind::heading:
      return std::string(static_cast<std::size_t>(block.level), '#') + " " + escaped(block.text) + "\n";
    case Kind::list_item:
      return block.mark + " " + escaped(block.text) + "\n";
    case Kind::table:
      return markdown_table(block);
    case Kind::paragraph:
      break;
  }
  return escaped(block.text) + "\n";
}

const char* category(const Block& block) {
  switch (block.kind) {
    case Kind::heading:
      return block.level == 1 ? "Title" : "Section-header";
    case Kind::list_item:
      return "List-item";
    case Kind::table:
      return "Table";
    case Kind::paragraph:
      break;
  }
  return "Text";
}

double tenth(double points) {
  return std::round(points * 10) / 10;
}

}  // namespace

std::string to_markdown(const std::vector<Block>& blocks) {
  std::string out;
  const Block* previous = nullptr;
  for (const Block& block : blocks) {
    const bool tight = previous != nullptr && previous->kind == Kind::list_item && block.kind == Kind::list_item;
    if (previous != nullptr && !tight) out += "\n";
    out += markdown_block(block);
    previous = &block;
  }
  return out;
}

std::string to_text(const std::vector<Block>& blocks) {
  std::string out;
  const Block* previous = nullptr;
  for (const Block& block : blocks) {
    if (previous != nullptr) out += previous->page != block.page ? "\f" : "\n";
    if (!block.mark.empty()) out += block.mark + " ";
    out += block.kind == Kind::table ? table_text(block) : block.text + "\n";
    previous = &block;
  }
  return out;
}

std::string to_boxes(const std::vector<Page>& pages, const std::vector<Block>& blocks) {
  using shared::Json;
  Json all = Json::array();
  for (const Page& page : pages) {
    Json boxes = Json::array();
    for (const Block& block : blocks) {
      if (block.page != page.number) continue;
      Json bbox = Json::array();
      for (const double side : {block.box.left, block.box.top, block.box.right, block.box.bottom})
        bbox.push(tenth(side));
      Json box = Json::object();
      box.set("bbox", std::move(bbox)).set("category", category(block));
      box.set("text", block.kind == Kind::table ? table_text(block) : block.text);
      boxes.push(std::move(box));
    }
    Json entry = Json::object();
    entry.set("page", page.number)
        .set("width", tenth(page.width))
        .set("height", tenth(page.height))
        .set("boxes", std::move(boxes));
    all.push(std::move(entry));
  }
  Json document = Json::object();
  document.set("pages", std::move(all));
  return document.pretty() + "\n";
}

}  // namespace convd::layout
