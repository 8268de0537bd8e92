#pragma once
// An engine is data: what it is called, what it can turn into what, the command for a task, how to read its progress.
// Engines describe; they never start anything. Any thread for the tables; a ProgressReader belongs to one run.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convd/inspect/inspection.h"
#include "convd/process/child_spec.h"
#include "convd/process/spawner.h"
#include "shared/json.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace convd::engines {

// One conversion an engine offers. Cost is in milliseconds of a typical document, for the planner; quality 0-100 breaks
// ties.
struct Edge {
  std::string from;
  std::string to;
  int cost = 100;
  int quality = 80;
};

enum class OptionType : std::uint8_t { integer, text, flag, choice, page_range };

// One row of an engine's option table, the only place that knows its name and its range.
struct OptionSpec {
  std::string name;  // "dpi"
  OptionType type = OptionType::integer;
  std::int64_t least = 0;  // integer: the range; text: the length
  std::int64_t most = 0;
  std::vector<std::string> choices;
  std::string fallback;                // the default, as text; empty is none
  std::string help;                    // one line
  std::vector<std::string> to;         // only for these targets; empty is all
  std::vector<std::string> from = {};  // only from these sources; empty is all
};

// Validated options: integers, flags ("true"/"false") and choices as text.
using Options = std::map<std::string, std::string>;

// One step of a conversion as the engine sees it.
struct Task {
  std::string from;
  std::string to;
  std::string input;  // path inside the sandbox, "/in/source.docx"
  std::string stem;   // of the wanted output, safe: "source"
  Options options;
  std::string head =
      {};  // the first bytes of the input (4 KiB are enough), for what the name alone cannot tell; may be empty
  inspect::Limits input_limits = {};
};

// What a run is at, where an engine tells.
enum class Phase : std::uint8_t { none, reading, layout, converting };

struct Progress {
  std::int64_t done = 0;
  std::optional<std::int64_t> total;
  std::string unit;  // "page", "ms"; empty when nothing is counted
  Phase phase = Phase::none;
  std::optional<double> share = {};  // of the whole step, where done of total is of a phase only
  bool blind = false;                // the engine says what it is at, not how far it is: estimates go on
};

struct FontFact {
  std::string requested;
  std::string used;  // instead; empty when not known
};

// What a run told of its document, for the receipt.
struct RunFacts {
  std::optional<std::int64_t> pages;      // of the whole document
  std::optional<std::int64_t> pages_out;  // written
  std::vector<std::string> fonts_requested;
  std::vector<FontFact> fonts_missing;
  std::vector<std::string> links_blocked;
  std::vector<std::string> warnings;  // the first ones
  std::int64_t warnings_total = 0;
  bool has_early_page = false;  // process::early_page_name can be opened
};

// Reads what a running engine prints and tells what it means.
class ProgressReader {
 public:
  using Report = std::function<void(const Progress&)>;
  virtual ~ProgressReader() = default;
  virtual void feed(process::Stream stream, std::string_view bytes, const Report& report) = 0;
  // As far as they are known by now.
  const RunFacts& facts() const { return facts_; }

 protected:
  RunFacts facts_;
};

// A task as a command. Outputs are what appears in /out and matches `outputs` (a glob: "source.pdf", "source-*.png").
struct Command {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<process::MadeFile> files;
  std::vector<std::string> read_only;
  process::Limits limits;
  process::Family family = process::Family::described;
  std::string outputs;
  std::function<std::unique_ptr<ProgressReader>()> progress;  // empty: the engine tells nothing
  // As in ChildSpec.
  std::optional<process::OfficeJob> office = {};
  bool needs_warm_office = false;
};

// What an engine's end means. `diagnose` sees the exit, the names of the outputs and the last 8 KiB of each stream.
struct Ended {
  const process::Exit& exit;
  std::string_view out_tail;
  std::string_view err_tail;
  bool has_output = false;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::string name() const = 0;                   // "poppler"
  virtual std::string title() const = 0;                  // for people: "Poppler"
  virtual std::string package() const = 0;                // Debian packages, "poppler-utils"
  virtual std::vector<std::string> programs() const = 0;  // absolute paths; all must exist
  // Files without which it cannot work, beside its programs.
  virtual std::vector<std::string> needs() const { return {}; }
  // Host paths they need besides /usr: configuration, fonts, a program outside /usr.
  virtual std::vector<std::string> read_only() const { return {}; }
  // Empty: its version is what it reads in nothing.
  virtual std::vector<std::string> version_command() const = 0;
  // The version in what version_command printed, or empty.
  virtual std::string read_version(std::string_view printed) const = 0;
  virtual std::vector<Edge> edges() const = 0;
  // Of two rows of one name the first that fits source and target counts.
  virtual std::vector<OptionSpec> options() const = 0;
  // Combinations the table cannot express; asked before a conversion is accepted. Errors: invalid_option.
  virtual shared::Result<void> check(const Task&) const { return {}; }
  // Errors: invalid_option for combinations the option table cannot express, input_invalid for what the head gives
  // away.
  virtual shared::Result<Command> command(const Task& task) const = 0;
  // Nothing when the run succeeded, else the job's error: a code of the job list, a sentence for people, the tail as
  // detail.
  virtual std::optional<shared::Error> diagnose(const Task& task, const Ended& ended) const = 0;
};

}  // namespace convd::engines
