// How many conversions a second can be accepted durably: the store's group commit against one transaction each, in one
// run.
//   store_bench [rows present] [rows to accept]       defaults: 1000 5000

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "convd/loop/ev_loop.h"
#include "convd/store/store.h"
#include "tests/support/temp_directory.h"

using convd::store::ConversionRow;
using convd::store::Files;
using convd::store::ListQuery;
using convd::store::Store;
using convd::store::Transaction;
using Clock = std::chrono::steady_clock;

namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

ConversionRow conversion(int number, const std::string& status) {
  char id[40];
  std::snprintf(id, sizeof id, "0190a000-0000-7000-8000-%012d", number);
  ConversionRow row;
  row.id = id;
  row.org = row.principal = "uid:" + std::to_string(1000 + number % 10);
  row.filename = "document-" + std::to_string(number % 1000) + ".docx";
  row.status = status;
  row.from = "docx";
  row.to = "pdf";
  row.options_json = row.labels_json = "{}";
  row.input_sha256 = std::string(64, static_cast<char>('a' + number % 6));
  return row;
}

// What accepting one conversion writes: its row and its event.
shared::Result<void> accept(Transaction& transaction, int number, const std::string& status) {
  const ConversionRow row = conversion(number, status);
  transaction.insert(row);
  transaction.append({.org = row.org,
                      .seq = 0,
                      .prev = {},
                      .event_class = shared::EventClass::state,
                      .ts_ms = 0,
                      .service = "conversion",
                      .type = "conversion.pending",
                      .subject = row.id,
                      .data_json = std::string(700, ' ')});
  return {};
}

// Submits rows [from, to), at most `at_once` of them waiting for their `done`; returns how many a second were accepted.
double run(convd::loop::EvLoop& loop, Store& store, int from, int to, int at_once, const std::string& status) {
  int next = from;
  int done = from;
  const std::function<void()> submit = [&] {
    const int number = next++;
    store.submit([number, &status](Transaction& transaction, Files&) { return accept(transaction, number, status); },
                 [&](shared::Result<void> outcome) {
                   if (!outcome) std::abort();
                   if (++done == to) return loop.stop();
                   if (next < to) submit();
                 });
  };
  const auto start = Clock::now();
  for (int i = 0; i < at_once && next < to; ++i) submit();
  loop.run();
  return (to - from) / seconds_since(start);
}

void time_list(Store& store, const char* what, const ListQuery& query) {
  const auto start = Clock::now();
  const auto rows = store.conversions(query);
  std::printf("list %-20s %8.0f us for %zu rows\n", what, seconds_since(start) * 1e6, rows.size());
}

}  // namespace

int main(int argc, char** argv) {
  const int present = argc > 1 ? std::atoi(argv[1]) : 1000;
  const int more = argc > 2 ? std::atoi(argv[2]) : 5000;
  const tests::TempDirectory directory;
  convd::loop::EvLoop loop;
  auto opened = Store::open(directory.path(), loop);
  if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
  Store& store = **opened;

  if (present > 0)
    std::printf("filled with %d rows at %.0f/s\n", present, run(loop, store, 0, present, 4096, "completed"));
  const auto before = store.stats();
  const double grouped = run(loop, store, present, present + more, 1024, "pending");
  const auto commits = store.stats().commits - before.commits;
  const int single = std::max(more / 10, 1);
  const double bare = run(loop, store, present + more, present + more + single, 1, "pending");
  std::printf("group commit         %8.0f accepted/s (%d in %lld commits)\n", grouped, more,
              static_cast<long long>(commits));
  std::printf("one transaction each %8.0f accepted/s\n", bare);
  std::printf("ratio                %8.1f\n", grouped / bare);
  time_list(store, "of an org", {"uid:1001", {}, {}, "", 50});
  time_list(store, "by status", {"uid:1001", "pending", {}, "", 50});
  time_list(store, "by absent status", {"uid:1001", "error", {}, "", 50});
  time_list(store, "by filename", {"uid:1001", {}, "document-1.docx", "", 50});
  time_list(store, "by both, absent", {"uid:1001", "error", "document-1.docx", "", 50});
  return 0;
}
