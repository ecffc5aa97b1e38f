// The gate with traces: what it keeps, what it chooses by itself, what it writes down.
#include "ops/gate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/ops.h"

namespace weir {
namespace {

constexpr int kRows = 3, kExperts = 4;
constexpr uint16_t kFree = RoutingTrace::kFree;
using Experts = std::vector<uint16_t>;

const GateShape kShape{
    .kind = GateKind::sigmoid, .experts = kExperts, .per_token = 2, .index = 1, .scale = 2};

// Every row scores expert 3 best, then 2, 1, 0.
struct Pass {
  Arena arena{size_t(1) << 26};
  ThreadPool pool{2};
  std::vector<int> tokens{0, 0, 0}, positions{0, 1, 2}, sequences{0, 0, 0};
  Batch batch{tokens, positions, sequences};
  Run run{arena, pool, batch};

  Routing route(RoutingUse use) {
    run.routing = use;
    Tensor logits = run.make(kRows, kExperts);
    for (int r = 0; r < kRows; ++r)
      for (int e = 0; e < kExperts; ++e) logits.row(r)[e] = float(e);
    return weir::route(run, logits, nullptr, kShape);
  }
};

Experts experts_of(const Routing& routing) {
  return Experts(routing.expert, routing.expert + routing.tokens * routing.per_token);
}

TEST(Gate, KeepsTheExpertsOfATraceInItsOrderAndWeighsThemByTheirScores) {
  RoutingTrace kept(2, 2), own(2, 2);
  // The other layer's numbers are no experts of this gate.
  kept.append(kRows, Experts{9, 9, 0, 2, 9, 9, kFree, kFree, 9, 9, 3, 2});
  own.append(kRows);
  Pass pass;
  Routing routing = pass.route({&kept, &own});
  EXPECT_EQ(experts_of(routing), (Experts{0, 2, 3, 2, 3, 2}));
  auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  EXPECT_NEAR(routing.weight.row(0)[0], 2 * sigmoid(0) / (sigmoid(0) + sigmoid(2)), 1e-6);
  EXPECT_NEAR(routing.weight.row(0)[1], 2 * sigmoid(2) / (sigmoid(0) + sigmoid(2)), 1e-6);
  for (int row = 0; row < kRows; ++row) {
    EXPECT_TRUE(own.is_free(row, 0)) << "another gate's";
    EXPECT_EQ(Experts(own.at(row, 1), own.at(row, 1) + 2), (Experts{3, 2})) << row;
  }
  const RoutingDifference difference = compare(kept, own);
  EXPECT_EQ(difference.compared, 2);
  EXPECT_EQ(difference.moved, 1);
}

// torch.topk promises no order of equal scores; the lower index makes the choice the same on every
// machine.
TEST(Gate, F30TiesGoToTheLowerIndex) {
  struct Case {
    std::vector<float> logits;
    Experts experts;
  };
  const Case cases[] = {{{1, 1, 1, 1}, {0, 1}}, {{0, 2, 2, 1}, {1, 2}}, {{2, 0, 0, 2}, {0, 3}},
                        {{0, 1, 0, 1}, {1, 3}}, {{3, 1, 1, 1}, {0, 1}}, {{-1, -1, 0, -1}, {2, 0}}};
  for (GateKind kind : {GateKind::sigmoid, GateKind::softmax})
    for (const Case& c : cases) {
      Pass pass;
      GateShape shape = kShape;
      shape.kind = kind;
      Tensor logits = pass.run.make(1, kExperts);
      std::copy(c.logits.begin(), c.logits.end(), logits.row(0));
      EXPECT_EQ(experts_of(weir::route(pass.run, logits, nullptr, shape)), c.experts);
    }
}

TEST(Gate, F30TiesOfGroupsGoToTheLowerIndex) {
  for (GroupKind group_kind : {GroupKind::max, GroupKind::top2_sum}) {
    Pass pass;
    GateShape shape = kShape;
    shape.groups = 2;
    shape.groups_kept = 1;
    shape.group_kind = group_kind;
    Tensor logits = pass.run.make(1, kExperts);
    std::fill_n(logits.row(0), kExperts, 1.0f);
    EXPECT_EQ(experts_of(weir::route(pass.run, logits, nullptr, shape)), (Experts{0, 1}));
  }
}

TEST(Gate, BeyondTheLayersOfATraceChoosesFreely) {
  RoutingTrace kept(1, 2), own(1, 2);
  kept.append(kRows, Experts{0, 1, 0, 1, 0, 1});
  own.append(kRows);
  Pass pass;
  EXPECT_EQ(experts_of(pass.route({&kept, &own})), (Experts{3, 2, 3, 2, 3, 2}));
  EXPECT_TRUE(own.is_free(0, 0));
}

TEST(GateDeathTest, RefusesATraceOfAnotherBatchOrModel) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Pass pass;
  RoutingTrace shorter(2, 2), wider(2, 3), foreign(2, 2);
  shorter.append(kRows - 1);
  wider.append(kRows);
  foreign.append(kRows, Experts{0, 1, 0, kExperts});
  EXPECT_DEATH(pass.route({&shorter, nullptr}), "rows");
  EXPECT_DEATH(pass.route({&wider, nullptr}), "per_token");
  EXPECT_DEATH(pass.route({&foreign, nullptr}), "experts");
}

}  // namespace
}  // namespace weir
