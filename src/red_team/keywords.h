// A plain list of frightening words, as many a filter has: what the guard is compared with, never a
// part of it.
#pragma once
#include <string_view>

namespace weir {

// Whether one of the words is in the text, ASCII letters in either case.
bool has_keyword(std::string_view text);

}  // namespace weir
