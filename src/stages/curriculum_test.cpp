#include "stages/curriculum.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir {
namespace {

Problem sums(int difficulty) {
  Problem problem;
  problem.family = "sums";
  problem.difficulty = difficulty;
  return problem;
}

double accepted(const Curriculum& curriculum, const Problem& problem) {
  int count = 0;
  for (uint64_t i = 0; i < 4000; ++i) {
    Random random(7, i);
    count += curriculum.accepts(problem, random);
  }
  return count / 4000.0;
}

TEST(Curriculum, AsksWhatIsSolvedSometimes) {
  Curriculum curriculum;
  EXPECT_EQ(accepted(curriculum, sums(2)), 1) << "nothing is known yet";
  curriculum.observe(sums(2), 1);
  curriculum.observe(sums(4), 0.5);
  curriculum.observe(sums(5), 0.25);
  curriculum.observe(sums(8), 0);
  // Three standard deviations of 4,000 draws are 0.024.
  EXPECT_NEAR(accepted(curriculum, sums(2)), 0.1, 0.024);
  EXPECT_EQ(accepted(curriculum, sums(4)), 1);
  EXPECT_NEAR(accepted(curriculum, sums(5)), 0.75, 0.024);
  EXPECT_NEAR(accepted(curriculum, sums(8)), 0.1, 0.024);
  EXPECT_EQ(accepted(curriculum, sums(6)), 1);
}

TEST(Curriculum, RemembersRunningMeansExactly) {
  Curriculum curriculum;
  curriculum.observe(sums(2), 0.5);
  for (int i = 0; i < 20; ++i) curriculum.observe(sums(2), 1.0 / 3);
  curriculum.observe(sums(3), 0);
  const Json json = curriculum.json();
  EXPECT_NEAR(*json.find("sums:2")->as_double(), 1.0 / 3 + 1.0 / 6 * std::pow(0.95, 20), 1e-12);
  Result<Json> read = parse_json(json.dump());
  ASSERT_TRUE(read);
  Curriculum again;
  again.observe(sums(9), 1);
  ASSERT_TRUE(again.restore(*read));
  EXPECT_EQ(again.json().dump(), json.dump());
  again.observe(sums(2), 0.7), curriculum.observe(sums(2), 0.7);
  EXPECT_EQ(again.json().dump(), curriculum.json().dump());
}

TEST(Curriculum, DamagedRatesAreNamed) {
  Curriculum curriculum;
  Json json = Json::object();
  json.set("sums:4", "half");
  Result<void> restored = curriculum.restore(json);
  ASSERT_FALSE(restored);
  EXPECT_NE(restored.error().message.find("sums:4"), std::string::npos);
}

}  // namespace
}  // namespace weir
