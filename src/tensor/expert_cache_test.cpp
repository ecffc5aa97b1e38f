#include "tensor/expert_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <map>
#include <set>

#include "base/file.h"

namespace weir {
namespace {

constexpr int kLayers = 3, kExperts = 6;

// One is read in two pieces.
size_t bytes_of(int matrix, int layer) {
  return matrix == 1 && layer == 0 ? 1100000 : size_t(5000 + 100 * layer);
}

class ExpertCacheTest : public ::testing::Test {
 protected:
  void TearDown() override { unlink(path_.c_str()); }
  // Experts whose matrices have different sizes and lie anywhere in the file.
  ExpertCache::Source source() {
    ExpertCache::Source made;
    made.chosen = 2;
    std::string text(100, 'h');
    made.layers.resize(kLayers, std::vector<ExpertCache::Expert>(kExperts));
    for (int m = 0; m < ExpertCache::kMatrices; ++m)
      for (int l = 0; l < kLayers; ++l)
        for (int e = 0; e < kExperts; ++e) {
          const size_t bytes = bytes_of(m, l);
          made.layers[size_t(l)][size_t(e)][size_t(m)] = {0, text.size(), bytes};
          text.append(bytes, char('A' + (m * kLayers + l) * kExperts + e));
        }
    std::ofstream(path_, std::ios::binary) << text;
    auto file = DirectFile::open(path_);
    EXPECT_TRUE(file);
    made.files.push_back(*std::move(file));
    return made;
  }
  std::unique_ptr<ExpertCache> cache_of(int slots) {
    ExpertCache::Source made = source();
    const size_t bytes = size_t(slots) * ExpertCache::slot_bytes(made.layers);
    return std::make_unique<ExpertCache>(std::move(made), bytes);
  }
  // Visits a layer, whose rows choose `experts` once each; the experts in the order in which they
  // came, all of whose bytes are right.
  static std::vector<int> visit(ExpertCache& cache, int layer, const std::set<int>& experts) {
    std::vector<int> begin{0}, came;
    for (int e = 0; e < kExperts; ++e) begin.push_back(begin.back() + int(experts.count(e)));
    ExpertCache::Visit visit(cache);
    visit.begin(layer, 1, begin);
    for (auto ready = visit.next(); !ready.empty(); ready = visit.next())
      for (const ExpertCache::Ready& r : ready) {
        came.push_back(r.expert);
        for (int m = 0; m < ExpertCache::kMatrices && r.rows[0]; ++m) {
          const std::string right(bytes_of(m, layer),
                                  char('A' + (m * kLayers + layer) * kExperts + r.expert));
          EXPECT_EQ(std::memcmp(r.rows[size_t(m)], right.data(), right.size()), 0);
        }
        if (!r.rows[0]) came.back() = -1 - r.expert;
      }
    return came;
  }
  static std::set<int> set_of(const std::vector<int>& list) { return {list.begin(), list.end()}; }

  const std::string path_ = ::testing::TempDir() + "weir_experts_" + std::to_string(getpid());
};

TEST_F(ExpertCacheTest, EveryChosenExpertComesOnceWhateverTheNumberOfSlots) {
  for (int slots : {1, 2, 5, kLayers * kExperts, 1000}) {
    auto cache = cache_of(slots);
    EXPECT_EQ(cache->slots(), std::min(slots, kLayers * kExperts));
    for (int pass = 0; pass < 4; ++pass)
      for (int layer = 0; layer < kLayers; ++layer) {
        std::set<int> chosen;
        for (int e = 0; e < kExperts; ++e)
          if (pass == 0 || (e * 7 + pass * 5 + layer) % 3 == 0) chosen.insert(e);
        const std::vector<int> came = visit(*cache, layer, chosen);
        EXPECT_EQ(came.size(), chosen.size());
        EXPECT_EQ(set_of(came), chosen);
      }
    EXPECT_EQ(cache->failure(), "");
    const auto statistics = cache->statistics();
    const int64_t read = statistics.chosen - statistics.found;
    EXPECT_TRUE(slots < kLayers * kExperts || read == kLayers * kExperts) << "each is read once";
  }
}

TEST_F(ExpertCacheTest, WhatIsInMemoryComesBeforeWhatMustBeRead) {
  auto cache = cache_of(6);
  visit(*cache, 0, {4, 5});
  const std::vector<int> came = visit(*cache, 0, {0, 1, 4, 5});
  EXPECT_EQ(set_of({came[0], came[1]}), (std::set<int>{4, 5}));
  EXPECT_EQ(cache->statistics().found, 2);
}

TEST_F(ExpertCacheTest, ExpertsThatAreOftenChosenStay) {
  auto cache = cache_of(4);
  for (int pass = 0; pass < 12; ++pass) visit(*cache, 0, {0, 1, 2 + pass % 4});
  const int64_t before = cache->statistics().found;
  visit(*cache, 0, {0, 1});
  EXPECT_EQ(cache->statistics().found - before, 2);
  // Passes that need all experts of all layers in turn find some from the last round.
  auto turning = cache_of(9);
  for (int pass = 0; pass < 4; ++pass)
    for (int layer = 0; layer < kLayers; ++layer) visit(*turning, layer, {0, 1, 2, 3, 4, 5});
  EXPECT_GT(turning->statistics().found, 9);  // by age: none
}

TEST_F(ExpertCacheTest, LookingAheadReadsWhatTheNextVisitFinds) {
  auto cache = cache_of(6);
  const int right[] = {2, 3}, wrong[] = {4};
  cache->look_ahead(1, right);
  EXPECT_EQ(set_of(visit(*cache, 1, {2, 3})), (std::set<int>{2, 3}));
  EXPECT_EQ(cache->statistics().early, 2);
  EXPECT_EQ(cache->statistics().looked_ahead, 2);
  // Guesses never take the slots that a visit needs, even if they have all of them.
  auto small = cache_of(2);
  small->look_ahead(1, right);
  small->look_ahead(2, wrong);
  EXPECT_EQ(set_of(visit(*small, 0, {0, 1, 5})), (std::set<int>{0, 1, 5}));
  EXPECT_EQ(set_of(visit(*small, 1, {0, 1, 2, 3})), (std::set<int>{0, 1, 2, 3}));
}

TEST_F(ExpertCacheTest, ACutFileGivesNoRowsAndSaysWhy) {
  auto cache = cache_of(2);
  visit(*cache, 0, {0});
  ASSERT_EQ(truncate(path_.c_str(), 50000), 0);
  EXPECT_EQ(visit(*cache, 0, {0, 1}), (std::vector<int>{0, -2}));
  EXPECT_NE(cache->failure().find(path_ + ": was cut"), std::string::npos) << cache->failure();
  EXPECT_EQ(visit(*cache, 2, {1, 2}).size(), 2u);
}

TEST(ExpertUse, TheNextUseFollowsFrequencyAndTheOrderOfLayers) {
  ExpertUse use(4, 3, 1);
  const int first[] = {0, 1, 1, 1}, second[] = {0, 0, 1, 1}, all[] = {0, 1, 2, 3};
  for (int pass = 0; pass < 20; ++pass)
    for (int layer = 0; layer < 4; ++layer) use.observe(layer, 1, pass % 4 ? first : second);
  // Of one layer, the one that is chosen more often comes sooner; unknown ones last.
  EXPECT_LT(use.layers_until_next(0, 0), use.layers_until_next(0, 1));
  EXPECT_LT(use.layers_until_next(0, 1), use.layers_until_next(0, 2));
  // Of equally frequent ones, the next layer's; the last observed layer was 3.
  EXPECT_NEAR(use.layers_until_next(1, 0) - use.layers_until_next(0, 0), 1, 1e-9);
  EXPECT_NEAR(use.layers_until_next(3, 0) - use.layers_until_next(0, 0), 3, 1e-9);
  // Where a pass has many rows, all experts are chosen: only the order counts.
  for (int layer = 0; layer < 4; ++layer) use.observe(layer, 300, all);
  EXPECT_NEAR(use.layers_until_next(2, 1), 3, 0.2);
  // What was chosen long ago counts less than what is chosen now.
  ExpertUse changing(1, 3, 1);
  for (int pass = 0; pass < 300; ++pass) changing.observe(0, 1, first);
  for (int pass = 0; pass < 400; ++pass) changing.observe(0, 1, second);
  EXPECT_LT(changing.layers_until_next(0, 1), changing.layers_until_next(0, 0));
}

}  // namespace
}  // namespace weir
