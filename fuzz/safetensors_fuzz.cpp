// Any bytes as a safetensors file: an error or a header whose every tensor lies inside the file.
#include <cstdlib>

#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::map<std::string, std::string> metadata;
  auto parsed =
      weir::SafetensorsFile::parse_header(std::as_bytes(std::span(data, size)), size, &metadata);
  if (!parsed) return 0;
  uint64_t covered = 0;
  for (const weir::TensorInfo& tensor : *parsed) {
    uint64_t bytes = tensor.elements() * uint64_t(weir::dtype_bits(tensor.dtype)) / 8;
    if (tensor.begin != covered || tensor.end - tensor.begin != bytes) std::abort();
    covered = tensor.end;
  }
  if (covered > size) std::abort();
  return 0;
}
