#include "base/div_up.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace weir {
namespace {

TEST(DivUp, RoundsUpAndKeepsWholeResults) {
  static_assert(div_up(0, 32) == 0 && div_up(1, 32) == 1 && div_up(32, 32) == 1);
  EXPECT_EQ(div_up(33, 32), 2);
  EXPECT_EQ(div_up(uint64_t(1) << 40, 32), uint64_t(1) << 35) << "the wider type";
  EXPECT_EQ(round_up(0, 16), 0);
  EXPECT_EQ(round_up(33, 16), 48);
  EXPECT_EQ(round_up(size_t(48), 16), size_t(48));
}

}  // namespace
}  // namespace weir
