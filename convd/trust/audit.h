#pragma once
// Who did what, for those who have to account for it: one line of JSON for each action. Never contents, tokens or query
// strings.

#include <cstdint>
#include <string>

namespace convd::trust {

// A refusal costs its sender nothing, so there may be any number of them; what was done or tried by those who may is
// bounded by their limits.
enum class AuditKind : std::uint8_t { action, refusal };

struct AuditEntry {
  AuditKind kind = AuditKind::action;
  std::string principal;
  std::string org;
  std::string role;
  std::string address;  // empty on the Unix socket
  std::string action;   // "submit", "token_refused"
  std::string route;    // method and pattern, never a path: "GET /v1/conversions/{id}/result"
  std::string subject;  // a conversion, or a document by its name; may be empty
  int status = 0;       // of HTTP; 101 when a WebSocket was opened
  std::string code;     // of the error; empty when there was none
  std::string trace_id;
};

struct AuditCounts {
  std::int64_t written = 0;
  std::int64_t lost = 0;     // the file could not be written
  std::int64_t omitted = 0;  // refusals that are told by their number only
};

// Loop thread only.
class Audit {
 public:
  virtual ~Audit() = default;
  // Never fails: whoever is answered is answered whatever becomes of the line.
  virtual void tell(const AuditEntry& entry) = 0;
  virtual AuditCounts counts() const = 0;
};

// The line with its line feed. Bytes that are no UTF-8 become '?', text is cut at 300 bytes. `omitted` above 0: the
// entry stands for that many like it. Any thread.
std::string to_line(const AuditEntry& entry, std::int64_t at_ms, std::int64_t omitted = 0);

}  // namespace convd::trust
