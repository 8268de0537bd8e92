#include "convd/process/wire.h"

#include "tests/support/catch.h"

using namespace convd::process;

namespace {

template <typename T>
T round(const T& message) {
  const auto decoded = decode(encode(message));
  INFO((decoded.ok() ? std::string() : decoded.error().message));
  REQUIRE(decoded.ok());
  REQUIRE(std::holds_alternative<T>(*decoded));
  return std::get<T>(*decoded);
}

std::string complaint(std::string_view text) {
  const auto decoded = decode(text);
  return decoded.ok() ? "none" : decoded.error().message;
}

}  // namespace

TEST_CASE("hello") {
  const auto hello = round(Hello{3, true, "bubblewrap 0.8.0, \"all\" walls", "no\nuser namespaces"});
  CHECK(hello.version == 3);
  CHECK(hello.sandboxed);
  CHECK(hello.confinement == "bubblewrap 0.8.0, \"all\" walls");
  CHECK(hello.problem == "no\nuser namespaces");
}

TEST_CASE("start carries the whole specification but no descriptor") {
  ChildSpec spec;
  spec.job = "018f/libreoffice";
  spec.argv = {"/usr/bin/soffice", "", "-env:X=\u00e4\u6587"};
  spec.env = {{"HOME", "/tmp"}, {"EMPTY", ""}};
  spec.inputs = {{"source.docx", 17}, {"other.png", 18}};
  spec.files = {{"/tmp/profile/registrymodifications.xcu", "<a b=\"c\"/>\n"}};
  spec.read_only = {"/etc/fonts"};
  spec.limits = {1, 2, 3, 4, std::int64_t{5} << 40, 6, 7, 8, 9};
  spec.nice = -3;
  spec.inspection = "{\"format\":\"docx\"}";
  spec.family = Family::media;
  const auto start = round(Start{12, spec});
  CHECK(start.id == 12);
  CHECK(start.spec.job == spec.job);
  CHECK(start.spec.argv == spec.argv);
  CHECK(start.spec.env == spec.env);
  REQUIRE(start.spec.inputs.size() == 2);
  CHECK(start.spec.inputs[1].name == "other.png");
  CHECK(start.spec.inputs[1].fd == -1);
  REQUIRE(start.spec.files.size() == 1);
  CHECK(start.spec.files[0].path == spec.files[0].path);
  CHECK(start.spec.files[0].content == spec.files[0].content);
  CHECK(start.spec.read_only == spec.read_only);
  CHECK(start.spec.nice == -3);
  CHECK(start.spec.inspection == spec.inspection);
  CHECK(start.spec.family == Family::media);
  const Limits& limits = start.spec.limits;
  CHECK(limits.memory_bytes == 1);
  CHECK(limits.address_space_bytes == 2);
  CHECK(limits.cpu_ms == 3);
  CHECK(limits.file_bytes == 4);
  CHECK(limits.output_bytes == std::int64_t{5} << 40);
  CHECK(limits.output_files == 6);
  CHECK(limits.processes == 7);
  CHECK(limits.open_files == 8);
  CHECK(limits.tmp_bytes == 9);
}

TEST_CASE("the short messages") {
  CHECK(round(Kill{4}).id == 4);
  CHECK(round(Release{5}).id == 5);
  const auto open = round(Open{6, "page-1.png", 77});
  CHECK(open.id == 6);
  CHECK(open.name == "page-1.png");
  CHECK(open.ticket == 77);
  CHECK(round(Opened{77, "no such output"}).error == "no such output");
  CHECK(round(Usage{8, 1234}).cpu_ms == 1234);
  const auto outputs = round(Outputs{9, {{"a.txt", 3}, {"b \"c\".txt", std::int64_t{1} << 40}}});
  REQUIRE(outputs.files.size() == 2);
  CHECK(outputs.files[1].name == "b \"c\".txt");
  CHECK(outputs.files[1].size_bytes == std::int64_t{1} << 40);
}

TEST_CASE("every end comes through") {
  for (int end = 0; end <= static_cast<int>(End::lost); ++end) {
    Exit exit{static_cast<End>(end), 9, "because", 10, 20, 30, true, true, {}};
    const auto exited = round(Exited{11, exit});
    CHECK(exited.exit.end == exit.end);
    CHECK(exited.exit.status == 9);
    CHECK(exited.exit.disk_full);
    CHECK(exited.exit.warm);
    CHECK(exited.exit.reason == "because");
    CHECK(exited.exit.user_ms == 10);
    CHECK(exited.exit.system_ms == 20);
    CHECK(exited.exit.peak_rss_bytes == 30);
  }
}

TEST_CASE("what does not keep to the protocol is refused with its place") {
  CHECK(complaint("") != "none");
  CHECK(complaint("[]") != "none");
  CHECK(complaint("{}").find("$.type") != std::string::npos);
  CHECK(complaint(R"({"type":"nonsense"})").find("nonsense") != std::string::npos);
  CHECK(complaint(R"({"type":"kill"})").find("$.id") != std::string::npos);
  CHECK(complaint(R"({"type":"kill","id":"4"})").find("$.id") != std::string::npos);
  CHECK(complaint(R"({"type":"kill","id":1.5})").find("$.id") != std::string::npos);
  CHECK(complaint(R"({"type":"kill","id":-1})").find("$.id") != std::string::npos);
  CHECK(complaint(R"({"type":"opened","ticket":1,"error":7})").find("$.error") != std::string::npos);
  CHECK(complaint(R"({"type":"outputs","id":1,"files":[{"name":"a","size":"big"}]})").find("$.files[0].size") !=
        std::string::npos);
  const std::string exit = encode(Exited{1, Exit{}});
  CHECK(complaint(exit) == "none");
  std::string wrong = exit;
  wrong.replace(wrong.find("lost"), 4, "last");
  CHECK(complaint(wrong).find("$.end") != std::string::npos);
}

TEST_CASE("a full list of long names fits one message") {
  Outputs outputs{1, {}};
  for (std::size_t i = 0; i < outputs_per_message; ++i)
    outputs.files.push_back({std::string(255, '"'), std::int64_t{1} << 50});
  CHECK(encode(outputs).size() < 160U << 10);
}
