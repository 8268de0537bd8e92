# libFuzzer targets (clang), included by the preset fuzz: every <name>.cc here is a program of its own, with seeds in corpus/<name>/.
# They are linked with the sources that read bytes of others, and with nothing else, so that building them is cheap.
add_compile_options(-fsanitize=fuzzer-no-link)

file(GLOB fuzz_sources CONFIGURE_DEPENDS shared/*.cc convd/engines/*.cc convd/inspect/*.cc convd/trust/*.cc)
list(FILTER fuzz_sources EXCLUDE REGEX "/main\\.cc$")
add_library(fuzz_parts STATIC ${fuzz_sources}
  convd/process/office_wire.cc convd/process/wire.cc
  convd/events/filter.cc convd/events/websocket_frame.cc
  convd/store/file_io.cc convd/store/sha256.cc convd/store/upload.cc
  convd/api/conditions.cc convd/api/exchange.cc convd/api/form.cc convd/api/header_value.cc convd/api/idempotency_key.cc
  convd/api/multipart.cc convd/api/query.cc convd/api/stream_request.cc convd/api/submission.cc convd/api/text.cc convd/api/trace.cc
  convd/transport/body_decoder.cc convd/transport/head_parser.cc convd/transport/head_rules.cc convd/transport/request_head.cc
  convd/office/page_range.cc)
target_compile_options(fuzz_parts PRIVATE -Wno-shadow)
target_link_libraries(fuzz_parts PUBLIC PkgConfig::CJSON PkgConfig::SPDLOG PkgConfig::CRYPTO PkgConfig::ZLIB ${HTTP_PARSER}
  Threads::Threads)

file(GLOB fuzz_targets CONFIGURE_DEPENDS tests/fuzz/*.cc)
foreach(source ${fuzz_targets})
  get_filename_component(name ${source} NAME_WE)
  add_executable(fuzz_${name} ${source})
  target_link_libraries(fuzz_${name} PRIVATE fuzz_parts)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_test(NAME fuzz_${name} COMMAND ${CMAKE_SOURCE_DIR}/tests/fuzz/run.sh $<TARGET_FILE:fuzz_${name}>
                                     ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set_tests_properties(fuzz_${name} PROPERTIES LABELS fuzz TIMEOUT 0)
endforeach()
