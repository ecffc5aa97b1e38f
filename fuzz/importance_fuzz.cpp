// Any bytes as an importance file of llama-imatrix's older form: an error, or mean squares that are
// numbers. (The newer form is GGUF: gguf_fuzz.)
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "convert/importance.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto file = weir::ImportanceFile::parse(std::as_bytes(std::span(data, size)));
  if (!file) return 0;
  for (const char* name : {"a", "", "blk.0.attn_q.weight"})
    for (float mean : file->find(name, 2))
      if (!(mean >= 0)) std::abort();
  return 0;
}
