// The rooms and the arrows between them. Reads the convd_module() lines of CMakeLists.txt and every #include of the
// product, and fails on an edge that is not in the table, on a foreign header outside its door, and on a cycle of
// folders.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/paths.h"

namespace {

// A source tree: path relative to the root -> content.
using Tree = std::map<std::string, std::string>;
using Words = std::vector<std::string>;

struct Module {
  std::string name;
  std::string folder;
  std::set<std::string> depends;
  Words links;
};

struct Include {
  std::string file;
  int line = 0;
  std::string header;
  bool foreign = false;  // <...>

  std::string place() const { return file + ":" + std::to_string(line); }
};

// A foreign header (or a folder of them, ending in "/") and the only paths that may include it: a prefix, or with a
// trailing
// "/*" the files of just that folder. `link` is a part of the LINKS entry the including module must have; empty when
// header-only.
struct Door {
  std::string_view header;
  std::vector<std::string_view> paths;
  std::string_view link;
};

const std::vector<Door>& doors() {
  static const std::vector<Door> table{
      {"libwebsockets.h", {"convd/transport/", "convctl/client"}, "LWS"},
      {"ev.h", {"convd/loop/", "convd/transport/"}, "LIBEV"},
      {"http_parser.h", {"convd/transport/"}, "HTTP_PARSER"},
      {"llhttp.h", {"convd/transport/"}, "HTTP_PARSER"},
      {"cjson/", {"shared/json.cc"}, "CJSON"},
      {"sqlite3.h", {"convd/store/sqlite."}, "SQLITE"},
      {"openssl/ssl.h", {"convctl/client_tls."}, "SSL"},
      {"openssl/", {"convd/store/", "convd/trust/", "convctl/client_tls."}, "CRYPTO"},
      {"archive.h", {"convd/store/"}, "ARCHIVE"},
      {"archive_entry.h", {"convd/store/"}, "ARCHIVE"},
      {"seccomp.h", {"convd/process/"}, "SECCOMP"},
      {"poppler", {"convd/layout/"}, "POPPLER"},
      {"com/sun/star/", {"convd/office/"}, "LibreOffice"},
      {"cppu/", {"convd/office/"}, "LibreOffice"},
      {"cppuhelper/", {"convd/office/"}, "LibreOffice"},
      {"rtl/", {"convd/office/"}, "LibreOffice"},
      {"sal/", {"convd/office/"}, "LibreOffice"},
      {"osl/", {"convd/office/"}, "LibreOffice"},
      {"LibreOfficeKit/", {"convd/office/"}, "LibreOffice"},
      {"qpdf/", {"convd/office/"}, "QPDF"},
      {"fontconfig/", {"convd/office/substitute."}, "FONTCONFIG"},
      {"zlib.h", {"convd/events/", "convd/inspect/"}, "ZLIB"},
      {"CLI/", {"convd/*", "convctl/*"}, ""},
      {"systemd/", {"convd/*", "convd/runner/main.cc"}, "SYSTEMD"},
      {"spdlog/", {"convd/"}, ""},
  };
  return table;
}

// Headers of the C library and the kernel. Anything else in <> with a ".h" must have a door.
bool is_system_header(const std::string& header) {
  static const std::set<std::string> names{
      "alloca.h",    "byteswap.h", "ctype.h",    "dirent.h",  "dlfcn.h",   "endian.h", "err.h",    "errno.h",
      "execinfo.h",  "fcntl.h",    "float.h",    "fnmatch.h", "ftw.h",     "getopt.h", "glob.h",   "grp.h",
      "ifaddrs.h",   "inttypes.h", "langinfo.h", "limits.h",  "locale.h",  "malloc.h", "math.h",   "mntent.h",
      "netdb.h",     "paths.h",    "poll.h",     "pthread.h", "pty.h",     "pwd.h",    "regex.h",  "sched.h",
      "semaphore.h", "signal.h",   "spawn.h",    "stdarg.h",  "stddef.h",  "stdint.h", "stdio.h",  "stdlib.h",
      "string.h",    "strings.h",  "sysexits.h", "syslog.h",  "termios.h", "time.h",   "unistd.h", "utime.h",
      "wchar.h",     "wordexp.h"};
  static const std::vector<std::string_view> folders{"sys/", "linux/", "netinet/", "arpa/", "net/", "asm/"};
  if (header.find(".h") == std::string::npos) return true;  // the C++ library
  return names.count(header) > 0 ||
         std::any_of(folders.begin(), folders.end(), [&](auto folder) { return header.rfind(folder, 0) == 0; });
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool is_source(const std::string& path) {
  static const std::regex product("(shared|convd|convctl)/.*\\.(h|cc)");
  return std::regex_match(path, product);
}

Words words_of(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), std::istream_iterator<std::string>()};
}

Module module_from(const Words& words) {
  Module module;
  module.name = words.at(0);
  std::string key;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    if (*word == "DIR" || *word == "DEPENDS" || *word == "LINKS")
      key = *word;
    else if (key == "DIR")
      module.folder = *word;
    else if (key == "DEPENDS")
      module.depends.insert(*word);
    else if (key == "LINKS")
      module.links.push_back(*word);
  }
  return module;
}

// The table: every convd_module(...) call, which may span lines.
std::vector<Module> modules_of(const Tree& tree) {
  static const std::regex comment("#[^\n]*");
  static const std::regex call("(?:^|\n)[ \t]*convd_module\\(([^)]*)\\)");
  const std::string text = std::regex_replace(tree.at("CMakeLists.txt"), comment, "");
  std::vector<Module> modules;
  for (std::sregex_iterator match(text.begin(), text.end(), call), end; match != end; ++match) {
    modules.push_back(module_from(words_of((*match)[1])));
  }
  return modules;
}

std::vector<Include> includes_of(const Tree& tree) {
  static const std::regex pattern("^\\s*#\\s*include\\s*([<\"])([^>\"]+)[>\"].*");
  std::vector<Include> includes;
  for (const auto& [path, content] : tree) {
    if (!is_source(path)) continue;
    std::istringstream lines(content);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
      std::smatch match;
      if (std::regex_match(line, match, pattern)) includes.push_back({path, number, match[2], match[1] == "<"});
    }
  }
  return includes;
}

const Module* module_of(const std::vector<Module>& modules, const std::string& file) {
  const auto found =
      std::find_if(modules.begin(), modules.end(), [&](const Module& each) { return each.folder == folder_of(file); });
  return found == modules.end() ? nullptr : &*found;
}

bool opens(const Door& door, const std::string& file) {
  return std::any_of(door.paths.begin(), door.paths.end(), [&](std::string_view path) {
    if (path.size() > 2 && path.substr(path.size() - 2) == "/*")
      return folder_of(file) == path.substr(0, path.size() - 2);
    return file.rfind(path, 0) == 0;
  });
}

bool matches(const Door& door, const std::string& header) {
  const bool is_prefix = door.header.find(".h") == std::string_view::npos;
  return is_prefix ? header.rfind(door.header, 0) == 0 : header == door.header;
}

// main.cc is compiled into the program and not into the folder's library: its links are those of the executable.
bool links(const Module& module, const Include& include, const Door& door) {
  if (door.link.empty() || include.file == module.folder + "/main.cc") return true;
  return std::any_of(module.links.begin(), module.links.end(),
                     [&](const std::string& link) { return link.find(door.link) != std::string::npos; });
}

Words check_foreign(const Include& include, const Module& module) {
  const auto door =
      std::find_if(doors().begin(), doors().end(), [&](const Door& each) { return matches(each, include.header); });
  if (door == doors().end()) {
    if (is_system_header(include.header)) return {};
    return {include.place() + ": <" + include.header + "> is foreign and has no door in tests/layers_test.cc"};
  }
  if (!opens(*door, include.file)) {
    std::string where;
    for (const auto path : door->paths) where += " " + std::string(path);
    return {include.place() + ": <" + include.header + "> may only be included from" + where};
  }
  if (!links(module, include, *door)) {
    return {include.place() + ": <" + include.header + "> needs " + std::string(door->link) +
            " in the LINKS of module " + module.name};
  }
  return {};
}

Words check_own(const Include& include, const Module& module, const std::vector<Module>& modules, const Tree& tree) {
  if (tree.count(include.header) + tree.count(include.header + ".in") == 0) {
    return {include.place() + ": \"" + include.header + "\" is not a path from the root of the tree"};
  }
  const Module* target = module_of(modules, include.header);
  if (target == nullptr) return {include.place() + ": \"" + include.header + "\" belongs to no module"};
  if (target->name == module.name || module.depends.count(target->name) > 0) return {};
  return {include.place() + ": " + module.name + " may not include " + target->name + " (\"" + include.header + "\")"};
}

using Edges = std::map<std::string, std::set<std::string>>;

// The first cycle reachable from `node`, as "a -> b -> a", or empty. `path` holds the nodes above it.
std::string cycle_from(const Edges& edges, const std::string& node, Words& path, std::set<std::string>& done) {
  const auto seen = std::find(path.begin(), path.end(), node);
  if (seen != path.end()) {
    std::string text;
    for (auto each = seen; each != path.end(); ++each) text += *each + " -> ";
    return text + node;
  }
  if (!done.insert(node).second || edges.count(node) == 0) return "";
  path.push_back(node);
  for (const std::string& next : edges.at(node)) {
    const std::string found = cycle_from(edges, next, path, done);
    if (!found.empty()) return found;
  }
  path.pop_back();
  return "";
}

Words check_cycles(const Edges& edges, const std::string& what) {
  std::set<std::string> done;
  for (const auto& entry : edges) {
    Words path;
    const std::string found = cycle_from(edges, entry.first, path, done);
    if (!found.empty()) return {what + ": " + found};
  }
  return {};
}

Words check_table(const std::vector<Module>& modules) {
  Words wrong;
  std::set<std::string> names;
  Edges edges;
  for (const Module& module : modules) {
    if (!names.insert(module.name).second)
      wrong.push_back("CMakeLists.txt: module " + module.name + " is declared twice");
    edges[module.name] = module.depends;
  }
  for (const Module& module : modules) {
    for (const std::string& name : module.depends) {
      if (names.count(name) == 0)
        wrong.push_back("CMakeLists.txt: " + module.name + " depends on unknown module " + name);
    }
  }
  const Words cycles = check_cycles(edges, "CMakeLists.txt: cycle of modules");
  wrong.insert(wrong.end(), cycles.begin(), cycles.end());
  return wrong;
}

// Everything that is wrong with a tree, each line starting with the place.
Words check(const Tree& tree) {
  const std::vector<Module> modules = modules_of(tree);
  Words wrong = check_table(modules);
  const auto add = [&wrong](const Words& more) { wrong.insert(wrong.end(), more.begin(), more.end()); };
  Edges folders;
  for (const Include& include : includes_of(tree)) {
    const Module* module = module_of(modules, include.file);
    if (module == nullptr) {
      add({include.place() + ": folder " + folder_of(include.file) + " has no convd_module() line"});
      continue;
    }
    add(include.foreign ? check_foreign(include, *module) : check_own(include, *module, modules, tree));
    const std::string to = folder_of(include.header);
    if (!include.foreign && to != module->folder) folders[module->folder].insert(to);
  }
  add(check_cycles(folders, "cycle of folders"));
  return wrong;
}

Tree load(const std::filesystem::path& root) {
  Tree tree;
  const auto read = [&](const std::filesystem::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    tree[path.lexically_relative(root).generic_string()] = text.str();
  };
  read(root / "CMakeLists.txt");
  for (const char* folder : {"shared", "convd", "convctl"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file()) read(entry.path());
    }
  }
  return tree;
}

std::string lines(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += word + "\n";
  return text;
}

// A small house in order, for the rooms below to break.
Tree small_house() {
  return {{"CMakeLists.txt",
           "function(convd_module name)\nendfunction()\n"
           "convd_module(shared DIR shared LINKS PkgConfig::CJSON)  # the ground\n"
           "convd_module(loop DIR convd/loop DEPENDS shared\n             LINKS ${LIBEV})\n"
           "convd_module(store DIR convd/store DEPENDS loop shared LINKS PkgConfig::SQLITE)\n"},
          {"shared/json.cc", "#include \"shared/json.h\"\n\n#include <cjson/cJSON.h>\n"},
          {"shared/json.h", "#include <string>\n"},
          {"convd/loop/loop.h", "#pragma once\n#include \"shared/json.h\"\n"},
          {"convd/loop/loop.cc", "#include \"convd/loop/loop.h\"\n#include <ev.h>\n#include <sys/epoll.h>\n"},
          {"convd/store/sqlite.cc", "#include <sqlite3.h>\n#include \"convd/loop/loop.h\"\n"}};
}

}  // namespace

TEST_CASE("Every include follows the table in CMakeLists.txt") {
  const Tree tree = load(CONVD_SOURCE_DIR);
  INFO(lines(check(tree)));
  CHECK(check(tree).empty());
  // An empty table or an empty tree would pass as well.
  CHECK(modules_of(tree).size() >= 12);
  CHECK(includes_of(tree).size() >= 50);
}

TEST_CASE("A house in order has nothing to report") {
  CHECK(lines(check(small_house())).empty());
  const std::vector<Module> modules = modules_of(small_house());
  REQUIRE(modules.size() == 3);
  CHECK(modules[1].name == "loop");
  CHECK(modules[1].folder == "convd/loop");
  CHECK(modules[1].depends == std::set<std::string>{"shared"});
  CHECK(modules[1].links == Words{"${LIBEV}"});
}

TEST_CASE("An edge that is not in the table is reported with file and line") {
  Tree tree = small_house();
  tree["convd/loop/loop.cc"] = "// one\n#include \"convd/store/store.h\"\n";
  tree["convd/store/store.h"] = "";
  CHECK(lines(check(tree)) ==
        "convd/loop/loop.cc:2: loop may not include store (\"convd/store/store.h\")\n"
        "cycle of folders: convd/loop -> convd/store -> convd/loop\n");
}

TEST_CASE("A foreign header outside its door is reported") {
  Tree tree = small_house();
  SECTION("another folder") {
    tree["convd/store/files.cc"] = "#include <ev.h>\n";
    CHECK(lines(check(tree)) ==
          "convd/store/files.cc:1: <ev.h> may only be included from convd/loop/ convd/transport/\n");
  }
  SECTION("another file of the same folder") {
    tree["convd/store/files.cc"] = "#include <sqlite3.h>\n";
    CHECK(lines(check(tree)) == "convd/store/files.cc:1: <sqlite3.h> may only be included from convd/store/sqlite.\n");
  }
  SECTION("without the library in LINKS") {
    tree["convd/store/digest.cc"] = "#include <openssl/evp.h>\n";
    CHECK(lines(check(tree)) == "convd/store/digest.cc:1: <openssl/evp.h> needs CRYPTO in the LINKS of module store\n");
  }
  SECTION("a library nobody has a door for") {
    tree["convd/store/files.cc"] = "#include <curl/curl.h>\n";
    CHECK(lines(check(tree)) ==
          "convd/store/files.cc:1: <curl/curl.h> is foreign and has no door in tests/layers_test.cc\n");
  }
}

TEST_CASE("A top-level door does not open for the folders below") {
  const Door& command_line =
      *std::find_if(doors().begin(), doors().end(), [](const Door& d) { return d.header == "CLI/"; });
  CHECK(opens(command_line, "convd/config.cc"));
  CHECK_FALSE(opens(command_line, "convd/api/router.cc"));
}

TEST_CASE("Folders, headers and modules that do not exist are reported") {
  Tree tree = small_house();
  tree["convd/attic/box.cc"] = "#include \"shared/json.h\"\n";
  tree["convd/loop/loop.cc"] = "#include \"loop.h\"\n";
  tree["CMakeLists.txt"] += "convd_module(events DIR convd/events DEPENDS lopo)\n";
  CHECK(lines(check(tree)) ==
        "CMakeLists.txt: events depends on unknown module lopo\n"
        "convd/attic/box.cc:1: folder convd/attic has no convd_module() line\n"
        "convd/loop/loop.cc:1: \"loop.h\" is not a path from the root of the tree\n");
}

TEST_CASE("A cycle in the table is reported even when no file uses it") {
  Tree tree = small_house();
  tree["CMakeLists.txt"] +=
      "convd_module(a DIR convd/a DEPENDS b)\nconvd_module(b DIR convd/b DEPENDS c)\nconvd_module(c DIR convd/c "
      "DEPENDS a)\n";
  CHECK(lines(check(tree)) == "CMakeLists.txt: cycle of modules: a -> b -> c -> a\n");
}
