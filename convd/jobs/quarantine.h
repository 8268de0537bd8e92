#pragma once
// Documents that bring an engine down again and again are kept from it for a while. A table in memory, whose every
// change is a row for the store. Pure: no clock, no store.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convd/store/records.h"

namespace convd::jobs {

// Stands in for an engine where a document has taken the runner with it.
inline constexpr std::string_view runner_as_engine = "convd-runner";

struct QuarantineRules {
  int crashes = 3;             // in a row, over all conversions of the document; 0: nothing is ever kept away
  std::int64_t period_ms = 0;  // from the last one; a crash longer ago counts for nothing
  int lost_runners = 10;       // the same for the runner
};

// An engine as it ran, or would run. The version may be empty: it is asked for after the start.
struct EngineVersion {
  std::string name;
  std::string version;
};

// What a run says of its document.
struct Evidence {
  std::string sha256;
  std::vector<std::string> cleared;      // engines that came to the end of it
  std::optional<EngineVersion> crashed;  // the one that did not
};

// Times are wall time, because they outlive the daemon: after the clock has been set back a quarantine may last twice
// its period, never longer. Loop thread only.
class Quarantine {
 public:
  using Rows = std::vector<store::PoisonRow>;  // to be written; no crashes: to be removed
  static constexpr int most_rows = 10'000;

  explicit Quarantine(QuarantineRules rules) : rules_(rules) {}

  // In force for what is known already, too.
  void set(QuarantineRules rules) { rules_ = rules; }

  // What the store has, at start. Returns what has had its time.
  Rows load(const Rows& rows, std::int64_t now_ms);
  Rows hear(const Evidence& evidence, std::int64_t now_ms);

  // Whether anything is known of the document.
  bool knows(const std::string& sha256) const;
  struct Refusal {
    std::string engine;
    std::string sentence;  // for people: why, and until when
  };
  // The first of these that the document is kept from now.
  std::optional<Refusal> refusal(const std::string& sha256, const std::vector<EngineVersion>& engines,
                                 std::int64_t now_ms) const;

 private:
  using Key = std::pair<std::string, std::string>;  // document, engine
  bool is_recent(const store::PoisonRow& row, std::int64_t now_ms) const;
  bool is_enough(const store::PoisonRow& row) const;
  void make_room(std::int64_t now_ms, Rows& changed);
  void forget(std::map<Key, store::PoisonRow>::iterator entry, Rows& changed);

  QuarantineRules rules_;
  std::map<Key, store::PoisonRow> rows_;
};

}  // namespace convd::jobs
