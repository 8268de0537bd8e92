#include "convd/store/health.h"

#include "convd/store/log.h"
#include "convd/store/reader.h"

namespace convd::store {
namespace {

constexpr std::int64_t most_bytes = 64 << 20;

bool is_small(Database& database) {
  return database.number("PRAGMA page_count") * database.number("PRAGMA page_size") <= most_bytes;
}

constexpr std::string_view usage_differs = R"sql(
SELECT EXISTS (SELECT org, count(*), sum(size_bytes) FROM documents GROUP BY org
    EXCEPT SELECT org, documents, document_bytes FROM usage)
  OR EXISTS (SELECT org, count(*), sum(result_bytes) FROM conversions
    WHERE status = 'completed' AND result_gone_ms IS NULL GROUP BY org
    EXCEPT SELECT org, results, result_bytes FROM usage)
  OR (SELECT ifnull(sum(documents), 0) FROM usage) <> (SELECT count(*) FROM documents)
  OR (SELECT ifnull(sum(document_bytes), 0) FROM usage) <> (SELECT ifnull(sum(size_bytes), 0) FROM documents)
  OR (SELECT ifnull(sum(results), 0) FROM usage) <>
    (SELECT count(*) FROM conversions WHERE status = 'completed' AND result_gone_ms IS NULL)
  OR (SELECT ifnull(sum(result_bytes), 0) FROM usage) <> (SELECT ifnull(sum(result_bytes), 0) FROM conversions
    WHERE status = 'completed' AND result_gone_ms IS NULL)
)sql";

constexpr std::string_view count_usage = R"sql(
BEGIN IMMEDIATE;
DELETE FROM usage;
INSERT INTO usage (org, documents, document_bytes)
  SELECT org, count(*), sum(size_bytes) FROM documents GROUP BY org;
INSERT INTO usage (org, results, result_bytes)
  SELECT org, count(*), sum(result_bytes) FROM conversions
    WHERE status = 'completed' AND result_gone_ms IS NULL GROUP BY org
  ON CONFLICT (org) DO UPDATE SET results = excluded.results, result_bytes = excluded.result_bytes;
COMMIT;
)sql";

}  // namespace

void check_pages(Database& database) {
  if (!is_small(database)) return;
  const std::string verdict = database.text("PRAGMA integrity_check(1)");
  if (verdict != "ok") throw damaged_database(verdict);
}

void check_rows(Database& database) {
  if (!is_small(database)) return;
  read_all(database);
  if (database.number(usage_differs) == 0) return;
  log()->warn("what is stored was counted again");
  database.execute(std::string(count_usage));
}

}  // namespace convd::store
