// The recipe of `weir r1`: its stages in order, each with data and settings.
// docs/r1.md explains the keys.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/lora.h"
#include "base/options.h"
#include "base/result.h"
#include "formats/gguf.h"
#include "stages/preference_loss.h"
#include "stages/surrogate.h"
#include "tasks/mixture.h"
#include "train/training_recipe.h"

namespace weir {

enum class StageKind { pretrain, sft, grpo, reward, dpo, distill };
const char* stage_kind_name(StageKind kind);

// Replies drawn from an earlier stage's model before the stage begins.
struct ReplySamplesRecipe {
  std::string from;  // the stage; "": none are drawn
  Mixture data;      // whose problems are asked; empty: the data of that stage
  int problems = 512, per_problem = 4, keep = 2;  // keep: right ones of a problem
  int reply_tokens = 128;
  double temperature = 1;
  double weight = 0.75;       // share of the conversations learned from
  double language_min = 0.9;  // share of the thinking that must be in the question's language
};

// Pretraining and supervised tuning: `tokens` rows of whole conversations a step.
struct TuningRecipe {
  int tokens = 2048;
  bool all_tokens = false;  // learn the questions too (pretraining)
  // Problems of a conversation at most, one turn each; the last reply is learned. A model tuned on
  // single questions answers the second turn of a chat as if it were the first.
  int turns = 1;
  // Of the experts: speed of the gate biases (0: fixed), weight of the sequence-wise balance loss.
  double bias_speed = 0, balance_weight = 0;
};

enum class AdvantageScale { group, batch, none };
enum class LossForm { token, sequence, dr_grpo };
// Of what the ratio between new and old policy is: each token's own, or one of the whole reply
// (GSPO).
enum class RatioLevel { token, sequence };
// together: parts of the reward are added, then normalised; apart: each part is normalised in its
// group before (GDPO, arXiv:2601.05242).
enum class RewardNormalization { together, apart };
// exact: log-probabilities of rollouts are those of training, bit for bit. rounded: drawn faster,
// with weights in q8_0, activations in 14 bits and a cache in f16; the learner corrects the ratio
// (rollout_ratio.h).
enum class RolloutNumbers { exact, rounded };
// Guesses of n-grams in rollouts, with the same bits (engine/speculation.h): none, where they are
// measured to pay, all.
enum class RolloutGuesses { off, automatic, always };

struct RewardPart {
  double weight = 0;
  double from = 0;    // share of the stage after which it counts
  double cap = 1e9;   // of its absolute value, before the weight
  std::string model;  // stage of kind reward that judges; "" for rules
  // Of the part "guard": a guard's policy, a file or a shipped one's name. Its `model` is a folder
  // or file, which the policy's heads and judge read ("": the recipe's base).
  std::string policy;
  bool has_reward_model() const { return !model.empty() && policy.empty(); }
  // Of the problems it counts for; empty: accuracy where there is a verifier, the others
  // everywhere.
  std::vector<std::string> families;
};

struct GrpoRecipe {
  int prompts = 32, group = 8, reply_tokens = 96;
  double temperature = 1;
  RolloutNumbers rollouts = RolloutNumbers::exact;
  double ratio_cap = 2;  // of the weights that correct rounded rollouts; 0: no correction
  RolloutGuesses speculate = RolloutGuesses::off;
  // Replies of a group that are learned from, those whose rewards differ most (PODS); 0: all.
  int learn_from = 0;
  int inner_epochs = 1, minibatches = 1;
  AdvantageScale scale = AdvantageScale::group;
  LossForm loss = LossForm::token;
  double clip_low = 0.2, clip_high = 0.28;  // of the ratio: [1 - low, 1 + high]
  Surrogate surrogate = Surrogate::clip;    // surrogate.h
  RatioLevel ratio = RatioLevel::token;
  double clip_delta = 0, cispo_cap = 5, sapo_positive = 1, sapo_negative = 1.05;
  double top_entropy = 1;      // share of tokens that are learned from, those of highest entropy
  double off_policy_mask = 0;  // of replies with a negative advantage (reply_masks.h); 0: off
  RewardNormalization normalize_rewards = RewardNormalization::together;
  double kl_weight = 0;
  bool kl_unbiased = false;      // k3 times the ratio (DeepSeek-V3.2)
  int64_t reference_every = 0;   // steps after which the policy becomes the reference; 0: never
  bool skips_uniform = true;     // groups whose rewards are all equal teach nothing
  int extra_rounds = 1;          // of prompts drawn to replace skipped groups
  bool masks_truncated = false;  // replies cut by reply_tokens are not learned from
  double length_target = 0;      // thinking tokens beyond which the length part counts down
  bool curriculum = false;       // draw difficulties by how near their pass rate is to a half
  bool keeps_routing = false;    // learn with the experts of the rollout (DeepSeek-V3.2)
  int64_t evaluate_every = 0;  // steps between looks at held-out problems; 0: a tenth of the stage
  std::map<std::string, RewardPart> rewards;  // by name, of kRewardParts
};

// A reward model answers "yes" or "no" after a reply. "helpful": pairs of replies, the better one
// first, on the answer alone; "safety": single replies, thinking included (as in R1's supplement).
enum class JudgeKind { helpful, safety };
struct RewardModelRecipe {
  JudgeKind judges = JudgeKind::helpful;
  int examples = 64;  // pairs or replies of a step
};

// Direct preference optimisation (preference_loss.h) on pairs of replies.
struct DpoRecipe {
  int pairs = 16;  // of a step
  PreferenceLoss loss = PreferenceLoss::sigmoid;
  double beta = 0.1, label_smoothing = 0;
};

// Whose conversations a student learns on: its own replies, drawn each step, or the data's.
enum class DistillSource { student, data };
enum class TailForm { bucket, dropped };
struct TeacherRecipe {
  std::string name, model;            // an earlier stage, or a model's folder or file
  std::vector<std::string> families;  // of the problems it teaches; empty: those without another
};
// Learning from a teacher's distributions (ops/divergence.h). Its `prompts`, `group`,
// `reply_tokens` and temperature of replies are those of GrpoRecipe, its rows a step of data
// TuningRecipe::tokens.
struct DistillRecipe {
  std::vector<TeacherRecipe> teachers;
  DistillSource source = DistillSource::student;
  double beta = 1, temperature = 1;
  int top_k = 0;  // tokens of the teacher; 0: the whole vocabulary
  TailForm tail = TailForm::bucket;
  bool keeps_rows = false;  // ask the teacher once for each conversation of the data
  std::string kept;         // a file with the teacher's rows, in place of a teacher
};

// Whether a parent or teacher is a model's folder or file rather than a stage.
inline bool is_model_path(const std::string& model) {
  return model.find('/') != std::string::npos || has_gguf_name(model);
}

struct StageRecipe {
  std::string name;
  StageKind kind = StageKind::sft;
  // An earlier stage, or a model's folder or file (a path with '/', or NAME.gguf); "": fresh
  // weights.
  std::string parent;
  // How long: exactly one is not 0. A share of the wanted time, steps, or for tuning passes over
  // the data or rows in all.
  double share = 0;
  int64_t steps = 0;
  // Of tuning: an earlier stage whose core-seconds this one takes too, in place of a length: the
  // control that says what as much time gives in another way. With `steps` it only names the stage.
  std::string equal_cost;
  double epochs = 0;
  int64_t total_tokens = 0;
  // Steps that the stage needs to reach its goal: the plan gives so many to a stage with a share.
  int64_t steps_wanted = 0;
  // Pretraining and tuning: the share of right answers to held-out problems at which the stage may
  // end; below it whole further rounds of a third of the planned steps follow, while the steps in
  // all stay within `steps_max` (0: twice the plan).
  double good_enough = 0;
  int64_t steps_max = 0;
  std::string about;  // what it tries, as one sentence for people; "": made from its settings
  RateRecipe rate;
  TuningRecipe tuning;
  ReplySamplesRecipe samples;
  GrpoRecipe grpo;
  RewardModelRecipe reward;
  DpoRecipe dpo;
  DistillRecipe distill;
  Mixture data;
  Json json;  // the section as written
  bool has_folder_parent() const { return is_model_path(parent); }
};

struct EvaluationSet {
  std::string name;
  bool is_trained = true;
  int problems = 0;  // 0: as many as of the others
  std::unique_ptr<ProblemSet> set;
};

constexpr int kTextWindow = 512;  // tokens, the first half of which are read only
// A text whose perplexity is measured.
struct EvaluationText {
  std::string name, path;
};

struct R1EvaluationRecipe {
  int problems = 64, samples = 2, reply_tokens = 160;
  int pass_at = 0;  // k of pass@k, at most `samples`; 0: all of them
  double temperature = 0.6, top_p = 0.95;
  std::vector<EvaluationSet> sets;
  std::vector<EvaluationText> texts;
  int text_tokens = 4096;  // of each text, in windows of kTextWindow
  int problems_of(const EvaluationSet& set) const {
    return set.problems > 0 ? set.problems : problems;
  }
};

// Whose model the run's folder holds: of the newest finished stage, or of the one that answers most
// held-out problems of those that stages train on.
enum class Keeps { newest, best };

struct R1Recipe {
  std::string run;
  std::string title = "R1 in four stages";
  int64_t seed = 1;
  int threads = 0;
  double minutes = 10;
  double minutes_max = 240;  // that the plan may use when `minutes` is too little for steps_wanted
  int64_t checkpoint_every = 50;
  int rows = 2048;             // of a micro-batch
  double reply_estimate = 40;  // tokens of a reply, for the plan of steps
  Json model;
  TokenizerRecipe tokenizer;
  std::optional<bool> thinking;  // told to the parent's chat template
  // Stages learn an adapter of the model that they begin from, which stays as it is stored.
  std::optional<LoraRecipe> adapter;
  // What the first stages begin from: a model's folder or GGUF file, of an adapter's folder the
  // base that it was made for. "": all begin with fresh weights.
  std::string base;
  Keeps keeps = Keeps::newest;
  R1EvaluationRecipe evaluation;
  std::vector<StageRecipe> stages;
  Json json;  // the recipe as read, overrides included

  const StageRecipe* find(const std::string& name) const;
};

// Every error names file, line and key: unknown parents, samples from a stage that comes later, a
// reward part that names no reward stage.
Result<R1Recipe> read_r1_recipe(const Recipe& recipe);

// All keys with their values, defaults included, but for the sources of problems.
Json r1_recipe_json(const R1Recipe& recipe);

}  // namespace weir
