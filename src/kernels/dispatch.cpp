// Chooses the kernel table: asks the CPU what it has and the environment what is wanted.
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kernels/kernels.h"
#include "kernels/tables.h"

namespace weir {
namespace {

bool cpu_has_avx2() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, features = 0, d = 0;  // clang 14 does not know "f16c" by name
  __get_cpuid(1, &a, &b, &features, &d);
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && (features & bit_F16C);
#else
  return false;
#endif
}

bool cpu_has_avx512() {
#if defined(__x86_64__)
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

const Kernels& choose() {
  const Kernels* tables[] = {avx512_kernels(), avx2_kernels(), scalar_kernels()};
  if (const char* wanted = std::getenv("WEIR_KERNELS")) {
    for (const Kernels* table : tables)
      if (table && std::strcmp(table->name, wanted) == 0) return *table;
    std::fprintf(stderr, "WEIR_KERNELS: '%s' is not available here; use scalar, avx2 or avx512\n",
                 wanted);
  }
  for (const Kernels* table : tables)
    if (table) return *table;
  return *scalar_kernels();
}

}  // namespace

const Kernels* scalar_kernels() { return &kScalarTable; }
const Kernels* avx2_kernels() { return cpu_has_avx2() ? kAvx2Table : nullptr; }
const Kernels* avx512_kernels() { return cpu_has_avx512() ? kAvx512Table : nullptr; }

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace weir
