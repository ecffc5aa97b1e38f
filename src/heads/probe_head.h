// Heads of the guard: linear classifiers on a model's own hidden states. One number says whether a
// text belongs to any category, others which one; both are functions of the last token's state and
// of the mean of all tokens' (pooled_states.h), so they can be asked after every token.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "guard/head.h"
#include "heads/logistic.h"
#include "heads/pool_memory.h"

namespace weir {

class Model;
struct Policy;
struct PolicyHead;

// What a file holds about one kind of text.
struct ProbeWeights {
  int block = -1;                   // whose output is read
  std::vector<float> weights = {};  // [1 + categories, 2 * width]: any, then each category
  std::vector<float> bias = {};     // [1 + categories]
  PlattScale scale = {};            // of the first: a probability
  double threshold = 0.5;           // of that probability, at `false_positives` of harmless rows
  double false_positives = 0.01;
  Json report = Json::object();  // how it was trained and what it reached on held-out rows
};

struct ProbeFile {
  std::string base;       // the model's name, for messages
  std::string base_hash;  // model_key() of its weights (engine/model_key.h)
  int width = 0;          // of a hidden state
  std::vector<std::string> categories;
  ProbeWeights prompt;  // of whole conversations up to where the model answers
  ProbeWeights answer;  // of answers, token by token; no weights: none were trained
};

// A safetensors file whose metadata 'weir.heads' is the JSON of everything but the weights. Written
// whole or not at all.
Result<void> write_probes(const std::string& path, const ProbeFile& file);
// Errors: no such file, other tensors or shapes than the JSON says, numbers that are not finite.
Result<ProbeFile> read_probes(const std::string& path);
// SHA-256 of the weights of a model, as heads store it.
std::string base_hash_of(const Model& model);

class ProbeHead : public Head {
 public:
  // `weights`: of `file`, which has them.
  ProbeHead(std::string name, const ProbeFile& file, const ProbeWeights& weights);

  const std::string& name() const override { return name_; }
  std::span<const std::string> categories() const override { return categories_; }
  int block() const override { return weights_.block; }
  int width() const override { return width_; }
  const std::string& base_hash() const override { return base_hash_; }
  std::unique_ptr<HeadStream> begin() const override;
  double threshold() const { return weights_.threshold; }
  bool reads_mean() const { return reads_mean_; }  // not the last state alone

  // Of a pooled state, [2 * width]: for each category a probability. The likeliest has that of
  // belonging to any category, the others that times their odds against it, so one threshold holds
  // for all.
  void score(std::span<const float> pooled, std::span<float> scores) const;
  // The probability that it belongs to any category.
  double harmful(std::span<const float> pooled) const;

 private:
  const std::string name_, base_hash_;
  const std::vector<std::string> categories_;
  const int width_;
  const ProbeWeights weights_;
  bool reads_mean_ = false;
};

struct OpenHeads {
  std::shared_ptr<const ProbeHead> prompt, answer;  // answer: null where none were trained
  std::shared_ptr<PoolMemory> memory;               // null: the prompt's head reads no mean
};
// Heads for a model. An error for those of another one: other weights, or another width.
Result<OpenHeads> open_heads(const std::string& path, const Model& model);

// The first of a policy's heads that belongs to a model.
struct PolicyHeads {
  std::shared_ptr<const OpenHeads> open = {};  // null: none belongs to it
  const PolicyHead* how = nullptr;             // of the policy
};
// `errors`: why the ones before it do not belong to it, a line each.
PolicyHeads open_heads(const Policy& policy, const Model& model, std::string& errors);

}  // namespace weir
