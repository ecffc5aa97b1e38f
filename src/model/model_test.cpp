// The whole model: gradients against finite differences, recomputation, weights on disk, positions.
#include "model/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/random.h"
#include "base/zones.h"
#include "config/engram.h"
#include "config/rope_table.h"

namespace weir {
namespace {

constexpr std::string_view kEngram = "_engram";  // the same with a memory of n-grams

ModelConfig tiny(const std::string& type) {
  if (type.ends_with(kEngram)) {
    ModelConfig c = tiny(type.substr(0, type.size() - kEngram.size()));
    c.engram_layer_ids = {0, 2}, c.engram_vocab_size = 5, c.engram_max_ngram_size = 3;
    c.engram_n_heads = 2, c.engram_head_dim = 8, c.engram_pad_token_id = 1;
    c.engram_compressed_vocab_size = c.is_compressed() ? 20 : c.vocab_size;
    for (const NgramHash& hash : engram_hashes(c))
      c.engram_num_embeddings.push_back(int(hash.offsets.back() + hash.primes.back()));
    return c;
  }
  ModelConfig c;
  c.model_type = type;
  c.vocab_size = 41, c.hidden_size = 24, c.num_hidden_layers = 3, c.max_position_embeddings = 64;
  c.num_attention_heads = 3, c.intermediate_size = 20, c.rms_norm_eps = 1e-5;
  c.initializer_range = 0.2;
  if (type.starts_with("qwen") || type == "llama") {
    c.attention = AttentionKind::gqa;
    c.num_attention_heads = 4, c.num_key_value_heads = 2, c.head_dim = 6,
    c.attention_bias = type == "qwen2";
    c.rope.interleaved = false;
    c.tie_word_embeddings = type == "qwen2";
    c.head_norms = type.starts_with("qwen3");
    if (type != "qwen3_moe") return c;
    c.n_routed_experts = 6, c.num_experts_per_tok = 2, c.moe_intermediate_size = 9;
    c.moe_layer_freq = 2, c.moe_layer_phase = 1, c.gate = GateKind::softmax;
    return c;
  }
  if (type == "deepseek_v41") {
    const auto json = parse_json(R"({"model_type": "deepseek_v41", "vocab_size": 41,
        "hidden_size": 24, "num_hidden_layers": 4, "max_position_embeddings": 64,
        "initializer_range": 0.2, "num_attention_heads": 4, "head_dim": 8, "qk_rope_head_dim": 4,
        "q_lora_rank": 14, "sliding_window": 5, "o_groups": 2, "o_lora_rank": 6,
        "compress_ratios": [0, 2, 1, 1], "kv_source_layer_ids": [1, 2],
        "index_source_layer_ids": [1, 2, 3], "candidate_source_layer_id": 2,
        "candidate_topk_blocks": 2, "candidate_block_size": 2, "index_n_heads": 2,
        "index_head_dim": 6, "index_topk": 2, "hc_mult": 3, "hc_sinkhorn_iters": 4,
        "n_routed_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 9,
        "swiglu_limit": 50})");
    return *parse_config(*json, type);
  }
  if (type == "deepseek_v4") {
    const auto json = parse_json(R"({"model_type": "deepseek_v4", "vocab_size": 41,
        "hidden_size": 24, "num_hidden_layers": 3, "max_position_embeddings": 64,
        "initializer_range": 0.2, "rms_norm_eps": 1e-5, "num_attention_heads": 4, "head_dim": 8,
        "qk_rope_head_dim": 4, "q_lora_rank": 14, "sliding_window": 5, "o_groups": 2,
        "o_lora_rank": 6, "compress_ratios": [4, 0, 8], "index_n_heads": 2, "index_head_dim": 6,
        "index_topk": 2, "hc_mult": 3, "hc_sinkhorn_iters": 4, "num_hash_layers": 1,
        "n_routed_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 9,
        "swiglu_limit": 50, "num_nextn_predict_layers": 1, "rope_scaling": {"type": "yarn", "factor": 4,
        "original_max_position_embeddings": 16}})");
    return *parse_config(*json, type);
  }
  c.kv_lora_rank = 10, c.qk_nope_head_dim = 6, c.qk_rope_head_dim = 4, c.v_head_dim = 5;
  c.n_routed_experts = 6, c.n_shared_experts = 1, c.num_experts_per_tok = 2,
  c.moe_intermediate_size = 9;
  c.first_k_dense_replace = 1;
  if (type == "deepseek_v2") {
    c.gate = GateKind::softmax, c.norm_topk_prob = false, c.routed_scaling_factor = 2;
    return c;
  }
  c.q_lora_rank = 14, c.has_gate_bias = true, c.routed_scaling_factor = 1.5;
  c.group_kind = GroupKind::top2_sum, c.n_group = 3, c.topk_group = 2;
  c.num_nextn_predict_layers = 1;
  if (type == "deepseek_v32") c.index_n_heads = 2, c.index_head_dim = 8, c.index_topk = 5;
  c.rope.scaling = RopeScaling::yarn, c.rope.factor = 4, c.rope.original_positions = 16,
  c.rope.mscale_all_dim = 1;
  return c;
}

// A packed batch with its loss; MTP joins in where the model has it.
class Trial {
 public:
  explicit Trial(const ModelConfig& config, int threads = 2)
      : model(Model::create(config, true)), arena_(size_t(1) << 32), pool_(threads) {
    model->initialize(5);
    for (int length : {13, 1, 9})
      for (int t = 0; t < length; ++t) {
        tokens_.push_back(int(tokens_.size()) * 17 % config.vocab_size);
        positions_.push_back(t);
        sequences_.push_back(length);
        targets_.push_back(t % 5 == 4 ? -1 : int(targets_.size()) * 23 % config.vocab_size);
        next_.push_back(int(next_.size()) * 19 % config.vocab_size);
      }
    batch_ = Batch(tokens_, positions_, sequences_);
  }
  // Experts are counted when a tape records.
  double loss(bool record, bool backward = true) {
    arena_.reset();
    arena_.reset_peak();
    Tape tape(arena_);
    Run run{arena_, pool_, batch_};
    if (record) run.tape = &tape;
    model->weights_changed();
    model->pack(pool_);
    Tensor states, hidden = model->forward(run, nullptr, &states);
    double total = cross_entropy(run, hidden, model->head(), targets_, 0.1f).loss;
    if (model->config().num_nextn_predict_layers)
      total += cross_entropy(run, model->predict_further(run, states, next_, 0), model->head(),
                             targets_, 0.05f)
                   .loss;
    total += run.aux_loss;
    if (record && backward) tape.backward();
    peak = arena_.peak();
    return total;
  }
  std::vector<float> gradients() {
    model->zero_gradients();
    loss(true);
    std::vector<float> all;
    for (const Parameter* w : model->parameters())
      all.insert(all.end(), w->grad, w->grad + w->count());
    return all;
  }
  std::vector<float> logits() {
    arena_.reset();
    model->pack(pool_);
    Run run{arena_, pool_, batch_};
    Tensor z = model->logits(run, model->forward(run));
    return {z.data, z.data + size_t(z.rows) * size_t(z.cols)};
  }
  // The experts every token took, as one number: finite differences hold only while it stays.
  std::vector<int64_t> routing() {
    model->clear_loads();
    last_loss = loss(true, model->recompute_blocks);  // a recomputed block counts in its backward
    std::vector<int64_t> all;
    for (const auto& gate : model->gates())
      all.insert(all.end(), gate.load->begin(), gate.load->end());
    return all;
  }

  std::unique_ptr<Model> model;
  size_t peak = 0;
  double last_loss = 0;

 private:
  Arena arena_;
  ThreadPool pool_;
  std::vector<int> tokens_, positions_, sequences_, targets_, next_;
  Batch batch_;
};

class ModelGradient : public ::testing::TestWithParam<const char*> {};

TEST_P(ModelGradient, EqualsFiniteDifferencesForEveryWeight) {
  Trial trial(tiny(GetParam()), 1);
  // An indexer without queries scores all tokens 0 and chooses the first ones: no step of a finite
  // difference moves that.
  for (Parameter* w : trial.model->buffers())
    if (w->name.ends_with("wq_b.weight") || w->name.ends_with("indexer.q_b_proj.weight"))
      std::fill(w->f32(), w->f32() + w->count(), 0.f);
  trial.model->balance_weight = trial.model->config().n_routed_experts ? 0.02f : 0;
  std::vector<int64_t> routing = trial.routing();
  const std::vector<float> gradients = trial.gradients();
  const float* gradient = gradients.data();
  int checked = 0, moved = 0;
  for (Parameter* w : trial.model->parameters()) {
    Random random(8, w->count());
    std::vector<float> direction(w->count()), keep(w->f32(), w->f32() + w->count());
    double expected = 0, length = 0;
    for (float& d : direction) {
      d = random.normal();
      length += double(d) * double(d);
    }
    for (float& d : direction) {
      d /= float(std::sqrt(length));
      expected += double(d) * double(*gradient++);
    }
    bool same = true;
    auto at = [&](float step) {
      for (size_t i = 0; i < keep.size(); ++i) w->f32()[i] = keep[i] + step * direction[i];
      same = same && trial.routing() == routing;
      return trial.last_loss;
    };
    double numeric = 0;
    for (float h : {1e-2f, 2e-3f}) {
      same = true;
      numeric = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * double(h));
      if (same) break;
    }
    std::copy(keep.begin(), keep.end(), w->f32());
    if (!same) {
      ++moved;
      continue;
    }
    ++checked;
    EXPECT_NEAR(numeric, expected, 2e-3 * std::fabs(expected) + 2e-4) << w->name;
  }
  EXPECT_GT(checked, 4 * moved) << moved
                                << " weights move tokens to other experts at every step size";
}

INSTANTIATE_TEST_SUITE_P(Families, ModelGradient,
                         ::testing::Values("deepseek_v41_engram", "deepseek_v4", "deepseek_v3",
                                           "deepseek_v32", "deepseek_v2", "qwen2", "qwen3_engram",
                                           "qwen3_moe", "llama"),
                         [](const auto& family) { return std::string(family.param); });

TEST(Recompute, GivesTheSameGradientsInLessMemory) {
  for (const char* type : {"deepseek_v4_engram", "deepseek_v3", "deepseek_v32", "qwen2_engram"}) {
    Trial trial(tiny(type));
    trial.model->balance_weight = trial.model->config().n_routed_experts ? 0.02f : 0;
    std::vector<float> kept = trial.gradients();
    std::vector<int64_t> loads = trial.routing();
    size_t kept_peak = trial.peak;
    trial.model->recompute_blocks = true;
    std::vector<float> again = trial.gradients();
    EXPECT_EQ(std::memcmp(kept.data(), again.data(), kept.size() * sizeof(float)), 0) << type;
    EXPECT_EQ(trial.routing(), loads) << "tokens are counted once";
    EXPECT_LT(trial.peak, kept_peak);
  }
}

TEST(Model, StepsOfTheBackwardPassHaveTheZonesOfTheForward) {
  Trial trial(tiny("deepseek_v3"), 1);
  start_tracing();
  trial.gradients();
  const std::vector<ThreadZones> threads = stop_tracing();
  ASSERT_EQ(threads.size(), 1u);
  std::set<std::string> forward, backward;
  int64_t backward_ns = -1;
  for (const ZoneSpan& span : threads[0].spans) {
    if (std::string(span.name) == "backward") backward_ns = span.begin_ns;
    (backward_ns < 0 ? forward : backward).insert(span.name);
  }
  for (const char* name : {"forward", "attention", "mlp", "moe", "moe.gate", "moe.experts"}) {
    EXPECT_TRUE(forward.contains(name)) << name;
    EXPECT_FALSE(backward.contains(name)) << name;
  }
  for (const char* name : {"embed", "linear", "attend", "route", "expert_linear", "combine"}) {
    EXPECT_TRUE(forward.contains(name)) << name;
    EXPECT_TRUE(backward.contains(name)) << name;
  }
}

TEST(Model, GradientsDoNotDependOnThreads) {
  for (const char* type : {"deepseek_v41_engram", "deepseek_v4", "deepseek_v3_engram"}) {
    Trial one(tiny(type), 1), three(tiny(type), 3);
    std::vector<float> a = one.gradients(), b = three.gradients();
    EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << type;
  }
}

TEST(Model, SparseAttentionIsDenseUpToItsTokens) {
  ModelConfig config = tiny("deepseek_v32");
  auto with_tokens = [&](int tokens) {
    config.index_topk = tokens;
    return Trial(config).logits();
  };
  const std::vector<float> dense = Trial(tiny("deepseek_v3")).logits();
  EXPECT_EQ(with_tokens(13), dense);  // the longest sequence
  const std::vector<float> sparse = with_tokens(12);
  const size_t width = size_t(config.vocab_size), changed = 12 * width;
  EXPECT_TRUE(std::equal(sparse.begin(), sparse.begin() + long(changed), dense.begin()));
  EXPECT_FALSE(std::equal(sparse.begin() + long(changed), sparse.begin() + long(changed + width),
                          dense.begin() + long(changed)));
  EXPECT_TRUE(std::equal(sparse.begin() + long(changed + width), sparse.end(),
                         dense.begin() + long(changed + width)));
}

// Of experts or classes, which are whole.
bool holds_numbers(const std::string& name) {
  return name.ends_with("tid2eid") || name == kEngramClasses;
}

TEST(Model, WeightsSurviveTheDisk) {
  std::string folder = ::testing::TempDir() + "/weir_model_test";
  std::filesystem::create_directories(folder);
  for (const char* type : {"deepseek_v41_engram", "deepseek_v4", "deepseek_v3", "deepseek_v32",
                           "deepseek_v2", "qwen2", "qwen3_engram", "qwen3_moe", "llama"}) {
    Trial trial(tiny(type));
    for (Parameter* b : trial.model->buffers())
      for (size_t i = 0; i < b->count() && !holds_numbers(b->name); ++i)
        b->f32()[i] += 0.01f * float(i % 7);
    ASSERT_TRUE(save_model(*trial.model, folder + "/model.safetensors"));
    std::ofstream(folder + "/config.json") << config_json(trial.model->config()).dump(2);
    auto loaded = load_model(folder, false);
    ASSERT_TRUE(loaded) << loaded.error().message;
    std::vector<float> expected = trial.logits();
    trial.model = std::move(*loaded);
    std::vector<float> found = trial.logits();
    EXPECT_EQ(std::memcmp(expected.data(), found.data(), found.size() * sizeof(float)), 0) << type;
  }
  std::filesystem::remove_all(folder);
}

TEST(Model, RefusesWeightsOfAnotherShape) {
  std::string folder = ::testing::TempDir() + "/weir_model_shape_test";
  std::filesystem::create_directories(folder);
  Trial trial(tiny("llama"));
  ASSERT_TRUE(save_model(*trial.model, folder + "/model.safetensors"));
  ModelConfig other = tiny("llama");
  other.intermediate_size = 28;
  std::ofstream(folder + "/config.json") << config_json(other).dump(2);
  auto loaded = load_model(folder, false);
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("has shape [20, 24], but config.json asks for [28, 24]"),
            std::string::npos)
      << loaded.error().message;
  std::filesystem::remove_all(folder);
}

// Values of DeepSeek-V2/V3 (theta 10000, factor 40, 4096 positions), computed from the published
// code.
TEST(Rope, YarnFrequenciesOfDeepSeek) {
  RopeConfig rope;
  rope.scaling = RopeScaling::yarn;
  rope.factor = 40;
  rope.mscale = rope.mscale_all_dim = 1;
  auto f = rope_frequencies(rope, 64);
  const std::pair<int, double> golden[] = {{0, 1},
                                           {1, 0.749894209},
                                           {9, 0.0749894209},
                                           {10, 0.0562341325},
                                           {11, 0.0390069266},
                                           {15, 0.00833450895},
                                           {16, 0.0055},
                                           {22, 1.77827941e-4},
                                           {23, 3.33380358e-5},
                                           {24, 2.5e-5},
                                           {31, 3.33380358e-6}};
  for (auto [i, value] : golden) EXPECT_NEAR(f[size_t(i)], value, 1e-8 * value + 1e-14) << i;
  EXPECT_DOUBLE_EQ(rope_amplitude(rope), 1);
}

// Divisors of Llama 3.1's frequencies (theta 5e5, width 128, factor 8), computed from its reference
// code.
TEST(Rope, LlamaFrequencies) {
  RopeConfig plain, scaled;
  plain.theta = scaled.theta = 500000;
  scaled.scaling = RopeScaling::llama3;
  scaled.factor = 8, scaled.original_positions = 8192;
  auto f = rope_frequencies(plain, 128), g = rope_frequencies(scaled, 128);
  const std::pair<int, double> golden[] = {{28, 1},       {29, 1.20748}, {30, 1.55341},
                                           {31, 2.02631}, {32, 2.69453}, {33, 3.68425},
                                           {34, 5.25733}, {35, 8},       {63, 8}};
  for (auto [i, divisor] : golden)
    EXPECT_NEAR(f[size_t(i)] / g[size_t(i)], divisor, 1e-5 * divisor) << i;
}

}  // namespace
}  // namespace weir
