// Any bytes as a JSON Schema, then bytes to match.
#include "grammar_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::fuzz_form(weir::OutputKind::json_schema, data, size);
  return 0;
}
