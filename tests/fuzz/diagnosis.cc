// The end of a run of every engine, with last words that a document has chosen: an error is fit to be shown.

#include "convd/engines/diagnosis.h"

#include "convd/engines/builtin.h"
#include "shared/utf8.h"
#include "tests/fuzz/input.h"

using namespace convd::engines;
using convd::process::End;
using convd::process::Exit;

namespace {

void must_be_presentable(const std::string& text) {
  fuzz::must(shared::is_utf8(text), "it is text");
  fuzz::must(text.size() <= 4096, "it is short");
  for (const char c : text) {
    fuzz::must(static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t', "it has no control characters");
    fuzz::must(c != 0x7f, "it has no control characters");
  }
}

}  // namespace

FUZZ_TARGET(input) {
  static const auto engines = builtin_engines("/usr/libexec/convd");
  const Engine& engine = *engines[input.number(engines.size())];
  const Exit exit{.end = static_cast<End>(input.number(static_cast<std::size_t>(End::lost) + 1)),
                  .status = static_cast<int>(input.number(256)),
                  .reason = "no such program"};
  const bool has_output = input.number(2) == 1;
  const auto edges = engine.edges();
  const Edge& edge = edges[input.number(edges.size())];
  const fuzz::Exact out(input.line());
  const fuzz::Exact err(input.rest());
  Task task;
  task.from = edge.from;
  task.to = edge.to;
  task.input = "/in/source." + edge.from;
  task.stem = "source";
  const auto error = engine.diagnose(task, {exit, out.text(), err.text(), has_output});
  fuzz::must(error || exit.end == End::exited, "who did not exit has not succeeded");
  fuzz::must(error || has_output, "without a result nothing has succeeded");
  if (!error) return;
  fuzz::must(!error->message.empty(), "there is a sentence");
  must_be_presentable(error->message);
  must_be_presentable(error->detail);
  (void)engine.read_version(out.text());
}
