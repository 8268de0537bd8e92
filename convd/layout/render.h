#pragma once
// Blocks as Markdown (CommonMark with GFM tables), as plain text, or as layout boxes in JSON. Pure.

#include <string>
#include <vector>

#include "convd/layout/blocks.h"

namespace convd::layout {

std::string to_markdown(const std::vector<Block>& blocks);
std::string to_text(const std::vector<Block>& blocks);
// {"pages":[{"page":1,"width":..,"height":..,"boxes":[{"bbox":[left,top,right,bottom],"category":"Text","text":".."}]}]}
// Categories: Title (heading of level 1), Section-header, Text, List-item, Table. Points, origin at the top left.
std::string to_boxes(const std::vector<Page>& pages, const std::vector<Block>& blocks);

}  // namespace convd::layout
