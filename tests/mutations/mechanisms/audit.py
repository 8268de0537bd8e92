"""The audit log: a line of each kind, whole and unforgeable, in a file that only grows."""

from .mutation import Mutation, story, unit

TRAIL = "convd/api/audit_trail.cc"
ACTIONS = "convd/api/audit_actions.cc"
LINE = "convd/trust/audit.cc"
FILE = "convd/trust/audit_file.cc"
LOG = "convd/trust/audit_log.cc"

CLIENTS = unit("audit_test", "what clients do stands in the audit log with what became of it")
KEPT_OUT = unit("audit_test", "who is kept out stands in the audit log, whatever was asked for")
REFUSED = unit("audit_test", "a token that is refused stands in the audit log, and nothing of it")
WATCHERS = unit("audit_test", "whoever watches stands in the audit log from the opening on")
JSON = unit("audit_test", "a line of the audit log is JSON, whatever the names hold")
GROWS = unit("audit_test", "the file is its owner's alone, only grows, and is gone on with where it ends")
COUNTED = unit("audit_test", "what cannot be written is counted, and the lines after it are whole")
MOVED = unit("audit_test", "a file that was moved away is left alone once it is reopened")
LEFT = unit("audit_test", "what was done stands in the audit log, whether or not its client has waited to hear of it")
FLOOD = unit("audit_test", "a flood of refusals is told by its number")


def untold(action, row, test):
    """No line of this kind, and no word about it when the routes are put together."""
    head = row.rsplit('"', 2)[0]
    return Mutation(f"a line for: {action}", ACTIONS, f"ActionRow{{{row}}}", f'ActionRow{{{head}""}}', test,
                    also=((".empty())\n      mistake(\"a route that changes", ".empty() && false)\n      mistake(\"a route that changes"),
                          (".empty())\n      mistake(\"a WebSocket without", ".empty() && false)\n      mistake(\"a WebSocket without")))


MUTATIONS = [
    untold("submit", '"POST", "/v1/conversions", "submit"', CLIENTS),
    untold("cancel", '"POST", "/v1/conversions/{id}/cancel", "cancel"', CLIENTS),
    untold("fetch a result", '"GET", "/v1/conversions/{id}/result", "fetch_result"', CLIENTS),
    untold("fetch a document", '"GET", "/documents/{name}", "fetch_document"', CLIENTS),
    untold("delete a document", '"DELETE", "/documents/{name}", "delete_document"', CLIENTS),
    untold("delete a conversion", '"DELETE", "/v1/conversions/{id}", "delete"', story("test_audit", "Audit.test_a_session_of_two_users")),
    untold("upload", '"POST", "/documents", "upload"', CLIENTS),
    untold("watch", '"GET", "/ws/conversion/{id}", "watch"', WATCHERS),
    untold("stream", '"GET", "/v2/realtime/stream", "stream"', WATCHERS),
    untold("pause", '"POST", "/v1/control/pause", "pause"', KEPT_OUT),
    Mutation("a line for: token refused", TRAIL, '    case 401:\n      return "token_refused";\n', "", REFUSED),
    Mutation("a line for: forbidden", TRAIL, 'return answer.code == ErrorCode::realtime_disabled ? "" : "forbidden";', "return {};",
             KEPT_OUT),
    Mutation("a line for: token refused where none is needed", "convd/api/dispatcher.cc",
             "  if (is_open && unknown && shows_credentials(request, where)) trail.refused(unknown->error.code);\n", "  (void)is_open;\n",
             unit("api_trust_test", "a token that is refused stands in the audit log, whatever it was shown for")),
    Mutation("a line for: token refused within a stream", "convd/api/stream_socket.cc", "  trail_.refused(code);\n", "  (void)code;\n",
             unit("api_trust_test", "a token that is refused within a connection stands in the audit log")),
    Mutation("no route without an action", ACTIONS, '  for (const ActionRow& row : action_rows) check_row(row, routes);\n', "",
             unit("audit_test", "no route that changes something is without an action")),
    Mutation("what it was about", TRAIL, "    entry.subject = subject;\n", "", CLIENTS),
    Mutation("what became of it", TRAIL, "  if (answer.code) entry.code = shared::to_string(*answer.code);\n", "", CLIENTS),
    Mutation("a line is written before its answer", LOG,
             "  const auto written = file_->append(to_line(entry, epoch_ms(loop_.wall()), omitted));\n",
             "  static std::string held;\n  held += to_line(entry, epoch_ms(loop_.wall()), omitted);\n"
             "  if (held.size() < 65'536) return;\n  const auto written = file_->append(std::exchange(held, {}));\n",
             story("test_audit", "Audit.test_who_was_answered_stands_in_it_whatever_happens")),
    Mutation("who has left is told of", "convd/api/reply.cc",
             "  tell(*state, response.status, code);\n  Responder* responder = std::exchange(state->responder, nullptr);\n"
             "  if (responder == nullptr) return;\n",
             "  Responder* responder = std::exchange(state->responder, nullptr);\n"
             "  if (responder == nullptr) return;\n  tell(*state, response.status, code);\n", LEFT),
    Mutation("a submission is told of without its client", "convd/api/submission_routes.cc", "self->submitted(object);",
             "if (self->call_.reply.open()) self->submitted(object);", LEFT),
    Mutation("who leaves while waiting is told of", "convd/api/submission_routes.cc", "    call_.reply.settled(accepted_status);\n", "",
             unit("audit_test", "a submission whose client leaves while it waits for the end has been accepted")),
    Mutation("control bytes in a line", LINE, "out += control || text[i] == '\\0' ? '?' : text[i];", "out += text[i];", JSON,
             also=(("    if (control && is_text && text[i] == '\\xc2') ++i;\n", ""),)),
    Mutation("the length of a name", LINE, "std::min(text.size(), most_bytes)", "text.size()", JSON),
    Mutation("a name is cut between two characters", LINE, "while (end > 0 && continues(text[end])) --end;", "(void)end;", JSON),
    Mutation("it only grows", FILE, "O_RDWR | O_APPEND | O_CREAT", "O_RDWR | O_CREAT", GROWS),
    Mutation("it is its owner's alone", FILE, "O_NOCTTY | O_NONBLOCK, 0600)", "O_NOCTTY | O_NONBLOCK, 0644)", GROWS),
    Mutation("a line that was cut is left alone", FILE, "const std::string whole = (torn_ ?", "const std::string whole = (false ?", GROWS),
    Mutation("it is a regular file", FILE, "::fstat(fd.get(), &found) != 0 || !S_ISREG(found.st_mode)", "::fstat(fd.get(), &found) != 0",
             GROWS),
    Mutation("a line that was cut by a full disk", FILE, "  if (size > 0) torn_ = whole", "  if (false) torn_ = whole", COUNTED),
    Mutation("what is lost is counted", LOG, "++(written ? counts_.written : counts_.lost);", "++counts_.written;", COUNTED),
    Mutation("a new file once it was moved away", FILE, "  fd_ = *std::move(fd);\n  torn_ =", "  torn_ =", MOVED),
    Mutation("a new file at SIGHUP", "convd/daemon.cc", "  audit_.reopen();\n", "",
             story("test_audit", "Audit.test_a_hangup_makes_it_go_on_in_a_new_file")),
    Mutation("a flood of refusals", LOG, "if (entry.kind == AuditKind::refusal && !flood_.admits(entry)) {", "if (false) {", FLOOD),
    Mutation("the number of a flood", LOG, "  if (file_) minute_ = loop.every(minute, [this] { tell_omitted(); });\n", "", FLOOD),
    Mutation("senders share what is told", "convd/trust/refusal_flood.cc",
             "senders_.size() < most_senders ? senders_[sender] : senders_[Sender{}]",
             "senders_[sender]", unit("audit_test", "senders without number share what is told of them")),
]
