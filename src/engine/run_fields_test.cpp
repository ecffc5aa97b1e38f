// What a run carries reaches every product of a block: those of the indexer of sparse attention and
// those of a recomputed block too.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/kv_cache.h"
#include "engine/scorer.h"
#include "kernels/quant/quantize.h"
#include "model/model.h"
#include "ops/ops.h"

namespace weir {
namespace {

constexpr int kRows = 24;

ModelConfig sparse_config() {
  ModelConfig c;
  c.model_type = "deepseek_v32";
  c.vocab_size = 64;
  c.hidden_size = 64;
  c.num_hidden_layers = 2;
  c.max_position_embeddings = 64;
  c.initializer_range = 0.2;
  c.attention = AttentionKind::mla;
  c.num_attention_heads = 2;
  c.intermediate_size = 64;
  c.q_lora_rank = 32;
  c.kv_lora_rank = 32;
  c.qk_nope_head_dim = 16;
  c.qk_rope_head_dim = 8;
  c.v_head_dim = 16;
  c.index_n_heads = 2;
  c.index_head_dim = 32;
  c.index_topk = 8;
  c.n_routed_experts = 4;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 2;
  c.moe_intermediate_size = 32;
  c.first_k_dense_replace = 1;
  return c;
}

struct Names : ActivationObserver {
  std::multiset<std::string> seen;
  void observe(const Matrix& weight, const Tensor&) override { seen.insert(weight.name); }
};

// One pass of kRows tokens over a model.
class Pass {
 public:
  explicit Pass(Model& model) {
    model.pack(pool_);
    for (int i = 0; i < kRows; ++i) {
      tokens_.push_back(i * 7 % model.config().vocab_size);
      positions_.push_back(i);
    }
    batch_ = Batch(tokens_, positions_, sequences_);
  }
  template <class Body>
  void with(const Body& body) {
    Run run{arena_, pool_, batch_};
    body(run);
  }

 private:
  Arena arena_{size_t(1) << 30};
  ThreadPool pool_{1};
  std::vector<int> tokens_, positions_, sequences_ = std::vector<int>(kRows, 0);
  Batch batch_;
};

// The keys that the indexer of the first layer leaves in the cache.
std::vector<float> index_keys(Model& model, bool exact) {
  auto cache = KvCache::create(model.config(), CacheForm::expanded, size_t(1) << 30);
  if (!cache || !cache->reserve(0, kRows)) return {};
  Pass(model).with([&](weir::Run& run) {
    run.cache = &*cache;
    run.exact = exact;
    model.forward(run);
  });
  const float* keys = cache->view(0, 0).index_keys(0);
  return {keys, keys + size_t(model.config().index_head_dim) * kCachePage};
}

TEST(RunFields, F35TheIndexersProductsAreRoundedWhenTheRunIsNotExact) {
  auto model = Model::create(sparse_config(), false);
  model->initialize(3);
  // Only the indexer's keys have quantized weights, so nothing else can differ.
  Matrix* keys = model->find("model.layers.0.self_attn.indexer.wk.weight");
  ASSERT_NE(keys, nullptr);
  const std::vector<float> f32 = index_keys(*model, true);
  EXPECT_EQ(f32, index_keys(*model, false));
  std::vector<uint8_t> stored(type_bytes(WeightType::q8_0, keys->count()));
  quantize_row(WeightType::q8_0, keys->f32(), nullptr, keys->count(), stored.data());
  keys->type = WeightType::q8_0;
  keys->parts = {stored.data()};
  keys->packed = nullptr;
  const std::vector<float> exact = index_keys(*model, true), rounded = index_keys(*model, false);
  ASSERT_EQ(exact.size(), rounded.size());
  EXPECT_NE(exact, rounded);
  for (size_t i = 0; i < exact.size(); ++i) ASSERT_NEAR(exact[i], rounded[i], 1e-2);
}

TEST(RunFields, F35TheObserverSeesTheIndexersWeights) {
  auto model = Model::create(sparse_config(), false);
  model->initialize(3);
  Names names;
  Pass(*model).with([&](weir::Run& run) {
    run.observer = &names;
    model->forward(run);
  });
  for (const char* name : {"wq_b", "wk", "weights_proj"})
    for (int layer = 0; layer < 2; ++layer)
      EXPECT_EQ(names.seen.count("model.layers." + std::to_string(layer) + ".self_attn.indexer." +
                                 name + ".weight"),
                1u)
          << name;
}

// As `weir importance` does.
TEST(RunFields, TheObserverOfAScorerSeesEveryMatrixOnceAChunk) {
  auto model = Model::create(sparse_config(), false);
  model->initialize(3);
  Names names;
  ThreadPool pool(2);
  std::vector<int> tokens(kRows, 5);
  auto scorer = Scorer::create(*model, pool, kRows, CacheForm::expanded, kRows / 2);
  ASSERT_TRUE(scorer);
  (*scorer)->observer = &names;
  ASSERT_TRUE((*scorer)->log_probabilities(tokens));
  std::vector<Weight*> weights = model->parameters();
  weights.insert(weights.end(), model->buffers().begin(), model->buffers().end());
  size_t matrices = 0;
  for (const Weight* w : weights) {
    if (w->rows == 1 || w->is_embedding || w == &model->head()) continue;
    ++matrices;
    EXPECT_EQ(names.seen.count(w->name), 2u) << w->name;
  }
  EXPECT_GT(matrices, 20u);
}

TEST(RunFields, F35ARecomputedBlockKeepsExactAndIsObservedOnce) {
  auto model = Model::create(sparse_config(), true);
  model->initialize(3);
  struct Seen {
    int passes = 0, exact = 0, observed = 0, recorded = 0;
  } seen;
  RoutingTrace kept(1, 2), own(1, 2);
  Names names;
  Matrix* weight = model->find("model.layers.0.mlp.down_proj.weight");  // a square one
  ASSERT_NE(weight, nullptr);
  Pass(*model).with([&](weir::Run& run) {
    Tape tape(run.arena);
    run.tape = &tape;
    run.exact = false;
    run.aux_scale = 0.25f;
    run.routing = {&kept, &own};
    run.observer = &names;
    Tensor x = run.make(kRows, weight->cols);
    for (int i = 0; i < kRows * weight->cols; ++i) x.data[i] = float(i % 5);
    auto body = [weight, log = &seen, trace = &kept, outer = &run](weir::Run& inner, Tensor in) {
      EXPECT_EQ(inner.aux_scale, 0.25f);
      EXPECT_EQ(inner.routing.kept, trace);
      EXPECT_EQ(&inner.batch, &outer->batch);
      EXPECT_EQ(&inner.pool, &outer->pool);
      log->recorded += inner.routing.own != nullptr;
      ++log->passes;
      log->exact += inner.exact;
      log->observed += inner.observer != nullptr;
      return linear(inner, in, *weight);
    };
    Tensor y = recompute(run, body, x);
    y.accumulate();
    for (int r = 0; r < y.rows; ++r)
      for (int c = 0; c < y.cols; ++c) y.grad_row(r)[c] = 1;
    tape.backward();
    EXPECT_TRUE(x.reached());
  });
  EXPECT_EQ(seen.passes, 2);    // forward, and once more for the backward pass
  EXPECT_EQ(seen.exact, 0);     // neither was exact
  EXPECT_EQ(seen.recorded, 1);  // the experts of the forward pass
  EXPECT_EQ(seen.observed, 1);  // or importance would count rows twice
  EXPECT_EQ(names.seen.size(), 1u);
}

}  // namespace
}  // namespace weir
