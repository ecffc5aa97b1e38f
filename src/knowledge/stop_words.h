// Words that say nothing about what a question is about.
#pragma once
#include <cstddef>
#include <string_view>

namespace weir {

bool is_stop_word(std::string_view stem);  // English, as stem_english() leaves it
// The bytes of the Chinese or Japanese stop phrase that the text begins with; 0: it begins with
// none.
size_t unspaced_stop_at(std::string_view text);

}  // namespace weir
