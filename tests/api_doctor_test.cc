// The doctor's findings, fact by fact. Nothing is started.

#include "convd/api/doctor.h"
#include "tests/support/catch.h"
#include "tests/support/fake_engine.h"
#include "tests/support/fake_host.h"

using namespace convd::api;
using convd::engines::EngineState;
using shared::Finding;
using shared::Verdict;

namespace {

struct Patient {
  Patient() {
    facts.caller = {"uid:0", "uid:0", Role::operator_, {}};
    facts.runner.connected = facts.runner.sandboxed = true;
    facts.runner.confinement =
        "bubblewrap 0.8.0, all namespaces, no network, seccomp, job users from 64200, cgroup v2 memory+pids";
    facts.engines = {state(office), state(pandoc)};
    facts.disk_floor_bytes = 256 << 20;
    facts.host = tests::FakeHost().facts;
  }
  static EngineState state(const convd::engines::Engine& engine) { return {&engine, true, "1.2", ""}; }

  // "verdict: found; advice", all of that name, one per line.
  std::string says(const std::string& name) const {
    constexpr const char* words[] = {"ok", "warn", "fail"};
    std::string text;
    for (const Finding& finding : examine(facts)) {
      if (finding.name != name) continue;
      text += (text.empty() ? "" : "\n") + std::string(words[static_cast<int>(finding.verdict)]) + ": " +
              finding.message + (finding.advice ? "; " + *finding.advice : "");
    }
    return text;
  }
  std::string verdict(const std::string& name) const { return says(name).substr(0, says(name).find(':')); }

  tests::FakeEngine office{"libreoffice", {}};
  tests::FakeEngine pandoc{"pandoc", {}};
  DoctorFacts facts;
};

}  // namespace

TEST_CASE("of a healthy house nothing is to be done") {
  const Patient patient;
  std::string names;
  for (const Finding& finding : examine(patient.facts)) {
    INFO(finding.name);
    CHECK(finding.verdict == Verdict::ok);
    CHECK_FALSE(finding.advice);
    CHECK_FALSE(finding.message.empty());
    names += finding.name + " ";
  }
  CHECK(names == "caller store runner sandbox users memory libreoffice pandoc fonts disk state listening ");
}

TEST_CASE("who asks") {
  Patient patient;
  CHECK(patient.says("caller") == "ok: you are uid:0, an operator");
  patient.facts.caller = {"local", "local", Role::user, {}};
  CHECK(patient.says("caller") == "ok: you are local, not an operator");
}

TEST_CASE("without a runner nothing is said of sandboxes") {
  Patient patient;
  patient.facts.runner = {};
  patient.facts.problems = {{"runner", "the runner is away"}};
  CHECK(patient.says("runner").find("fail: convd-runner is away; ") == 0);
  for (const char* name : {"sandbox", "users", "memory", "office"}) CHECK(patient.says(name).empty());
}

TEST_CASE("a sandbox that is off or does not hold is a failure") {
  Patient patient;
  patient.facts.runner.problem = "cannot make namespaces";
  CHECK(patient.says("sandbox").find("fail: cannot make namespaces; ") == 0);
  patient.facts.runner.problem.clear();
  patient.facts.runner.sandboxed = false;
  patient.facts.runner.confinement = "NO SANDBOX, user 1000, cgroup v1 memory+pids";
  CHECK(patient.says("sandbox").find("fail: engines run without one: NO SANDBOX, ") == 0);
}

TEST_CASE("users and memory are read from the line of the confinement") {
  Patient patient;
  CHECK(patient.says("users") == "ok: every document has a user of its own: job users from 64200");
  CHECK(patient.says("memory") == "ok: every document has a limit: cgroup v2 memory+pids");
  patient.facts.runner.confinement =
      "bubblewrap 0.8.0, all namespaces, no network, seccomp, user 1000, no cgroup (memory bounded by address space)";
  CHECK(patient.says("users") == "ok: every document runs as user 1000, as convd-runner does");
  CHECK(patient.says("memory").find("warn: no cgroup (memory bounded by address space); ") == 0);
}

TEST_CASE("the warm LibreOffice, or why there is none") {
  Patient patient;
  CHECK(patient.says("office").empty());  // a runner that says nothing of one
  patient.facts.runner.office = "LibreOffice 7.4.7.2, Landlock 2, seccomp";
  patient.facts.runner.office_warm = true;
  CHECK(patient.says("office") == "ok: LibreOffice serves warm: 7.4.7.2, Landlock 2, seccomp");
  patient.facts.runner.office_warm = false;
  for (const char* intended : {"starting", "not started yet", "switched off"}) {
    patient.facts.runner.office = intended;
    CHECK(patient.says("office") == "ok: LibreOffice runs cold: " + std::string(intended));
  }
  patient.facts.runner.office = "convd-office is not installed";
  CHECK(patient.says("office").find("warn: LibreOffice runs cold: convd-office is not installed; ") == 0);
  patient.facts.engines[0].available = false;
  CHECK(patient.says("office").empty());
}

TEST_CASE("an engine that is missing names its package; without any nothing works") {
  Patient patient;
  patient.facts.engines[1] = {&patient.pandoc, false, "", "not installed"};
  CHECK(patient.says("libreoffice").find("ok: ") == 0);
  CHECK(patient.says("pandoc") == "warn: not installed; `apt install " + patient.pandoc.package() + "`");
  CHECK(patient.says("engines").empty());
  patient.facts.engines[0].available = false;
  CHECK(patient.verdict("engines") == "fail");
}

TEST_CASE("few fonts") {
  Patient patient;
  patient.facts.host.fonts = most_fonts;
  CHECK(patient.says("fonts") == "ok: 100 or more font files");
  patient.facts.host.fonts = 9;
  CHECK(patient.says("fonts").find("warn: 9 font files") == 0);
  CHECK(patient.says("fonts").find("`apt install fonts-liberation ") != std::string::npos);
}

TEST_CASE("space: plenty, little, too little") {
  Patient patient;
  CHECK(patient.says("disk") == "ok: 80 GiB free below the state directory");
  patient.facts.host.free_bytes = std::int64_t{1} << 30;
  CHECK(patient.verdict("disk") == "ok");
  patient.facts.host.free_bytes -= 4;
  CHECK(patient.says("disk").find("warn: 1023 MiB free below the state directory; ") == 0);
  patient.facts.problems = {{"disk", "the disk is full"}};
  CHECK(patient.says("disk") ==
        "fail: the disk is full; free some, or move state_dir; below 256 MiB nothing is accepted");
}

TEST_CASE("a state directory that may forget") {
  Patient patient;
  CHECK(patient.says("state") == "ok: /var/lib/convd is on ext4");
  patient.facts.host.storage = StorageKind::memory;
  patient.facts.host.file_system = "tmpfs";
  CHECK(patient.says("state").find("warn: /var/lib/convd is on tmpfs: ") == 0);
  patient.facts.host.storage = StorageKind::remote;
  CHECK(patient.verdict("state") == "warn");
}

TEST_CASE("an address that systemd does not give") {
  Patient patient;
  CHECK(patient.says("listening") == "ok: /run/convd/convd.sock, 127.0.0.1:8080");
  patient.facts.host.not_listening = {"127.0.0.1:9000"};
  CHECK(patient.says("listening") ==
        "ok: /run/convd/convd.sock, 127.0.0.1:8080\n"
        "warn: not on 127.0.0.1:9000: the sockets come from systemd; `systemctl edit convd.socket`, see convd(8)");
}

TEST_CASE("the store and the end of the daemon") {
  Patient patient;
  CHECK(patient.says("draining").empty());
  patient.facts.problems = {{"store", "disk I/O error"}, {"draining", "the daemon is shutting down"}};
  CHECK(patient.says("store").find("fail: disk I/O error; ") == 0);
  CHECK(patient.says("draining").find("fail: the daemon is shutting down") == 0);
}

TEST_CASE("paths of the host are for operators") {
  Patient patient;
  patient.facts.caller.role = Role::user;
  patient.facts.runner.problem = "work directory /srv/convd/work: Permission denied";
  CHECK(patient.says("state") == "ok: (path) is on ext4");
  CHECK(patient.says("listening") == "ok: (path), 127.0.0.1:8080");
  CHECK(patient.says("sandbox").find("fail: work directory (path): Permission denied") == 0);
}

TEST_CASE("what is a path") {
  CHECK(without_paths("") == "");
  CHECK(without_paths("/") == "(path)");
  CHECK(without_paths("/a/b, /c; (/d) '/e' f=/g.") == "(path), (path); ((path)) '(path)' f=(path).");
  CHECK(without_paths("2/3 memory/pids http://localhost/x") == "2/3 memory/pids http://localhost/x");
}
