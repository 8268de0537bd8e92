"""Strictness: requests that two servers might read in two ways, and those that a page of another site makes a browser send."""

from .mutation import Mutation, unit

RULES = "convd/transport/head_rules.cc"
PARSER = "convd/transport/head_parser.cc"
TARGET = "convd/transport/request_head.cc"
DECODER = "convd/transport/body_decoder.cc"
ORIGINS = "convd/api/origin_rules.cc"

LINES = unit("request_head_test", "The rules of a head stand by themselves, whatever a library lets pass")
SCANNED = unit("request_head_test", "The end of a head is found however the bytes arrive")
LENGTH = unit("request_head_test", "A body has one length, told in one way")
HOST = unit("request_head_test", "A request is for one host")
TARGETS = unit("request_head_test", "Targets that are refused")
CHUNKS = unit("request_head_test", "Chunks are decoded however the bytes arrive")
RAW = unit("http_test", "What might be read in two ways is refused, with a status and the end of the connection")
HANDSHAKES = unit("websocket_test", "What is no handshake, or has no socket, is answered as HTTP")
NAMES = unit("api_edge_test", "Over TCP without token only names of this machine are answered to")
SUBMITS = unit("api_edge_test", "A page of another site cannot submit")
OPENS = unit("api_edge_test", "A page of another site cannot open a WebSocket, whoever asks")
READS = unit("api_edge_test", "Pages of a configured origin may read, and ask beforehand")

NAME_LINE = "if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {"
CHUNK_LINE = "if (!line_.ends_with(\"\\r\\n\") || line_.find('\\r') != line_.size() - 2) {"


def unrefused(name, condition, test, file=RULES):
    return Mutation(name, file, f"if ({condition}) return invalid(", "if (false) return invalid(", test)


MUTATIONS = [
    # The head.
    Mutation("CR LF", RULES, "if (feed == line_ || bytes[feed - 1] != '\\r') return", "if (false) return", SCANNED),
    unrefused("a head begins with a method", "!bytes.empty() && !is_token_char(bytes.front())", SCANNED),
    unrefused("a method is a word", "!is_token(line.substr(0, first))", LINES),
    Mutation("a target is visible", RULES, "if (target.empty() || !std::all_of(target.begin(), target.end(), is_visible)) {",
             "if (target.empty()) {", LINES),
    Mutation("two versions of HTTP", RULES, "  if (auto error = check_version(line.substr(second + 1))) return error;\n", "", LINES),
    Mutation("a name, directly followed by a colon", RULES, NAME_LINE, "if (colon == std::string_view::npos) {", LINES),
    Mutation("folded headers", RULES, "if (line.front() == ' ' || line.front() == '\\t') return", "if (false) return", LINES,
             also=((NAME_LINE, "if (colon == std::string_view::npos) {"),)),
    Mutation("control bytes in a header", RULES, "if (!is_field_text(value) || (has_tab", "if ((has_tab", LINES),
    Mutation("tabs where they frame a request", RULES, " || (has_tab && frames_the_request(line.substr(0, colon)))", "", LINES),
    # Its body.
    Mutation("one Content-Length", RULES, '      if (out.content_length) return invalid("Content-Length is given twice.");\n', "", LENGTH),
    Mutation("Content-Length is digits", RULES, "if (!is_digits(value) || value.size() > 15)", "if (value.size() > 15)", LENGTH),
    Mutation("Content-Length has 15 of them", RULES, "if (!is_digits(value) || value.size() > 15)", "if (!is_digits(value))", LENGTH),
    Mutation("one Transfer-Encoding", RULES, 'if (++codings > 1) return invalid("Transfer-Encoding is given twice.");', "++codings;",
             LENGTH),
    unrefused("chunked in disguise", "!out.chunked && !names_a_coding(value)", LENGTH),
    Mutation("Content-Length and Transfer-Encoding", RULES,
             '  if (out.content_length) return invalid("Content-Length and Transfer-Encoding exclude each other.");\n', "", LENGTH),
    unrefused("Transfer-Encoding in HTTP/1.0", "minor_version == 0", LENGTH),
    Mutation("other codings", RULES, "  if (out.chunked) return out;\n", "  if (out.chunked || codings > 0) return out;\n", LENGTH),
    Mutation("a chunk has a size", DECODER, "if (digits == 0 || digits > most_size_digits", "if (digits > most_size_digits", CHUNKS),
    Mutation("a size that does not overflow", DECODER, "if (digits == 0 || digits > most_size_digits", "if (digits == 0", CHUNKS),
    Mutation("nothing but an extension behind a size", DECODER, "(has_extension && line_[digits] != ';')", "false", CHUNKS),
    Mutation("CR LF in a chunked body", DECODER, CHUNK_LINE, "if (false) {", CHUNKS,
             also=(("line_.resize(line_.size() - 2);", 'line_.resize(line_.size() - (line_.ends_with("\\r\\n") ? 2 : 1));'),)),
    Mutation("a chunk as long as it says", DECODER, "if (!line_.empty()) result = invalid(", "if (false) result = invalid(", CHUNKS),
    Mutation("trailers are headers", DECODER, "  if (auto error = check_field_line(line_)) return *error;\n", "", CHUNKS),
    # Whom and what it asks for.
    Mutation("HTTP/1.1 has a Host", RULES, 'return invalid("A request of HTTP/1.1 needs a Host header.");', "return std::nullopt;", HOST),
    unrefused("one Host", "host != nullptr", HOST),
    unrefused("a Host is a name", "!is_authority(*host)", HOST),
    Mutation("Host and target agree", RULES, "if (authority.empty() || api::lower(authority) == api::lower(*host)) return",
             "if (true) return", HOST),
    unrefused("control bytes in a target", "byte < 0x20 || byte == 0x7f", TARGETS, TARGET),
    unrefused("digits behind a percent", "high < 0 || low < 0", TARGETS, TARGET),
    unrefused("dot dot", '*segment == "." || *segment == ".."', TARGETS, TARGET),
    unrefused("fragments", "origin.find('#') != std::string_view::npos", TARGETS, TARGET),
    Mutation("methods that are unknown", PARSER, 'if (method != name || method == "CONNECT") {', 'if (method == "CONNECT") {', RAW),
    Mutation("CONNECT", PARSER, 'if (method != name || method == "CONNECT") {', "if (method != name) {", RAW),
    Mutation("h2c beside websocket", PARSER, 'lower(joined(headers, "upgrade")) == "websocket"',
             'has_token(joined(headers, "upgrade"), "websocket")', unit("request_head_test", "What counts as a WebSocket handshake")),
    Mutation("a client waits for the answer to its handshake", "convd/transport/http_connection.cc",
             "if (handshake && !input_.empty()) {", "if (false) {", HANDSHAKES),
    Mutation("version 13 of WebSocket", PARSER, 'if (joined(request.headers, "sec-websocket-version") != "13") {', "if (false) {",
             HANDSHAKES),
    # Pages of other sites.
    Mutation("names of this machine", ORIGINS, "if (has_host && !is_known_host(lower(host), settings)) {", "if (false) {", NAMES),
    Mutation("a name that begins like an address", ORIGINS,
             'name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos',
             'name.starts_with("127.")', NAMES),
    Mutation("names that are allowed", ORIGINS, ' || name == "[::1]" || contains(settings.hosts, name);', ' || name == "[::1]";', NAMES),
    Mutation("Origin", ORIGINS, "if (!origin.empty()) return is_allowed(origin, request, settings) ?",
             "if (!origin.empty()) return true ?", SUBMITS),
    Mutation("Sec-Fetch-Site", ORIGINS, 'if (site == "cross-site" || site == "same-site") return', "if (false) return", SUBMITS),
    Mutation("an origin is the whole of it", ORIGINS, 'return origin == "http://" + host || origin == "https://" + host;',
             'return origin.starts_with("http://" + host) || origin.starts_with("https://" + host);', SUBMITS),
    Mutation("Origin of a WebSocket", ORIGINS, "if (origin.empty() || is_allowed(origin, request, settings)) return std::nullopt;",
             "if (true) return std::nullopt;", OPENS),
    Mutation("our own page has a name that is ours", ORIGINS,
             "  if (came_by_network(request) && !is_known_host(host, settings)) return false;\n", "", OPENS),
    Mutation("CORS is off", ORIGINS, "  if (settings.readers.empty()) return {};\n", "", READS),
    Mutation("CORS for some", ORIGINS, "  if (!contains(settings.readers, origin)) return out;\n", "", READS),
    Mutation("preflights for some", ORIGINS, 'if (!asks || !contains(settings.readers, lower(request.header("origin")))) return',
             "if (!asks) return", READS),
]
