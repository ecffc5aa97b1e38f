// For tests: a training run small enough for milliseconds, with everything a large one has.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "base/sha256.h"
#include "pretrain/model_setup.h"
#include "pretrain/trainer.h"

namespace weir {

// A folder below the system's temporary one, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "weir_train_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    Result<void> removed = remove_all(path_);
    (void)removed;
  }
  std::string file(const std::string& name) const { return join_path(path_, name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Sentences from a few words: something to learn, the same on every machine.
inline std::string small_text(int sentences, uint64_t seed = 1) {
  static const std::vector<std::string> kWords = {"the",  "river",  "holds", "a",
                                                  "weir", "and",    "water", "runs",
                                                  "over", "stones", "every", "day"};
  Random random(seed, 5);
  std::string text;
  for (int s = 0; s < sentences; ++s) {
    const int words = 3 + int(random.below(6));
    for (int w = 0; w < words; ++w)
      text += (w ? " " : "") + kWords[size_t(random.below(kWords.size()))];
    text += random.below(4) == 0 ? "?\n" : ".\n";
  }
  return text;
}

// Latent attention, experts with shared one and gate bias, one MTP module, balance loss.
inline std::string small_recipe(const std::string& data, const std::string& run) {
  return "run: " + run + "\ndata: {paths: " + data +
         R"(, packing: windows, sequence_length: 16, validation_fraction: 0.1}
steps: 12
checkpoint_every: 4
evaluate_every: 6
model:
  model_type: deepseek_v3
  hidden_size: 32
  intermediate_size: 48
  num_hidden_layers: 2
  max_position_embeddings: 64
  num_attention_heads: 2
  q_lora_rank: null
  kv_lora_rank: 16
  qk_nope_head_dim: 8
  qk_rope_head_dim: 8
  v_head_dim: 8
  n_routed_experts: 4
  n_shared_experts: 1
  num_experts_per_tok: 2
  moe_intermediate_size: 16
  first_k_dense_replace: 1
  n_group: 1
  topk_group: 1
  scoring_func: sigmoid
  topk_method: noaux_tc
  norm_topk_prob: true
  routed_scaling_factor: 1.0
  num_nextn_predict_layers: 1
tokenizer: {kind: char}
batch: {windows: 4}
optimizer: {lr: 0.01}
evaluation: {windows: 4}
)";
}

struct SmallTraining {
  TrainRecipe recipe;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Dataset> dataset;
  ModelConfig config;

  static Result<SmallTraining> make(const std::vector<std::string>& sets = {}) {
    Recipe file = TRY(Recipe::parse(small_recipe("unused", "unused"), "small.yaml"));
    for (const std::string& set : sets) TRY(file.set(set));
    SmallTraining t;
    t.recipe = TRY(read_train_recipe(file));
    Corpus corpus;
    for (int i = 0; i < 40; ++i) corpus.documents.push_back(small_text(12, uint64_t(i)));
    corpus.sha256 = "none";
    ThreadPool pool(1);
    t.tokenizer = std::make_unique<Tokenizer>(TRY(make_tokenizer(t.recipe, corpus, pool)));
    t.config =
        TRY(make_config(t.recipe, {t.tokenizer->size(), t.tokenizer->bos(), t.tokenizer->eos()}));
    t.dataset = std::make_unique<Dataset>(
        TRY(Dataset::build(corpus, *t.tokenizer, dataset_options(t.recipe), pool)));
    return t;
  }
};

// A model with its trainer; `threads` of its own.
struct SmallTrainer {
  ThreadPool pool;
  std::unique_ptr<Model> model;
  Trainer trainer;
  SmallTrainer(const SmallTraining& t, int threads)
      : pool(threads),
        model(Model::create(t.config, true)),
        trainer(t.recipe, *model, *t.dataset, pool) {
    model->initialize(uint64_t(t.recipe.seed));
    model->pack(pool);
  }
  // Weights, gate biases and moments, all bits.
  std::string fingerprint() {
    std::string all;
    auto add = [&](const void* data, size_t floats) {
      all += sha256_hex(std::span(static_cast<const std::byte*>(data), floats * sizeof(float)));
    };
    for (const Parameter* w : model->parameters()) add(w->data, w->count());
    for (const Parameter* w : model->buffers()) add(w->data, w->count());
    for (const Optimizer::Moment& m : trainer.optimizer().moments()) add(m.data, m.count);
    return sha256_hex(all);
  }
};

}  // namespace weir
