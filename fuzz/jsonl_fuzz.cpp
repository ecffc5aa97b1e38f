// Any bytes as JSON lines: documents of valid UTF-8 without NUL, the same ones however the bytes
// are cut into parts.
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "corpus/jsonl.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const weir::JsonlPart whole = weir::parse_jsonl(bytes, "text");
  if (whole.bad + whole.documents.size() > whole.rows || whole.rows > whole.lines) std::abort();
  if ((whole.bad > 0) != (whole.first_bad_line > 0)) std::abort();
  for (const weir::JsonlDocument& document : whole.documents) {
    if (weir::first_invalid_utf8(document.text) != std::string::npos) std::abort();
    if (document.text.find('\0') != std::string::npos) std::abort();
    if (weir::is_blank_text(document.text)) std::abort();
    if (document.line == 0 || document.line > whole.lines) std::abort();
  }
  size_t documents = 0, lines = 0;
  for (std::string_view part : weir::split_lines(bytes, 16)) {
    const weir::JsonlPart cut = weir::parse_jsonl(part, "text");
    for (const weir::JsonlDocument& document : cut.documents) {
      if (documents == whole.documents.size()) std::abort();
      const weir::JsonlDocument& expected = whole.documents[documents++];
      if (document.text != expected.text || lines + document.line != expected.line) std::abort();
    }
    lines += cut.lines;
  }
  if (documents != whole.documents.size()) std::abort();
  if (lines != whole.lines) std::abort();
  return 0;
}
