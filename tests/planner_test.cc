#include "convd/jobs/planner.h"

#include <algorithm>
#include <map>

#include "tests/support/catch.h"

using namespace convd;
using namespace convd::engines;
using jobs::Planner;
using jobs::Route;

namespace {

// An engine that is only its edges.
class Fake final : public Engine {
 public:
  Fake(std::string name, std::vector<Edge> edges) : name_(std::move(name)), edges_(std::move(edges)) {}
  std::string name() const override { return name_; }
  std::string title() const override { return name_; }
  std::string package() const override { return name_ + "-package"; }
  std::vector<std::string> programs() const override { return {}; }
  std::vector<std::string> version_command() const override { return {}; }
  std::string read_version(std::string_view) const override { return {}; }
  std::vector<Edge> edges() const override { return edges_; }
  std::vector<OptionSpec> options() const override { return {}; }
  shared::Result<Command> command(const Task&) const override { return Command{}; }
  std::optional<shared::Error> diagnose(const Task&, const Ended&) const override { return std::nullopt; }

 private:
  std::string name_;
  std::vector<Edge> edges_;
};

Registry registry(std::initializer_list<std::pair<std::string, std::vector<Edge>>> rows) {
  std::vector<std::unique_ptr<Engine>> engines;
  for (const auto& [name, edges] : rows) engines.push_back(std::make_unique<Fake>(name, edges));
  return Registry(std::move(engines));
}

// "office(b) > paper(c)"
std::string words(const shared::Result<Route>& route) {
  if (!route) return route.error().message;
  std::string text;
  for (const auto& step : *route) text += (text.empty() ? "" : " > ") + step.engine->name() + "(" + step.to + ")";
  return text;
}

// The real table, as if everything were installed.
const Registry& everything() {
  static const Registry registry = [] {
    Registry all = Registry::installed();
    std::vector<std::unique_ptr<Engine>> engines;
    for (const EngineState& state : all.engines()) {
      engines.push_back(std::make_unique<Fake>(state.engine->name(), state.engine->edges()));
    }
    return Registry(std::move(engines));
  }();
  return registry;
}

bool offers(const std::string& from, const std::string& to) {
  const auto targets = Planner(everything()).targets(from);
  return std::find(targets.begin(), targets.end(), to) != targets.end();
}

}  // namespace

TEST_CASE("the cheapest chain wins, not the shortest") {
  const Registry table =
      registry({{"slow", {{"a", "c", 1000, 95}}}, {"fast", {{"a", "b", 100, 80}, {"b", "c", 100, 80}}}});
  CHECK(words(Planner(table).plan("a", "c")) == "slow(c)");
  const Registry slower =
      registry({{"slow", {{"a", "c", 5000, 95}}}, {"fast", {{"a", "b", 100, 80}, {"b", "c", 100, 80}}}});
  CHECK(words(Planner(slower).plan("a", "c")) == "fast(b) > fast(c)");
}

TEST_CASE("lost quality costs time") {
  const Registry table = registry({{"quick", {{"a", "b", 100, 60}}}, {"good", {{"a", "b", 1000, 90}}}});
  CHECK(words(Planner(table).plan("a", "b")) == "good(b)");
}

TEST_CASE("with the same price the better quality wins, then fewer steps") {
  const Registry table = registry({{"cheap", {{"a", "b", 0, 80}}}, {"good", {{"a", "b", 500, 90}}}});
  CHECK(words(Planner(table).plan("a", "b")) == "good(b)");
  const Registry steps =
      registry({{"two", {{"a", "x", 100, 100}, {"x", "b", 100, 100}}}, {"one", {{"a", "b", 200, 100}}}});
  CHECK(words(Planner(steps).plan("a", "b")) == "one(b)");
}

TEST_CASE("weights are the shares of the cost and sum to one") {
  const Registry table = registry({{"e", {{"a", "b", 300, 90}, {"b", "c", 100, 90}}}});
  const auto route = Planner(table).plan("a", "c");
  REQUIRE(route);
  CHECK((*route)[0].weight == Approx(0.75));
  CHECK((*route)[1].weight == Approx(0.25));
  CHECK((*route)[0].from == "a");
  CHECK((*route)[1].from == "b");
}

TEST_CASE("a route has at most three steps and never goes in circles") {
  const Registry table = registry({{"e", {{"a", "b"}, {"b", "c"}, {"c", "d"}, {"d", "e"}, {"b", "a"}}}});
  CHECK(words(Planner(table).plan("a", "d")) == "e(b) > e(c) > e(d)");
  CHECK_FALSE(Planner(table).plan("a", "e"));
  CHECK_FALSE(Planner(table).plan("a", "a"));
}

TEST_CASE("a format to itself is a route only when an engine offers it") {
  const Registry table = registry({{"resize", {{"a", "a"}, {"a", "b"}}}});
  CHECK(words(Planner(table).plan("a", "a")) == "resize(a)");
  CHECK(words(Planner(table).plan("a", "b")) == "resize(b)");
}

TEST_CASE("what cannot be done names what can") {
  const Registry table = registry({{"e", {{"a", "z"}, {"a", "b"}}}});
  const auto route = Planner(table).plan("a", "q");
  REQUIRE_FALSE(route);
  CHECK(route.error().code == shared::ErrorCode::unsupported_conversion);
  CHECK(route.error().message == "a cannot be converted to q; possible targets are b, z");
  CHECK(words(Planner(table).plan("q", "b")) == "q cannot be converted to b; formats that can be read are a");
}

TEST_CASE("a missing program names its package") {
  Registry table = registry({{"here", {{"a", "b"}}}, {"gone", {{"b", "c"}}}});
  table.set_unavailable("gone", "not installed");
  CHECK(words(Planner(table).plan("a", "c")) ==
        "a cannot be converted to c here, because a program is missing; install the package gone-package");
  CHECK(Planner(table).targets("a") == std::vector<std::string>{"b"});
  CHECK(Planner(table).sources() == std::vector<std::string>{"a"});
}

TEST_CASE("a route found before is forgotten when its engine goes") {
  Registry all = registry({{"quick", {{"a", "b", 10, 80}}}, {"slow", {{"a", "b", 900, 80}}}});
  const Planner planner(all);
  CHECK(words(planner.plan("a", "b")) == "quick(b)");
  all.set_unavailable("quick", "gone");
  CHECK(words(planner.plan("a", "b")) == "slow(b)");
  all.set_unavailable("slow", "gone");
  CHECK_FALSE(planner.plan("a", "b"));
}

TEST_CASE("what can be reached, asked for again, is without what has gone") {
  Registry all = registry({{"stays", {{"a", "b", 1, 1}}}, {"goes", {{"a", "c", 1, 1}, {"d", "a", 1, 1}}}});
  const Planner planner(all);
  for (int again = 0; again < 2; ++again) {
    CHECK(planner.targets("a") == std::vector<std::string>{"b", "c"});
    CHECK(planner.sources() == std::vector<std::string>{"a", "d"});
    CHECK(planner.targets("nothing").empty());
  }
  all.set_unavailable("goes", "gone");
  CHECK(planner.targets("a") == std::vector<std::string>{"b"});
  CHECK(planner.sources() == std::vector<std::string>{"a"});
}

TEST_CASE("the real table takes the sensible ways") {
  const std::map<std::pair<std::string, std::string>, std::string> expected{
      {{"docx", "pdf"}, "libreoffice(pdf)"},
      {{"docx", "md"}, "pandoc(md)"},
      {{"docx", "odt"}, "libreoffice(odt)"},
      {{"docx", "png"}, "libreoffice(pdf) > poppler(png)"},
      {{"docx", "webp"}, "libreoffice(pdf) > poppler(png) > vips(webp)"},
      {{"doc", "md"}, "libreoffice(docx) > pandoc(md)"},
      {{"doc", "txt"}, "libreoffice(txt)"},
      {{"md", "html"}, "pandoc(html)"},
      {{"md", "docx"}, "pandoc(docx)"},
      {{"md", "pdf"}, "pandoc(docx) > libreoffice(pdf)"},
      {{"rst", "docx"}, "pandoc(md) > pandoc(docx)"},
      {{"epub", "pdf"}, "pandoc(html) > libreoffice(pdf)"},
      {{"html", "pdf"}, "libreoffice(pdf)"},
      {{"txt", "pdf"}, "libreoffice(pdf)"},
      {{"txt", "md"}, "pandoc(md)"},
      {{"xlsx", "csv"}, "libreoffice(csv)"},
      {{"xlsb", "xlsx"}, "libreoffice(xlsx)"},
      {{"ods", "tsv"}, "libreoffice(tsv)"},
      {{"wpd", "pdf"}, "libreoffice(pdf)"},
      {{"wpd", "md"}, "libreoffice(docx) > pandoc(md)"},
      {{"vsdx", "svg"}, "libreoffice(svg)"},
      {{"odg", "png"}, "libreoffice(pdf) > poppler(png)"},
      {{"pub", "pdf"}, "libreoffice(pdf)"},
      {{"fodp", "pptx"}, "libreoffice(pptx)"},
      {{"xlsx", "md"}, "libreoffice(csv) > pandoc(md)"},
      {{"pptx", "png"}, "libreoffice(pdf) > poppler(png)"},
      {{"pptx", "md"}, "libreoffice(pdf) > layout(md)"},
      {{"pdf", "md"}, "layout(md)"},
      {{"pdf", "json"}, "layout(json)"},
      {{"pdf", "txt"}, "poppler(txt)"},
      {{"pdf", "png"}, "poppler(png)"},
      {{"jpg", "pdf"}, "vips(png) > libreoffice(pdf)"},
      {{"png", "png"}, "vips(png)"},
      {{"bmp", "webp"}, "ffmpeg(png) > vips(webp)"},
      {{"svg", "png"}, "rsvg(png)"},
      {{"svg", "jpg"}, "rsvg(png) > vips(jpg)"},
      {{"wav", "mp3"}, "ffmpeg(mp3)"},
      {{"mp4", "gif"}, "ffmpeg(gif)"},
      {{"mp4", "png"}, "ffmpeg(png)"},
  };
  for (const auto& [pair, route] : expected) {
    INFO(pair.first << " -> " << pair.second);
    CHECK(words(Planner(everything()).plan(pair.first, pair.second)) == route);
  }
}

TEST_CASE("the real table makes up nothing that is not there") {
  CHECK_FALSE(offers("pdf", "docx"));
  CHECK_FALSE(offers("pdf", "epub"));
  CHECK_FALSE(offers("pdf", "pdf"));
  CHECK_FALSE(offers("pptx", "docx"));
  CHECK_FALSE(offers("png", "txt"));
  CHECK_FALSE(offers("png", "md"));
  CHECK_FALSE(offers("png", "svg"));
  CHECK_FALSE(offers("png", "odg"));
  CHECK_FALSE(offers("pdf", "odg"));
  CHECK_FALSE(offers("docx", "vsd"));
  CHECK_FALSE(offers("docx", "wpd"));
  CHECK_FALSE(offers("mp4", "txt"));
  CHECK_FALSE(offers("mp3", "mp4"));
  CHECK_FALSE(offers("json", "txt"));
  CHECK(offers("pdf", "html"));
}

TEST_CASE("every plan over the real table is connected and complete") {
  const Planner planner(everything());
  for (const std::string& from : planner.sources()) {
    for (const std::string& to : planner.targets(from)) {
      INFO(from << " -> " << to);
      const auto route = planner.plan(from, to);
      REQUIRE(route);
      CHECK(route->front().from == from);
      CHECK(route->back().to == to);
      double sum = 0;
      for (std::size_t i = 0; i < route->size(); ++i) {
        sum += (*route)[i].weight;
        if (i > 0) CHECK((*route)[i].from == (*route)[i - 1].to);
      }
      CHECK(sum == Approx(1.0));
    }
  }
}
