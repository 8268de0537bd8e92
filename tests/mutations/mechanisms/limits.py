"""Limits: how fast one may ask, how much at once, how slowly a body may come, and how large each part of a request may be."""

from .mutation import Mutation, story, unit

BUCKET = "convd/trust/bucket.cc"
GATE = "convd/trust/bucket_gate.cc"
EDGE = "convd/api/edge.cc"
DISPATCHER = "convd/api/dispatcher.cc"
RULES = "convd/transport/head_rules.cc"
DECODER = "convd/transport/body_decoder.cc"
LABELS = "convd/jobs/request.cc"

PRINCIPAL = unit("trust_bucket_test", "Each principal has its own limits, each refusal says which, and is counted")
HANDSHAKE = unit("trust_bucket_test", "A handshake is a request, and one of fewer")
BODY = unit("trust_bucket_test", "A known body is charged at once, one of unknown length as it comes")
ADDRESS = unit("trust_bucket_test", "An address is counted whoever asks, IPv6 by its network")
TOLD = unit("api_edge_test", "Over a limit the answer says which, and when to come again")
STREAMS = unit("api_edge_test", "Streams and bytes have limits of their own")
RAW = unit("http_test", "What might be read in two ways is refused, with a status and the end of the connection")
NUMBERS = unit("request_head_test", "A head has so many lines, segments and parameters")
ROW = unit("api_dispatcher_test", "a row is checked before its handler")
WRONG = unit("manager_test", "what is wrong with the request is answered at once")
FORM = unit("api_multipart_test", "a form has limits")


def unlimited(name, standing, test):
    """One of a visitor's buckets that never runs dry."""
    return Mutation(name, GATE, "{" + standing + "}}", "{" + standing.split(", ")[0] + ", {0}}", test)


MUTATIONS = [
    # How fast, and how many at once.
    Mutation("a bucket fills at an even pace", BUCKET, "full_at_ = std::max(full_at_, now) + ", "full_at_ = now + ",
             unit("trust_bucket_test", "A bucket is full at first, and fills at an even pace")),
    unlimited("requests of a principal", "Limit::requests, {settings_.requests", PRINCIPAL),
    unlimited("handshakes of a principal", "Limit::handshakes, {settings_.handshakes", HANDSHAKE),
    unlimited("bytes of a principal", "Limit::bytes, {settings_.bytes", BODY),
    unlimited("requests of an address", "Limit::address_requests, {settings_.address_requests", ADDRESS),
    Mutation("an address of IPv6 is a network", GATE, "std::fill(std::begin(wide.s6_addr) + 8,", "std::fill(std::end(wide.s6_addr),",
             ADDRESS),
    Mutation("bytes of unknown length, by principal", GATE, "if (counts_principal(visitor))\n    refusal =", "if (false)\n    refusal =",
             BODY),
    Mutation("bytes of unknown length, by address", GATE, "if (refusal || !counts_address(visitor)) return refusal;",
             "if (refusal || counts_address(visitor)) return refusal;", ADDRESS),
    Mutation("bytes of unknown length, as they come", DISPATCHER,
             "if (const auto refused = edge_.check_bytes(*sender_, bytes.size())) return reply_.fail(*refused);", "(void)edge_;", STREAMS),
    Mutation("what is refused is not charged", GATE, "    if (part.cost) part.bucket.charge(part.standing.rate, *part.cost, now);\n", "",
             unit("trust_bucket_test", "A refused demand is not charged"),
             also=(("    part.standing.wait = part.bucket.wait_for(part.standing.rate, 1, now);\n",
                    "    part.standing.wait = part.bucket.wait_for(part.standing.rate, 1, now);\n"
                    "    part.bucket.charge(part.standing.rate, *part.cost, now);\n"),)),
    Mutation("limits on this machine, if they shall", GATE, "return settings_.local || (!visitor.address.empty() &&",
             "return (!visitor.address.empty() &&", unit("trust_bucket_test", "Nothing bothers this machine unless it shall")),
    Mutation("buckets are bounded", "convd/trust/bucket_table.cc", "  if (entries_.size() >= most_) forget_last();\n", "",
             unit("trust_bucket_test", "The table forgets who was not seen for longest, and whose buckets are full")),
    Mutation("an address is asked for first", DISPATCHER, "  if (auto refused = edge_.check_address(request, errand)) return refused;\n",
             "", TOLD),
    Mutation("connections of an address", GATE, "if (is_counted && settings_.connections > 0 && open >= settings_.connections) {",
             "if (false) {", unit("trust_bucket_test", "Connections are counted until they end")),
    Mutation("who has left makes room", EDGE, "~GateStay() override { gate_.leave(visitor(peer_)); }", "~GateStay() override {}",
             unit("api_edge_test", "One address has so many connections")),
    Mutation("a trusted proxy is not one client", DISPATCHER,
             "  if (authentication_.is_proxy(peer)) return std::make_unique<CountedStay>(metrics_, nullptr);\n", "",
             unit("api_trust_test", "a trusted proxy has the connections of all its clients")),
    Mutation("who is one too many is turned away", "convd/transport/server.cc", "  if (!stay) return Listener::Verdict::go_on;\n", "",
             story("test_edge", "Connections.test_one_address_has_so_many")),
    Mutation("connections in all", "convd/transport/server.cc",
             "return open.http + open.websockets < limits.connections - kept;", "return open.http < limits.connections + kept + 1'000;",
             unit("listener_test", "Over the limit of connections clients wait or are turned away, and are served again later")),
    Mutation("namesakes of two organisations", "convd/trust/account.h", "return org + '\\0' + principal;",
             "return org.empty() ? org : principal;",
             unit("api_trust_test", "nobody is short of what a namesake in another organisation has used up")),
    Mutation("places for the Unix socket", "convd/transport/server.cc",
             "caller.address.empty() ? 0 : std::min(", "caller.address.size() < 100 ? 0 : std::min(",
             unit("listener_test", "However many have come over TCP, the Unix socket has places left")),
    Mutation("Retry-After of a limit", EDGE, "  problem.retry_after_s = seconds(standing.wait);\n", "", TOLD),
    Mutation("RateLimit of a refusal", EDGE, "  add_headers(standing, problem.headers);\n", "", TOLD),
    Mutation("RateLimit of an answer", EDGE, "  if (answer.requests) add_headers(*answer.requests, also);\n", "", TOLD),
    Mutation("a watcher is a connection", "convd/api/conversion_routes.cc", "    if (!entry.stay) return nullptr;\n", "",
             unit("api_trust_test", "whoever watches a conversion has a connection of those that a principal may have")),
    # How slowly.
    Mutation("the least pace of a body", "convd/transport/http_connection.cc",
             "  if (state_ == State::body && pace_.is_too_slow(shared_.limits, now)) return true;\n", "", unit("http_test", "Deadlines")),
    Mutation("a pace is an average", "convd/transport/body_pace.h", "           static_cast<double>(bytes_);", "           0;",
             unit("request_head_test", "The pace of a body is an average, after a time of grace")),
    Mutation("half a head", "convd/transport/http_connection.cc",
             "const bool within_head = state_ == State::head && head_started_;", "const bool within_head = false;",
             unit("http_test", "Deadlines")),
    # How large.
    Mutation("the size of a head", RULES, "if (std::min(feed, bytes.size()) >= limits_.head_bytes) {", "if (false) {",
             unit("request_head_test", "The end of a head is found however the bytes arrive")),
    Mutation("the size of a target", RULES, "if (target.size() <= limits.target_bytes) return std::nullopt;",
             "if (true) return std::nullopt;", RAW),
    Mutation("lines of a head", RULES, "if (lines++ > limits.header_fields)", "if (lines++ > limits.head_bytes)", NUMBERS),
    Mutation("segments of a target", "convd/transport/head_parser.cc", "target->path.size() > limits.path_segments", "false", NUMBERS),
    Mutation("parameters of a target", "convd/transport/head_parser.cc", "target->query.size() > limits.query_parameters", "false",
             NUMBERS),
    Mutation("the line of a chunk", DECODER, "if (state_ != State::trailer && line_.size() > longest_size_line)", "if (false)",
             unit("request_head_test", "Chunks are decoded however the bytes arrive")),
    Mutation("trailers", DECODER, "if (state_ == State::trailer && trailer_size_ + line_.size() > limits_.trailer_bytes) {",
             "if (false) {", RAW),
    Mutation("a body as it comes", DISPATCHER, "    if (received_bytes_ > limit_bytes_) return reply_.fail(too_large(limit_bytes_));\n",
             "", ROW),
    Mutation("a body that is announced", DISPATCHER,
             "if (request.content_length.value_or(0) <= route.body_limit_bytes) return std::nullopt;",
             "if (true) return std::nullopt;", ROW),
    Mutation("the depth of JSON", "shared/json.cc", "(c == '{' || c == '[') && ++depth > limits.depth", "false",
             unit("json_test", "json is strict where the library is lax")),
    Mutation("parts of a form", "convd/api/multipart.cc", "if (++parts_ > limits_.parts)", "if (false)", FORM),
    Mutation("a value of a form", "convd/api/multipart.cc", "if (value_.size() + bytes.size() > limits_.value_bytes) {", "if (false) {",
             FORM),
    Mutation("fields of a form", "convd/api/form.cc", "if (fields.size() > most_form_fields) {", "if (false) {",
             unit("api_headers_test", "urlencoded forms")),
    Mutation("documents of a request", "convd/api/document_body.cc", "static_cast<int>(most_files_per_request)", "1'000'000",
             unit("api_routes_test", "a request has so many documents")),
    Mutation("labels", LABELS, "if (labels.size() > most_labels)", "if (false)", WRONG),
    Mutation("a key of labels", LABELS, "key.size() > most_label_key_bytes", "false", WRONG),
    Mutation("a value of labels", LABELS, "value.size() > most_label_value_bytes", "false", WRONG),
    Mutation("a message of a WebSocket", "convd/transport/websocket.cc", "if (message_.size() + piece.size() > limits_.message_bytes)",
             "if (false)", unit("websocket_test", "Breaking the protocol closes with the code for it")),
]
