// Any bytes as a GGUF file: an error or a header whose every tensor lies inside the file; and its
// tokenizer: an error, or one that keeps control tokens out of a text, gives the text back, and is
// the same after it was written.
#include <cstdlib>

#include "formats/gguf.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace {

void check_tensors(const weir::GgufFile::Header& header, uint64_t size) {
  uint64_t covered = 0;
  for (const weir::GgufTensor& tensor : header.tensors) {
    uint64_t elements = 1;
    for (uint64_t dimension : tensor.shape) elements *= dimension;
    if (tensor.offset < covered || weir::type_bytes(tensor.type, elements) != tensor.bytes)
      std::abort();
    covered = tensor.offset + tensor.bytes;
  }
  if (!header.tensors.empty() && header.data_begin + covered > size) std::abort();
}

void check_tokenizer(const weir::GgufMetadata& metadata) {
  constexpr std::string_view kText = "Hello, hell 123 <think><|x|>\n\n  \u00FC\u6CB3\xFF e\u0301";
  auto tokenizer = weir::read_gguf_tokenizer(metadata);
  if (!tokenizer) return;
  if (auto ids = tokenizer->encode(kText)) {
    for (int id : *ids)
      if (!tokenizer->has(id) || tokenizer->is_special(id)) std::abort();
    auto bytes = tokenizer->decode_bytes(*ids);
    if (!bytes || (!tokenizer->nfc() && *bytes != kText)) std::abort();
  }
  weir::GgufMetadata written;
  if (!weir::write_gguf_tokenizer(*tokenizer, "", written, tokenizer->size() + 1)) return;
  auto again = weir::read_gguf_tokenizer(written);
  if (!again || weir::tokenizer_json(*again) != weir::tokenizer_json(*tokenizer)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto parsed = weir::GgufFile::parse_header(std::as_bytes(std::span(data, size)), size);
  if (!parsed) return 0;
  check_tensors(*parsed, size);
  check_tokenizer(parsed->metadata);
  return 0;
}
