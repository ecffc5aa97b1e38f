#include "stages/r1_recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "stages/adapter_recipe.h"
#include "stages/guard_reward.h"
#include "stages/rewards.h"

namespace weir {
namespace {

constexpr int64_t kStepsMax = 100'000'000;
constexpr int kTokensMax = 1 << 20;
constexpr int kFromCommandLine = 0;  // in Recipe::lines

const std::vector<std::string> kKindNames = {"pretrain", "sft", "grpo", "reward", "dpo", "distill"};
const std::vector<std::string> kPreferenceNames = {"sigmoid", "robust", "ipo"};
const std::vector<std::string> kSourceNames = {"student", "data"};
const std::vector<std::string> kTailNames = {"bucket", "dropped"};
const std::vector<std::string> kScaleNames = {"group", "batch", "none"};
const std::vector<std::string> kLossNames = {"token", "sequence", "dr_grpo"};
const std::vector<std::string> kSurrogateNames = {"clip", "cispo", "sapo"};
const std::vector<std::string> kRatioNames = {"token", "sequence"};
const std::vector<std::string> kNormalizationNames = {"together", "apart"};
const std::vector<std::string> kRolloutNames = {"exact", "rounded"};
const std::vector<std::string> kGuessNames = {"off", "auto", "always"};
const std::vector<std::string> kKeepsNames = {"newest", "best"};
const std::vector<std::string> kJudgeNames = {"helpful", "safety"};

// The visit functions list the keys of a section once: with an OptionReader they read and check,
// with an OptionWriter they write. Sections whose names are the user's choice, and problem sets,
// are read and written by hand.

Result<void> visit_problems(OptionReader& in, Mixture& data) {
  data = TRY(Mixture::read(in.section("data")));
  return {};
}
Result<void> visit_problems(OptionWriter&, const Mixture&) { return {}; }

void visit_rate(auto& in, auto& rate) {
  choose(in, "optimizer", rate.optimizer, kOptimizerNames);
  in.field("lr", rate.lr, 0, 10);
  in.field("warmup_steps", rate.warmup_steps, 0, kStepsMax);
  in.field("decay_fraction", rate.decay_fraction, 0, 1);
  in.field("final_ratio", rate.final_ratio, 0, 1);
  in.field("weight_decay", rate.weight_decay, 0, 100);
  in.field("clip", rate.clip, 0, 1e9);
}

void visit_tuning(auto& in, auto& tuning) {
  in.field("tokens", tuning.tokens, 16, kTokensMax);
  in.field("all_tokens", tuning.all_tokens);
  in.field("turns", tuning.turns, 1, 64);
  in.field("bias_speed", tuning.bias_speed, 0, 1);
  in.field("balance_weight", tuning.balance_weight, 0, 1e6);
}

Result<void> visit_sample_keys(auto& in, auto& samples) {
  in.field("from", samples.from);
  TRY(visit_problems(in, samples.data));
  in.field("problems", samples.problems, 1, 10'000'000);
  in.field("per_problem", samples.per_problem, 1, 4096);
  in.field("keep", samples.keep, 1, 4096);
  in.field("temperature", samples.temperature, 0.001, 10);
  in.field("reply_tokens", samples.reply_tokens, 1, kTokensMax);
  in.field("language_min", samples.language_min, 0, 1);
  in.field("weight", samples.weight, 0, 1);
  return {};
}

Result<void> visit_samples(OptionReader in, ReplySamplesRecipe& samples) {
  TRY(visit_sample_keys(in, samples));
  if (samples.from.empty() && !in.keys().empty())
    return in.error("from", "is missing: the stage whose model is asked");
  return in.finish();
}
Result<void> visit_samples(OptionWriter out, const ReplySamplesRecipe& samples) {
  if (samples.from.empty()) return {};
  TRY(visit_sample_keys(out, samples));
  return out.finish();
}

// Absent but of the part "guard".
void visit_policy(OptionReader& in, std::string& policy) { in.field("policy", policy); }
void visit_policy(OptionWriter& out, const std::string& policy) {
  if (!policy.empty()) out.field("policy", policy);
}

Result<void> visit_reward(auto in, auto& part) {
  in.field("weight", part.weight, -1e6, 1e6);
  in.field("from", part.from, 0, 1);
  in.field("cap", part.cap, 0, 1e9);
  in.field("model", part.model);
  visit_policy(in, part.policy);
  in.field("families", part.families);
  return in.finish();
}

Result<void> visit_rewards(OptionReader in, std::map<std::string, RewardPart>& rewards) {
  for (const std::string& name : in.keys()) {
    if (std::find(kRewardParts.begin(), kRewardParts.end(), name) == kRewardParts.end())
      return in.error(name, fmt::format("is no part of the reward; there are: {}",
                                        fmt::join(kRewardParts, ", ")));
    RewardPart part;
    if (in.json().find(name)->is_number())
      in.field(name, part.weight, -1e6, 1e6);
    else
      TRY(visit_reward(in.section(name), part));
    const bool is_judged = name == "safety" || name == "helpful";
    if (is_judged && part.model.empty())
      return in.error(name, "needs 'model', the reward stage that judges");
    if (name == "guard") {
      if (part.policy.empty()) part.policy = "company";
    } else if (!part.policy.empty()) {
      return in.error(name + ".policy", "belongs to the part 'guard' alone");
    }
    rewards[name] = part;
  }
  if (rewards.empty()) rewards["accuracy"].weight = 1;
  return in.finish();
}
Result<void> visit_rewards(OptionWriter out, const std::map<std::string, RewardPart>& rewards) {
  for (const auto& [name, part] : rewards) TRY(visit_reward(out.section(name), part));
  return out.finish();
}

Result<void> visit_grpo(auto& in, auto& grpo) {
  in.field("prompts", grpo.prompts, 1, 65536);
  in.field("group", grpo.group, 2, 4096);
  in.field("reply_tokens", grpo.reply_tokens, 1, kTokensMax);
  in.field("temperature", grpo.temperature, 0.001, 10);
  choose(in, "rollouts", grpo.rollouts, kRolloutNames);
  in.field("ratio_cap", grpo.ratio_cap, 0, 1e6);
  choose(in, "speculate", grpo.speculate, kGuessNames);
  in.field("learn_from", grpo.learn_from, 0, 4096);
  in.field("inner_epochs", grpo.inner_epochs, 1, 64);
  in.field("minibatches", grpo.minibatches, 1, 4096);
  choose(in, "advantage_scale", grpo.scale, kScaleNames);
  choose(in, "loss", grpo.loss, kLossNames);
  in.field("clip_low", grpo.clip_low, 0, 1e6);
  in.field("clip_high", grpo.clip_high, 0, 1e6);
  choose(in, "surrogate", grpo.surrogate, kSurrogateNames);
  choose(in, "ratio", grpo.ratio, kRatioNames);
  in.field("clip_delta", grpo.clip_delta, 0, 1e6);
  in.field("cispo_cap", grpo.cispo_cap, 1e-6, 1e6);
  in.field("sapo_positive", grpo.sapo_positive, 1e-3, 1e3);
  in.field("sapo_negative", grpo.sapo_negative, 1e-3, 1e3);
  in.field("top_entropy", grpo.top_entropy, 1e-6, 1);
  in.field("off_policy_mask", grpo.off_policy_mask, 0, 1e6);
  choose(in, "normalize_rewards", grpo.normalize_rewards, kNormalizationNames);
  in.field("kl_weight", grpo.kl_weight, 0, 1e6);
  in.field("kl_unbiased", grpo.kl_unbiased);
  in.field("reference_every", grpo.reference_every, 0, kStepsMax);
  in.field("skips_uniform", grpo.skips_uniform);
  in.field("extra_rounds", grpo.extra_rounds, 0, 64);
  in.field("masks_truncated", grpo.masks_truncated);
  in.field("length_target", grpo.length_target, 0, kTokensMax);
  in.field("curriculum", grpo.curriculum);
  in.field("keeps_routing", grpo.keeps_routing);
  in.field("evaluate_every", grpo.evaluate_every, 0, kStepsMax);
  return visit_rewards(in.section("rewards"), grpo.rewards);
}

void visit_dpo(auto& in, auto& dpo) {
  in.field("pairs", dpo.pairs, 1, 65536);
  choose(in, "loss", dpo.loss, kPreferenceNames);
  in.field("beta", dpo.beta, 1e-6, 1e6);
  in.field("label_smoothing", dpo.label_smoothing, 0, 0.499);
}

// `teacher: MODEL`, or `teachers:` by name, each with `model` and `families`.
Result<void> visit_teachers(OptionReader& in, std::vector<TeacherRecipe>& teachers) {
  if (in.has("teacher")) in.field("teacher", teachers.emplace_back().model);
  OptionReader section = in.section("teachers");
  for (const std::string& name : section.keys()) {
    OptionReader one = section.section(name);
    TeacherRecipe& teacher = teachers.emplace_back();
    teacher.name = name;
    one.field("model", teacher.model);
    one.field("families", teacher.families);
    if (teacher.model.empty()) return one.error("model", "is missing: a stage, folder or file");
    TRY(one.finish());
  }
  return section.finish();
}
Result<void> visit_teachers(OptionWriter& out, const std::vector<TeacherRecipe>& teachers) {
  if (teachers.size() == 1 && teachers[0].name.empty()) {
    out.field("teacher", teachers[0].model);
    return {};
  }
  if (teachers.empty()) return {};
  OptionWriter section = out.section("teachers");
  for (const TeacherRecipe& teacher : teachers) {
    OptionWriter one = section.section(teacher.name);
    one.field("model", teacher.model);
    one.field("families", teacher.families);
    TRY(one.finish());
  }
  return section.finish();
}

Result<void> visit_distill(auto& in, auto& stage) {
  auto& distill = stage.distill;
  TRY(visit_teachers(in, distill.teachers));
  choose(in, "source", distill.source, kSourceNames);
  in.field("beta", distill.beta, 0, 1);
  in.field("temperature", distill.temperature, 0.001, 100);
  in.field("top_k", distill.top_k, 0, 4096);
  choose(in, "tail", distill.tail, kTailNames);
  in.field("keeps_rows", distill.keeps_rows);
  in.field("kept", distill.kept);
  in.field("tokens", stage.tuning.tokens, 16, kTokensMax);
  in.field("prompts", stage.grpo.prompts, 1, 65536);
  in.field("replies", stage.grpo.group, 1, 4096);
  in.field("reply_tokens", stage.grpo.reply_tokens, 1, kTokensMax);
  in.field("reply_temperature", stage.grpo.temperature, 0.001, 10);
  return {};
}

// All keys of a stage but its kind, which decides what the others are.
Result<void> visit_stage(auto& in, auto& stage) {
  const bool is_tuning = stage.kind == StageKind::pretrain || stage.kind == StageKind::sft;
  in.field("parent", stage.parent);
  in.field("share", stage.share, 0, 1e6);
  in.field("steps", stage.steps, 0, kStepsMax);
  in.field("steps_wanted", stage.steps_wanted, 0, kStepsMax);
  in.field("about", stage.about);
  if (is_tuning) {
    in.field("good_enough", stage.good_enough, 0, 1);
    in.field("steps_max", stage.steps_max, 0, kStepsMax);
    in.field("epochs", stage.epochs, 0, 1e6);
    in.field("total_tokens", stage.total_tokens, 0, int64_t(1) << 50);
    in.field("equal_cost", stage.equal_cost);
  }
  visit_rate(in, stage.rate);
  if (is_tuning) visit_tuning(in, stage.tuning);
  if (stage.kind == StageKind::grpo) TRY(visit_grpo(in, stage.grpo));
  if (stage.kind == StageKind::sft || stage.kind == StageKind::reward)
    TRY(visit_samples(in.section("samples"), stage.samples));
  if (stage.kind == StageKind::reward) {
    choose(in, "judges", stage.reward.judges, kJudgeNames);
    in.field("examples", stage.reward.examples, 2, 65536);
  }
  if (stage.kind == StageKind::dpo) visit_dpo(in, stage.dpo);
  if (stage.kind == StageKind::distill) TRY(visit_distill(in, stage));
  TRY(visit_problems(in, stage.data));
  return in.finish();
}

Result<void> check_distill(const OptionReader& in, const DistillRecipe& distill) {
  const bool is_kept = distill.keeps_rows || !distill.kept.empty();
  if (distill.teachers.empty() && distill.kept.empty())
    return in.error("teacher", "is missing: an earlier stage, or a model's folder or file");
  if (!distill.teachers.empty() && !distill.kept.empty())
    return in.error("kept", "takes the place of a teacher; leave one of them out");
  if (is_kept && distill.source == DistillSource::student)
    return in.error(
        "source",
        "must be data where the teacher's rows are kept: what the student will say is not "
        "known before");
  if (distill.keeps_rows && distill.top_k == 0)
    return in.error("top_k", "must be above 0 where the teacher's rows are kept");
  return {};
}

Result<StageRecipe> read_stage(OptionReader in, const std::string& name) {
  StageRecipe stage;
  stage.name = name;
  stage.json = in.json();
  choose(in, "kind", stage.kind, kKindNames);
  if (stage.kind == StageKind::pretrain) {
    stage.tuning.all_tokens = true;
    stage.tuning.bias_speed = 1e-3;
    stage.tuning.balance_weight = 1e-4;
  }
  if (stage.kind == StageKind::distill) stage.grpo.group = 1;
  TRY(visit_stage(in, stage));
  if (stage.kind == StageKind::distill) TRY(check_distill(in, stage.distill));
  // A reward model needs data beside samples: worse replies are those to other questions of it.
  const bool can_do_without = stage.kind == StageKind::sft && !stage.samples.from.empty();
  if (stage.data.empty() && !can_do_without)
    return in.error("data", "is missing: name at least one source of problems");
  if (const int from = stage.grpo.learn_from;
      stage.kind == StageKind::grpo && (from == 1 || from > stage.grpo.group))
    return in.error("learn_from",
                    fmt::format("is {}; it must be 0 (all) or in [2, {}], as 'group' says", from,
                                stage.grpo.group));
  const int lengths =
      (stage.share > 0) + (stage.steps > 0) + (stage.epochs > 0) + (stage.total_tokens > 0);
  const bool is_control =
      !stage.equal_cost.empty() && stage.share == 0 && stage.epochs == 0 && stage.total_tokens == 0;
  if (lengths != 1 && !is_control)
    return in.error("steps",
                    "says how long the stage is; exactly one of 'steps', 'share' (of the "
                    "time), 'epochs', 'total_tokens' and, of tuning, 'equal_cost' is needed");
  return stage;
}

enum class Wanted { any, talks, judges };

// The stage `name` stands before this one and is of the kind wanted; `key` asked for it.
Result<void> check_earlier(const std::vector<StageRecipe>& stages, const OptionReader& in,
                           const std::string& key, const std::string& name, Wanted wanted) {
  std::vector<std::string> names;
  for (const StageRecipe& stage : stages) {
    names.push_back(stage.name);
    if (stage.name != name) continue;
    const bool is_judge = stage.kind == StageKind::reward;
    if (wanted == Wanted::judges && !is_judge)
      return in.error(key, fmt::format("names '{}', which is of kind {}, not reward", name,
                                       stage_kind_name(stage.kind)));
    if (wanted == Wanted::talks && is_judge)
      return in.error(key, fmt::format("names '{}', a reward model, which gives no replies", name));
    return {};
  }
  std::string near = nearest_word(name, names);
  return in.error(
      key, fmt::format("names '{}', and no stage before this one is called so{}", printable(name),
                       near.empty() ? fmt::format("; there are: {}", fmt::join(names, ", "))
                                    : "; did you mean '" + near + "'?"));
}

Result<void> visit_stages(OptionReader in, std::vector<StageRecipe>& stages) {
  for (const std::string& name : in.keys()) {
    if (name.empty() || name.find_first_of("/\\. ") != std::string::npos)
      return in.error(name,
                      "is no name for a stage: it becomes a folder, so no '/', '.' or blanks");
    StageRecipe stage = TRY(read_stage(in.section(name), name));
    if (!stage.parent.empty() && !stage.has_folder_parent())
      TRY(check_earlier(stages, in, name + ".parent", stage.parent,
                        stage.kind == StageKind::reward ? Wanted::any : Wanted::talks));
    else if (stage.parent.empty() && stage.kind != StageKind::pretrain && !stages.empty())
      return in.error(name, "needs 'parent', the stage it goes on from");
    if (!stage.samples.from.empty())
      TRY(check_earlier(stages, in, name + ".samples.from", stage.samples.from, Wanted::talks));
    if (!stage.equal_cost.empty())
      TRY(check_earlier(stages, in, name + ".equal_cost", stage.equal_cost, Wanted::talks));
    for (const TeacherRecipe& teacher : stage.distill.teachers)
      if (!is_model_path(teacher.model))
        TRY(check_earlier(stages, in, name + ".teacher", teacher.model, Wanted::talks));
    for (const auto& [part, reward] : stage.grpo.rewards)
      if (reward.has_reward_model())
        TRY(check_earlier(stages, in, name + ".rewards." + part + ".model", reward.model,
                          Wanted::judges));
    stages.push_back(std::move(stage));
  }
  return in.finish();
}

Result<void> visit_stages(OptionWriter out, const std::vector<StageRecipe>& stages) {
  for (const StageRecipe& stage : stages) {
    OptionWriter section = out.section(stage.name);
    choose(section, "kind", stage.kind, kKindNames);
    TRY(visit_stage(section, stage));
  }
  return out.finish();
}

Result<void> visit_sets(OptionReader in, std::vector<EvaluationSet>& sets) {
  for (const std::string& name : in.keys()) {
    OptionReader set = in.section(name);
    EvaluationSet one;
    one.name = name;
    set.field("trained", one.is_trained);
    set.field("problems", one.problems, 0, 1'000'000);
    one.set = TRY(read_problem_set(std::move(set), name));
    sets.push_back(std::move(one));
  }
  return in.finish();
}
Result<void> visit_sets(OptionWriter out, const std::vector<EvaluationSet>& sets) {
  for (const EvaluationSet& one : sets) {
    OptionWriter set = out.section(one.name);
    set.field("trained", one.is_trained);
    set.field("problems", one.problems, 0, 1'000'000);
    TRY(set.finish());
  }
  return out.finish();
}

// Paths by name.
Result<void> visit_texts(OptionReader in, std::vector<EvaluationText>& texts) {
  for (const std::string& name : in.keys()) {
    EvaluationText& text = texts.emplace_back(EvaluationText{name, ""});
    in.field(name, text.path);
    if (!file_exists(text.path))
      return in.error(name, fmt::format("is '{}', and no such file is there", text.path));
  }
  return in.finish();
}
Result<void> visit_texts(OptionWriter out, const std::vector<EvaluationText>& texts) {
  for (const EvaluationText& text : texts) out.field(text.name, text.path);
  return out.finish();
}

Result<void> visit_evaluation(auto in, auto& evaluation) {
  in.field("problems", evaluation.problems, 1, 1'000'000);
  in.field("samples", evaluation.samples, 1, 4096);
  in.field("reply_tokens", evaluation.reply_tokens, 1, kTokensMax);
  in.field("pass_at", evaluation.pass_at, 0, 4096);
  in.field("temperature", evaluation.temperature, 0, 10);
  in.field("top_p", evaluation.top_p, 0.0001, 1);
  TRY(visit_texts(in.section("texts"), evaluation.texts));
  in.field("text_tokens", evaluation.text_tokens, kTextWindow, 1 << 24);
  TRY(visit_sets(in.section("sets"), evaluation.sets));
  return in.finish();
}

Result<void> visit_tokenizer(auto in, auto& tokenizer) {
  in.field("path", tokenizer.path);
  in.field("vocab_size", tokenizer.vocab_size, 257, 1 << 20);
  in.field("pattern", tokenizer.pattern);
  in.field("isolate_digits", tokenizer.isolate_digits);
  return in.finish();
}

// Absent unless the recipe states it.
void visit_thinking(OptionReader& in, std::optional<bool>& thinking) {
  if (in.has("thinking")) in.field("thinking", thinking.emplace());
}
void visit_thinking(OptionWriter& out, const std::optional<bool>& thinking) {
  if (thinking) out.field("thinking", *thinking);
}

Result<void> visit_adapter(OptionReader& in, std::optional<LoraRecipe>& adapter) {
  return read_adapter_recipe(in, adapter);
}
Result<void> visit_adapter(OptionWriter& out, const std::optional<LoraRecipe>& adapter) {
  return write_adapter_recipe(out, adapter);
}

Result<void> visit_recipe(auto& in, auto& r) {
  in.field("run", r.run);
  in.field("title", r.title);
  in.field("seed", r.seed, 0, int64_t(1) << 53);
  in.field("threads", r.threads, 0, 1024);
  in.field("minutes", r.minutes, 0.01, 100'000);
  in.field("minutes_max", r.minutes_max, 0, 100'000);
  in.field("checkpoint_every", r.checkpoint_every, 1, kStepsMax);
  in.field("rows", r.rows, 16, kTokensMax);
  in.field("reply_estimate", r.reply_estimate, 1, kTokensMax);
  choose(in, "keeps", r.keeps, kKeepsNames);
  in.field("model", r.model);
  visit_thinking(in, r.thinking);
  TRY(visit_adapter(in, r.adapter));
  TRY(visit_tokenizer(in.section("tokenizer"), r.tokenizer));
  TRY(visit_evaluation(in.section("evaluation"), r.evaluation));
  TRY(visit_stages(in.section("stages"), r.stages));
  return in.finish();
}

// Policies of rewards can be read, and have the model that they need: the last stage's, too, before
// the first one begins.
Result<void> check_guards(const OptionReader& in, const R1Recipe& r) {
  for (const StageRecipe& stage : r.stages)
    for (const auto& [name, part] : stage.grpo.rewards) {
      if (part.policy.empty()) continue;
      const auto inputs = guard_reward_inputs(part, r.base);
      const std::string key = "stages." + stage.name + ".rewards." + name;
      if (!inputs) return in.error(key + ".policy", inputs.error().message);
      if (!inputs->model.empty() && !file_exists(inputs->model))
        return in.error(key + ".model",
                        "names '" + printable(inputs->model) + "', and there is no such file");
    }
  return {};
}

// A recipe of weir train has no stages, and keys that this one never has.
Result<void> check_kind(const Recipe& recipe) {
  if (recipe.root.find("stages")) return {};
  for (const char* key : {"data", "batch", "optimizer", "schedule", "steps"})
    if (recipe.root.find(key))
      return Error{fmt::format(
          "{}: this is a recipe of weir train: it has '{}' and no 'stages'; use weir train {}",
          recipe.path, key, recipe.path)};
  return {};
}

// Sections whose names are the user's choice, "*" being any of them: a mistyped name would begin a
// section of its own.
bool holds_chosen_names(const std::vector<std::string>& path) {
  static const std::vector<std::vector<std::string>> kHolders = {
      {"stages"},
      {"evaluation", "sets"},
      {"evaluation", "texts"},
      {"stages", "*", "data"},
      {"stages", "*", "teachers"},
      {"stages", "*", "samples", "data"}};
  return std::any_of(kHolders.begin(), kHolders.end(), [&](const auto& holder) {
    return std::equal(
        path.begin(), path.end(), holder.begin(), holder.end(),
        [](const auto& name, const auto& wanted) { return wanted == "*" || name == wanted; });
  });
}

// Whether nothing in the section at `path` comes from the file: all of it was set.
bool was_made_by_set(const Recipe& recipe, const Json& section, const std::string& path) {
  if (recipe.lines.count(path)) return false;  // written in the file, or set as a whole
  for (const auto& [name, value] : section.members()) {
    const std::string key = path + "." + name;
    const auto at = recipe.lines.lower_bound(key);
    const bool is_set = at != recipe.lines.end() && at->second == kFromCommandLine &&
                        (at->first == key || at->first.starts_with(key + "."));
    if (!is_set) return false;
  }
  return true;
}

// Refuses --set stages.bse.lr=3 where no stage is called 'bse'.
Result<void> check_made_sections(const Recipe& recipe) {
  for (const auto& [key, line] : recipe.lines) {
    if (line != kFromCommandLine) continue;
    std::vector<std::string> holder;
    std::string path;
    const Json* at = &recipe.root;
    for (const std::string& part : split(key, '.')) {
      const Json* found = at->find(part);
      if (!found || !found->is_object()) break;
      if (holds_chosen_names(holder) && was_made_by_set(recipe, *found, path + part)) {
        std::vector<std::string> known;
        for (const Json::Member& member : at->members())
          if (member.first != part) known.push_back(member.first);
        const std::string near = nearest_word(part, known);
        return Error{fmt::format(
            "--set {}: '{}' has no '{}'{} To add one, set it as a whole: --set '{}={{...}}'",
            printable(key), path.substr(0, path.size() - 1), printable(part),
            near.empty() ? fmt::format("; there are: {}.", fmt::join(known, ", "))
                         : "; did you mean '" + near + "'?",
            printable(path + part))};
      }
      holder.push_back(part);
      path += part + '.';
      at = found;
    }
  }
  return {};
}

}  // namespace

const char* stage_kind_name(StageKind kind) { return kKindNames[size_t(kind)].c_str(); }

const StageRecipe* R1Recipe::find(const std::string& name) const {
  for (const StageRecipe& stage : stages)
    if (stage.name == name) return &stage;
  return nullptr;
}

Result<R1Recipe> read_r1_recipe(const Recipe& recipe) {
  TRY(check_kind(recipe));
  TRY(check_made_sections(recipe));
  R1Recipe r;
  r.json = recipe.root;
  r.tokenizer.vocab_size = 512;
  r.tokenizer.isolate_digits = true;
  OptionReader in(recipe);
  TRY(visit_recipe(in, r));
  if (r.run.empty()) return in.error("run", "is missing: the folder that the run is kept in");
  if (r.stages.empty()) return in.error("stages", "is missing or empty");
  if (r.evaluation.pass_at > r.evaluation.samples)
    return in.error("evaluation.pass_at", fmt::format("is {}; it must be at most 'samples', {}",
                                                      r.evaluation.pass_at, r.evaluation.samples));
  TRY(find_base(in, r));
  TRY(check_guards(in, r));
  TRY(check_adapter_recipe(in, r));
  return r;
}

Json r1_recipe_json(const R1Recipe& recipe) {
  OptionWriter out;
  Result<void> written = visit_recipe(out, recipe);
  CHECK(written.has_value());
  return std::move(out.object);
}

}  // namespace weir
