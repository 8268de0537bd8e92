#pragma once
// http_parser 2.9 (Debian 12) or its successor llhttp (Debian 13), told apart here only. Not to be included together
// with libwebsockets.h: both declare an enum http_status.

#if __has_include(<http_parser.h>)
#include <http_parser.h>
#else
#include <llhttp.h>
#endif

#include <cstddef>
#include <string_view>

namespace convd::transport::compat {

#if __has_include(<http_parser.h>)

using Parser = http_parser;
using ParserCallbacks = http_parser_settings;

// Parses one complete request head. Returns whether the library took every byte of it without complaint.
inline bool parse_request_head(ParserCallbacks callbacks, void* user, std::string_view head, std::string_view& method) {
  Parser parser;
  http_parser_init(&parser, HTTP_REQUEST);
  parser.data = user;
  // The body is not the library's business: 1 means that none follows.
  callbacks.on_headers_complete = [](Parser* p) {
    p->upgrade = 0;
    return 1;
  };
  const std::size_t taken = http_parser_execute(&parser, &callbacks, head.data(), head.size());
  method = http_method_str(static_cast<http_method>(parser.method));
  return taken == head.size() && HTTP_PARSER_ERRNO(&parser) == HPE_OK;
}

inline void clear(ParserCallbacks& callbacks) {
  http_parser_settings_init(&callbacks);
}

#else

using Parser = llhttp_t;
using ParserCallbacks = llhttp_settings_t;

inline bool parse_request_head(ParserCallbacks callbacks, void* user, std::string_view head, std::string_view& method) {
  Parser parser;
  callbacks.on_headers_complete = [](Parser* p) {
    p->upgrade = 0;
    return 1;
  };
  llhttp_init(&parser, HTTP_REQUEST, &callbacks);
  parser.data = user;
  const llhttp_errno_t error = llhttp_execute(&parser, head.data(), head.size());
  method = llhttp_method_name(static_cast<llhttp_method_t>(parser.method));
  return error == HPE_OK;
}

inline void clear(ParserCallbacks& callbacks) {
  llhttp_settings_init(&callbacks);
}

#endif

}  // namespace convd::transport::compat
