#include "pipeline/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "pipeline/run_setup.h"
#include "stages/rollout.h"
#include "stages/stage_memory.h"
#include "stages/tuning.h"
#include "train/batches.h"

namespace weir {
namespace {

constexpr int kMeasuredSteps = 3;
// Work is measured in growing pieces, until the last one is as large as the stages' or the time
// for planning is over.
constexpr int kFirstRows = 128, kRowsFactor = 4;
constexpr int kFirstSequences = 8, kFirstTokens = 4, kSequencesFactor = 4, kTokensFactor = 2;
constexpr int kSequences = 256;
constexpr double kPlanningShare = 0.03;  // of the wanted time
constexpr int kProblemsLookedAt = 200;
constexpr uint64_t kSearchMax = 10'000;    // problems, for conversations that can be learned
constexpr double kForwardShare = 1.0 / 3;  // of a learned row, for a row that is only scored
// Dynamic sampling: problems asked again for groups that were skipped, and replies left to learn
// from.
constexpr double kExtraRoundShare = 0.35, kTaughtShare = 0.5;
// Of a reply's tokens, those that are computed: what replies have in common is drawn and learned
// from once. How much that is depends on the policy, so a trial corrects it (step_trial.h).
constexpr double kApartShare = 0.5;
constexpr int kHeldOutLooks = 10;
constexpr int64_t kMoreSteps = 4;  // times the planned ones, at most, after a trial

// What the problems of a stage are like.
struct Lengths {
  double prompt = 0, whole = 0;            // mean tokens
  std::map<std::string, double> families;  // shares
};

Result<Lengths> mean_lengths(const R1Context& context, const Mixture& data) {
  Lengths mean;
  for (int i = 0; i < kProblemsLookedAt; ++i) {
    Problem problem = TRY(data.make(context.seed(), Split::train, uint64_t(i)));
    std::vector<int> prompt = TRY_IN(problem.place, context.format.prompt(problem.question()));
    mean.prompt += double(prompt.size()) / kProblemsLookedAt;
    mean.families[problem.family] += 1.0 / kProblemsLookedAt;
    if (!problem.has_reply()) continue;
    TrainingSequence whole = TRY_IN(problem.place, render_problem(context.format, problem, true));
    mean.whole += double(whole.tokens.size()) / kProblemsLookedAt;
  }
  mean.whole = std::max(mean.whole, mean.prompt);
  return mean;
}

const Mixture& first_data(const R1Recipe& recipe) {
  for (const StageRecipe& stage : recipe.stages)
    if (!stage.data.empty()) return stage.data;
  return recipe.stages.front().samples.data;
}

Result<std::vector<TrainingSequence>> some_sequences(const R1Context& context, int context_max,
                                                     int64_t rows_min) {
  std::vector<TrainingSequence> sequences;
  const Mixture& data = first_data(context.recipe);
  int64_t rows = 0;
  for (uint64_t i = 0; rows < rows_min && i < kSearchMax; ++i) {
    Problem problem = TRY(data.make(context.seed(), Split::train, i));
    if (!problem.has_reply()) continue;
    TrainingSequence sequence =
        TRY_IN(problem.place, render_problem(context.format, problem, true));
    if (sequence.rows() > context_max) continue;  // training leaves it out, too
    rows += sequence.rows();
    sequences.push_back(std::move(sequence));
  }
  if (rows == 0)
    return Error{
        "the first stage's data has no replies to learn from that fit the model's context"};
  return sequences;
}

// How long measuring may take: the next piece of work is begun only if it fits.
class Stopwatch {
 public:
  explicit Stopwatch(double seconds_max) : seconds_max_(seconds_max) {}
  double seconds() const { return double(monotonic_ns() - began_) * 1e-9; }
  double left() const { return std::max(0.0, seconds_max_ - seconds()); }
  bool has_time_for(double more) const { return seconds() + more <= seconds_max_; }

 private:
  double seconds_max_;
  int64_t began_ = monotonic_ns();
};

// Fills `row` and the update of one optimizer with the best of a few steps over the most rows that
// there was time for.
Result<void> measure_learning(const R1Context& context, Model& model, OptimizerKind optimizer,
                              double seconds_max, MachineSpeed& speed) {
  const Stopwatch watch(seconds_max);
  LearnerOptions options;
  options.optimizer.kind = optimizer;
  options.rows_max = context.recipe.rows;
  options.sequence_max = model.config().max_position_embeddings;
  Learner learner(model, options, context.pool);
  double& update = optimizer == OptimizerKind::muon ? speed.muon : speed.adamw;
  update = 0;
  int rows_wanted = std::min(kFirstRows, learner.rows_max());
  for (int measured = 0; measured < kMeasuredSteps;) {
    const std::vector<TrainingSequence> sequences =
        TRY(some_sequences(context, model.config().max_position_embeddings, rows_wanted));
    const double began = watch.seconds();
    learner.begin();
    int64_t rows = 0;
    for (const MicroBatch& part : micro_batches(sequences, learner.rows_max())) {
      const TrainingBatch batch = batch_of(sequences, part);
      CrossEntropy objective(1e-3f);
      TRY(learner.accumulate(batch, objective));
      rows += int64_t(batch.tokens.size());
    }
    const double learned = watch.seconds();
    TRY(learner.update(1e-6));
    const double seconds = watch.seconds() - began, row = (learned - began) / double(rows);
    speed.rows_measured += rows;
    const bool is_whole = rows_wanted == learner.rows_max();
    speed.row = measured > 0 ? std::min(speed.row, row) : row;
    update =
        update > 0 ? std::min(update, seconds - (learned - began)) : seconds - (learned - began);
    measured += is_whole;
    if (!watch.has_time_for(is_whole ? seconds : kRowsFactor * seconds)) break;
    rows_wanted = std::min(kRowsFactor * rows_wanted, learner.rows_max());
  }
  return {};
}

// Seconds of drawing `tokens` tokens of each of `count` replies, divided by all of them.
Result<double> draw_some(const R1Context& context, Generator& generator, int count, int tokens_max,
                         MachineSpeed& speed) {
  std::vector<Request> requests;
  for (int i = 0; i < count; ++i) {
    Problem problem =
        TRY(first_data(context.recipe).make(context.seed(), Split::train, uint64_t(i / 8)));
    Request request;
    request.prompt = TRY_IN(problem.place, context.format.prompt(problem.question()));
    request.tokens_max = tokens_max;
    request.stream = uint64_t(i);
    requests.push_back(std::move(request));
  }
  const int64_t began = monotonic_ns();
  std::vector<Completion> completions = TRY(generator.generate(requests));
  const double seconds = double(monotonic_ns() - began) * 1e-9;
  int64_t tokens = 0;
  for (const Completion& completion : completions) tokens += int64_t(completion.tokens.size());
  speed.tokens_measured += tokens;
  return seconds / double(std::max<int64_t>(tokens, 1));
}

Result<double> measure_token(const R1Context& context, const Model& model, double seconds_max,
                             MachineSpeed& speed) {
  const Stopwatch watch(seconds_max);
  EngineOptions options;
  options.sequences_max = kSequences;
  options.exact = learns_exactly(model);
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(model, context.tokenizer, context.pool, options));
  const int tokens_max = std::max(1, int(context.recipe.reply_estimate));
  int count = kFirstSequences, tokens = std::min(kFirstTokens, tokens_max);
  for (;;) {
    const double token = TRY(draw_some(context, *generator, count, tokens, speed));
    if (count == kSequences && tokens == tokens_max) return token;
    count = std::min(kSequencesFactor * count, kSequences);
    tokens = std::min(kTokensFactor * tokens, tokens_max);
    if (!watch.has_time_for(double(count) * tokens * token)) return token;
  }
}

// Rows of all training problems of a mixture, from the mean of the first ones of each source.
Result<double> rows_of(const R1Context& context, const StageRecipe& stage) {
  if (stage.data.empty())
    return Error{
        "'epochs' counts passes over 'data', and this stage has none; state 'steps', "
        "'total_tokens' or 'share'"};
  double rows = 0;
  for (const Mixture::Source& source : stage.data.sources()) {
    const int64_t count = source.set->count(Split::train);
    if (count < 0)
      return Error{
          fmt::format("'epochs' needs data with an end, and '{}' makes problems without end; "
                      "state 'steps', 'total_tokens' or 'share'",
                      source.name)};
    const int64_t looked_at = std::min<int64_t>(count, 1000);
    double sum = 0;
    for (int64_t i = 0; i < looked_at; ++i) {
      Problem problem = TRY(source.set->make(context.seed(), Split::train, uint64_t(i)));
      if (!problem.has_reply()) continue;
      const bool all_tokens = stage.tuning.all_tokens;
      sum += TRY_IN(problem.place, render_problem(context.format, problem, all_tokens)).rows();
    }
    if (looked_at > 0) rows += sum / double(looked_at) * double(count);
  }
  return rows;
}

// Steps that the recipe fixes; 0 when the stage has a share of the time.
Result<int64_t> fixed_steps(const R1Context& context, const StageRecipe& stage) {
  if (stage.total_tokens > 0) return std::max<int64_t>(1, stage.total_tokens / stage.tuning.tokens);
  if (stage.epochs <= 0) return stage.steps;
  const double rows = TRY(rows_of(context, stage));
  return std::max<int64_t>(1, int64_t(std::ceil(stage.epochs * rows / stage.tuning.tokens)));
}

// Seconds of drawing, judging and learning from the replies of one step.
double grpo_step(const GrpoRecipe& grpo, const Lengths& lengths, double reply,
                 const MachineSpeed& speed) {
  const double replies = double(grpo.prompts) * grpo.group;
  const double learned_from = grpo.learn_from > 0 ? grpo.learn_from : grpo.group;
  const double apart = reply * kApartShare;
  const double rows = grpo.prompts * (lengths.prompt + learned_from * apart);  // prompts are shared
  const double rounds = 1 + (grpo.skips_uniform && grpo.extra_rounds > 0 ? kExtraRoundShare : 0);
  double learned = rows * speed.row * grpo.inner_epochs;
  if (grpo.kl_weight > 0) learned *= 1 + kForwardShare;
  if (grpo.skips_uniform) learned *= kTaughtShare;
  double judged = 0;
  for (const auto& [name, part] : grpo.rewards) {
    if (part.model.empty()) continue;  // rules cost nothing
    double share = part.families.empty() ? 1 : 0;
    for (const std::string& family : part.families) {
      auto found = lengths.families.find(family);
      if (found != lengths.families.end()) share += found->second;
    }
    const double judged_rows = replies * (lengths.prompt + reply) * rounds;
    judged += share * std::max(0.0, 1 - part.from) * judged_rows * speed.row * kForwardShare;
  }
  return replies * rounds * apart * speed.token + judged + learned;
}

// Seconds of one step, and of what happens once beside the steps.
struct StageCost {
  double step = 0, once = 0;
};

Result<StageCost> cost_of(const R1Context& context, const StageRecipe& stage,
                          const MachineSpeed& speed) {
  const R1EvaluationRecipe& evaluation = context.recipe.evaluation;
  // Tokens of a reply that has room for `tokens_max`.
  const auto reply = [&](int tokens_max) {
    return std::min(context.recipe.reply_estimate, double(tokens_max));
  };
  const double update = stage.rate.optimizer == OptimizerKind::muon ? speed.muon : speed.adamw;
  StageCost cost;
  if (stage.kind != StageKind::reward)
    for (const EvaluationSet& set : evaluation.sets)
      cost.once += double(evaluation.problems_of(set)) * evaluation.samples *
                   reply(evaluation.reply_tokens) * speed.token;
  if (!stage.samples.from.empty())
    cost.once += double(stage.samples.problems) * stage.samples.per_problem *
                 reply(stage.samples.reply_tokens) * speed.token;
  if (stage.kind == StageKind::pretrain || stage.kind == StageKind::sft) {
    cost.step = stage.tuning.tokens * speed.row + update;
    return cost;
  }
  const Lengths lengths = TRY(mean_lengths(context, stage.data));
  if (stage.kind == StageKind::dpo) {
    cost.step = update + stage.dpo.pairs * 2 * lengths.whole * speed.row * (1 + kForwardShare);
    return cost;
  }
  if (stage.kind == StageKind::distill) {
    // The teacher is taken for as fast as the student; a larger one takes more than planned.
    const bool draws = stage.distill.source == DistillSource::student;
    const double drawn =
        double(stage.grpo.prompts) * stage.grpo.group * reply(stage.grpo.reply_tokens);
    const double rows = draws ? stage.grpo.prompts * lengths.prompt + drawn : stage.tuning.tokens;
    cost.step = update + rows * speed.row * (1 + kForwardShare) + (draws ? drawn * speed.token : 0);
    return cost;
  }
  if (stage.kind == StageKind::reward) {
    const double replies = stage.reward.judges == JudgeKind::helpful ? 2 : 1;
    const double rows = stage.reward.examples * replies * lengths.whole;
    cost.step = update + rows * speed.row * (1 + kForwardShare);
    return cost;
  }
  cost.step = grpo_step(stage.grpo, lengths, reply(stage.grpo.reply_tokens), speed) +
              update * stage.grpo.inner_epochs * stage.grpo.minibatches;
  cost.once += kHeldOutLooks * kHeldOutProblems * reply(evaluation.reply_tokens) * speed.token;
  return cost;
}

}  // namespace

const PlannedSteps* Plan::find(const std::string& stage) const {
  for (const PlannedSteps& planned : stages)
    if (planned.stage == stage) return &planned;
  return nullptr;
}

Result<MachineSpeed> measure_speed(const R1Context& context, const ModelConfig& config,
                                   std::optional<double> seconds_max) {
  const Stopwatch watch(seconds_max ? *seconds_max : kPlanningShare * 60 * context.recipe.minutes);
  const double available = available_memory();
  bool recomputes = false;
  for (const StageRecipe& stage : context.recipe.stages) {
    const StageMemory memory = stage_memory(context.recipe, stage, config, available);
    TRY_IN("stage '" + stage.name + "'", check_memory(memory, available));
    recomputes |= memory.recomputes;
  }
  // Any weights do; those of a parent are faster read than drawn.
  std::unique_ptr<Model> model = TRY(make_stage_model(context.recipe, config, context.recipe.base));
  model->recompute_blocks = recomputes;
  context.activity("measuring this machine", 0, 2);
  MachineSpeed speed;
  TRY(measure_learning(context, *model, OptimizerKind::adamw, watch.left() / 2, speed));
  for (const StageRecipe& stage : context.recipe.stages)
    if (stage.rate.optimizer == OptimizerKind::muon && speed.muon == 0)
      TRY(measure_learning(context, *model, OptimizerKind::muon, watch.left() / 2, speed));
  context.activity("measuring this machine", 1, 2);
  speed.token = TRY(measure_token(context, *model, watch.left(), speed));
  return speed;
}

namespace {

// What the recipe's stages cost, and what is left for those with a share.
struct Budget {
  std::vector<StageCost> costs;
  std::vector<int64_t> fixed;        // steps; 0: a share
  std::vector<double> stage_shares;  // of the time; a control has that of the stage it is to equal
  double fixed_seconds = 0, shares = 0;

  double steps(size_t i, double minutes) const {
    return (60 * minutes - fixed_seconds) * stage_shares[i] / shares / costs[i].step;
  }
  // Minutes in which a stage with a share gets so many steps.
  double minutes(size_t i, int64_t steps) const {
    return (fixed_seconds + double(steps) * costs[i].step * shares / stage_shares[i]) / 60;
  }
};

size_t index_of(const R1Recipe& recipe, const std::string& stage) {
  size_t i = 0;
  while (recipe.stages[i].name != stage) ++i;
  return i;
}

Result<Budget> budget_of(const R1Context& context, const MachineSpeed& speed) {
  Budget budget;
  for (const StageRecipe& stage : context.recipe.stages) {
    const StageCost cost = TRY_IN("stages." + stage.name, cost_of(context, stage, speed));
    budget.costs.push_back(cost);
    budget.fixed.push_back(TRY_IN("stages." + stage.name, fixed_steps(context, stage)));
    budget.stage_shares.push_back(stage.share);
    if (!stage.equal_cost.empty() && budget.fixed.back() == 0) {
      const size_t equal = index_of(context.recipe, stage.equal_cost);  // an earlier one
      budget.stage_shares.back() = budget.stage_shares[equal];
      if (const int64_t steps = budget.fixed[equal]; steps > 0)
        budget.fixed.back() =
            std::max<int64_t>(1, int64_t(double(steps) * budget.costs[equal].step / cost.step));
    }
    budget.shares += budget.stage_shares.back();
    budget.fixed_seconds += cost.once + double(budget.fixed.back()) * cost.step;
  }
  return budget;
}

// The least whole number of minutes in which every stage with a share gets `wanted(stage)` steps; 0
// when none wants any.
template <class Wanted>
double minutes_for(const R1Recipe& recipe, const Budget& budget, Wanted wanted) {
  double minutes = 0;
  for (size_t i = 0; i < recipe.stages.size(); ++i)
    if (const int64_t steps = wanted(recipe.stages[i]); budget.fixed[i] == 0 && steps > 0)
      minutes = std::max(minutes, budget.minutes(i, steps));
  return std::ceil(minutes - 1e-9);
}

}  // namespace

Result<Plan> make_plan(const R1Context& context, const MachineSpeed& speed) {
  const R1Recipe& recipe = context.recipe;
  const Budget budget = TRY(budget_of(context, speed));
  Plan plan;
  plan.minutes = plan.planned_minutes = recipe.minutes;
  plan.speed = speed;
  plan.enough_minutes =
      minutes_for(recipe, budget, [](const StageRecipe& stage) { return stage.steps_wanted; });
  if (plan.enough_minutes > plan.minutes)
    plan.planned_minutes =
        std::max(plan.minutes, std::min(plan.enough_minutes, recipe.minutes_max));
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    const StageRecipe& stage = recipe.stages[i];
    const StageCost& cost = budget.costs[i];
    PlannedSteps planned{stage.name, budget.fixed[i]};
    if (planned.steps == 0) {
      planned.steps = int64_t(budget.steps(i, plan.planned_minutes));
      planned.in_time = std::max<int64_t>(0, int64_t(budget.steps(i, plan.minutes)));
      planned.wanted = stage.steps_wanted;
    }
    if (planned.steps < 1)
      return Error{fmt::format(
          "'minutes' {} leaves no time for a step of stage '{}' on this machine (a step takes {}); "
          "{:.0f} minutes give every stage one step; raise it, make the model smaller, or state "
          "'steps'",
          plan.minutes, stage.name, format_seconds(cost.step),
          minutes_for(recipe, budget, [](const StageRecipe&) { return int64_t(1); }))};
    planned.step_seconds = cost.step;
    planned.seconds = cost.once + double(planned.steps) * cost.step;
    if (stage.good_enough > 0) {
      planned.steps_max =
          std::max(planned.steps, stage.steps_max > 0 ? stage.steps_max : 2 * planned.steps);
      const double rounds =
          double(planned.steps_max - planned.steps) / double(round_steps(planned.steps));
      planned.seconds_max = double(planned.steps_max) * cost.step + cost.once * (1 + rounds);
    }
    plan.stages.push_back(std::move(planned));
  }
  return plan;
}

int64_t retimed_steps(const PlannedSteps& planned, double step_seconds, double spent) {
  const double time = double(planned.steps) * planned.step_seconds - spent;
  const double most = double(kMoreSteps * planned.steps);
  const double steps = step_seconds > 0 ? std::min(most, time / step_seconds) : most;
  return std::max({int64_t(1), std::min(planned.wanted, planned.steps), int64_t(steps)});
}

double at_planned_pace(double seconds, double others, const Plan& plan) {
  constexpr double kLeast = 0.05;  // of the cores are left
  return seconds * std::max(kLeast, 1 - others) / std::max(kLeast, 1 - plan.others);
}

namespace {

// Core-seconds of a finished stage's steps up to a line of its metrics, without its samples and
// evaluations.
double core_seconds_at(const Json& line) {
  const Json* value = line.find("core_seconds");
  return value && value->is_number() ? *value->as_double() : 0;
}

// Of one step. The first one starts caches and threads, which counts where there are few.
double core_seconds_of_step(const StageReport& stage) {
  const size_t lines = stage.metrics.size();
  if (lines == 0) return 0;
  const double whole = core_seconds_at(stage.metrics.back());
  if (lines == 1) return stage.steps > 0 ? whole / double(stage.steps) : 0;
  return (whole - core_seconds_at(stage.metrics.front())) / double(lines - 1);
}

}  // namespace

int64_t equal_cost_steps(const StageReport& equal, const StageReport& sample, double rows_ratio) {
  const double wanted = equal.metrics.empty() ? 0 : core_seconds_at(equal.metrics.back());
  const double step = core_seconds_of_step(sample) * rows_ratio;
  if (wanted <= 0 || step <= 0) return 0;
  return std::max<int64_t>(1, int64_t(std::llround(wanted / step)));
}

}  // namespace weir
