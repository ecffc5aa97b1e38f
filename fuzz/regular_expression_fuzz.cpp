// Any bytes as a regular expression, then bytes to match.
#include "grammar_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::fuzz_form(weir::OutputKind::regular_expression, data, size);
  return 0;
}
