#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "convd/layout/alone.h"
#include "convd/layout/blocks.h"
#include "convd/layout/reading_order.h"
#include "convd/layout/render.h"
#include "shared/json.h"
#include "tests/support/catch.h"

using namespace convd::layout;

namespace {

// Sets words on a page the way a typesetter does: half a size per character, one third between words.
class Typesetter {
 public:
  Typesetter& line(double left, double top, const std::string& text, double size = 10, bool bold = false) {
    double x = left;
    std::string word;
    for (const char c : text + " ") {
      if (c != ' ') {
        word += c;
        continue;
      }
      const double width = static_cast<double>(word.size()) * size / 2;
      page_.words.push_back({word, {x, top, x + width, top + size}, size, bold});
      x += width + size / 3;
      word.clear();
    }
    return *this;
  }
  std::string markdown() {
    Blocks blocks;
    blocks.add(1, reading_order(page_));
    return to_markdown(blocks.finish());
  }
  Page page_{1, 600, 800, {}};
};

}  // namespace

TEST_CASE("lines close together are one paragraph, a hyphenated word is healed") {
  Typesetter page;
  page.line(50, 100, "The quick brown fox con-").line(50, 112, "verts a document and").line(50, 124, "rests.");
  page.line(50, 150, "A second paragraph.");
  CHECK(page.markdown() == "The quick brown fox converts a document and rests.\n\nA second paragraph.\n");
}

TEST_CASE("large and bold lines are headings, ranked by size") {
  Typesetter page;
  page.line(50, 50, "Annual report", 20)
      .line(50, 90, "Results", 14)
      .line(50, 120, "We sold more of everything than ever before.");
  page.line(50, 140, "Outlook", 10, true).line(50, 160, "We will go on like this.");
  CHECK(page.markdown() ==
        "# Annual report\n\n## Results\n\nWe sold more of everything than ever before.\n\n### Outlook\n\nWe will go on "
        "like this.\n");
}

TEST_CASE("a line number alone is no heading") {
  Typesetter page;
  page.line(50, 50, "11", 20).line(50, 120, "Some text that is longer than the number.");
  CHECK(page.markdown() == "11\n\nSome text that is longer than the number.\n");
}

TEST_CASE("bullets and numbers are list items") {
  Typesetter page;
  page.line(50, 50, "Shopping:").line(60, 80, "• bread").line(60, 92, "• butter").line(60, 104, "3. wine");
  CHECK(page.markdown() == "Shopping:\n\n- bread\n- butter\n3. wine\n");
}

TEST_CASE("two columns are read one after the other, below what spans them") {
  Typesetter page;
  page.line(50, 40, "A title over both of the columns that is long enough to span them all, really", 12);
  for (int i = 0; i < 4; ++i) {
    page.line(50, 80 + 12 * i, "left column line number " + std::string(1, static_cast<char>('a' + i)));
    page.line(330, 80 + 12 * i, "right column line number " + std::string(1, static_cast<char>('a' + i)));
  }
  const std::string text = page.markdown();
  CHECK(text.find("left column line number d") < text.find("right column line number a"));
  CHECK(text.find("span them") < text.find("left column line number a"));
}

TEST_CASE("aligned cells are a table") {
  Typesetter page;
  page.line(50, 50, "Name")
      .line(250, 50, "Price")
      .line(50, 64, "Bread")
      .line(250, 64, "2")
      .line(50, 78, "Wine")
      .line(250, 78, "9|5");
  CHECK(page.markdown() == "| Name | Price |\n| --- | --- |\n| Bread | 2 |\n| Wine | 9\\|5 |\n");
}

TEST_CASE("what looks like markup is escaped") {
  Typesetter page;
  page.line(50, 50, "a*b _c_ <d> [e]").line(50, 90, "#include");
  CHECK(page.markdown() == "a\\*b \\_c\\_ \\<d\\> \\[e\\]\n\n\\#include\n");
}

TEST_CASE("layout boxes carry page, place and category") {
  Typesetter page;
  page.line(50, 50, "Title", 20).line(50, 100, "Some text, long enough to be the body.");
  Blocks blocks;
  blocks.add(1, reading_order(page.page_));
  const std::string json = to_boxes({page.page_}, blocks.finish());
  auto parsed = shared::Json::parse(json);
  REQUIRE(parsed);
  auto pages = *parsed->read().at("pages")->items();
  auto boxes = *pages[0].at("boxes")->items();
  REQUIRE(boxes.size() == 2);
  CHECK(*boxes[0].at("category")->string() == "Title");
  CHECK(*boxes[1].at("category")->string() == "Text");
  CHECK(*(*boxes[0].at("bbox")->items())[0].number() == 50);
}

TEST_CASE("the layout program can start no other") {
  const pid_t child = fork();
  if (child == 0) {
    if (!forbid_programs()) _exit(2);
    execl("/bin/true", "/bin/true", nullptr);
    _exit(errno == EPERM ? 1 : 3);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}
