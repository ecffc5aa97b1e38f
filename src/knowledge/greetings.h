// Whether somebody only says hello, thanks or goodbye, in English or Chinese: no question for
// documents, though these may have the word.
#pragma once
#include <string_view>

namespace weir {

bool is_greeting(std::string_view text);

}  // namespace weir
