"""Tokens: what one must be, where it may be shown, what it lets its bearer do and see, and when it ends."""

from .mutation import Mutation, story, unit

TOKEN = "convd/trust/token.cc"
KEY = "convd/trust/key.cc"
KEYS = "convd/trust/keys.cc"
TICKETS = "convd/trust/tickets.cc"
PROXIES = "convd/trust/proxies.cc"
DOOR = "convd/api/authentication.cc"
STREAM = "convd/api/stream_socket.cc"
FOUND = "convd/jobs/results.cc"
READER = "convd/store/reader.cc"

PINNED = unit("trust_token_test", "the key says which algorithm it is, not the token")
WEAK = unit("trust_token_test", "keys that are not good enough are refused, and not quoted")
TABLE = unit("trust_token_test", "the key comes from the table")
TIMES = unit("trust_token_test", "times")
PARTIES = unit("trust_token_test", "for whom and from whom")
KEY_FILE = unit("trust_parts_test", "a key file is its owner's alone")
TICKET = unit("trust_parts_test", "a ticket is good once, for a minute, and no longer than its token")
SPENT = unit("api_trust_test", "a ticket is spent by the stream that it opens")
PLACES = unit("api_trust_test", "a token is taken from where it may be, and from nowhere else")
SCOPES = unit("api_trust_test", "each scope opens its own routes")
AFAR = unit("api_trust_test", "from afar a token is needed, and says who it is")
FORGOTTEN = unit("api_trust_test", "nothing behind the dispatcher sees a token")
HANDED = unit("api_dispatcher_test", "neither a handler nor a socket is handed a token")
END = unit("api_trust_test", "the end of a token is told a minute before, and when it has come")
REFRESHED = story("test_trust", "Sockets.test_a_new_token_in_the_same_connection")
ENDED = story("test_trust", "Sockets.test_a_token_ends_what_it_has_opened")
WATCH_ENDED = story("test_trust", "Sockets.test_a_token_ends_the_watch_of_a_conversion")
CONFIGURED = story("test_trust", "Configuration.test_what_does_not_go_together")
DOCUMENTS = unit("store_test", "documents: put replaces, pages go by name, the last conversion is shown")
ISOLATED = story("test_isolation", "Isolation.test_every_route_answers_as_if_it_were_not_there")

HAS_SCOPE = "scope == trust::Scope::admin ? caller.role == Role::operator_ : caller.scopes.has(scope)"
ALGORITHM = 'if (text_at(header, "alg") != std::string(to_string(key->algorithm())))'
SAME_ORG = "    if (found->job.org != org) return unknown(id);\n"


def unrefused(name, condition, test):
    """A line of its own that refuses a token."""
    return Mutation(name, TOKEN, f"  if ({condition}) return refused(", "  if (false) return refused(", test)


MUTATIONS = [
    # What a token must be.
    Mutation("signature", TOKEN, "if (!signature || !(*key)->verifies(parts->signed_text, *signature))", "if (!signature)",
             unit("trust_token_test", "a token of another key is not believed")),
    Mutation("the algorithm is its key's", TOKEN, ALGORITHM, "if (false)", PINNED),
    Mutation("`none` is no algorithm", TOKEN, ALGORITHM, ALGORITHM.replace("if (", 'if (text_at(header, "alg") != "none" && '), PINNED),
    Mutation("a public key is no secret", KEY, 'if (content.find("-----BEGIN ") != std::string_view::npos)', "if (false)", PINNED),
    Mutation("kid, from the table", KEYS, "return key->id() == *id; }", "return !key->id().empty(); }", TABLE),
    Mutation("without a kid only the only key", KEYS, "return keys_.size() == 1 ?", "return !keys_.empty() ?", TABLE),
    unrefused("crit", 'has("crit")', unit("trust_token_test", "what a header offers beside is not taken")),
    unrefused("exp", "now_ms >= end_ms", TIMES),
    Mutation("no token without exp", TOKEN, 'if (!*expires) return refused("the token has no \\"exp\\"");',
             "if (!*expires) return std::int64_t{9'000'000'000'000};", TIMES),
    Mutation("a time is a time", TOKEN, "if (!seconds || !(*seconds >= 0) || *seconds > last_second)", "if (!seconds)", TIMES),
    unrefused("nbf", "not_before->value_or(0) > now_ms + leeway_ms", TIMES),
    unrefused("iat", "issued->value_or(0) > now_ms + leeway_ms", TIMES),
    Mutation("leeway at the end", TOKEN, "end_ms = **expires + leeway_ms;", "end_ms = **expires;", TIMES),
    unrefused("aud", "!names_audience(claims, expected.audience)", PARTIES),
    unrefused("iss", 'text_at(claims, "iss") != expected.issuer', PARTIES),
    Mutation("names of those without a token", TOKEN, 'return lower != "local" && !lower.starts_with("uid:");', "return true;",
             unit("trust_token_test", "names")),
    unrefused("an oversized token", "token.size() > most_token_bytes", unit("trust_token_test", "what is no token at all")),
    Mutation("one spelling of base64url", "shared/base64url.cc", "held < 6 && (bits & ((1U << held) - 1)) == 0", "held < 8",
             unit("trust_token_test", "base64url has one spelling")),
    Mutation("a secret has its 32 bytes", KEY, "if (content.size() < least_secret_bytes)", "if (content.empty())", WEAK),
    Mutation("a key of RSA has its 2048 bits", KEY, "EVP_PKEY_get_bits(&key) < least_rsa_bits || ", "", WEAK),
    Mutation("ES256 is of one curve", KEY, 'if (!named || std::string_view(curve.data(), size) != "prime256v1")', "if (!named)", WEAK),
    # Keys.
    Mutation("a key file nobody else writes", KEYS, "if ((file.st_mode & (S_IWGRP | S_IWOTH)) != 0) return", "if (false) return", KEY_FILE),
    Mutation("a key file of root's or our own", KEYS, "if (file.st_uid != 0 && file.st_uid != ::geteuid()) return", "if (false) return", KEY_FILE),
    Mutation("a secret nobody else reads", KEYS, "if (key && key->can_sign() && !text->is_secret)", "if (false)", KEY_FILE),
    Mutation("keys are reloaded", "convd/operations.cc", "  put_trust_in_force(fresh->trust.keys);\n", "",
             story("test_trust", "Configuration.test_an_address_for_all_and_keys_that_change")),
    Mutation("without the last key nobody gets in", "convd/operations.cc",
             "  if (world_.authority.demand() == trust::Demand::token) policy.demand = trust::Demand::token;\n", "",
             story("test_trust", "Configuration.test_without_the_last_key_nobody_gets_in")),
    # Who needs one.
    Mutation("over TCP a token is needed", DOOR, "return !request.caller.address.empty() && authority_.demand() ==",
             "return request.caller.address.empty() && authority_.demand() ==", AFAR),
    Mutation("beyond loopback tokens are needed", "convd/trust_policy.cc", " || beyond_loopback(config) != nullptr;", ";", CONFIGURED),
    Mutation("auth = off is for loopback", "convd/trust_policy.cc", "config.trust.auth == Auth::off && address != nullptr", "false",
             CONFIGURED),
    Mutation("without tokens only loopback is listened on", "convd/transport/listener.cc",
             "  if (reach == Reach::loopback && !is_loopback(*address)) return refused_address(text);\n", "",
             unit("listener_test", "TCP: loopback only without tokens, and the real port is told")),
    Mutation("without tokens only loopback is inherited", "convd/transport/listener.cc",
             "  if (reach == Reach::loopback && !is_loopback(address)) return refused_address(out.name);\n", "",
             unit("listener_test", "Inherited descriptors")),
    Mutation("a TCP peer that has gone is not local", "convd/transport/peer.cc", "    if (address.empty()) return std::nullopt;\n", "",
             unit("listener_test", "A TCP peer that has gone before it was looked at is nobody, and least of all a local one")),
    Mutation("forwarded only by trusted proxies", PROXIES, "if (!client || !trusts(*client)) return peer;", "if (!client) return peer;",
             unit("trust_parts_test", "only a trusted peer says for whom it asks"),
             also=(("hop < most_hops && !list.empty() && trusts(*client); ++hop", "hop < most_hops && !list.empty(); ++hop"),)),
    Mutation("what a client has forwarded itself", PROXIES, "!list.empty() && trusts(*client); ++hop", "!list.empty(); ++hop",
             unit("trust_parts_test", "only a trusted peer says for whom it asks")),
    Mutation("one of two forwarded headers", PROXIES, "lists.x_forwarded_for.empty() == lists.forwarded.empty()", "false",
             unit("trust_parts_test", "Forwarded says the same, and not both")),
    # Where it is shown.
    Mutation("a token as subprotocol", DOOR, "if (item.starts_with(shared::bearer_subprotocol))", "if (false)", PLACES),
    Mutation("a token in the URL of a stream", DOOR, "    if (is_secret_param(name)) found.push_back(", "    if (false) found.push_back(",
             PLACES),
    Mutation("a token in no other URL", DOOR, "  if (where != Credentials::header_or_url) return found;\n", "", PLACES),
    Mutation("one token, not two", DOOR, "if (found.size() > 1)", "if (false)", PLACES),
    Mutation("Bearer and nothing else", DOOR, 'if (lower(value.substr(0, blank)) != "bearer")', "if (value.empty())", PLACES),
    Mutation("headers with tokens are passed on to nobody", DOOR, "return header.first == authorization || header.first == subprotocols;",
             "return header.first.empty();", FORGOTTEN),
    Mutation("queries with tokens are passed on to nobody", DOOR,
             "  std::erase_if(request.query, [](const auto& pair) { return is_secret_param(pair.first); });\n", "", FORGOTTEN),
    Mutation("a handler is handed no token", "convd/api/dispatcher.cc", "  forget_credentials(request);\n  if (", "  if (", HANDED),
    Mutation("a socket is handed no token", "convd/api/dispatcher.cc", "    forget_credentials(request);\n    auto session",
             "    auto session", HANDED),
    # Tickets.
    Mutation("a ticket has a minute", TICKETS, "std::min(now_ms + lifetime_ms, who.expires_ms)", "who.expires_ms", TICKET),
    Mutation("a ticket ends with its token", TICKETS, "std::min(now_ms + lifetime_ms, who.expires_ms)", "now_ms + lifetime_ms", TICKET),
    Mutation("a ticket is used up", TICKETS, "if (found != by_ticket_.end()) drop(found->second);", "(void)found;", TICKET),
    Mutation("a ticket is used up by a WebSocket", "convd/api/dispatcher.cc", "    authentication_.spend_ticket(handshake);\n", "", SPENT),
    Mutation("a ticket is used up by a stream of events", "convd/api/dispatcher.cc",
             "if (!refused && route.credentials == Credentials::header_or_url) authentication_.spend_ticket(request);", "", SPENT),
    Mutation("a ticket is not used up by half a handshake", "convd/transport/http_connection.cc",
             "    if (!handshake) return refuse_handshake(handshake.error());\n    opening = shared_.service.open_socket(head.request);\n",
             "    opening = shared_.service.open_socket(head.request);\n    if (!handshake) return refuse_handshake(handshake.error());\n",
             unit("websocket_test", "What is no handshake, or has no socket, is answered as HTTP")),
    Mutation("a ticket does not widen", DOOR, "return {caller.principal, caller.org, caller.scopes, caller.token_ends_ms};",
             "return {caller.principal, caller.org, trust::Scopes::of_peers(), caller.token_ends_ms};",
             unit("api_trust_test", "a ticket lets in whom it was given to, with no more than they had")),
    Mutation("tickets are bounded", TICKETS, "if (by_age_.size() >= most || (", "if (false && (",
             unit("trust_parts_test", "tickets are bounded, for one and for all")),
    # What it lets its bearer do.
    Mutation("scope read", DOOR, HAS_SCOPE, HAS_SCOPE.replace(": caller", ": scope == trust::Scope::read || caller"), SCOPES),
    Mutation("scope convert", DOOR, HAS_SCOPE, HAS_SCOPE.replace(": caller", ": scope == trust::Scope::convert || caller"), SCOPES),
    Mutation("scope admin", DOOR, HAS_SCOPE, "scope == trust::Scope::admin || caller.scopes.has(scope)", SCOPES),
    Mutation("tokens are made over the local socket", DOOR, "caller.role == Role::operator_ && caller.address.empty()",
             "caller.role == Role::operator_", AFAR),
    Mutation("a route says what it asks for", "convd/api/conversion_routes.cc", '{"GET", "/v1/conversions", read, ',
             '{"GET", "/v1/conversions", convert, ',
             unit("api_trust_test", "convd(8) says of every route what it asks for, and of no other")),
    # What it lets its bearer see: another's is not there.
    Mutation("a conversion of another's", FOUND, SAME_ORG + "    return found->job;\n", "    return found->job;\n",
             unit("api_routes_test", "conversions are listed, cancelled, retried and removed")),
    Mutation("a status of another's", FOUND, SAME_ORG + "    keep_up(*found);\n", "    keep_up(*found);\n",
             unit("api_routes_test", "a socket is there for a conversion that is, and plain HTTP says why not")),
    Mutation("a result of another's", FOUND, "if (!*row || (*row)->org != org) return unknown(id);", "if (!*row) return unknown(id);", ISOLATED),
    Mutation("a list of another's", READER, 'FROM conversions WHERE org = ?1" +', 'FROM conversions WHERE (org = ?1 OR 1)" +',
             unit("store_test", "lists are paged by key, newest first")),
    Mutation("a document of another's", READER, "WHERE d.org = ?1 AND d.name = ?2", "WHERE (d.org = ?1 OR 1) AND d.name = ?2", DOCUMENTS),
    Mutation("documents of another's", READER, "WHERE d.org = ?1 AND d.name > ?2", "WHERE (d.org = ?1 OR 1) AND d.name > ?2", DOCUMENTS),
    Mutation("notes of another's", "convd/realtime/notes.cc", "if (!row || row->org != org) return", "if (!row) return",
             unit("api_notes_test", "what is wrong with a note is said")),
    Mutation("a note on another's", "convd/store/write_transaction.cc", "WHERE id = ?1 AND org = ?2),",
             "WHERE id = ?1 AND (org = ?2 OR 1)),", unit("store_notes_test", "a note needs a conversion of its org")),
    Mutation("events of another's", READER, "FROM events WHERE org = ?1 AND seq > ?2 AND seq <= ?3 ORDER",
             "FROM events WHERE (org = ?1 OR 1) AND seq > ?2 AND seq <= ?3 ORDER",
             unit("store_test", "each org has its own log, and its numbers go on after a restart")),
    # How it ends.
    Mutation("a warning before the end", "convd/api/expiry.cc", "    told_.soon();\n", "", END),
    Mutation("the clock that is set forward", "convd/api/expiry.cc", "std::clamp(left, loop::milliseconds(0), longest_wait)",
             "std::max(left, loop::milliseconds(0))", END),
    Mutation("4041 at the end", STREAM, ".over = [this] { close(CloseCode::token_expired); }", ".over = [] {}", ENDED),
    Mutation("4041 at the end of a watch", "convd/api/conversion_socket.cc", "!latest_.terminal && token_over_)", "!latest_.terminal && false)",
             WATCH_ENDED),
    Mutation("events end with their token", "convd/api/stream_sse.cc", ".over = [this] { token_over(); }", ".over = [] {}", ENDED),
    Mutation("a long poll ends with its token", "convd/api/expiry.cc", "  if (end_ms == 0) return wanted;\n",
             "  if (end_ms >= 0) return wanted;\n", unit("api_trust_test", "nobody waits beyond the end of the token")),
    Mutation("a new token in the same connection", STREAM, "  expiry_.set(caller_.token_ends_ms);\n  say(refreshed_frame",
             "  say(refreshed_frame", REFRESHED),
    Mutation("a new token is the same one's", STREAM, "who->principal == caller_.principal && who->org == caller_.org", "true", REFRESHED),
    Mutation("a new token may read", STREAM, "if (!is_same || !who->scopes.has(trust::Scope::read))", "if (!is_same)", REFRESHED),
]
