#include "kernels/peak/peak.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

namespace weir {
namespace {

// Twelve instructions a turn, each with its products of a register, each product two operations;
// AMX: four products of 16 x 16 sums over 64 bytes.
TEST(PeakLoops, CountTheOperationsOfTheirInstructions) {
  const std::map<std::string, double> operations = {
      {"avx2_f32", 12 * 8 * 2},          {"avx512_f32", 12 * 16 * 2},
      {"avx2_int16", 12 * 16 * 2},       {"avx512_int16", 12 * 32 * 2},
      {"avx2_int8", 12 * 32 * 2},        {"avx_vnni_int8", 12 * 32 * 2},
      {"avx512_vnni_int8", 12 * 64 * 2}, {"amx_int8", 4 * 16 * 16 * 64 * 2},
      {"amx_bf16", 4 * 16 * 16 * 32 * 2}};
  std::set<std::string> seen;
  for (const PeakLoop& loop : peak_loops()) {
    ASSERT_TRUE(operations.contains(loop.name)) << loop.name;
    EXPECT_EQ(loop.operations, operations.at(loop.name)) << loop.name;
    EXPECT_EQ(loop.is_integer, std::string(loop.name).find("int") != std::string::npos);
    EXPECT_TRUE(seen.insert(loop.name).second) << loop.name;
    loop.run(0);
    loop.run(1000);  // the processor and the system have what they claim
  }
#if defined(__x86_64__)
  EXPECT_EQ(seen.contains("avx2_int8"), bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(seen.contains("avx512_f32"), bool(__builtin_cpu_supports("avx512bw")));
#endif
}

}  // namespace
}  // namespace weir
