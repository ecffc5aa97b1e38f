#include "tensor/routing_trace.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

TEST(RoutingTrace, RowsBeyondTheRecordedOnesAreFree) {
  RoutingTrace trace(2, 3);
  const std::vector<uint16_t> experts{1, 2, 3, 4, 5, 6};
  trace.append(3, experts);
  trace.append(1, experts);
  ASSERT_EQ(trace.rows(), 4);
  for (int row : {0, 3}) {
    EXPECT_EQ(std::vector<uint16_t>(trace.row(row).begin(), trace.row(row).end()), experts);
    EXPECT_EQ(trace.at(row, 1)[0], 4);
  }
  for (int row : {1, 2})
    for (int layer : {0, 1}) EXPECT_TRUE(trace.is_free(row, layer)) << row;
  trace.clear();
  trace.append(1);
  EXPECT_EQ(trace.rows(), 1);
  EXPECT_TRUE(trace.is_free(0, 0));
}

TEST(RoutingTrace, OfADenseModelHasRowsOfNothing) {
  RoutingTrace trace;
  trace.append(5);
  EXPECT_EQ(trace.rows(), 5);
  EXPECT_TRUE(trace.row(4).empty());
  EXPECT_EQ(compare(trace, trace).compared, 0);
}

TEST(RoutingTrace, DifferenceCountsOtherExpertsButNotAnotherOrder) {
  RoutingTrace kept(2, 2), own(2, 2);
  kept.append(3, std::vector<uint16_t>{1, 2, 3, 4, 5, 6, 7, 0});
  own.append(3, std::vector<uint16_t>{2, 1, 3, 5, 5, 6, 0, 1, 9, 9, 9, 9});
  const RoutingDifference difference = compare(kept, own);
  EXPECT_EQ(difference.compared, 4) << "the last row is recorded on one side only";
  EXPECT_EQ(difference.moved, 2);
}

}  // namespace
}  // namespace weir
