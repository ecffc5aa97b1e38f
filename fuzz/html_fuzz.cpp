// Any bytes as HTML: an error, or text that is valid UTF-8 with no trailing blanks, no control
// characters and at most one empty line between blocks outside of code.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "documents/html_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view html(reinterpret_cast<const char*>(data), size);
  if (weir::first_invalid_utf8(html) != std::string::npos) return 0;  // refused before
  auto text = weir::html_to_text(html);
  if (!text) return 0;
  if (weir::first_invalid_utf8(*text) != std::string::npos) std::abort();
  if (text->find(" \n") != std::string::npos || text->find("\t\n") != std::string::npos)
    std::abort();
  if (text->starts_with("\n") || (!text->empty() && !text->ends_with("\n"))) std::abort();
  for (unsigned char c : *text)
    if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) std::abort();
  const bool has_code =
      html.find("<") != std::string_view::npos &&
      (html.find("pre") != std::string_view::npos || html.find("PRE") != std::string_view::npos ||
       html.find("isting") != std::string_view::npos);
  if (!has_code && text->find("\n\n\n") != std::string::npos) std::abort();
  return 0;
}
