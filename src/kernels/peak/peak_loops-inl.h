// The loops that AVX2 and AVX-512 have alike. Written over Floats and Integers, the registers of a
// file, and fill_floats() and fill_words(), which fill them.
#pragma once
#include <cstdint>

#include "kernels/peak/peak_sums-inl.h"

namespace weir {
namespace {

void fma(int64_t turns) {
  const Floats a = fill_floats(1.f), b = fill_floats(0.5f);
  WEIR_SUMS(Floats{});
#define WEIR_STEP(s) asm volatile("vfmadd231ps %2, %1, %0" : "+v"(s) : "v"(a), "v"(b))
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kFma = 12 * sizeof(Floats) / sizeof(float) * 2;

// 16-bit factors: pairs of products are summed, and the sums added.
void madd(int64_t turns) {
  const Integers a = fill_words(3), b = fill_words(5);
  WEIR_SUMS(Integers{});
#define WEIR_STEP(s)            \
  asm volatile(                 \
      "vpmaddwd %3, %2, %1\n\t" \
      "vpaddd %1, %0, %0"       \
      : "+v"(s), "=&v"(pairs)   \
      : "v"(a), "v"(b))
  Integers pairs{};
  for (int64_t i = 0; i < turns; ++i) {
    WEIR_TWELVE(WEIR_STEP);
  }
#undef WEIR_STEP
}
constexpr double kMadd = 12 * sizeof(Integers) / sizeof(int16_t) * 2;

}  // namespace
}  // namespace weir
