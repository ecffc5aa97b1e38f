// What the verifiers of text share: one spelling for the many a model may use, and the parts of a
// reply that are marked as its answer.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/ascii.h"

namespace weir {

// Full-width forms, typographic dashes, quotes, spaces and operators as ASCII; currency signs as
// '$'; vulgar fractions as "1/2", behind a digit as " 1/2". The full-width comma stays: it parts
// clauses and never thousands. Other characters and bytes that are no UTF-8 stay as they are.
std::string plain_text(std::string_view text);

// The end of a text that is longer than `bytes_max`, from its first blank, so that no number or
// word is cut; empty without one.
std::string_view last_part(std::string_view text, size_t bytes_max);

// What the last \boxed{...} holds, braces balanced; nothing without one that is closed.
std::optional<std::string_view> last_boxed(std::string_view text);

inline bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace weir
