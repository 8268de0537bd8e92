#pragma once
// An event as a line for people. Pure. Any thread, in a UTF-8 LC_CTYPE.

#include <string>

#include "convctl/event_intake.h"
#include "convctl/table.h"

namespace convctl {

// What it says, in a few words: "report.docx: processing, 42%, Converting page 13 of 31".
std::string event_summary(const shared::JsonReader& event);

// TIME, SEQ, TYPE, SUBJECT and SUMMARY of lines that come one by one: in columns of fixed width on a terminal, of which
// the subject gives way when it is narrow; separated by tabs and whole in a pipe.
std::string event_header(const Terminal& terminal);
std::string event_line(const shared::JsonReader& event, const Terminal& terminal);
// The form for a terminal of that width, without colours.
std::string aligned_event(const Row& cells, int width);
Row event_cells(const shared::JsonReader& event);

// "events up to 99 are no longer kept (expired); going on ..."
std::string gap_text(const Gap& gap);

}  // namespace convctl
