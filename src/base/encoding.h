// Names the encoding of text that is not UTF-8, for messages.
#pragma once
#include <string>
#include <string_view>

namespace weir {

// "UTF-16LE; convert it to UTF-8: iconv -f UTF-16LE ..." for text of which more is broken UTF-8
// than valid characters beyond ASCII; "" for UTF-8, also with a few damaged bytes, and for bytes
// that are no text. Looks at the first MiB. `path` is for the command in the remedy.
std::string foreign_encoding(std::string_view bytes, const std::string& path);

}  // namespace weir
