#include "base/processor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <string>

namespace weir {
namespace {

// Ticks of a core after user, nice, system, idle, iowait, irq, softirq, steal; then guests.
constexpr char kThen[] =
    "cpu  300 0 0 300 0 0 0 0 0 0\n"
    "cpu0 100 0 0 100 0 0 0 0 0 0\n"
    "cpu1 100 0 0 100 0 0 0 0 0 0\n"
    "cpu2 100 0 0 100 0 0 0 0 0 0\n"
    "intr 1 2 3\nctxt 5\n";
constexpr char kNow[] =
    "cpu  9999 9999 9999 9999 0 0 0 0 0 0\n"
    "cpu0 140 10 20 110 10 5 5 10 30 0\n"
    "cpu1 150 0 0 150 0 0 0 0 0 0\n"
    "cpu2 900 0 0 900 0 0 0 0 0 0\n"
    "cpu3\ncpux 1 2\n";

bool all_cores(int) { return true; }
bool first_two(int core) { return core < 2; }

TEST(Processor, SumsTheCoresThatCountWithoutIdleAndWaiting) {
  const double tick = 1 / double(sysconf(_SC_CLK_TCK));
  const CoreTimes then = parse_core_times(kThen, all_cores);
  EXPECT_NEAR(then.busy, 300 * tick, 1e-9);
  EXPECT_NEAR(then.all, 600 * tick, 1e-9);
  const CoreTimes now = parse_core_times(kNow, first_two);
  EXPECT_NEAR(now.busy, (140 + 10 + 20 + 5 + 5 + 10 + 150) * tick, 1e-9);
  EXPECT_NEAR(now.all, (140 + 10 + 20 + 110 + 10 + 5 + 5 + 10 + 300) * tick, 1e-9);
}

TEST(Processor, WhatIsBusyAndNotOurOwnIsOfOthers) {
  EXPECT_NEAR(others_share({10, 20, 1}, {18, 30, 3}), 0.6, 1e-12);
  EXPECT_EQ(others_share({10, 20, 1}, {11, 30, 3}), 0) << "clocks differ a little";
  EXPECT_LT(others_share({10, 20, 1}, {10, 20, 1}), 0) << "no time between";
  EXPECT_LT(others_share({}, {0, 0, 5}), 0) << "a system that does not say";
}

TEST(Processor, N1OtherProgramsAreNamedWhenTheyTakeMuch) {
  EXPECT_EQ(others_words(0.8), "other programs take 80 % of the cores");
  EXPECT_EQ(others_words(0.2), "");
  EXPECT_EQ(others_words(-1), "");
}

TEST(Processor, ThisMachineCountsOurOwnWork) {
  const CoreTimes then = read_core_times();
  const std::clock_t began = std::clock();  // of this process: a busy machine only takes longer
  volatile double sum = 0;
  while (std::clock() - began < CLOCKS_PER_SEC / 20) sum = sum + 1;
  const CoreTimes now = read_core_times();
  EXPECT_GT(now.own, then.own);
  EXPECT_GE(now.all, then.all);
  EXPECT_GE(now.busy, then.busy);
}

}  // namespace
}  // namespace weir
