// For tests: recipes, data and models of R1's stages, small enough for milliseconds, with latent
// attention and experts.
#pragma once
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/run_setup.h"
#include "stages/r1_recipe.h"
#include "stages/stage.h"
#include "stages/tuning.h"
#include "train/learner.h"

namespace weir {

inline const std::string kTinyModel = R"(
model:
  model_type: deepseek_v3
  hidden_size: 32
  intermediate_size: 48
  num_hidden_layers: 2
  max_position_embeddings: 96
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
  num_nextn_predict_layers: 0
  initializer_range: 0.1
)";

inline Result<R1Recipe> try_r1_recipe(const std::string& yaml,
                                      const std::vector<std::string>& sets = {}) {
  Recipe file = TRY(Recipe::parse(yaml, "r.yaml"));
  for (const std::string& set : sets) TRY(file.set(set));
  return read_r1_recipe(file);
}
inline R1Recipe must_r1_recipe(const std::string& yaml, const std::vector<std::string>& sets = {}) {
  Result<R1Recipe> recipe = try_r1_recipe(yaml, sets);
  EXPECT_TRUE(recipe) << recipe.error().message;
  return recipe ? *std::move(recipe) : R1Recipe();
}

// Stages without a run: `stages` is the section's inside, indented by two.
inline std::string tiny_recipe(const std::string& stages) {
  return "run: unused\nrows: 64\nreply_estimate: 4\ntokenizer: {vocab_size: 300}\n" + kTinyModel +
         "stages:\n" + stages;
}

// 300 tokens, among them those of conversations.
inline const Tokenizer& tiny_tokenizer() {
  static const Tokenizer tokenizer = [] {
    ThreadPool pool(1);
    Result<ModelTexts> made = make_r1_texts(
        must_r1_recipe(tiny_recipe("  a: {kind: sft, steps: 1, data: {facts: {}}}\n")), pool);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(made->tokenizer);
  }();
  return tokenizer;
}
inline const ConversationFormat& tiny_format() {
  static const ConversationFormat format = *ConversationFormat::create(tiny_tokenizer());
  return format;
}

// A recipe with all that stages are made of.
struct TinyStages {
  R1Recipe recipe;
  ThreadPool pool;
  R1Context context;
  ModelConfig config;

  explicit TinyStages(const std::string& stages, const std::vector<std::string>& sets = {},
                      int threads = 1)
      : recipe(must_r1_recipe(tiny_recipe(stages), sets)),
        pool(threads),
        context{recipe, tiny_tokenizer(), tiny_format(), pool} {
    Result<ModelConfig> made = make_r1_config(recipe, tiny_tokenizer());
    EXPECT_TRUE(made) << made.error().message;
    if (made) config = *made;
  }
  StageRecipe& stage(size_t i = 0) { return recipe.stages[i]; }
  // Replaces the stage's data.
  void give(std::unique_ptr<ProblemSet> set, size_t i = 0) {
    stage(i).data = Mixture();
    stage(i).data.add("given", 1, std::move(set));
  }
  std::unique_ptr<Model> fresh_model(uint64_t seed = 1) const {
    std::unique_ptr<Model> model = Model::create(config, true);
    model->initialize(seed);
    ThreadPool alone(1);
    model->pack(alone);
    return model;
  }
  std::unique_ptr<Learner> learner(Model& model, size_t i = 0) {
    return std::make_unique<Learner>(model, stage_learner_options(stage(i), config, recipe.rows),
                                     pool);
  }
};

inline std::vector<float> all_weights(const Model& model) {
  std::vector<float> all;
  for (const Parameter* w : model.parameters())
    all.insert(all.end(), w->f32(), w->f32() + w->count());
  return all;
}
inline void set_weights(Model& model, const std::vector<float>& all) {
  size_t at = 0;
  for (Parameter* w : model.parameters()) {
    std::memcpy(w->f32(), all.data() + at, w->count() * sizeof(float));
    at += w->count();
  }
  model.weights_changed();
  ThreadPool pool(1);
  model.pack(pool);
}

inline double number_at(const Json& json, const std::string& key) {
  const Json* found = json.find(key);
  EXPECT_NE(found, nullptr) << key << " in " << json.dump();
  return found ? *found->as_double() : 0;
}

// Steps [0, steps) of a stage; the metrics of each.
inline std::vector<Json> take_steps(Stage& stage, int64_t steps) {
  std::vector<Json> lines;
  for (int64_t step = 0; step < steps; ++step) {
    Result<Json> line = stage.advance(step);
    EXPECT_TRUE(line) << line.error().message;
    if (!line) break;
    lines.push_back(*std::move(line));
  }
  return lines;
}

// Problems by a function of (index, split), as many as wanted.
class MadeProblems final : public ProblemSet {
 public:
  using Make = std::function<Problem(uint64_t index, Split split)>;
  explicit MadeProblems(Make make, int64_t train = -1, int64_t held_out = -1)
      : make_(std::move(make)), train_(train), held_out_(held_out) {}
  int64_t count(Split split) const override { return split == Split::train ? train_ : held_out_; }
  Result<Problem> make(uint64_t, Split split, uint64_t index) const override {
    Problem problem = make_(index, split);
    problem.place = "made #" + std::to_string(index);
    return problem;
  }

 private:
  Make make_;
  int64_t train_, held_out_;
};

inline Problem made_problem(const std::string& question, const std::string& reply,
                            const std::string& gold) {
  Problem problem;
  problem.family = "made";
  problem.messages = {{Role::user, question}, {Role::assistant, reply}};
  if (!gold.empty()) problem.verifier = "exact";
  problem.gold = gold;
  return problem;
}

// Better replies are kind and worse ones are rude; the questions tell nothing. The splits differ.
inline std::unique_ptr<ProblemSet> kind_and_rude(bool has_rejected = true) {
  return std::make_unique<MadeProblems>([has_rejected](uint64_t index, Split split) {
    static const std::vector<std::string> kKind = {"fine", "good", "nice"}, kRude = {"bah", "mud"};
    const std::string number = (split == Split::train ? "1" : "2") + std::to_string(index % 97);
    Problem problem = made_problem(number, kKind[size_t(index % 3)] + " " + number, "");
    problem.rejected = {Role::assistant, kRude[size_t(index % 2)] + " " + number};
    problem.has_rejected = has_rejected;
    return problem;
  });
}

// "say" is answered by "a", "b" or "ab"; "a" is right.
inline std::unique_ptr<ProblemSet> letters(const std::string& gold = "a") {
  return std::make_unique<MadeProblems>([gold](uint64_t index, Split) {
    static const std::vector<std::string> kReplies = {"a", "b", "ab", "b"};
    return made_problem("say", kReplies[size_t(index % 4)], gold);
  });
}

// Weights of a model that answers letters() with each of its replies now and then.
inline const std::vector<float>& letter_weights() {
  static const std::vector<float> weights = [] {
    TinyStages t(
        "  a: {kind: sft, steps: 40, tokens: 64, lr: 0.01, warmup_steps: 0, "
        "data: {facts: {}}}\n");
    t.give(letters());
    std::unique_ptr<Model> model = t.fresh_model();
    std::unique_ptr<Learner> learner = t.learner(*model);
    Result<std::unique_ptr<Stage>> stage =
        make_tuning_stage(t.context, t.stage(), 40, *learner, nullptr);
    EXPECT_TRUE(stage) << stage.error().message;
    const std::vector<Json> lines = take_steps(**stage, 40);
    EXPECT_LT(number_at(lines.back(), "loss"), 1.0);
    return all_weights(*model);
  }();
  return weights;
}

}  // namespace weir
