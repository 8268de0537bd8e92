#include "convd/api/doctor.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace convd::api {
namespace {

using shared::Finding;
using shared::Verdict;
using Findings = std::vector<Finding>;

constexpr int few_fonts = 10;

std::string size_text(std::int64_t bytes) {
  constexpr std::int64_t mebibyte = 1 << 20;
  constexpr std::int64_t gibibyte = 1 << 30;
  return bytes >= 10 * gibibyte ? std::to_string(bytes / gibibyte) + " GiB" : std::to_string(bytes / mebibyte) + " MiB";
}

std::string joined(const std::vector<std::string>& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "" : ", ") + text;
  return list;
}

// What the manager complains of under this name; empty when all is well.
std::string problem_of(const DoctorFacts& facts, std::string_view name) {
  for (const auto& [key, message] : facts.problems) {
    if (key == name) return message;
  }
  return "";
}

// The item of the confinement's line that holds this word.
std::string confinement_item(const DoctorFacts& facts, std::string_view word) {
  const std::string& line = facts.runner.confinement;
  for (std::size_t start = 0; start < line.size();) {
    const std::size_t end = std::min(line.find(", ", start), line.size());
    std::string item = line.substr(start, end - start);
    if (item.find(word) != std::string::npos) return item;
    start = end + 2;
  }
  return "";
}

void look_at_caller(const DoctorFacts& facts, Findings& out) {
  const bool operates = facts.caller.role == Role::operator_;
  out.push_back({"caller",
                 Verdict::ok,
                 "you are " + facts.caller.principal + (operates ? ", an operator" : ", not an operator"),
                 {}});
}

void look_at_store(const DoctorFacts& facts, Findings& out) {
  const std::string problem = problem_of(facts, "store");
  if (problem.empty())
    out.push_back({"store", Verdict::ok, "answers", {}});
  else
    out.push_back({"store", Verdict::fail, problem, "see the log of convd; is the disk full or broken?"});
}

void look_at_draining(const DoctorFacts& facts, Findings& out) {
  const std::string problem = problem_of(facts, "draining");
  if (!problem.empty()) out.push_back({"draining", Verdict::fail, problem, "try again when it has started anew"});
}

void look_at_runner(const DoctorFacts& facts, Findings& out) {
  if (facts.runner.connected)
    out.push_back({"runner", Verdict::ok, "connected", {}});
  else
    out.push_back({"runner", Verdict::fail,
                   facts.runner.problem.empty() ? "convd-runner is away" : facts.runner.problem,
                   "see the log of convd-runner; as a service: `systemctl status convd-runner`"});
}

void look_at_sandbox(const DoctorFacts& facts, Findings& out) {
  const process::RunnerState& runner = facts.runner;
  if (!runner.connected) return;
  if (!runner.sandboxed)
    out.push_back({"sandbox", Verdict::fail, "engines run without one: " + runner.confinement,
                   "take sandbox = off away, unless every document is your own"});
  else if (!runner.problem.empty())
    out.push_back({"sandbox", Verdict::fail, runner.problem, "see the log of convd-runner"});
  else
    out.push_back({"sandbox", Verdict::ok, "engines are confined: " + runner.confinement, {}});
}

void look_at_job_users(const DoctorFacts& facts, Findings& out) {
  const std::string user = confinement_item(facts, "user ");
  const std::string users = confinement_item(facts, "job users ");
  if (!users.empty())
    out.push_back({"users",
                   Verdict::ok,
                   "every document has a user of its own: " + users +
                       (facts.runner.office_warm ? "; those of the warm LibreOffice share one, behind Landlock" : ""),
                   {}});
  else if (!user.empty())
    out.push_back({"users", Verdict::ok, "every document runs as " + user + ", as convd-runner does", {}});
}

void look_at_memory(const DoctorFacts& facts, Findings& out) {
  const std::string groups = confinement_item(facts, "cgroup");
  if (groups.empty()) return;
  if (!groups.starts_with("no "))
    out.push_back({"memory", Verdict::ok, "every document has a limit: " + groups, {}});
  else
    out.push_back({"memory", Verdict::warn, groups,
                   "give convd-runner control groups: run its unit, or make them writable in its container"});
}

// "LibreOffice 7.4.7.2, seccomp" in a sentence that begins with that word.
std::string_view without_name(std::string_view office) {
  constexpr std::string_view name = "LibreOffice ";
  return office.starts_with(name) ? office.substr(name.size()) : office;
}

void look_at_office(const DoctorFacts& facts, Findings& out) {
  const process::RunnerState& runner = facts.runner;
  const auto installed = std::any_of(facts.engines.begin(), facts.engines.end(), [](const engines::EngineState& state) {
    return state.engine->name() == "libreoffice" && state.available;
  });
  if (!runner.connected || !installed || runner.office.empty()) return;
  if (runner.office_warm) {
    out.push_back({"office", Verdict::ok, "LibreOffice serves warm: " + std::string(without_name(runner.office)), {}});
    return;
  }
  // What the runner says when it is not warm, but nothing is wrong.
  constexpr std::array<std::string_view, 3> intended{"starting", "not started yet", "switched off"};
  const bool fine = std::find(intended.begin(), intended.end(), runner.office) != intended.end();
  out.push_back({"office", fine ? Verdict::ok : Verdict::warn, "LibreOffice runs cold: " + runner.office,
                 fine ? std::optional<std::string>()
                      : "office documents take about a second longer; see the log of convd-runner"});
}

void look_at_engines(const DoctorFacts& facts, Findings& out) {
  bool any = false;
  for (const engines::EngineState& state : facts.engines) {
    const std::string name(state.engine->name());
    any = any || state.available;
    if (state.available)
      out.push_back({name,
                     Verdict::ok,
                     std::string(state.engine->title()) + (state.version.empty() ? "" : " " + state.version),
                     {}});
    else
      out.push_back({name, Verdict::warn, state.problem, "`apt install " + std::string(state.engine->package()) + "`"});
  }
  if (!any) out.push_back({"engines", Verdict::fail, "none is available", "install one of the packages above"});
}

void look_at_fonts(const DoctorFacts& facts, Findings& out) {
  const int fonts = facts.host.fonts;
  const std::string count = std::to_string(fonts) + (fonts >= most_fonts ? " or more" : "") + " font files";
  if (fonts >= few_fonts)
    out.push_back({"fonts", Verdict::ok, count, {}});
  else
    out.push_back({"fonts", Verdict::warn, count + ": pages will look different from where they were made",
                   "`apt install fonts-liberation fonts-dejavu-core fonts-crosextra-carlito fonts-crosextra-caladea`"});
}

void look_at_disk(const DoctorFacts& facts, Findings& out) {
  const std::string space = size_text(facts.host.free_bytes) + " free below the state directory";
  const std::string floor = size_text(facts.disk_floor_bytes);
  const std::string advice = "free some, or move state_dir; below " + floor + " nothing is accepted";
  if (const std::string problem = problem_of(facts, "disk"); !problem.empty())
    out.push_back({"disk", Verdict::fail, problem, advice});
  else if (facts.host.free_bytes / 4 < facts.disk_floor_bytes)
    out.push_back({"disk", Verdict::warn, space, advice});
  else
    out.push_back({"disk", Verdict::ok, space, {}});
}

void look_at_state(const DoctorFacts& facts, Findings& out) {
  const std::string place = facts.host.state_dir + " is on " + facts.host.file_system;
  switch (facts.host.storage) {
    case StorageKind::local:
      out.push_back({"state", Verdict::ok, place, {}});
      break;
    case StorageKind::memory:
      out.push_back({"state", Verdict::warn, place + ": what was accepted is lost when the machine stops",
                     "move state_dir to a disk"});
      break;
    case StorageKind::remote:
      out.push_back({"state", Verdict::warn, place + ": its locks and its fsync may not hold what the database needs",
                     "move state_dir to a local disk"});
      break;
  }
}

void look_at_listeners(const DoctorFacts& facts, Findings& out) {
  out.push_back({"listening", Verdict::ok, joined(facts.host.listening), {}});
  for (const std::string& address : facts.host.not_listening) {
    out.push_back({"listening", Verdict::warn, "not on " + address + ": the sockets come from systemd",
                   "`systemctl edit convd.socket`, see convd(8)"});
  }
}

}  // namespace

std::vector<Finding> examine(const DoctorFacts& facts) {
  Findings findings;
  for (const auto look :
       {look_at_caller, look_at_store, look_at_draining, look_at_runner, look_at_sandbox, look_at_job_users,
        look_at_memory, look_at_office, look_at_engines, look_at_fonts, look_at_disk, look_at_state, look_at_listeners})
    look(facts, findings);
  if (facts.caller.role == Role::operator_) return findings;
  for (Finding& finding : findings) finding.message = without_paths(finding.message);
  return findings;
}

std::string without_paths(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool begins = out.empty() || std::string_view(" \t(\"'=:").find(out.back()) != std::string_view::npos;
    if (text.front() != '/' || text.starts_with("//") || !begins) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    std::size_t end = std::min(text.find_first_of(" \t)\"'"), text.size());
    while (end > 1 && std::string_view(",;:.").find(text[end - 1]) != std::string_view::npos) --end;
    out += "(path)";
    text.remove_prefix(end);
  }
  return out;
}

}  // namespace convd::api
