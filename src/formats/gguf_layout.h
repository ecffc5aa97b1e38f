// What the reader and the writer of GGUF share: the numbers of the format, the limits, and the size
// of a tensor. The format is described in llama.cpp's gguf.h; docs/gguf.md says what we accept.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "formats/gguf.h"
#include "kernels/quant/blocks.h"

namespace weir {

constexpr uint32_t kGgufVersion = 3;
constexpr uint64_t kGgufKeysMax = 65'536;
constexpr uint64_t kGgufKeyBytesMax = 65'535;
constexpr uint64_t kGgufTextMax = uint64_t(64) << 20;
constexpr uint64_t kGgufArrayMax = uint64_t(1) << 24;
constexpr uint64_t kGgufTensorsMax = 1'000'000;
constexpr uint64_t kGgufNameMax = 1024;  // bytes; llama.cpp reads at most 63
constexpr size_t kGgufRankMax = 4;
constexpr uint64_t kGgufPartsMax = 10'000;
constexpr uint64_t kGgufAlignment = 32;  // where general.alignment is absent
constexpr uint64_t kGgufAlignmentMax = uint64_t(1) << 24;

// Types of values beside those of GgufMetadata::Width.
constexpr uint32_t kGgufBool = 7, kGgufText = 8, kGgufArray = 9;

// general.alignment: a power of two, and at least 8 as the format asks for.
Result<uint64_t> gguf_alignment(const GgufMetadata& metadata);

// Bytes of a tensor of this shape (row-major): every dimension at least 1, rows of whole blocks,
// no overflow. Errors do not name the tensor.
Result<uint64_t> gguf_tensor_bytes(WeightType type, const std::vector<uint64_t>& shape);

// PREFIX-00002-of-00003.gguf for number 1 of 3.
std::string gguf_part_suffix(uint64_t number, uint64_t count);

}  // namespace weir
