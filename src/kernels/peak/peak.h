// The highest rates of multiply-adds that this processor has: loops over registers alone, one for
// each instruction that products use. No kernel is faster, so a share of these is a share of what
// the arithmetic allows. A loop is its instructions, written as such: nothing to optimize away.
#pragma once
#include <cstdint>
#include <vector>

namespace weir {

struct PeakLoop {
  const char* name;      // "avx512_vnni_int8": instruction set and type of the factors
  const char* products;  // the instructions, for people
  // Multiplications and additions of one turn, counted apart: 2 for each product that is summed up.
  double operations;
  void (*run)(int64_t turns);
  bool is_integer;
};

// Those that this processor and system can run, slower sets first. The first call asks the system
// for AMX tiles (arch_prctl ARCH_REQ_XCOMP_PERM); where it refuses, there is no AMX loop.
const std::vector<PeakLoop>& peak_loops();

}  // namespace weir
