#include "stages/evaluate.h"

#include <algorithm>
#include <map>
#include <set>

#include "stages/rollout.h"
#include "stages/shown_reply.h"

namespace weir {
namespace {

constexpr int kSequencesAtOnce = 256;
constexpr uint64_t kEvaluationSeed = 0x7e57;
constexpr int kSearchFactor = 20;

void count(const Rollout& rollout, FamilyScore& score) {
  if (rollout.is_truncated)
    ++score.truncated;
  else if (rollout.verdict == Verdict::right)
    ++score.right;
  else if (rollout.verdict == Verdict::wrong)
    ++score.wrong;
  else
    ++score.unparseable;
  score.well_formed += rollout.reply.is_well_formed;
  score.thinking_tokens += rollout.reply.thinking_tokens;  // means are made at the end
  score.language += rollout.language;
}

// The rows of one set, in order of difficulty.
std::vector<FamilyScore> tabulate(const std::vector<Problem>& problems,
                                  const std::vector<Rollout>& rollouts, bool is_trained,
                                  int samples) {
  std::map<std::pair<std::string, int>, FamilyScore> rows;
  std::set<size_t> solved;
  for (const Rollout& rollout : rollouts) {
    const Problem& problem = problems[rollout.problem];
    count(rollout, rows[{problem.family, problem.difficulty}]);
    if (rollout.is_right()) solved.insert(rollout.problem);
  }
  std::vector<FamilyScore> scores;
  for (auto& [key, score] : rows) {
    score.family = key.first;
    score.difficulty = key.second;
    score.is_trained = is_trained;
    score.samples = samples;
    score.problems = score.replies() / samples;
    int64_t passed = 0;
    for (size_t p : solved)
      passed += problems[p].family == key.first && problems[p].difficulty == key.second;
    score.pass_at_k = double(passed) / double(score.problems);
    score.thinking_tokens /= double(score.replies());
    score.language /= double(score.replies());
    scores.push_back(score);
  }
  return scores;
}

Result<std::vector<Problem>> held_out_problems(const EvaluationSet& set, int count, uint64_t seed) {
  const int64_t there = set.set->count(Split::held_out);
  const int64_t wanted = there < 0 ? count : std::min<int64_t>(there, count);
  std::vector<Problem> problems;
  // Of a finite set an even selection.
  for (int64_t i = 0; i < wanted; ++i)
    problems.push_back(
        TRY_IN(set.name,
               set.set->make(seed, Split::held_out, uint64_t(there < 0 ? i : i * there / wanted))));
  return problems;
}

}  // namespace

Result<void> check_evaluation(const R1EvaluationRecipe& recipe) {
  for (const EvaluationSet& set : recipe.sets)
    if (set.set->count(Split::held_out) == 0)
      return Error{"'evaluation.sets." + set.name +
                   "' has no held-out problems; raise its 'held_out' or leave the set out"};
  return {};
}

Result<std::optional<StageEvaluation>> evaluate_stage(const R1Context& context,
                                                      const Model& model) {
  const R1EvaluationRecipe& recipe = context.recipe.evaluation;
  EngineOptions options;
  options.sequences_max = kSequencesAtOnce;
  options.exact = learns_exactly(model);
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(model, context.tokenizer, context.pool, options));
  Verifiers verifiers;
  StageEvaluation evaluation;
  std::set<std::string> shown;
  TRY(check_evaluation(recipe));
  for (const EvaluationSet& set : recipe.sets) {
    std::vector<Problem> problems =
        TRY(held_out_problems(set, recipe.problems, stage_seed(context, set.name, "evaluation")));
    RolloutOptions draw{recipe.samples, recipe.reply_tokens, recipe.temperature,
                        recipe.top_p,   kEvaluationSeed,     0};
    std::vector<Rollout> rollouts =
        TRY(roll_out(*generator, context.format, verifiers, problems, draw, context.pool));
    if (rollouts.empty()) return std::optional<StageEvaluation>();
    for (FamilyScore& score : tabulate(problems, rollouts, set.is_trained, recipe.samples))
      evaluation.scores.push_back(std::move(score));
    for (const Rollout& rollout : rollouts)
      if (shown.insert(problems[rollout.problem].family).second)
        evaluation.samples.push_back(shown_reply(problems[rollout.problem], rollout));
  }
  return std::optional<StageEvaluation>(std::move(evaluation));
}

Result<double> held_out_accuracy(const R1Context& context, const StageRecipe& stage,
                                 const Model& model, int count) {
  std::vector<Problem> problems;
  const uint64_t seed = stage_seed(context, stage.name, "held out");
  for (int i = 0; int(problems.size()) < count && i < kSearchFactor * count; ++i) {
    Result<Problem> problem = stage.data.make(seed, Split::held_out, uint64_t(i));
    if (!problem) return -1.0;  // a source without held-out problems
    if (!problem->verifier.empty()) problems.push_back(*std::move(problem));
  }
  if (problems.empty()) return -1.0;
  EngineOptions options;
  options.sequences_max = kSequencesAtOnce;
  options.exact = learns_exactly(model);
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(model, context.tokenizer, context.pool, options));
  Verifiers verifiers;
  const R1EvaluationRecipe& recipe = context.recipe.evaluation;
  RolloutOptions draw{1, stage.grpo.reply_tokens, recipe.temperature, recipe.top_p, kEvaluationSeed,
                      0};
  std::vector<Rollout> rollouts =
      TRY(roll_out(*generator, context.format, verifiers, problems, draw, context.pool));
  if (rollouts.empty()) return -1.0;
  const auto right = std::ranges::count_if(rollouts, &Rollout::is_right);
  return double(right) / double(rollouts.size());
}

}  // namespace weir
