// How the numbers of a weight are stored: plain floats, or the quantized blocks of GGUF files, byte
// for byte as there (ggml-common.h of llama.cpp describes the layouts; docs/quantization.md gives
// the formulas). A row is a sequence of whole blocks, so rows can be used where the file has them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weir {

// The values are those of GGUF's tensor infos, except f8_e4m3, which only safetensors files have.
enum class WeightType : uint8_t {
  f32 = 0,
  f16 = 1,
  q4_0 = 2,
  q4_1 = 3,
  q5_0 = 6,
  q5_1 = 7,
  q8_0 = 8,
  q2_k = 10,
  q3_k = 11,
  q4_k = 12,
  q5_k = 13,
  q6_k = 14,
  iq4_nl = 20,
  iq4_xs = 23,
  bf16 = 30,
  // One byte a number; a scale for every 128 x 128 numbers lies elsewhere (DeepSeek-V3's weights).
  f8_e4m3 = 255,
};

struct TypeTraits {
  WeightType type;
  const char* name;  // "q4_k", as users write it
  int block;         // numbers of a block; rows are whole blocks
  int block_bytes;
};

// Null for a value that is none of the above, as a file may have it.
const TypeTraits* find_type(int value);
const TypeTraits* find_type(const char* name);
const TypeTraits& type_traits(WeightType type);
const char* type_name(WeightType type);
// Bytes of `count` numbers, whole blocks.
size_t type_bytes(WeightType type, size_t count);
// Numbers on a side of the squares that share a scale in f8_e4m3.
constexpr int kScaleSquare = 128;

// y[i] = the numbers of one row, `count` of them (whole blocks): the definition of every type's
// meaning; kernels().dequantize gives the same bits. `scales`: of f8_e4m3, one per 128 columns of
// this row, else null.
void dequantize_row(WeightType type, const void* row, const float* scales, float* y, size_t count);

}  // namespace weir
