// Chooses the kernel table: asks the CPU what it has and the environment what is wanted.
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "kernels/kernels.h"
#include "kernels/tables.h"

namespace weir {
namespace {

#if defined(__x86_64__)

struct CpuidLeaf {
  unsigned a = 0, b = 0, c = 0, d = 0;
};
// Zeros where the CPU has no such leaf.
CpuidLeaf cpuid(unsigned leaf, unsigned part = 0) {
  CpuidLeaf at;
  if (part > 0 && cpuid(leaf).a < part) return {};
  return __get_cpuid_count(leaf, part, &at.a, &at.b, &at.c, &at.d) ? at : CpuidLeaf{};
}
bool bit(unsigned word, int i) { return word >> i & 1; }

// Clang 14 does not know "f16c", nor the sets below, by name.
bool cpu_has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && bit(cpuid(1).c, 29);
}
bool cpu_has_avxvnni() { return cpu_has_avx2() && bit(cpuid(7, 1).a, 4); }
bool cpu_has_avx512() {
  return cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
bool cpu_has_avx512vnni() { return cpu_has_avx512() && bit(cpuid(7).c, 11); }

// The kernel saves the tiles of no process that did not ask for it; it grants this to all threads,
// and refuses when it, or the sandbox, does not know the request.
bool may_use_tiles() {
#if defined(__linux__) && defined(SYS_arch_prctl)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_...
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}
bool cpu_has_amx() {
  const unsigned features = cpuid(7).d;
  if (!cpu_has_avx512vnni() || !bit(features, 24) || !bit(features, 25)) return false;
  if (!bit(cpuid(1).c, 27)) return false;  // OSXSAVE: XGETBV exists
  unsigned saved = 0, high = 0;
  asm("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  return bit(saved, 17) && bit(saved, 18) && may_use_tiles();
}

#else

bool cpu_has_avx2() { return false; }
bool cpu_has_avxvnni() { return false; }
bool cpu_has_avx512() { return false; }
bool cpu_has_avx512vnni() { return false; }
bool cpu_has_amx() { return false; }

#endif

std::optional<Kernels> extended(const Kernels* base, const IntegerProducts* products,
                                bool (*cpu_has)()) {
  if (!base || !products || !cpu_has()) return std::nullopt;
  return with_products(*base, *products);
}
const Kernels* pointer(const std::optional<Kernels>& table) { return table ? &*table : nullptr; }

const Kernels& choose() {
  const Kernels* tables[] = {amx_kernels(),     avx512vnni_kernels(), avx512_kernels(),
                             avxvnni_kernels(), avx2_kernels(),       scalar_kernels()};
  if (const char* wanted = std::getenv("WEIR_KERNELS")) {
    for (const Kernels* table : tables)
      if (table && std::strcmp(table->name, wanted) == 0) return *table;
    std::fprintf(stderr,
                 "WEIR_KERNELS: '%s' is not available here; of scalar, avx2, avxvnni, avx512, "
                 "avx512vnni and amx, this machine has:",
                 wanted);
    for (const Kernels* table : tables)
      if (table) std::fprintf(stderr, " %s", table->name);
    std::fprintf(stderr, "\n");
  }
  for (const Kernels* table : tables)
    if (table) return *table;
  return *scalar_kernels();
}

}  // namespace

Kernels with_products(const Kernels& base, const IntegerProducts& products) {
  Kernels table = base;
  table.name = products.name;
  table.integer_gemm = products.integer_gemm;
  table.repack_panel = products.repack_panel;
  if (products.word_product) table.word_product = products.word_product;
  return table;
}

const Kernels* scalar_kernels() { return &kScalarTable; }
const Kernels* avx2_kernels() { return cpu_has_avx2() ? kAvx2Table : nullptr; }
const Kernels* avx512_kernels() { return cpu_has_avx512() ? kAvx512Table : nullptr; }
const Kernels* avxvnni_kernels() {
  static const std::optional<Kernels> table =
      extended(kAvx2Table, kAvxVnniProducts, cpu_has_avxvnni);
  return pointer(table);
}
const Kernels* avx512vnni_kernels() {
  static const std::optional<Kernels> table =
      extended(kAvx512Table, kAvx512VnniProducts, cpu_has_avx512vnni);
  return pointer(table);
}
const Kernels* amx_kernels() {
  static const std::optional<Kernels> table = extended(kAvx512Table, kAmxProducts, cpu_has_amx);
  return pointer(table);
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace weir
