#!/bin/bash
# SIMDe 0.7.4-rc2 (Debian 12's libsimde-dev): kernels written for AVX-512 and run in software.
# Guess: with SIMDE_ENABLE_NATIVE_ALIASES an AVX-512F or BW intrinsic keeps its name and its arguments, so integer kernels
# compile unchanged for a processor with AVX2.
# Seen: _mm512_madd_epi16(a, b), the product of every int8 and int16 kernel, is a macro of four arguments (those of its
# masked form), so two are a compile error, while the function simde_mm512_madd_epi16(a, b) is right. Conversions and
# shifts of AVX-512F are missing altogether, VNNI's dpbusd and dpwssd are there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download libsimde-dev=0.7.4~rc2-2 >apt.log 2>&1 || { cat apt.log >&2; exit 1; }
dpkg -x libsimde-dev_*.deb .
echo "SIMDe 0.7.4-rc2, $(g++ --version | head -n 1)"

# compiles WHAT EXPRESSION: of integers a, b, c in 512 bits and floats f.
compiles() {
  cat >one.cpp <<CPP
#include <immintrin.h>
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>
auto result(__m512i a, __m512i b, __m512i c, __m512 f, __m256i h) { return $1; }
CPP
  g++ -std=c++17 -O1 -mavx2 -mfma -mf16c -w -Iusr/include -c one.cpp -o one.o 2>errors.log
}
failed=0
expect() {
  local seen=no
  compiles "$2" && seen=yes
  printf '%-46s compiles: %s\n' "$2" "$seen"
  [[ $seen == "$1" ]] || failed=1
}
expect no '_mm512_madd_epi16(a, b)'
expect yes 'simde_mm512_madd_epi16(a, b)'
expect yes '_mm512_dpwssd_epi32(a, b, c)'
expect yes '_mm512_dpbusd_epi32(a, b, c)'
expect yes '_mm512_maddubs_epi16(a, b)'
expect no '_mm512_cvtepi32_ps(a)'
expect no '_mm512_cvtph_ps(h)'
expect no '_mm512_cvtepu16_epi32(h)'
expect no '_mm512_srai_epi32(a, 7)'
expect no '_mm512_permute_ps(f, 0xb1)'
exit $failed
