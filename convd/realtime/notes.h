#pragma once
// What people have to say about a conversion. A note and its event, note.added, are one transaction; the notes go with
// their conversion.

#include <functional>
#include <string>
#include <string_view>

#include "convd/jobs/uuid.h"
#include "convd/loop/loop.h"
#include "convd/store/store.h"
#include "shared/json.h"
#include "shared/result.h"

namespace convd::realtime {

// Loop thread only.
class Notes {
 public:
  static constexpr int most_characters = 4'000;  // of one note
  static constexpr int most_notes = 1'000;       // of one conversion

  Notes(loop::Loop& loop, store::Store& store);
  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;

  // `done` after the commit, with {"id","conversion","author","text","created_at"}; the text is kept without the blanks
  // around it. Errors: invalid_request (no text, too long, not UTF-8, too many notes), conversion_not_found, and those
  // of the store.
  using Added = std::function<void(shared::Result<shared::Json>)>;
  void add(const std::string& org, const std::string& author, const std::string& conversion, std::string_view text,
           Added done);

  // {"notes":[..]}, oldest first. Errors: conversion_not_found.
  shared::Result<shared::Json> list(const std::string& org, const std::string& conversion);

 private:
  loop::Loop& loop_;
  store::Store& store_;
  jobs::UuidSource ids_;
};

}  // namespace convd::realtime
