// Any bytes as a mail: an error, or a document of clean text.
#include <cstdint>

#include "documents/readers.h"
#include "fuzz/document_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::DocumentBuilder document("a.eml");
  const std::string_view mail(reinterpret_cast<const char*>(data), size);
  if (weir::add_mail(mail, {}, document)) check_document(document.finish());
  return 0;
}
