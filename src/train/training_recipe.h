// The recipe of `weir train`: every key with its default. One list of
// fields (training_recipe.cpp) reads a recipe, checks it and writes the resolved one;
// docs/recipes.md explains the keys.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/options.h"
#include "base/result.h"

namespace weir {

struct TokenizerRecipe {
  std::string path;          // a folder with tokenizer.json; empty: learn one from the data
  std::string kind = "bpe";  // what to learn: "bpe" or "char"
  int vocab_size = 1024;     // bpe: with the control tokens
  std::string pattern = "deepseek-v3";
  bool isolate_digits = false;
  bool chat_tokens = true;  // bpe: control tokens of conversations, for later tuning
};

struct DataRecipe {
  std::vector<std::string> paths;
  std::string jsonl_field = "text";
  bool skip_bad_lines = false;
  std::string packing = "documents";
  int sequence_length = 256;
  double validation_fraction = 0.05;
  bool end_of_document = true;
};

struct BatchRecipe {
  int windows = 8;        // of a step
  int micro_windows = 0;  // computed at a time; 0: all
};

enum class OptimizerKind { adamw, muon };
inline const std::vector<std::string> kOptimizerNames = {"adamw", "muon"};

struct OptimizerRecipe {
  OptimizerKind kind = OptimizerKind::adamw;
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8, weight_decay = 0.1;
  double clip = 1;         // 0: off
  double momentum = 0.95;  // muon
};

enum class ScheduleKind { cosine, wsd, constant };
inline const std::vector<std::string> kScheduleNames = {"cosine", "wsd", "constant"};

struct ScheduleRecipe {
  ScheduleKind kind = ScheduleKind::cosine;
  int64_t warmup_steps = 0;
  double final_ratio = 0.1;     // of lr, at the end
  double decay_fraction = 0.2;  // wsd: the part of the run that decays
};

// Optimizer and schedule of a stage of weir r1.
struct RateRecipe {
  OptimizerKind optimizer = OptimizerKind::adamw;
  double lr = 1e-3;
  int64_t warmup_steps = 10;
  double decay_fraction = 0;  // the last part of the stage, over which the rate falls linearly
  double final_ratio = 0.1;   // of lr, at the end
  double weight_decay = 0.1, clip = 1;
};

struct MoeRecipe {
  double bias_speed = 1e-3;   // of the gate biases (DeepSeek-V3, section 2.1.2)
  double bias_freeze_at = 1;  // fraction of the run after which they are fixed
  double balance_weight = 1e-4;
};

struct MtpRecipe {
  double weight = 0.3, final_weight = 0.1;
  double switch_at = 0.67;  // fraction of the run after which final_weight holds
};

struct EvaluationRecipe {
  int windows = 64;
};

struct SamplesRecipe {
  std::vector<std::string> prompts;
  int tokens = 128;
  double temperature = 0.8;
};

struct TrainRecipe {
  std::string run;
  int64_t steps = 1000;
  int64_t seed = 1;
  int threads = 0;
  int64_t log_every = 1, evaluate_every = 100, checkpoint_every = 100;
  int keep_checkpoints = 2;
  bool recompute = false;
  double loss_limit_factor = 3;  // 0: never stop because the loss is high
  Json model;                    // a name, a path, or an object of config.json keys over a "preset"
  TokenizerRecipe tokenizer;
  DataRecipe data;
  BatchRecipe batch;
  OptimizerRecipe optimizer;
  ScheduleRecipe schedule;
  MoeRecipe moe;
  MtpRecipe mtp;
  EvaluationRecipe evaluation;
  SamplesRecipe samples;

  int micro_windows() const {
    return batch.micro_windows > 0 ? batch.micro_windows : batch.windows;
  }
};

// Every error names file, line and key.
Result<TrainRecipe> read_train_recipe(const Recipe& recipe);

// All keys with their values.
Json recipe_json(const TrainRecipe& recipe);
// The same as YAML that Recipe::parse reads back.
std::string recipe_yaml(const Json& resolved);

// Keys that decide the resulting weights and differ between two resolved recipes, as
// "optimizer.lr". `steps` is not among them: schedule.h says when it may change. Neither are places
// (the data's contents are compared instead), nor anything that only watches: threads, logging,
// cadences, samples.
std::vector<std::string> changed_keys(const Json& then, const Json& now);
// SHA-256 over the keys that decide.
std::string recipe_sha256(const Json& resolved);

}  // namespace weir
