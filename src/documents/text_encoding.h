// Bytes of unknown encoding as UTF-8: byte order marks, what the file declares, what its bytes look
// like.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

struct DecodedText {
  std::string text;      // valid UTF-8, without byte order mark, line ends as \n
  std::string encoding;  // "UTF-8", "GB18030", "WINDOWS-1252" ...
  size_t replaced = 0;   // bytes that were no character of it, now U+FFFD
};

// `declared`: the encoding that the file or mail states; "" for none. It is believed unless the
// bytes contradict it: valid UTF-8 beyond ASCII is UTF-8 whatever is declared. Error: no text (NUL
// bytes that no UTF-16 or UTF-32 explains), or more than 1 % of the bytes fit no encoding.
Result<DecodedText> decode_text(std::string_view bytes, std::string_view declared = "");

// Of the first MiB: the encoding that decode_text would take; "" if the bytes are no text.
std::string detect_encoding(std::string_view bytes, std::string_view declared = "");

// `bytes` from `encoding`, which iconv knows. Bytes that are no character of it become U+FFFD and
// are counted in `replaced`. Error: unknown encoding.
Result<std::string> convert_to_utf8(std::string_view bytes, const std::string& encoding,
                                    size_t& replaced);

// The encoding an HTML or XML file declares in its first KiB: <meta charset=...>, <?xml
// encoding="...">; "" if none.
std::string declared_encoding(std::string_view markup);

}  // namespace weir
