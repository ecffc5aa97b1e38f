// Angles made on demand are those of the whole table, whoever asks and in whatever order.
#include "model/rope_angles.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

namespace weir {
namespace {

constexpr int kWidth = 24, kPositions = 1000;

RopeConfig yarn() {
  RopeConfig rope;
  rope.scaling = RopeScaling::yarn;
  rope.factor = 4;
  rope.original_positions = 250;
  return rope;
}

void expect_ready(const RopeAngles& angles, int count) {
  std::vector<float> cos(kPositions * kWidth / 2), sin(cos.size());
  fill_rope_table(yarn(), kWidth, kPositions, cos.data(), sin.data());
  const size_t bytes = sizeof(float) * size_t(count) * kWidth / 2;
  EXPECT_EQ(std::memcmp(angles.cos(), cos.data(), bytes), 0) << count;
  EXPECT_EQ(std::memcmp(angles.sin(), sin.data(), bytes), 0) << count;
}

TEST(RopeAngles, AreThoseOfTheWholeTable) {
  RopeAngles angles(yarn(), kWidth, kPositions);
  for (int count : {1, 256, 257, 40, 700, 999, kPositions}) {
    angles.require(count);
    expect_ready(angles, count);
  }
}

TEST(RopeAngles, AreNotMadeBeforeTheyAreAskedFor) {
  RopeAngles angles(yarn(), kWidth, kPositions);
  angles.require(10);
  EXPECT_EQ(angles.cos()[size_t(600) * kWidth / 2 + kWidth / 2 - 1], 0);
  angles.require(601);
  EXPECT_NE(angles.cos()[size_t(600) * kWidth / 2 + kWidth / 2 - 1], 0);
}

TEST(RopeAngles, MayBeAskedForByManyThreads) {
  RopeAngles angles(yarn(), kWidth, kPositions);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&angles, t] {
      for (int count = 1 + t; count <= kPositions; count += 37) angles.require(count);
      angles.require(kPositions);
    });
  for (std::thread& thread : threads) thread.join();
  expect_ready(angles, kPositions);
}

}  // namespace
}  // namespace weir
