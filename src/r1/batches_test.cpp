#include "r1/batches.h"

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
  append_sequence({{5, 6, 7, 8}, {1, 0, 1, 1}}, batch);
  append_sequence({{9, 5}, {0, 1}}, batch);
  EXPECT_EQ(batch.tokens, (std::vector<int>{5, 6, 7, 9}));
  EXPECT_EQ(batch.targets, (std::vector<int>{-1, 7, 8, 5}));
  EXPECT_EQ(batch.positions, (std::vector<int>{0, 1, 2, 0}));
  EXPECT_EQ(batch.sequences, (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(batch.counted, 3);
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
