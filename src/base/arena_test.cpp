#include "base/arena.h"

#include <gtest/gtest.h>

#include <cstdint>
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

}  // namespace
}  // namespace weir
