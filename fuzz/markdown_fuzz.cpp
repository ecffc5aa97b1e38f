// Any text as Markdown and as plain text: an error, or a document of clean text.
#include <cstdint>

#include "documents/markdown.h"
#include "documents/text_encoding.h"
#include "fuzz/document_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto decoded = weir::decode_text({reinterpret_cast<const char*>(data), size});
  if (!decoded) return 0;
  if (weir::first_invalid_utf8(decoded->text) != std::string::npos) std::abort();
  weir::DocumentBuilder document("a.md");
  if (weir::add_markdown(decoded->text, document)) check_document(document.finish());
  weir::DocumentBuilder plain("a.txt");
  weir::add_plain_text(decoded->text, plain);
  check_document(plain.finish());
  return 0;
}
