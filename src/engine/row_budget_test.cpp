// Against a machine whose pass of r rows takes a + b r.
#include "engine/row_budget.h"

#include <gtest/gtest.h>

namespace weir {
namespace {

struct Machine {
  double pass, row;
  double seconds(int rows) const { return pass + row * rows; }
};

void run(RowBudget& budget, const Machine& machine, bool has_decode_rows, int passes) {
  for (int i = 0; i < passes; ++i) {
    const int rows = budget.rows(has_decode_rows);
    budget.measure(rows, has_decode_rows, machine.seconds(rows));
  }
}

TEST(RowBudget, FindsTheRowsThatFitThePass) {
  const Machine machine{0.05, 0.01};
  RowBudget budget(256, 0.25);
  EXPECT_EQ(budget.rows(true), RowBudget::kRowsFirst);
  run(budget, machine, true, 12);
  run(budget, machine, false, 12);
  EXPECT_NEAR(machine.seconds(budget.rows(true)), 0.25, 0.015);   // 20 rows
  EXPECT_NEAR(machine.seconds(budget.rows(false)), 0.50, 0.015);  // 45 rows
  // Others leave the machine: more rows fit.
  run(budget, {0.025, 0.0025}, true, 20);
  EXPECT_NEAR(0.025 + 0.0025 * budget.rows(true), 0.25, 0.01);
}

TEST(RowBudget, OneSlowPassHalvesItAtMost) {
  RowBudget budget(256, 0.25);
  run(budget, {0, 0.0001}, true, 3);
  EXPECT_EQ(budget.rows(true), 256);
  budget.measure(256, true, 60);
  EXPECT_EQ(budget.rows(true), 128);
  run(budget, {0, 0.0001}, true, 3);
  EXPECT_EQ(budget.rows(true), 256);
}

TEST(RowBudget, SmallPassesSayNothingUnlessTheyAreTooLong) {
  RowBudget budget(256, 0.25);
  budget.measure(1, true, 0.2);  // the base of a pass, not the price of a row
  EXPECT_EQ(budget.rows(true), 32);
  budget.measure(12, true, 0.15);
  EXPECT_EQ(budget.rows(true), 32);
  budget.measure(12, true, 0.5);
  EXPECT_EQ(budget.rows(true), 16);
}

TEST(RowBudget, StaysWithinItsBounds) {
  RowBudget slow(256, 0.25), narrow(8, 0.25), off(256, 0);
  run(slow, {5, 1}, true, 20);
  EXPECT_EQ(slow.rows(true), RowBudget::kRowsMin);
  EXPECT_EQ(slow.rows(false), RowBudget::kRowsFirst);
  run(narrow, {5, 1}, true, 20);
  EXPECT_EQ(narrow.rows(true), 8);
  run(off, {5, 1}, true, 20);
  EXPECT_EQ(off.rows(true), 256);
}

}  // namespace
}  // namespace weir
