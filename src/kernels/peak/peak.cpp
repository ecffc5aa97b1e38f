#include "kernels/peak/peak.h"

#include "kernels/peak/peak_entries.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace weir {
namespace {

struct Features {
  bool avx2 = false, avx_vnni = false, avx512 = false, avx512_vnni = false, amx_int8 = false,
       amx_bf16 = false;
};

#if defined(__x86_64__)
// Whether the system saves the tiles of this process's threads. Linux wants to be asked
// (Documentation/arch/x86/xstate.rst): they are 8 KiB of each thread's state.
bool has_tiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

Features find_features() {
  Features f;
  f.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  f.avx512 = f.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
  f.avx512_vnni = f.avx512 && __builtin_cpu_supports("avx512vnni");
  unsigned a = 0, b = 0, c = 0, d = 0;
  // Intel's manual, CPUID leaf 7: subleaf 1, EAX bit 4; subleaf 0, EDX bits 22, 24 and 25.
  f.avx_vnni = f.avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1);
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 24 & 1) || !has_tiles()) return f;
  f.amx_int8 = d >> 25 & 1;
  f.amx_bf16 = d >> 22 & 1;
  return f;
}
#else
Features find_features() { return {}; }
#endif

std::vector<PeakLoop> find_loops() {
  const Features f = find_features();
  std::vector<PeakLoop> loops;
  auto add = [&](bool is_there, const PeakEntry& entry, const char* name, const char* products,
                 bool is_integer) {
    if (is_there && entry.run)
      loops.push_back({name, products, entry.operations, entry.run, is_integer});
  };
  add(f.avx2, kFmaAvx2, "avx2_f32", "vfmadd231ps, 256 bits", false);
  add(f.avx512, kFmaAvx512, "avx512_f32", "vfmadd231ps, 512 bits", false);
  add(f.amx_bf16, kAmxBf16, "amx_bf16", "tdpbf16ps", false);
  add(f.avx2, kMaddAvx2, "avx2_int16", "vpmaddwd vpaddd, 256 bits", true);
  add(f.avx2, kMaddubsAvx2, "avx2_int8", "vpmaddubsw vpmaddwd vpaddd, 256 bits", true);
  add(f.avx_vnni, kVnniAvx, "avx_vnni_int8", "vpdpbusd, 256 bits", true);
  add(f.avx512, kMaddAvx512, "avx512_int16", "vpmaddwd vpaddd, 512 bits", true);
  add(f.avx512_vnni, kVnniAvx512, "avx512_vnni_int8", "vpdpbusd, 512 bits", true);
  add(f.amx_int8, kAmxInt8, "amx_int8", "tdpbusd", true);
  return loops;
}

}  // namespace

const std::vector<PeakLoop>& peak_loops() {
  static const std::vector<PeakLoop> loops = find_loops();
  return loops;
}

}  // namespace weir
