// Compiled with -O3, so that the loop is vectorized for each set of instructions. Sums of integers
// are the same in every order.
#include "knowledge/byte_product.h"

namespace weir {
namespace {

using Product = int32_t (*)(const int8_t* a, const int8_t* b, size_t size);

[[gnu::always_inline]] inline int32_t product(const int8_t* a, const int8_t* b, size_t size) {
  int32_t sum = 0;
  for (size_t i = 0; i < size; ++i) sum += int32_t(a[i]) * int32_t(b[i]);
  return sum;
}

int32_t product_plain(const int8_t* a, const int8_t* b, size_t size) { return product(a, b, size); }

#ifdef __x86_64__
[[gnu::target("avx2")]] int32_t product_avx2(const int8_t* a, const int8_t* b, size_t size) {
  return product(a, b, size);
}
[[gnu::target("avx512f,avx512bw")]] int32_t product_avx512(const int8_t* a, const int8_t* b,
                                                           size_t size) {
  return product(a, b, size);
}

Product choose() {
  if (__builtin_cpu_supports("avx512bw")) return product_avx512;
  if (__builtin_cpu_supports("avx2")) return product_avx2;
  return product_plain;
}
#else
Product choose() { return product_plain; }
#endif

}  // namespace

int32_t byte_product(const int8_t* a, const int8_t* b, size_t size) {
  static const Product chosen = choose();
  return chosen(a, b, size);
}

}  // namespace weir
