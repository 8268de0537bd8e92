// What convctl top shows of an answer of the daemon. No terminal and no socket are involved.

#include <clocale>

#include "convctl/top_view.h"
#include "tests/support/catch.h"

namespace {

const std::string object =
    R"("filename":"report.docx","status":"processing","progress":42,"message":"","created_at":"2026-11-21T09:00:00.123Z",)"
    R"("started_at":null,"completed_at":null,"error":null,"rev":7,"from":"docx","to":"pdf","attempt":1,"position":null,)"
    R"("eta_ms":5200,"stage":{"name":"libreoffice","index":1,"count":2,"unit":"page","done":13,"total":31,)"
    R"("kind":"measured"},"result":null,"error_info":null,"batch":null,"labels":{}})";

const std::string activity =
    R"({"time":"2026-11-21T09:00:05.000Z","state":"draining","since":"2026-11-21T09:00:00.000Z","stopping":false,)"
    R"("idle":false,"uptime_ms":3720000,"all_orgs":true,"slots":{"total":2,"short":1,"running":1,"running_short":0},)"
    R"("queue":{"waiting":3,"limit":9,"wait_ms":65000,"oldest_ms":4000,"accepting":false},)"
    R"("per_minute":{"last_1_minute":{"accepted":12,"completed":9.5,"error":1,"cancelled":0},)"
    R"("last_15_minutes":{"accepted":1,"completed":0.25,"error":0,"cancelled":0}},)"
    R"("store":{"commits":9,"queued":1,"last_commit_us":1234},"resident_bytes":47185920,)"
    R"("running":[{"org":"uid:1000","engine":"libreoffice","elapsed_ms":61000,"class":"long",)"
    R"("conversion":{"id":"018f3c5e-0000-7000-8000-0123456789ab",)" +
    object + R"(}],"next":[],"waiting_by_org":[{"org":"uid:1000","waiting":3}]})";

std::string shown(const std::string& text, int width) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  const auto json = shared::Json::parse(text).value();
  std::string all;
  for (const std::string& line : convctl::aligned_top(json.read(), width)) all += line + "\n";
  return all;
}

}  // namespace

TEST_CASE("the whole picture") {
  CHECK(shown(activity, 120) ==
        "convd draining, up 1h 02m  2026-11-21T09:00:05.000Z\n"
        "slots 1 of 3 busy, 1 for short work alone: 1 long, 0 short\n"
        "queue 3 waiting, the oldest for 0:04; new work waits for 1:05; nothing new is accepted\n"
        "last commit 1.2 ms, 1 writes queued; memory 45.0 MiB\n"
        "\n"
        "PER MINUTE       ACCEPTED  COMPLETED  ERROR  CANCELLED\n"
        "last minute      12.0      9.5        1.0    0.0\n"
        "last 15 minutes  1.0       0.2        0.0    0.0\n"
        "\n"
        "RUNNING        ORG       FILE         ROUTE     CLASS  PROGRESS          STAGE                   TIME  ETA\n"
        "…0123456789ab  uid:1000  report.docx  docx>pdf  long   [####------] 42%  libreoffice page 13/31  1:01  0:05\n"
        "\n"
        "WAITING OF  CONVERSIONS\n"
        "uid:1000    3\n");
}

TEST_CASE("a wide terminal has room for ids, a narrow one cuts") {
  CHECK(shown(activity, 140).find("018f3c5e-0000-7000-8000-0123456789ab  uid:1000") != std::string::npos);
  std::istringstream lines(shown(activity, 40));
  for (std::string line; std::getline(lines, line);) CHECK(convctl::cell_width(line) <= 40);
}

TEST_CASE("a name commands no terminal, and an answer of another kind is nothing to show") {
  std::string evil = activity;
  const auto name = evil.find("report.docx");
  evil.replace(name, 6, "\\u001b[2J");
  CHECK(shown(evil, 120).find('\x1b') == std::string::npos);
  CHECK(shown("{}", 80).find("convd") == 0);
  CHECK(shown(R"({"running":7,"next":[{}],"per_minute":[]})", 80).find("convd") == 0);
}
