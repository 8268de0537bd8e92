#pragma once
// What is converted in a simulation, and what must come of it: the right bytes follow from the input alone.

#include <map>
#include <string>

namespace simulation {

// A document of one of these formats (docx, pdf), the same for the same number. Some numbers are damaged.
std::string document(const std::string& format, int number);
bool is_damaged(const std::string& content);

// What an engine makes of its input: file name in /out -> content.
std::map<std::string, std::string> converted(const std::string& content, const std::string& from,
                                             const std::string& to);
// What a conversion delivers, over all its steps, in the order of the parts.
std::map<std::string, std::string> delivered(const std::string& content, const std::string& from,
                                             const std::string& to);

std::string sha256_of(const std::string& content);

}  // namespace simulation
