// When panels are made, and that products find in them what repacking the rows gives.
#include "tensor/panel_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "testing/stored_support.h"

namespace weir {
namespace {

using testing::StoredWeight;

constexpr int kGroups = 3, kOutputs = 70, kInner = 512, kPanelsOfGroup = 5;

// Repacks by the kernel alone.
std::vector<uint8_t> expected_panel(const Matrix& w, int group, int index) {
  std::vector<uint8_t> panel(panel_bytes(w.type, w.cols));
  const size_t row = type_bytes(w.type, size_t(w.cols));
  const auto* rows = static_cast<const char*>(w.parts[size_t(group)]);
  kernels().repack_panel(w.type, rows + size_t(index) * kPanelRows * row, row,
                         std::min(kPanelRows, w.group_rows() - index * kPanelRows), w.cols,
                         panel.data());
  return panel;
}

// How many panels are there; each with the right bytes.
int count_panels(const Matrix& w) {
  int count = 0;
  for (int g = 0; g < w.groups; ++g)
    for (int i = 0; i < div_up(w.group_rows(), kPanelRows); ++i) {
      const uint8_t* panel = w.panels->get(g, i);
      if (!panel) continue;
      ++count;
      const std::vector<uint8_t> expected = expected_panel(w, g, i);
      EXPECT_EQ(std::memcmp(panel, expected.data(), expected.size()), 0) << g << " " << i;
    }
  return count;
}

struct PanelSetTest : ::testing::Test {
  StoredWeight a{WeightType::q4_k, kGroups, kOutputs, kInner};
  StoredWeight b{WeightType::q8_0, 1, kOutputs, kInner};
  StoredWeight plain{WeightType::bf16, 1, kOutputs, kInner};
  std::vector<Matrix*> matrices = {&a.weight, &plain.weight, &b.weight};
  void SetUp() override {
    if (!kernels().repack_panel) GTEST_SKIP() << "this processor's products read no panels";
  }
};

TEST_F(PanelSetTest, PromptsMakeNoneAndTheThreadMakesAllOnceTokensAreDecoded) {
  PanelSet set(matrices, true);
  EXPECT_EQ(plain.weight.panels, nullptr);
  EXPECT_EQ(set.matrices().size(), 2u);
  set.begin_pass(3 * PanelSet::kDecodeRows + 1, 3);
  set.wait();
  EXPECT_EQ(count_panels(a.weight) + count_panels(b.weight), 0);
  set.begin_pass(3 * PanelSet::kDecodeRows, 3);
  set.wait();
  set.begin_pass(3 * PanelSet::kDecodeRows + 1, 3);  // products make none
  EXPECT_EQ(count_panels(a.weight), kGroups * kPanelsOfGroup);
  EXPECT_EQ(count_panels(b.weight), kPanelsOfGroup);
}

TEST_F(PanelSetTest, WithoutRoomProductsReadStoredRows) {
  PanelSet set(matrices, false);
  set.begin_pass(1, 1);
  set.wait();
  EXPECT_EQ(a.weight.panels, nullptr);
}

std::atomic<int> looks;

TEST_F(PanelSetTest, StopsWhenMemoryIsShortAndProductsMakeNoMore) {
  const StoredWeight large(WeightType::q8_0, 1, 4096, 2048);  // 8.9 MB
  Matrix weight = large.weight;
  Matrix* one[] = {&weight};
  looks = 0;
  PanelSet set(one, true, [] { return looks++ == 0 ? 16e9 : 1e6; });
  set.begin_pass(1, 1);
  set.wait();
  EXPECT_EQ(looks, 2);
  set.begin_pass(1, 1);
  const int made = count_panels(weight);
  EXPECT_GT(made, 0);
  EXPECT_LT(made, 4096 / kPanelRows);
  EXPECT_EQ(count_panels(weight), made);
}

TEST_F(PanelSetTest, EndsAtOnceWhileTheThreadWorks) {
  const StoredWeight large(WeightType::q8_0, 1, 4096, 2048);
  Matrix weight = large.weight;
  Matrix* one[] = {&weight};
  for (int i = 0; i < 3; ++i) {
    PanelSet set(one, true);
    set.begin_pass(1, 1);
    if (i > 0) {
      EXPECT_LE(count_panels(weight), 4096 / kPanelRows);
    }
  }
}

}  // namespace
}  // namespace weir
