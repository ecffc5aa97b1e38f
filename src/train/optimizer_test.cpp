#include "train/optimizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "base/random.h"

namespace weir {
namespace {

// A few weights with values and gradients, sizes that do not fit chunks and lanes.
struct Weights {
  std::vector<std::unique_ptr<Parameter>> all;
  std::vector<Buffer> memory;
  std::vector<Parameter*> pointers() const {
    std::vector<Parameter*> out;
    for (const auto& w : all) out.push_back(w.get());
    return out;
  }
  Parameter& add(const std::string& name, int rows, int cols, int groups, bool decays) {
    auto w = std::make_unique<Parameter>();
    w->name = name;
    w->rows = rows;
    w->cols = cols;
    w->groups = groups;
    w->decays = decays;
    w->data = memory.emplace_back(w->count() * sizeof(float)).floats();
    w->grad = memory.emplace_back(w->count() * sizeof(float)).floats();
    Random random(7, all.size());
    for (size_t i = 0; i < w->count(); ++i) {
      w->f32()[i] = random.normal();
      w->grad[i] = 0.1f * random.normal();
    }
    all.push_back(std::move(w));
    return *all.back();
  }
  Weights() {
    add("model.embed_tokens.weight", 40, 24, 1, true).is_embedding = true;
    add("model.layers.0.self_attn.q_proj.weight", 48, 24, 1, true);
    add("model.layers.0.mlp.gate.weight", 4, 24, 1, true);
    add("model.layers.0.mlp.experts.{}.up_proj.weight", 4 * 20, 24, 4, true);
    add("model.norm.weight", 1, 24, 1, false);
    add("big", 130, 257, 1, true);
  }
};

TEST(Optimizer, AdamwFollowsTheFormulaInDouble) {
  Weights weights;
  ThreadPool pool(2);
  OptimizerRecipe options;
  options.weight_decay = 0.3;
  Optimizer optimizer(options, weights.pointers());
  struct Reference {
    std::vector<double> w, m, v;
  };
  std::vector<Reference> expected;
  for (Parameter* w : weights.pointers())
    expected.push_back({std::vector<double>(w->f32(), w->f32() + w->count()),
                        std::vector<double>(w->count()), std::vector<double>(w->count())});
  const double scale = 0.7;
  for (int step = 0; step < 5; ++step) {
    const double lr = 0.01 / (step + 1);
    for (size_t k = 0; k < expected.size(); ++k) {
      Parameter& w = *weights.all[k];
      Random random(uint64_t(step), k + 100);
      for (size_t i = 0; i < w.count(); ++i) {
        w.grad[i] = random.normal();
        double g = scale * double(w.grad[i]);
        double& m = expected[k].m[i];
        double& v = expected[k].v[i];
        m = options.beta1 * m + (1 - options.beta1) * g;
        v = options.beta2 * v + (1 - options.beta2) * g * g;
        double mc = m / (1 - std::pow(options.beta1, step + 1));
        double vc = v / (1 - std::pow(options.beta2, step + 1));
        if (w.decays) expected[k].w[i] -= lr * options.weight_decay * expected[k].w[i];
        expected[k].w[i] -= lr * mc / (std::sqrt(vc) + options.epsilon);
      }
    }
    optimizer.update(pool, step, lr, scale);
  }
  for (size_t k = 0; k < expected.size(); ++k)
    for (size_t i = 0; i < expected[k].w.size(); ++i)
      ASSERT_NEAR(weights.all[k]->f32()[i], expected[k].w[i], 2e-6) << weights.all[k]->name << i;
}

// Of a table of n-grams: AdamW at kTableRate times the rate for rows that have a gradient, nothing
// for the others, not even of their moments.
TEST(Optimizer, RowsOfTablesMoveWhenTheyAreRead) {
  constexpr int kRows = 700, kWidth = 36;  // several chunks
  Weights weights;
  Parameter& table = weights.add("model.layers.0.engram.embed.weight", kRows, kWidth, 1, false);
  table.is_embedding = true;
  ASSERT_TRUE(is_ngram_table(table));
  EXPECT_FALSE(is_ngram_table(*weights.all[0]));
  // The same rows as weights of their own, which are updated when those are read.
  const std::vector<float> before(table.f32(), table.f32() + table.count());
  ThreadPool pool(3);
  OptimizerRecipe options;
  options.kind = OptimizerKind::muon;  // which tables are not for
  Optimizer optimizer(options, weights.pointers());
  const double lr = 0.01;
  for (int step = 0; step < 2; ++step) {
    for (int r = 0; r < kRows; ++r)
      for (int i = 0; i < kWidth; ++i)
        table.grad[r * kWidth + i] = r % 3 == 0 && (step == 0 || r % 2 == 0) ? 0.5f : 0;
    optimizer.update(pool, step, lr, 1);
  }
  for (int r = 0; r < kRows; ++r) {
    const int updates = r % 3 != 0 ? 0 : r % 2 == 0 ? 2 : 1;
    // Equal gradients: every update is by the whole rate, up to epsilon.
    for (int i = 0; i < kWidth; ++i)
      ASSERT_NEAR(before[size_t(r * kWidth + i)] - table.f32()[r * kWidth + i],
                  updates * lr * kTableRate, 1e-6)
          << r;
  }
}

TEST(Optimizer, NormIsThatOfAllGradientsAndTheSameForAnyThreads) {
  Weights weights;
  Optimizer optimizer({}, weights.pointers());
  long double sum = 0;
  for (Parameter* w : weights.pointers())
    for (size_t i = 0; i < w->count(); ++i) sum += (long double)(w->grad[i]) * w->grad[i];
  ThreadPool one(1), three(3);
  double norm = optimizer.gradient_norm(one);
  EXPECT_NEAR(norm, double(std::sqrt(sum)), 1e-12 * norm);
  EXPECT_EQ(norm, optimizer.gradient_norm(three));
}

TEST(Optimizer, GradientsThatAreNotFiniteAreFoundAndNamed) {
  for (float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                    -std::numeric_limits<float>::infinity()})
    for (size_t k : {size_t(0), size_t(3), size_t(5)}) {
      Weights weights;
      ThreadPool pool(2);
      Optimizer optimizer({}, weights.pointers());
      EXPECT_TRUE(std::isfinite(optimizer.gradient_norm(pool)));
      EXPECT_EQ(optimizer.first_not_finite(), "");
      weights.all[k]->grad[weights.all[k]->count() - 2] = bad;
      EXPECT_FALSE(std::isfinite(optimizer.gradient_norm(pool)));
      EXPECT_NE(optimizer.first_not_finite().find(weights.all[k]->name), std::string::npos);
    }
}

TEST(Optimizer, HugeFiniteGradientsHaveAFiniteNorm) {
  Weights weights;
  ThreadPool pool(1);
  Optimizer optimizer({}, weights.pointers());
  weights.all[1]->grad[3] = 3e38f;
  EXPECT_NEAR(optimizer.gradient_norm(pool), 3e38, 1e32);
}

TEST(Optimizer, ClippingOnlyShrinks) {
  EXPECT_EQ(clip_scale(0.5, 1), 1);
  EXPECT_EQ(clip_scale(4, 1), 0.25);
  EXPECT_EQ(clip_scale(4, 0), 1);
}

TEST(Optimizer, MuonMovesHiddenMatricesOnly) {
  Weights weights;
  EXPECT_FALSE(is_hidden_matrix(*weights.all[0]));  // embedding
  EXPECT_TRUE(is_hidden_matrix(*weights.all[1]));
  EXPECT_FALSE(is_hidden_matrix(*weights.all[2]));  // router
  EXPECT_TRUE(is_hidden_matrix(*weights.all[3]));   // experts
  EXPECT_FALSE(is_hidden_matrix(*weights.all[4]));  // gain
  weights.all[1]->name = "lm_head.weight";
  EXPECT_FALSE(is_hidden_matrix(*weights.all[1]));
}

TEST(Optimizer, MuonGivesTheSameBitsForAnyThreads) {
  OptimizerRecipe options;
  options.kind = OptimizerKind::muon;
  Weights a, b;
  ThreadPool one(1), three(3);
  Optimizer first(options, a.pointers()), second(options, b.pointers());
  for (int step = 0; step < 3; ++step) {
    first.update(one, step, 0.01, 0.5);
    second.update(three, step, 0.01, 0.5);
  }
  for (size_t k = 0; k < a.all.size(); ++k)
    for (size_t i = 0; i < a.all[k]->count(); ++i)
      ASSERT_EQ(a.all[k]->f32()[i], b.all[k]->f32()[i]) << a.all[k]->name;
}

TEST(Optimizer, MuonTreatsEveryExpertAsItsOwnMatrix) {
  OptimizerRecipe options;
  options.kind = OptimizerKind::muon;
  options.weight_decay = 0;
  Weights weights;
  Parameter& experts = *weights.all[3];
  std::vector<float> before(experts.f32(), experts.f32() + experts.count());
  ThreadPool pool(1);
  Optimizer optimizer(options, weights.pointers());
  optimizer.update(pool, 0, 1, 1);
  // Each expert's update is orthogonal on its own: 20 rows of 24, scaled by 0.2 sqrt(24).
  const double scale = 0.2 * std::sqrt(24.0);
  const int rows = experts.group_rows(), cols = experts.cols;
  for (int g = 0; g < experts.groups; ++g)
    for (int i = 0; i < rows; ++i)
      for (int j = 0; j <= i; ++j) {
        double dot = 0;
        for (int c = 0; c < cols; ++c) {
          size_t x = size_t(g * rows + i) * size_t(cols) + size_t(c);
          size_t y = size_t(g * rows + j) * size_t(cols) + size_t(c);
          dot += double(experts.f32()[x] - before[x]) * double(experts.f32()[y] - before[y]);
        }
        dot /= scale * scale;
        EXPECT_NEAR(dot, i == j ? 1.0 : 0.0, i == j ? 0.55 : 0.35) << g << " " << i << " " << j;
      }
}

}  // namespace
}  // namespace weir
