// The indexer's choice: the best by score, ties to the front, the same whatever stands around a
// row.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <vector>

#include "base/random.h"
#include "ops/ops.h"
#include "testing/segment_rows.h"

namespace weir {
namespace {

constexpr int kHeads = 5, kWidth = 6, kKeep = 9;
constexpr IndexShape kShape{kHeads, kWidth, kKeep, 0};

// Nothing but the indexer's keys.
class KeyCache : public Cache {
 public:
  KeyCache(int sequences, int capacity) : capacity_(capacity) {
    for (int s = 0; s < sequences; ++s) {
      auto& pages = pages_.emplace_back();
      for (int p = 0; p < capacity / kCachePage; ++p)
        pages.push_back(memory_.emplace_back(kCachePage * kWidth, NAN).data());
    }
  }
  CacheForm form() const override { return CacheForm::expanded; }
  CacheView view(int, int sequence) override {
    CacheView view;
    view.pages = pages_[size_t(sequence)].data();
    view.capacity = capacity_;
    return view;
  }

 private:
  int capacity_;
  std::deque<std::vector<float>> memory_;
  std::vector<std::vector<float*>> pages_;
};

struct Inputs {
  std::vector<float> q, keys, weights;
};

Inputs random_inputs(int rows) {
  Random random(21, 3);
  auto draw = [&](int n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = random.normal();
    return v;
  };
  return {draw(rows * kHeads * kWidth), draw(rows * kWidth), draw(rows * kHeads)};
}

// What rows [begin, begin + count) of each segment choose, [rows][keep]; -1 where all are taken.
std::vector<int> chosen(const Inputs& in, const std::vector<Segment>& segments, Cache* cache,
                        int threads) {
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  const SegmentRows picked(segments);
  const Batch batch = picked.batch();
  Run run{arena, pool, batch};
  run.cache = cache;
  auto gather = [&](const std::vector<float>& from, int width) {
    return picked.gather(run, from, width);
  };
  std::vector<int> all(picked.rows.size() * kKeep, -1);
  Tensor keys = gather(in.keys, kWidth);
  if (cache) cache_index_keys(run, keys, kShape);
  if (sees_more_than(run, kKeep))
    choose_tokens(run, gather(in.q, kHeads * kWidth), keys, gather(in.weights, kHeads), kShape,
                  all.data());
  return all;
}

std::vector<int> rows_of(const std::vector<int>& all, int begin, int count) {
  return {all.begin() + begin * kKeep, all.begin() + (begin + count) * kKeep};
}

TEST(TokenChoice, IsOfTheLargestScores) {
  const int rows = 80;
  const Inputs in = random_inputs(rows);
  const std::vector<int> all = chosen(in, {{0, rows, 0, 0}}, nullptr, 2);
  EXPECT_EQ(rows_of(all, 0, kKeep), std::vector<int>(kKeep * kKeep, -1)) << "these rows see all";
  for (int t = kKeep; t < rows; ++t) {
    std::vector<std::pair<double, int>> scores;
    for (int s = 0; s <= t; ++s) {
      double score = 0;
      for (int h = 0; h < kHeads; ++h) {
        double dot = 0;
        for (int d = 0; d < kWidth; ++d)
          dot += double(in.q[size_t((t * kHeads + h) * kWidth + d)]) *
                 double(in.keys[size_t(s * kWidth + d)]);
        score += double(in.weights[size_t(t * kHeads + h)]) * std::max(dot, 0.0);
      }
      scores.push_back({-score, s});
    }
    std::sort(scores.begin(), scores.end());
    std::vector<int> best;
    for (int j = 0; j < kKeep; ++j) best.push_back(scores[size_t(j)].second);
    std::sort(best.begin(), best.end());
    EXPECT_EQ(rows_of(all, t, 1), best) << t;
  }
}

TEST(TokenChoice, TiesGoToTheFront) {
  Inputs in = random_inputs(50);
  std::fill(in.q.begin(), in.q.end(), 0.f);  // every score is 0, some of them as -0
  std::vector<int> first(kKeep);
  for (int j = 0; j < kKeep; ++j) first[size_t(j)] = j;
  const std::vector<int> all = chosen(in, {{0, 50, 0, 0}}, nullptr, 1);
  for (int t = kKeep; t < 50; ++t) EXPECT_EQ(rows_of(all, t, 1), first) << t;
}

TEST(TokenChoice, DoesNotDependOnBatchChunksOrThreads) {
  const Inputs in = random_inputs(150);
  const std::vector<int> packed = chosen(in, {{0, 90, 0, 0}, {90, 60, 1, 0}}, nullptr, 3);
  EXPECT_EQ(chosen(in, {{0, 90, 0, 0}}, nullptr, 1), rows_of(packed, 0, 90));
  EXPECT_EQ(chosen(in, {{90, 60, 7, 0}}, nullptr, 2), rows_of(packed, 90, 60));
  for (int chunk : {1, 5, 32, 60}) {
    KeyCache cache(2, 96);
    for (int t = 0; t < 60; t += chunk) {
      const int count = std::min(chunk, 60 - t);
      const auto both = chosen(in, {{t, count, 0, t}, {90 + t, count, 1, t}}, &cache, 2);
      auto expected = rows_of(packed, t, count), more = rows_of(packed, 90 + t, count);
      expected.insert(expected.end(), more.begin(), more.end());
      EXPECT_EQ(both, expected) << "chunk " << chunk << " at " << t;
    }
  }
}

TEST(TokenChoice, OfBranchesIsThatOfWholeSequences) {
  const Inputs in = random_inputs(120);
  for (int at : {3, 32, 40, 60}) {
    const auto branched =
        chosen(in, {{0, 60, 0, 0}, {60, 50, 1, at, 0}, {110, 4, 2, at, 0}}, nullptr, 2);
    const auto first = chosen(in, {{0, at, 0, 0}, {60, 50, 0, at}}, nullptr, 1);
    const auto second = chosen(in, {{0, at, 0, 0}, {110, 4, 0, at}}, nullptr, 1);
    EXPECT_EQ(rows_of(branched, 60, 50), rows_of(first, at, 50)) << at;
    EXPECT_EQ(rows_of(branched, 110, 4), rows_of(second, at, 4)) << at;
  }
}

TEST(TokenChoice, SurvivesScoresThatAreNotNumbers) {
  Inputs in = random_inputs(40);
  for (size_t i = 0; i < in.weights.size(); i += 3) in.weights[i] = i % 2 ? NAN : INFINITY;
  for (size_t i = 0; i < in.keys.size(); i += 7) in.keys[i] = -INFINITY;
  const std::vector<int> all = chosen(in, {{0, 40, 0, 0}}, nullptr, 2);
  for (int t = kKeep; t < 40; ++t)
    for (int j = 0; j < kKeep; ++j) {
      const int token = all[size_t(t * kKeep + j)];
      EXPECT_TRUE(token >= 0 && token <= t);
      EXPECT_GT(token, j > 0 ? all[size_t(t * kKeep + j - 1)] : -1);
    }
}

TEST(LayerNorm, HasMeanAndSpreadOfItsGainAndBias) {
  Arena arena(size_t(1) << 24);
  ThreadPool pool(1);
  std::vector<int> zero(3, 0), position{0, 1, 2};
  Batch batch(zero, position, zero);
  weir::Run run{arena, pool, batch};
  Tensor x = run.make(3, 37);
  Random random(1, 1);
  for (int i = 0; i < 3 * 37; ++i) x.data[i] = 5 + 3 * random.normal();
  std::vector<float> gain(37, 2), bias(37, -1);
  Matrix g, b;
  g.rows = b.rows = 1, g.cols = b.cols = 37, g.parts = {gain.data()}, b.parts = {bias.data()};
  Tensor y = layer_norm(run, x, g, b, 1e-6f);
  for (int t = 0; t < 3; ++t) {
    double mean = 0, square = 0;
    for (int c = 0; c < 37; ++c) mean += double(y.row(t)[c]) / 37;
    for (int c = 0; c < 37; ++c) square += (double(y.row(t)[c]) - mean) * (y.row(t)[c] - mean) / 37;
    EXPECT_NEAR(mean, -1, 1e-5);
    EXPECT_NEAR(std::sqrt(square), 2, 1e-5);
  }
}

}  // namespace
}  // namespace weir
