#pragma once
// The few functions of LibreOffice that its interfaces do not offer and that a forked child cannot do without. They are
// looked up by name in the running libraries. Any thread.

#include <com/sun/star/uno/XComponentContext.hpp>

#include "convd/office/uno.h"
#include "shared/result.h"

namespace convd::office {

struct Symbols {
  Reference<css::uno::XComponentContext> (*process_context)() = nullptr;
  OUString (*set_temp_directory)(const OUString& url) = nullptr;  // returns what it has made
  void (*set_kit_mode)(bool active) = nullptr;
  // The threads that calculate. Null where this LibreOffice has none.
  void* (*thread_pool)() = nullptr;
  void (*join_threads)(void* pool) = nullptr;
};

// `program_dir` as in Lok::Options; the libraries must be loaded. Errors: unavailable, when a needed one is not there.
shared::Result<Symbols> find_symbols(const std::string& program_dir);

}  // namespace convd::office
