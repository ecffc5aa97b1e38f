// Any bytes as a GBNF grammar, then bytes to match.
#include "grammar_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  weir::fuzz_form(weir::OutputKind::gbnf, data, size);
  return 0;
}
