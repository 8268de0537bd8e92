#pragma once
// What convd-runner and convd-office say to each other over a SOCK_SEQPACKET socket, as JSON; descriptors travel beside
// the message. And what the child that converts one document says of it, as lines of JSON on its standard output. Pure.
//
//   runner -> office  convert {id, workspace, job, limits} + [stdout, stderr, input, cgroup files to join...], drain {}
//   office -> runner  ready {version, confinement}, refused {reason}, started {id} + [pidfd],
//                     ended {id, status, user_ms, system_ms, peak_rss_bytes}

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "convd/process/child_spec.h"
#include "convd/process/office_job.h"
#include "convd/process/spawner.h"
#include "shared/error_code.h"
#include "shared/result.h"

namespace convd::process {

// Fork a child for this document. It copies `input` to <workspace>/in/<job.input>, confines itself to the workspace,
// converts, and exits: 0 for success, anything else after a Failed line.
struct Convert {
  ChildId id = 0;
  std::string workspace;  // a directory as convd-office sees it, with in/, out/ and tmp/ in it
  OfficeJob job;
  Limits limits;
};
// Take no more work; exit when the last child has ended.
struct Drain {};

// Warm, and one thread: from now on documents are taken.
struct OfficeReady {
  std::string version;      // "7.4.7.2"
  std::string confinement;  // of each child, for people: "Landlock 2, seccomp, own namespaces"
};
// Cannot serve, for a reason that starting again will not mend; exits.
struct OfficeRefused {
  std::string reason;
};
struct ChildStarted {
  ChildId id = 0;
};
// Without a ChildStarted before it: there was no child, and nothing has been said on its standard output.
struct ChildEnded {
  ChildId id = 0;
  int status = 0;  // as from wait(2)
  std::int64_t user_ms = 0;
  std::int64_t system_ms = 0;
  std::int64_t peak_rss_bytes = 0;
};

using OfficeMessage = std::variant<Convert, Drain, OfficeReady, OfficeRefused, ChildStarted, ChildEnded>;

std::string encode_office(const OfficeMessage& message);
// Errors: invalid_json with the path.
shared::Result<OfficeMessage> decode_office(std::string_view text);

// What a child tells of its document, one JSON object a line.
enum class OfficePhase : std::uint8_t { reading, layout, writing };

// `done` of `total` within the phase, in pages while writing; in steps of LibreOffice's own while reading. total 0:
// unknown.
struct OfficeStep {
  OfficePhase phase = OfficePhase::reading;
  std::int64_t done = 0;
  std::int64_t total = 0;
};
// Once, when known: of the whole document, before a page range is taken.
struct OfficePages {
  std::int64_t count = 0;
  std::int64_t chosen = 0;  // that will be written
};
struct OfficeFont {
  std::string name;
  std::string used;  // instead; empty when not known
};
// Fonts the document asks for, and those of them that are not installed.
struct OfficeFonts {
  std::vector<std::string> requested;
  std::vector<OfficeFont> missing;
};
// What the document would have loaded from elsewhere: images, sections, sheets. Never fetched.
struct OfficeLinks {
  std::vector<std::string> blocked;
};
// early_page_name is complete in /out.
struct OfficeEarlyPage {
  std::int64_t width = 0;  // pixels
  std::int64_t height = 0;
};
// The last line of a child that did not succeed. `code` is one of input_invalid, input_encrypted, input_too_large,
// engine_failed.
struct OfficeFailed {
  shared::ErrorCode code = shared::ErrorCode::engine_failed;
  std::string sentence;
};

using OfficeNote = std::variant<OfficeStep, OfficePages, OfficeFonts, OfficeLinks, OfficeEarlyPage, OfficeFailed>;

// Without the line's end.
std::string encode_note(const OfficeNote& note);
// Nothing for a line that is none of these.
std::optional<OfficeNote> decode_note(std::string_view line);

}  // namespace convd::process
