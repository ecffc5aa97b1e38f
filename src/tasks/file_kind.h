// What a file is that holds no rows of JSON, and how to make rows of it.
#pragma once
#include <string>
#include <string_view>

namespace weir {

// "a Parquet file; ..." with a command that converts it, by the first bytes; "" when nothing is
// known against it.
std::string other_file_kind(std::string_view bytes, const std::string& path);

// What to do about a line that is no JSON object, as the end of a sentence ("; ..."), or "".
// `error`: what the parser said. `is_last`: no line follows.
std::string bad_line_hint(std::string_view line, const std::string& error, bool is_first,
                          bool is_last);

}  // namespace weir
