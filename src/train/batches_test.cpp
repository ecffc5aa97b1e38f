#include "train/batches.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TrainingSequence of_rows(int rows) {
  TrainingSequence sequence;
  for (int i = 0; i <= rows; ++i) sequence.tokens.push_back(100 * rows + i);
  sequence.trained.assign(size_t(rows) + 1, 1);
  return sequence;
}

TEST(AppendSequence, TargetsAreTheNextTokensThatTheModelProduces) {
  TrainingBatch batch;
  append_sequence({{5, 6, 7, 8}, {1, 0, 1, 1}}, 0, batch);
  append_sequence({{9, 5}, {0, 1}}, 0, batch);
  EXPECT_EQ(batch.tokens, (std::vector<int>{5, 6, 7, 9}));
  EXPECT_EQ(batch.targets, (std::vector<int>{-1, 7, 8, 5}));
  EXPECT_EQ(batch.positions, (std::vector<int>{0, 1, 2, 0}));
  EXPECT_EQ(batch.sequences, (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(batch.counted, 3);
}

// The replies 7 8, 7 and 9 9 9 to the prompt 4 5 6, and one to 4 5 5.
std::vector<TrainingSequence> two_groups() {
  return {{{4, 5, 6, 7, 8}, {0, 0, 0, 1, 1}, 0},
          {{4, 5, 6, 7}, {0, 0, 0, 1}, 0},
          {{4, 5, 6, 9, 9, 9}, {0, 0, 0, 1, 1, 1}, 0},
          {{4, 5, 5, 7}, {0, 0, 0, 1}, 1}};
}

TEST(SharedRows, AreThoseOfThePromptThatHaveNoTarget) {
  const std::vector<TrainingSequence> s = two_groups();
  EXPECT_EQ(shared_rows(s[0], s[1]), 2) << "the prompt's last row has a target";
  EXPECT_EQ(shared_rows(s[0], s[2]), 2);
  EXPECT_EQ(shared_rows(s[0], s[3]), 0) << "another group";
  TrainingSequence other = s[3];
  other.group = 0;
  EXPECT_EQ(shared_rows(s[0], other), 2) << "tokens of rows";
  other.tokens[1] = 9;
  EXPECT_EQ(shared_rows(s[0], other), 1);
  other.trained[1] = 1;
  EXPECT_EQ(shared_rows(s[0], other), 0);
  EXPECT_EQ(shared_rows(of_rows(3), of_rows(3)), 0) << "no group";
  const TrainingSequence read{{1, 2, 3}, {0, 0, 0}, 0};
  EXPECT_EQ(shared_rows(read, read), 1) << "one row is its own";
}

TEST(MicroBatches, ShareThePromptOfAGroup) {
  const std::vector<TrainingSequence> s = two_groups();
  const std::vector<MicroBatch> parts = micro_batches(s, 11);
  ASSERT_EQ(parts.size(), 1u) << "4 + 1 + 3 + 3 rows";
  EXPECT_EQ(parts[0].shared, (std::vector<int>{0, 2, 2, 0}));
  const TrainingBatch batch = batch_of(s, parts[0]);
  EXPECT_EQ(batch.tokens, (std::vector<int>{4, 5, 6, 7, 6, 6, 9, 9, 4, 5, 5}));
  EXPECT_EQ(batch.targets, (std::vector<int>{-1, -1, 7, 8, 7, 9, 9, 9, -1, -1, 7}));
  EXPECT_EQ(batch.positions, (std::vector<int>{0, 1, 2, 3, 2, 2, 3, 4, 0, 1, 2}));
  EXPECT_EQ(batch.sequences, (std::vector<int>{0, 0, 0, 0, 1, 2, 2, 2, 3, 3, 3}));
  EXPECT_EQ(batch.roots, (std::vector<int>{-1, -1, -1, -1, 0, 0, 0, 0, -1, -1, -1}));
  EXPECT_EQ(batch.counted, 7);

  const std::vector<MicroBatch> split = micro_batches(s, 5);
  ASSERT_EQ(split.size(), 3u);
  EXPECT_EQ(split[0].shared, (std::vector<int>{0, 2}));
  EXPECT_EQ(split[1].shared, std::vector<int>{0}) << "the first of its part is whole";
  EXPECT_EQ(split[2].shared, std::vector<int>{0});
}

TEST(MicroBatches, ShareRowsWithEqualTargetsWhereTheObjectiveCanTell) {
  // The replies 7 8 1, 7 9 9 and 7 8 1 again.
  std::vector<TrainingSequence> s = {{{4, 5, 7, 8, 1}, {0, 0, 1, 1, 1}, 0, true},
                                     {{4, 5, 7, 9, 9}, {0, 0, 1, 1, 1}, 0, true},
                                     {{4, 5, 7, 8, 1}, {0, 0, 1, 1, 1}, 0, true}};
  const std::vector<MicroBatch> parts = micro_batches(s, 100);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].shared, (std::vector<int>{0, 2, 3})) << "rows of other targets are apart";
  const TrainingBatch batch = batch_of(s, parts[0]);
  EXPECT_EQ(batch.tokens, (std::vector<int>{4, 5, 7, 8, 7, 9, 8}));
  EXPECT_EQ(batch.targets, (std::vector<int>{-1, 7, 8, 1, 9, 9, 1}));
  EXPECT_EQ(batch.positions, (std::vector<int>{0, 1, 2, 3, 2, 3, 3}));
  EXPECT_EQ(batch.roots, (std::vector<int>{-1, -1, -1, -1, 0, 0, 0}));
  s[1].trained[2] = 0;
  EXPECT_EQ(shared_rows(s[0], s[1]), 1) << "one of the two has no target";
}

TEST(MicroBatches, HoldWholeSequencesUpToTheLimit) {
  std::vector<TrainingSequence> sequences;
  for (int rows : {3, 5, 2, 20, 1, 7}) sequences.push_back(of_rows(rows));
  std::vector<std::pair<size_t, size_t>> found;
  for (const MicroBatch& part : micro_batches(sequences, 8))
    found.emplace_back(part.begin, part.end);
  const std::vector<std::pair<size_t, size_t>> expected = {{0, 2}, {2, 3}, {3, 4}, {4, 6}};
  EXPECT_EQ(found, expected) << "a longer sequence stands alone";
  EXPECT_TRUE(micro_batches({}, 8).empty());
}

}  // namespace
}  // namespace weir
