// The dry run of a pass takes exactly what the pass takes, whatever the model, its types, the rows
// and the threads; and what a pass takes does not grow with the layers.
#include "engine/pass_memory.h"

#include <gtest/gtest.h>

#include <deque>
#include <numeric>

#include "engine/kv_cache.h"
#include "kernels/quant/quantize.h"

namespace weir {
namespace {

ModelConfig gqa() {
  ModelConfig c;
  c.vocab_size = 96;
  c.hidden_size = 64;
  c.num_hidden_layers = 2;
  c.max_position_embeddings = 256;
  c.initializer_range = 0.1;
  c.attention = AttentionKind::gqa;
  c.num_attention_heads = 6;
  c.num_key_value_heads = 2;
  c.head_dim = 32;
  c.attention_bias = c.head_norms = true;
  c.intermediate_size = 160;
  return c;
}

ModelConfig mla() {
  ModelConfig c = gqa();
  c.attention = AttentionKind::mla;
  c.num_attention_heads = 3;
  c.attention_bias = c.head_norms = false;
  c.kv_lora_rank = 32;
  c.qk_nope_head_dim = 16;
  c.qk_rope_head_dim = 8;
  c.v_head_dim = 32;
  return c;
}

ModelConfig experts() {
  ModelConfig c = mla();
  c.n_routed_experts = 37;
  c.n_shared_experts = 2;
  c.num_experts_per_tok = 3;
  c.moe_intermediate_size = 32;
  c.first_k_dense_replace = 1;
  return c;
}

ModelConfig sparse() {
  ModelConfig c = experts();
  c.model_type = "deepseek_v32";
  c.q_lora_rank = 32;
  c.index_n_heads = 2;
  c.index_head_dim = 32;
  c.index_topk = 20;
  return c;
}

// A model whose matrices are f32, or stored as q8_0.
struct Subject {
  std::unique_ptr<Model> model;
  std::deque<std::vector<uint8_t>> stored;

  Subject(const ModelConfig& config, bool is_quantized) : model(Model::create(config, false)) {
    model->initialize(5);
    ThreadPool pool(1);
    model->pack(pool);
    if (!is_quantized) return;
    for (Parameter* w : model->parameters()) {
      if (w->rows == 1) continue;
      Matrix& matrix = *model->find(w->name);
      matrix.parts.clear();
      const size_t group = w->count() / size_t(w->groups);
      for (int g = 0; g < w->groups; ++g) {
        auto& bytes = stored.emplace_back(type_bytes(WeightType::q8_0, group));
        quantize_row(WeightType::q8_0, w->f32() + size_t(g) * group, nullptr, group, bytes.data());
        matrix.parts.push_back(bytes.data());
      }
      matrix.type = WeightType::q8_0;
      matrix.packed = nullptr;
    }
  }
};

// Rows of a pass: of sequence i, `counts[i]` rows that end at position `positions`.
size_t measured(const Model& model, const PassShape& shape, const std::vector<int>& counts,
                int threads) {
  std::vector<int> tokens, positions, sequences, sampled(size_t(shape.sampled));
  auto cache = KvCache::create(model.config(), shape.cache, size_t(1) << 30, shape.cache_type);
  for (int s = 0; s < int(counts.size()); ++s) {
    EXPECT_TRUE(bool(cache->reserve(s, shape.positions)));
    for (int i = 0; i < counts[size_t(s)]; ++i) {
      tokens.push_back(int(tokens.size()) * 7 % model.config().vocab_size);
      positions.push_back(shape.positions - counts[size_t(s)] + i);
      sequences.push_back(s);
    }
  }
  std::iota(sampled.begin(), sampled.end(), 0);
  Arena arena(size_t(1) << 30);
  ThreadPool pool(threads);
  const Batch batch(tokens, positions, sequences);
  Run run{arena, pool, batch};
  run.cache = &*cache;
  run.exact = shape.exact;
  model.logits(run, model.forward(run), sampled);
  return arena.peak();
}

void check(const Subject& subject, CacheForm cache, bool exact, const std::string& what,
           CacheType type = CacheType::f32) {
  const Model& model = *subject.model;
  for (int threads : {1, 3})
    for (int rows : {1, 5, 70}) {
      const int positions = model.config().max_position_embeddings > 256 ? 300 : 100;
      const PassShape shape{rows, std::min(rows, 4), positions, cache, exact, type};
      const size_t bytes = pass_bytes(model, shape, threads);
      const std::string at = what + std::to_string(rows) + " rows, " + std::to_string(threads);
      EXPECT_EQ(measured(model, shape, {rows}, threads), bytes) << at;
      EXPECT_EQ(measured(model, shape, std::vector<int>(size_t(rows), 1), threads), bytes) << at;
      PassShape smaller = shape;
      smaller.positions = 40, smaller.rows = (rows + 1) / 2, smaller.sampled = 1;
      EXPECT_LE(measured(model, smaller, {1, smaller.rows - 1}, threads), bytes) << at;
    }
}

TEST(PassMemory, IsWhatThePassTakes) {
  const std::pair<const char*, ModelConfig> all[] = {
      {"gqa ", gqa()}, {"mla ", mla()}, {"experts ", experts()}, {"sparse ", sparse()}};
  for (const auto& [name, config] : all)
    for (bool is_quantized : {false, true}) {
      const Subject subject(config, is_quantized);
      for (CacheForm cache : {CacheForm::expanded, CacheForm::latent}) {
        if (cache == CacheForm::latent && config.attention != AttentionKind::mla) continue;
        const std::string what = std::string(name) + (is_quantized ? "quantized " : "f32 ") +
                                 (cache == CacheForm::latent ? "latent " : "expanded ");
        check(subject, cache, true, what + "exact ");
        if (is_quantized) check(subject, cache, false, what);
      }
    }
}

TEST(PassMemory, OfEveryCacheTypeIsWhatThePassTakes) {
  const std::pair<const char*, ModelConfig> all[] = {
      {"gqa ", gqa()}, {"mla ", mla()}, {"sparse ", sparse()}};
  for (auto [name, config] : all) {
    config.max_position_embeddings = 512;
    config.qk_rope_head_dim = 16;
    const Subject subject(config, true);
    for (CacheType type : {CacheType::f16, CacheType::bf16, CacheType::q8, CacheType::q4})
      for (CacheForm cache : {CacheForm::expanded, CacheForm::latent}) {
        if (cache == CacheForm::latent && config.attention != AttentionKind::mla) continue;
        check(subject, cache, false, std::string(name) + cache_type_name(type) + " ", type);
      }
  }
}

TEST(PassMemory, OfManyShortSequencesIsMeasuredToo) {
  const Subject subject(experts(), false);
  const PassShape shape{70, 70, 32, CacheForm::latent, true};
  EXPECT_EQ(measured(*subject.model, shape, {32, 32, 6}, 2), pass_bytes(*subject.model, shape, 2));
}

TEST(PassMemory, OfAnOutlineIsThatOfTheModel) {
  const PassShape shape{50, 3, 200, CacheForm::expanded, true};
  for (const ModelConfig& config : {gqa(), sparse()})
    EXPECT_EQ(pass_bytes(*Model::outline(config), shape, 2),
              pass_bytes(*Subject(config, false).model, shape, 2));
}

TEST(PassMemory, DoesNotGrowWithTheLayers) {
  for (ModelConfig config : {gqa(), experts(), sparse()}) {
    const PassShape shape{64, 8, 128, CacheForm::expanded, true};
    const size_t two = pass_bytes(*Model::outline(config), shape, 2);
    config.num_hidden_layers = 20;
    EXPECT_EQ(pass_bytes(*Model::outline(config), shape, 2), two);
  }
}

TEST(PassMemory, LeavesTheModelAsItWas) {
  const Subject subject(experts(), false), same(experts(), false);
  const PassShape shape{9, 9, 50, CacheForm::expanded, true};
  pass_bytes(*subject.model, shape, 2);  // packs no weights, so the pass below must do it
  auto logits = [&](const Model& model) {
    std::vector<int> tokens(9, 3), positions(9), sequences(9, 0);
    std::iota(positions.begin(), positions.end(), 0);
    Arena arena(size_t(1) << 28);
    ThreadPool pool(2);
    const Batch batch(tokens, positions, sequences);
    weir::Run run{arena, pool, batch};
    const Tensor y = model.logits(run, model.forward(run));
    return std::vector<float>(y.data, y.data + size_t(y.rows) * size_t(y.cols));
  };
  EXPECT_EQ(logits(*subject.model), logits(*same.model));
}

// 256 rows of a prompt at a context of 4096, two threads.
TEST(PassMemory, OfPublishedModelsIsSmall) {
  const PassShape shape{256, 32, 4096, CacheForm::expanded, false};
  const double mib = 1 << 20;
  auto needed = [&](const char* name) {
    return double(pass_bytes(*Model::outline(*preset(name)), shape, 2)) / mib;
  };
  EXPECT_LT(needed("deepseek-v2-lite"), 100);
  EXPECT_LT(needed("deepseek-v3"), 300);
}

}  // namespace
}  // namespace weir
