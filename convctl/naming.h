#pragma once
// Which files are meant and where results go. Touches the file system only to look. Main thread only.

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace convctl {

enum class IfExists { error, skip, newer, overwrite, rename };

// "tar.gz" is not known here: the extension is what follows the last dot of the name, in lower case, or nothing.
std::string extension_of(std::string_view path);
std::string base_name(std::string_view path);
// The arguments with quoted patterns expanded, sorted; a pattern that matches nothing, and a name that exists, stay as
// they are.
std::vector<std::string> expand(const std::vector<std::string>& arguments);
// The input's name with the new extension, in `directory`, or beside the input when that is empty.
std::string target_path(const std::string& input, std::string_view extension, const std::string& directory);
// "report.pdf", "report-1.pdf", "report-2.pdf", ...: the first that neither exists nor is in `taken`.
std::string free_path(const std::string& path, const std::set<std::string>& taken);
// Whether `path` exists and, under skip or newer, makes the work needless.
bool exists(const std::string& path);
bool is_newer(const std::string& path, const std::string& than);
// A name the daemon gave to a file of a result. Throws Failure (protocol) when it is not a plain file name.
std::string safe_name(const std::string& name);
// "-", standard input or output.
bool is_stream(std::string_view path);
// Formats that may be written to a terminal.
bool is_text_format(std::string_view extension);

}  // namespace convctl
