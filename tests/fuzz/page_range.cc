// Ranges of pages, as clients write them and as LibreOffice takes them.

#include "convd/engines/page_range.h"

#include "convd/office/page_range.h"
#include "tests/fuzz/input.h"

FUZZ_TARGET(input) {
  const auto count = static_cast<std::int64_t>(input.number(200));
  const fuzz::Exact text(input.rest());
  if (const auto range = convd::engines::parse_page_range(text.text())) {
    fuzz::must(range->first >= 1 && range->first <= range->last.value_or(range->first), "a range goes upwards from 1");
    const auto again = convd::engines::parse_page_range(to_string(*range));
    fuzz::must(again && again->first == range->first && again->last == range->last,
               "what was read can be written and read again");
  }
  const auto pages = convd::office::pages_of(text.text(), count);
  for (std::size_t i = 0; i < pages.size(); ++i)
    fuzz::must(pages[i] >= (i == 0 ? 1 : pages[i - 1] + 1) && pages[i] <= count,
               "each page once, in order, of those there are");
  if (!pages.empty())
    fuzz::must(convd::office::pages_of(convd::office::range_of(pages), count) == pages,
               "pages can be written and read again");
}
