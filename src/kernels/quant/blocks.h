// How the numbers of a weight are stored: plain floats, or the quantized blocks of GGUF files, byte
// for byte as there (ggml-common.h of llama.cpp describes the layouts; docs/quantization.md gives
// the formulas). A row is a sequence of whole blocks, so rows can be used where the file has them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace weir {

// The values are those of GGUF's tensor infos, except the last two, which only safetensors files
// have.
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
  iq2_xxs = 16,
  iq2_xs = 17,
  iq3_xxs = 18,
  iq1_s = 19,
  iq4_nl = 20,
  iq3_s = 21,
  iq2_s = 22,
  iq4_xs = 23,
  iq1_m = 29,
  bf16 = 30,
  tq1_0 = 34,
  tq2_0 = 35,
  mxfp4 = 39,
  nvfp4 = 40,
  q1_0 = 41,
  q2_0 = 42,
  // One byte a number; a scale for every 32 x 32 numbers lies elsewhere (DeepSeek-V4.1's weights).
  f8_e4m3_32 = 254,
  // The same for every 128 x 128 numbers (DeepSeek-V3's weights).
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
// Whether products in integers exist (integer_gemm.h); others are decoded and multiplied in floats.
bool has_integer_products(WeightType type);
// E4M3 with scales elsewhere; numbers on a side of the squares that share one.
constexpr bool has_scale_squares(WeightType type) {
  return type == WeightType::f8_e4m3 || type == WeightType::f8_e4m3_32;
}
constexpr int kScaleSquare = 128;
constexpr int scale_square(WeightType type) {
  return type == WeightType::f8_e4m3_32 ? 32 : kScaleSquare;
}

// y[i] = the numbers of one row, `count` of them (whole blocks): the definition of every type's
// meaning; kernels().dequantize gives the same bits. `scales`: of E4M3, one per scale_square(type)
// columns of this row, else null.
void dequantize_row(WeightType type, const void* row, const float* scales, float* y, size_t count);

}  // namespace weir
