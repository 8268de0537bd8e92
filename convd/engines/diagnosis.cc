#include "convd/engines/diagnosis.h"

#include <algorithm>
#include <csignal>

#include "shared/utf8.h"

namespace convd::engines {
namespace {

using process::End;
using shared::Error;
using shared::ErrorCode;

constexpr std::size_t detail_bytes = 2048;
constexpr int shell_signal_base = 128;

const std::vector<Clue>& shared_clues() {
  static const std::vector<Clue> clues{
      {"bad_alloc", ErrorCode::out_of_memory, "the document needs more memory than a conversion may use"},
      {"Cannot allocate memory", ErrorCode::out_of_memory, "the document needs more memory than a conversion may use"},
      {"out of memory", ErrorCode::out_of_memory, "the document needs more memory than a conversion may use"},
      {"Out of memory", ErrorCode::out_of_memory, "the document needs more memory than a conversion may use"},
      {"heap exhausted", ErrorCode::out_of_memory, "the document needs more memory than a conversion may use"},
      {"File too large", ErrorCode::output_too_large, "the result is larger than a conversion may write"},
      {"No space left on device", ErrorCode::output_too_large, "the conversion needs more space than it may use"},
  };
  return clues;
}

// The signal a run ended by, also when a wrapper reported it as 128 + n. 0: none.
int signal_of(const process::Exit& exit) {
  if (exit.end == End::signalled) return exit.status;
  if (exit.end != End::exited) return 0;
  for (const int signal : {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS}) {
    if (exit.status == shell_signal_base + signal) return signal;
  }
  return 0;
}

Error by_signal(const std::string& title, int signal) {
  if (signal == SIGXCPU) {
    return {ErrorCode::timed_out, title + " used more processor time than a conversion may", {}};
  }
  if (signal == SIGXFSZ) {
    return {ErrorCode::output_too_large, "The result is larger than a conversion may write", {}};
  }
  return {ErrorCode::engine_crashed, title + " crashed (signal " + std::to_string(signal) + ")", {}};
}

std::optional<Error> by_end(const std::string& title, const process::Exit& exit) {
  switch (exit.end) {
    case End::killed:
      return Error{ErrorCode::interrupted, title + " was stopped", {}};
    case End::lost:
      return Error{ErrorCode::interrupted, "The sandbox of " + title + " went away", {}};
    case End::not_started:
      return Error{ErrorCode::internal, title + " could not be started", exit.reason};
    case End::out_of_memory:
      return Error{ErrorCode::out_of_memory, title + " needed more memory than a conversion may use", {}};
    case End::output_limit:
      return Error{ErrorCode::output_too_large, "The result is larger than a conversion may write", {}};
    case End::exited:
    case End::signalled:
      break;
  }
  return std::nullopt;
}

std::optional<Error> by_clue(const std::string& title, const std::vector<Clue>& clues, const Ended& ended) {
  for (const Clue& clue : clues) {
    const bool found = ended.err_tail.find(clue.words) != std::string_view::npos ||
                       ended.out_tail.find(clue.words) != std::string_view::npos;
    if (found) return Error{clue.code, title + ": " + std::string(clue.sentence), {}};
  }
  return std::nullopt;
}

Error explain(const std::string& title, Trust trust, const std::vector<Clue>& clues, const Ended& ended) {
  if (auto error = by_end(title, ended.exit)) return *std::move(error);
  const int signal = signal_of(ended.exit);
  if (signal == SIGXCPU || signal == SIGXFSZ) return by_signal(title, signal);
  if (auto error = by_clue(title, shared_clues(), ended)) return *std::move(error);
  if (signal != 0) return by_signal(title, signal);
  if (auto error = by_clue(title, clues, ended)) return *std::move(error);
  if (ended.exit.status == 0 || trust == Trust::output) {
    return {ErrorCode::engine_failed, title + " ended without a result", {}};
  }
  return {ErrorCode::engine_failed,
          title + " could not convert the document (exit status " + std::to_string(ended.exit.status) + ")",
          {}};
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// The length of the valid UTF-8 sequence `text` begins with, 0 when there is none.
std::size_t sequence(std::string_view text) {
  for (std::size_t size = 1; size <= std::min<std::size_t>(4, text.size()); ++size) {
    if (shared::is_utf8(text.substr(0, size))) return size;
  }
  return 0;
}

void append_clean(std::string& clean, std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = sequence(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (size == 0) {
      clean += "\xEF\xBF\xBD";
    } else if (first == '\r') {
      clean += '\n';
    } else if ((first >= 0x20 && first != 0x7F) || first == '\n' || first == '\t') {
      clean += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

}  // namespace

std::optional<Error> diagnose_run(const std::string& title, Trust trust, const std::vector<Clue>& clues,
                                  const Ended& ended) {
  const bool ran = ended.exit.end == End::exited && ended.has_output;
  if (ran && (trust == Trust::output || ended.exit.status == 0)) return std::nullopt;
  Error error = explain(title, trust, clues, ended);
  if (error.detail.empty()) error.detail = presentable_tail(ended.out_tail, ended.err_tail);
  return error;
}

std::string presentable_tail(std::string_view out, std::string_view err) {
  std::string clean;
  append_clean(clean, out);
  if (!clean.empty() && clean.back() != '\n') clean += '\n';
  append_clean(clean, err);
  const auto last = clean.find_last_not_of(" \n\t");
  clean.resize(last == std::string::npos ? 0 : last + 1);
  if (clean.size() > detail_bytes) {
    std::size_t begin = clean.size() - detail_bytes;
    while (begin < clean.size() && is_continuation(clean[begin])) ++begin;
    clean.erase(0, begin);
  }
  return clean;
}

std::string version_after(std::string_view printed, std::string_view before) {
  const auto at = printed.find(before);
  if (at == std::string_view::npos) return {};
  printed.remove_prefix(at + before.size());
  const auto begin = printed.find_first_of("0123456789");
  if (begin == std::string_view::npos) return {};
  printed.remove_prefix(begin);
  const auto end = printed.find_first_of(" \t\r\n,;(");
  return std::string(printed.substr(0, end));
}

}  // namespace convd::engines
