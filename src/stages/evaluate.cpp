#include "stages/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/file.h"
#include "base/stop_signal.h"
#include "base/text.h"
#include "engine/scorer.h"
#include "stages/rollout.h"
#include "stages/shown_reply.h"

namespace weir {
namespace {

constexpr int kSequencesAtOnce = 256;
constexpr uint64_t kEvaluationSeed = 0x7e57;
constexpr int kSearchFactor = 20;
constexpr int64_t kDrawFactor = 60;  // draws for each problem of another form
constexpr size_t kTextBytesMax = size_t(1) << 30;
constexpr size_t kTokenBytes = 16;  // of a text, more than its tokens have on average

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

// Of the problems of one family and difficulty; -1 when one of them has none.
double mean_chance(const std::vector<Problem>& problems, const std::string& family,
                   int difficulty) {
  double sum = 0;
  int count = 0;
  for (const Problem& problem : problems) {
    if (problem.family != family || problem.difficulty != difficulty) continue;
    if (problem.chance < 0) return -1;
    sum += problem.chance;
    ++count;
  }
  return count > 0 ? sum / count : -1;
}

// The rows of one set, in order of difficulty.
std::vector<FamilyScore> tabulate(const std::vector<Problem>& problems,
                                  const std::vector<Rollout>& rollouts, bool is_trained,
                                  const R1EvaluationRecipe& recipe) {
  const int samples = recipe.samples, k = recipe.pass_at > 0 ? recipe.pass_at : samples;
  std::map<std::pair<std::string, int>, FamilyScore> rows;
  std::vector<int> solved(problems.size());  // right replies
  for (const Rollout& rollout : rollouts) {
    const Problem& problem = problems[rollout.problem];
    count(rollout, rows[{problem.family, problem.difficulty}]);
    solved[rollout.problem] += rollout.is_right();
  }
  std::vector<FamilyScore> scores;
  for (auto& [key, score] : rows) {
    score.family = key.first;
    score.difficulty = key.second;
    score.is_trained = is_trained;
    score.samples = samples;
    score.problems = score.replies() / samples;
    double passed = 0;
    for (size_t p = 0; p < problems.size(); ++p)
      if (problems[p].family == key.first && problems[p].difficulty == key.second)
        passed += pass_at(samples, solved[p], k);
    score.k = recipe.pass_at;
    score.pass_at_k = passed / double(score.problems);
    score.thinking_tokens /= double(score.replies());
    score.language /= double(score.replies());
    score.chance = mean_chance(problems, key.first, key.second);
    scores.push_back(score);
  }
  return scores;
}

// Of a finite set an even selection, of an endless one the first of each canonical form.
Result<std::vector<Problem>> held_out_problems(const R1Context& context, const EvaluationSet& set) {
  const int count = context.recipe.evaluation.problems_of(set);
  const uint64_t seed = stage_seed(context, set.name, "evaluation");
  const int64_t there = set.set->count(Split::held_out);
  const std::string place = "evaluation.sets." + set.name;
  if (there == 0)
    return Error{"'" + place +
                 "' has no held-out problems; raise its 'held_out' or leave the set out"};
  const int64_t wanted = there < 0 ? count : std::min<int64_t>(there, count);
  std::vector<Problem> problems;
  std::set<std::string> seen;
  const bool holds_out = set.set->holds_out_meanings();
  for (int64_t i = 0; int64_t(problems.size()) < wanted && i < kDrawFactor * wanted; ++i) {
    const uint64_t index = there < 0 ? uint64_t(i) : uint64_t(i * there / wanted);
    Problem problem = TRY_IN("'" + place + "'", set.set->make(seed, Split::held_out, index));
    const bool may_repeat = there >= 0 || problem.canonical.empty() || !holds_out;
    if (!may_repeat && !seen.insert(problem.canonical).second) continue;
    problems.push_back(std::move(problem));
  }
  if (int64_t(problems.size()) < wanted)
    return Error{fmt::format(
        "'{}' has only {} different held-out problems, and {} are asked; widen its options, or "
        "set its 'problems' to {} or less",
        place, problems.size(), wanted, problems.size())};
  return problems;
}

}  // namespace

// Perplexity over whole windows, of which the first half is read only, as `weir perplexity` counts.
// Nothing when a stop was requested.
Result<std::optional<TextScore>> score_text(const R1Context& context, const Model& model,
                                            const EvaluationText& text) {
  const Tokenizer& tokenizer = context.tokenizer;
  const std::vector<int>& prefix = tokenizer.prefix();
  const int window = std::min(kTextWindow, model.config().max_position_embeddings);
  if (int(prefix.size()) + 2 > window)
    return Error{"the model's context has no room for a window of text"};
  const size_t own = size_t(window) - prefix.size();
  std::string content = TRY(read_file(text.path, kTextBytesMax));
  const size_t bytes = size_t(context.recipe.evaluation.text_tokens) * kTokenBytes;
  if (content.size() > bytes) content.resize(bytes);
  content.resize(std::min(content.size(), first_invalid_utf8(content)));
  const std::vector<int> ids = TRY_IN(text.path, tokenizer.encode(content));
  auto scorer = TRY(Scorer::create(model, context.pool, window));
  scorer->exact = learns_exactly(model);
  TextScore score{text.name};
  double loss = 0;
  for (size_t begin = 0; begin + own <= ids.size(); begin += own) {
    if (begin + own > size_t(context.recipe.evaluation.text_tokens) && begin > 0) break;
    if (stop_requested()) return std::optional<TextScore>();
    std::vector<int> tokens = prefix;
    tokens.insert(tokens.end(), ids.begin() + ptrdiff_t(begin),
                  ids.begin() + ptrdiff_t(begin + own));
    const std::vector<float> logs = TRY(scorer->log_probabilities(tokens));
    for (size_t i = tokens.size() / 2; i < tokens.size(); ++i, ++score.tokens)
      loss -= double(logs[i]);
  }
  if (score.tokens == 0)
    return Error{fmt::format("{}: has {} tokens, which fill no window of {}", text.path, ids.size(),
                             window)};
  score.perplexity = std::exp(loss / double(score.tokens));
  return std::optional(score);
}

Result<void> check_evaluation(const R1Context& context) {
  for (const EvaluationSet& set : context.recipe.evaluation.sets)
    TRY(held_out_problems(context, set));
  return {};
}

Result<std::optional<StageEvaluation>> evaluate_stage(const R1Context& context,
                                                      const Model& model) {
  const R1EvaluationRecipe& recipe = context.recipe.evaluation;
  EngineOptions options;
  options.sequences_max = kSequencesAtOnce;
  options.joins_equal = true;
  options.exact = learns_exactly(model);
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(model, context.tokenizer, context.pool, options));
  Verifiers verifiers;
  StageEvaluation evaluation;
  std::set<std::string> shown;
  for (const EvaluationSet& set : recipe.sets) {
    std::vector<Problem> problems = TRY(held_out_problems(context, set));
    RolloutOptions draw{recipe.samples, recipe.reply_tokens, recipe.temperature,
                        recipe.top_p,   kEvaluationSeed,     0};
    std::vector<Rollout> rollouts =
        TRY(roll_out(*generator, context.format, verifiers, problems, draw, context.pool));
    if (rollouts.empty()) return std::optional<StageEvaluation>();
    for (FamilyScore& score : tabulate(problems, rollouts, set.is_trained, recipe))
      evaluation.scores.push_back(std::move(score));
    for (const Rollout& rollout : rollouts)
      if (shown.insert(problems[rollout.problem].family).second)
        evaluation.samples.push_back(shown_reply(problems[rollout.problem], rollout));
  }
  for (const EvaluationText& text : recipe.texts) {
    std::optional<TextScore> score = TRY_IN("evaluation.texts", score_text(context, model, text));
    if (!score) return std::optional<StageEvaluation>();
    evaluation.texts.push_back(*std::move(score));
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
  options.joins_equal = true;
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
