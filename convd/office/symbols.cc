#include "convd/office/symbols.h"

#include <dlfcn.h>

#include <initializer_list>

namespace convd::office {
namespace {

// Debian merges most of LibreOffice into one library, others do not.
constexpr std::initializer_list<const char*> libraries{"libmergedlo.so", "libcomphelper.so", "libutllo.so"};

template <typename Function>
Function find(const std::string& program_dir, std::initializer_list<const char*> names) {
  for (const char* library : libraries) {
    // Never loads: another copy would know nothing of the one that runs.
    void* handle = ::dlopen((program_dir + "/" + library).c_str(), RTLD_LAZY | RTLD_NOLOAD);
    if (handle == nullptr) continue;
    for (const char* name : names) {
      void* found = ::dlsym(handle, name);
      if (found != nullptr) return reinterpret_cast<Function>(found);
    }
  }
  return nullptr;
}

}  // namespace

shared::Result<Symbols> find_symbols(const std::string& program_dir) {
  Symbols symbols;
  symbols.process_context = find<decltype(symbols.process_context)>(
      program_dir, {"_ZN10comphelper26getProcessComponentContextEv"});  // comphelper::getProcessComponentContext()
  symbols.set_temp_directory = find<decltype(symbols.set_temp_directory)>(
      program_dir, {"_ZN3utl8TempFile24SetTempNameBaseDirectoryERKN3rtl8OUStringE",  // up to 7.4
                    "_ZN3utl24SetTempNameBaseDirectoryERKN3rtl8OUStringE"});
  symbols.set_kit_mode = find<decltype(symbols.set_kit_mode)>(
      program_dir, {"_ZN10comphelper14LibreOfficeKit9setActiveEb"});  // comphelper::LibreOfficeKit::setActive(bool)
  symbols.thread_pool =
      find<decltype(symbols.thread_pool)>(program_dir, {"_ZN10comphelper10ThreadPool20getSharedOptimalPoolEv"});
  symbols.join_threads =
      find<decltype(symbols.join_threads)>(program_dir, {"_ZN10comphelper10ThreadPool17joinThreadsIfIdleEv"});
  const char* missing = symbols.process_context == nullptr      ? "component context"
                        : symbols.set_temp_directory == nullptr ? "temporary directory"
                        : symbols.set_kit_mode == nullptr       ? "mode"
                                                                : nullptr;
  if (missing == nullptr) return symbols;
  return shared::Error{shared::ErrorCode::unavailable,
                       "This LibreOffice cannot be kept warm: its " + std::string(missing) + " is out of reach", ""};
}

}  // namespace convd::office
