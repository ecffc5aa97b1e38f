#include "model/rounded_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tensor/run.h"
#include "testing/tiny_models.h"

namespace weir {
namespace {

ModelConfig config() {
  ModelConfig c = tiny_expert_config(2, 4, 2);
  c.hidden_size = 64, c.intermediate_size = 72;  // 72: no whole blocks of 32
  return c;
}

std::vector<float> logits_of(const Model& model, ThreadPool& pool, bool exact) {
  std::vector<int> tokens, positions, sequences;
  for (int i = 0; i < 24; ++i) {
    tokens.push_back((37 * i + 5) % 260);
    positions.push_back(i);
    sequences.push_back(0);
  }
  const Batch batch(tokens, positions, sequences);
  Arena arena(size_t(1) << 30);
  Run run{arena, pool, batch};
  run.exact = exact;
  const Tensor out = model.logits(run, model.forward(run));
  return {out.data, out.data + size_t(out.rows) * size_t(out.cols)};
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double squares = 0, size = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    squares += std::pow(double(a[i]) - double(b[i]), 2);
    size += std::pow(double(a[i]), 2);
  }
  return std::sqrt(squares / size);
}

struct Twins {
  ThreadPool pool;
  std::unique_ptr<Model> model = Model::create(config(), true);
  std::unique_ptr<RoundedModel> rounded;
  explicit Twins(int threads = 1, WeightType type = WeightType::q8_0) : pool(threads) {
    model->initialize(3);
    model->pack(pool);
    rounded = std::make_unique<RoundedModel>(*model, type);
    rounded->round(pool);
  }
};

TEST(RoundedModel, IsNearItsSourceAndFollowsIt) {
  Twins t;
  for (uint64_t seed : {3, 4}) {
    if (seed == 4) {  // as an update does: weights, gains and gate biases change
      t.model->initialize(seed);
      for (Parameter* p : t.model->parameters())
        if (p->rows == 1) p->data[0] += 0.5f;
      for (Parameter* p : t.model->buffers()) p->data[0] += 0.01f;
      t.model->weights_changed();
      t.model->pack(t.pool);
      const double before =
          distance(logits_of(*t.model, t.pool, true), logits_of(t.rounded->model(), t.pool, false));
      EXPECT_GT(before, 0.3) << "the rounded weights are those of before";
      t.rounded->round(t.pool);
    }
    const std::vector<float> exact = logits_of(*t.model, t.pool, true);
    const double off = distance(exact, logits_of(t.rounded->model(), t.pool, false));
    EXPECT_GT(off, 1e-4);
    EXPECT_LT(off, 0.05);
  }
}

TEST(RoundedModel, RoundsProductsOfWholeBlocksButGates) {
  const Twins t;
  int rounded = 0;
  for (const Matrix* w : t.rounded->model().weights()) {
    const Matrix& from = *t.model->find(w->name);
    const bool is_whole = from.packed && from.cols % 32 == 0;
    const bool is_gate = w->name.ends_with("mlp.gate.weight");
    EXPECT_EQ(w->type == WeightType::q8_0, is_whole && !is_gate) << w->name;
    rounded += w->type == WeightType::q8_0;
    if (w->type == WeightType::f32) {
      EXPECT_EQ(w->parts, from.parts) << w->name;
      EXPECT_EQ(w->packed, from.packed) << w->name;
    }
  }
  EXPECT_GT(rounded, 8);
  EXPECT_NE(t.rounded->model().find("model.layers.0.mlp.down_proj.weight")->type, WeightType::q8_0);
}

// Exact products of the twin are those with the decoded weights: its numbers are what it rounds to.
TEST(RoundedModel, ExactProductsReadTheRoundedWeights) {
  for (WeightType type : {WeightType::q8_0, WeightType::bf16}) {
    Twins t(1, type);
    const std::vector<float> twin = logits_of(t.rounded->model(), t.pool, true);
    for (const Matrix* w : t.rounded->model().weights()) {
      if (w->type == WeightType::f32) continue;
      Parameter& p = *t.model->find(w->name)->parameter;
      for (int r = 0; r < w->rows; ++r) w->row(r, p.data + size_t(r) * size_t(p.cols));
    }
    t.model->weights_changed();
    t.model->pack(t.pool);
    EXPECT_LT(distance(logits_of(*t.model, t.pool, true), twin), 1e-5);
  }
}

TEST(RoundedModel, ThreadsChangeNoBit) {
  Twins one(1), three(3);
  EXPECT_EQ(logits_of(one.rounded->model(), one.pool, false),
            logits_of(three.rounded->model(), three.pool, false));
}

}  // namespace
}  // namespace weir
