#include "base/clock.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace weir {
namespace {

TEST(Clock, RunsForward) {
  int64_t a = monotonic_ns();
  usleep(2000);
  EXPECT_GE(monotonic_ns() - a, 2'000'000);
}

}  // namespace
}  // namespace weir
