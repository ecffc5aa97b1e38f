#include "base/arena.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace weir {
namespace {

TEST(Arena, GivesAlignedPiecesThatDoNotOverlap) {
  Arena arena(1 << 20);
  char* before = nullptr;
  size_t before_bytes = 0;
  for (size_t bytes : {1u, 63u, 64u, 65u, 0u, 1000u}) {
    char* piece = static_cast<char*>(arena.take(bytes));
    EXPECT_EQ(reinterpret_cast<uintptr_t>(piece) % 64, 0u);
    if (before) {
      EXPECT_GE(piece, before + before_bytes);
    }
    std::memset(piece, int(bytes), bytes);
    before = piece;
    before_bytes = bytes;
  }
  EXPECT_EQ(arena.size(), size_t(1) << 20);
}

TEST(Arena, RewindsAndRemembersItsPeak) {
  Arena arena(4096);
  float* first = arena.floats(16);
  size_t mark = arena.used();
  EXPECT_EQ(mark, 64u);
  {
    ArenaScope scope(arena);
    arena.array<double>(100);
    EXPECT_EQ(arena.used(), 64u + 800u);
  }
  EXPECT_EQ(arena.used(), mark);
  EXPECT_EQ(arena.peak(), 864u);
  arena.reset_peak();
  EXPECT_EQ(arena.peak(), mark);
  arena.reset();
  EXPECT_EQ(arena.used(), 0u);
  EXPECT_EQ(arena.floats(1), first) << "the same memory again";
}

TEST(Arena, CanBeFilledToTheLastByte) {
  Arena arena(4096);
  arena.take(4000);
  std::memset(arena.take(64), 1, 64);
  EXPECT_EQ(arena.used(), 4096u);
  arena.take(0);
}

// The address space is reserved, memory is not: far more than this machine has.
TEST(Arena, AGenerousSizeCostsNothing) {
  Arena arena(size_t(1) << 40);
  char* far = static_cast<char*>(arena.take((size_t(1) << 40) - 64));
  far[0] = far[size_t(1) << 39] = 1;
  EXPECT_EQ(far[0] + far[size_t(1) << 39], 2);
}

TEST(ArenaDeathTest, TheEndStopsTheProgram) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Arena arena(4096);
  EXPECT_DEATH(arena.take(4097), "CHECK failed.*4097 and 4096");
  EXPECT_DEATH(arena.rewind(1), "CHECK failed");
}

TEST(Arena, ThatMeasuresTakesWhatAnotherWouldAndIsNotWritten) {
  Arena arena(size_t(1) << 20), measuring{Arena::Measuring{}};
  auto take = [](Arena& from) {
    from.floats(100);
    ArenaScope scope(from);
    from.array<uint8_t>(70);
    return from.array<int>(3);
  };
  take(arena);
  const int* zeros = take(measuring);
  EXPECT_EQ(zeros[2], 0);
  EXPECT_EQ(measuring.used(), arena.used());
  EXPECT_EQ(measuring.peak(), arena.peak());
  EXPECT_DEATH(*const_cast<volatile int*>(zeros) = 1, "");
  measuring.take(size_t(200) << 30);
}

// As `ulimit -v` does, 20 GiB beyond what the process has mapped. Does not return.
[[noreturn]] void measure_under_a_limit() {
  size_t pages = 0;
  FILE* statistics = fopen("/proc/self/statm", "r");
  const bool is_known = statistics && fscanf(statistics, "%zu", &pages) == 1;
  const size_t bytes = pages * size_t(sysconf(_SC_PAGESIZE)) + (size_t(20) << 30);
  const rlimit limit{bytes, bytes};
  if (!is_known || setrlimit(RLIMIT_AS, &limit) != 0) _exit(1);
  Arena measuring{Arena::Measuring{}};
  _exit(measuring.size() == size_t(16) << 30 && measuring.take(1 << 20) ? 0 : 2);
}

TEST(Arena, ThatMeasuresIsSmallerUnderALimitOfTheAddressSpace) {
  EXPECT_EXIT(measure_under_a_limit(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir
