#include "convd/realtime/notes.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "convd/loop/wall_clock.h"
#include "shared/stream.h"
#include "shared/time.h"
#include "shared/utf8.h"

namespace convd::realtime {
namespace {

using shared::Error;
using shared::ErrorCode;
using shared::Json;
using shared::Result;

Error unknown(const std::string& conversion) {
  return {ErrorCode::conversion_not_found, "there is no conversion \"" + conversion + "\"", {}};
}

Error refused(std::string message) {
  return {ErrorCode::invalid_request, std::move(message), {}};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::ptrdiff_t characters(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

Result<std::string> checked(std::string_view given) {
  const std::string_view text = trimmed(given);
  if (!shared::is_utf8(text)) return refused("text: not valid UTF-8");
  const auto count = characters(text);
  if (count == 0) return refused("text: required, and not only blanks");
  if (count > Notes::most_characters) {
    return refused("text: a note may have " + std::to_string(Notes::most_characters) + " characters, this one has " +
                   std::to_string(count));
  }
  return std::string(text);
}

Json to_json(const store::NoteRow& row) {
  Json json = Json::object();
  json.set("id", row.id)
      .set("conversion", row.conversion)
      .set("author", row.author)
      .set("text", row.text)
      .set("created_at", shared::to_rfc3339(row.created_ms));
  return json;
}

store::EventRow event_of(const store::NoteRow& row) {
  store::EventRow event;
  event.org = row.org;
  event.ts_ms = row.created_ms;
  event.service = shared::to_string(shared::Service::note);
  event.type = "note.added";
  event.subject = row.conversion;
  event.data_json = to_json(row).dump();
  return event;
}

Result<void> write(store::Transaction& transaction, const store::NoteRow& row) {
  switch (transaction.add_note(row, Notes::most_notes)) {
    case store::Noted::no_conversion:
      return unknown(row.conversion);
    case store::Noted::too_many:
      return refused("a conversion may have " + std::to_string(Notes::most_notes) + " notes");
    case store::Noted::written:
      break;
  }
  transaction.append(event_of(row));
  return {};
}

}  // namespace

Notes::Notes(loop::Loop& loop, store::Store& store) : loop_(loop), store_(store) {}

void Notes::add(const std::string& org, const std::string& author, const std::string& conversion, std::string_view text,
                Added done) {
  auto kept = checked(text);
  if (!kept) return done(kept.error());
  const auto now = loop::wall_ms(loop_);
  const auto row = std::make_shared<const store::NoteRow>(
      store::NoteRow{ids_.next(now), org, conversion, author, *std::move(kept), now});
  store_.submit([row](store::Transaction& transaction, store::Files&) { return write(transaction, *row); },
                [row, done = std::move(done)](Result<void> written) {
                  if (!written) return done(written.error());
                  done(to_json(*row));
                });
}

Result<Json> Notes::list(const std::string& org, const std::string& conversion) {
  const auto row = store_.conversion(conversion);
  if (!row || row->org != org) return unknown(conversion);
  Json notes = Json::array();
  for (const store::NoteRow& note : store_.notes(org, conversion)) notes.push(to_json(note));
  Json json = Json::object();
  json.set("notes", std::move(notes));
  return json;
}

}  // namespace convd::realtime
