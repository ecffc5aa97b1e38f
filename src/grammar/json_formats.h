// JSON Schema's `format` names as regular expressions over the characters of the string.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace weir {

// nullptr: not known. RFC 3339 dates know the length of months and leap years; leap seconds are
// left out. email and uri have the common ASCII forms, a subset of their RFCs.
const char* format_pattern(std::string_view name);
// Names that say how a program should show or store a value and constrain nothing here.
bool is_ignored_format(std::string_view name);
std::vector<std::string> format_names();

}  // namespace weir
