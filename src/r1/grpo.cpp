#include "r1/grpo.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "base/progress.h"
#include "base/random.h"
#include "r1/batches.h"
#include "r1/curriculum.h"
#include "r1/policy_objective.h"
#include "r1/rewards.h"
#include "r1/rollout.h"

namespace weir {
namespace {

constexpr int kCurriculumTries = 8;

// The groups of one step: problems, and their replies one group after the other.
struct Experience {
  std::vector<Problem> problems;
  std::vector<Rollout> rollouts;        // problem indexes problems
  std::vector<RewardedReply> rewards;   // of the rollouts
  std::vector<double> advantage;        // of the rollouts
  int64_t groups = 0, uniform_groups = 0;  // before any was skipped
};

// Counters over all rollouts of a step, skipped groups included.
struct Tally {
  int64_t right = 0, wrong = 0, unparseable = 0, truncated = 0, replies = 0, tokens = 0;
  double thinking = 0, reward = 0, negative_log = 0;
  std::array<double, 6> parts = {};
  std::array<int64_t, 6> counted = {};

  void add(const Rollout& rollout, const RewardedReply& rewarded, bool has_verifier) {
    ++replies;
    if (has_verifier) {
      truncated += rollout.is_truncated;
      right += rollout.is_right();
      wrong += !rollout.is_truncated && rollout.verdict == Verdict::wrong;
      unparseable += !rollout.is_truncated && rollout.verdict == Verdict::unparseable;
    }
    thinking += rollout.reply.thinking_tokens;
    reward += rewarded.reward;
    for (float log : rollout.completion.policy_log_probabilities) negative_log -= double(log);
    tokens += int64_t(rollout.completion.tokens.size());
    for (size_t p = 0; p < parts.size(); ++p)
      if (rewarded.counts[p]) parts[p] += rewarded.parts[p], ++counted[p];
  }
};

class GrpoStage final : public Stage {
 public:
  GrpoStage(const R1Context& context, const StageRecipe& stage, int64_t steps, Learner& learner,
            std::map<std::string, RewardModel*> judges, std::unique_ptr<Generator> generator)
      : context_(context),
        stage_(stage),
        recipe_(stage.grpo),
        steps_(steps),
        learner_(learner),
        rewards_(recipe_, std::move(judges)),
        generator_(std::move(generator)) {
    if (recipe_.kl_weight > 0) {
      reference_ = Model::create(learner.model().config(), false);
      refresh_reference();
    }
  }

  Result<Json> advance(int64_t step) override {
    const int64_t began = monotonic_ns();
    if (reference_ && recipe_.reference_every > 0 && step > 0 &&
        step % recipe_.reference_every == 0)
      refresh_reference();
    tally_ = {};
    Experience experience = TRY(gather(step));
    if (experience.problems.empty()) return Json();  // stopped
    const double rolled_out = double(monotonic_ns() - began) * 1e-9;
    double loss = 0;
    PolicyObjective::Sums sums;
    double norm = 0;
    TRY(learn(experience, step, loss, sums, norm));
    choose_sample(experience);
    tokens_ += tally_.tokens;
    const double seconds = double(monotonic_ns() - began) * 1e-9;
    Json json = metrics(step, experience, sums);
    json.set("loss", loss);
    json.set("grad_norm", norm);
    json.set("rollout_seconds", rolled_out);
    json.set("learn_seconds", seconds - rolled_out);
    json.set("seconds", seconds);
    json.set("tokens_per_second", double(tally_.tokens) / std::max(seconds, 1e-9));
    return json;
  }

  Json cursor() const override {
    Json json = Json::object();
    json.set("next", next_);
    json.set("stream", stream_);
    json.set("tokens", tokens_);
    json.set("pass_rates", curriculum_.json());
    return json;
  }
  Result<void> restore(const Json& cursor) override {
    next_ = TRY(read_int(cursor, "next"));
    stream_ = TRY(read_int(cursor, "stream"));
    tokens_ = TRY(read_int(cursor, "tokens"));
    const Json* rates = TRY(cursor.at("pass_rates"));
    return curriculum_.restore(*rates);
  }
  Model* companion() override { return reference_.get(); }
  const SampleReply* sample() const override { return has_sample_ ? &sample_ : nullptr; }

 private:
  void refresh_reference() {
    const auto copy = [](const std::vector<Weight*>& from, const std::vector<Weight*>& to) {
      for (size_t i = 0; i < from.size(); ++i)
        std::memcpy(to[i]->data, from[i]->data, from[i]->count() * type_bytes(from[i]->type));
    };
    copy(learner_.model().parameters(), reference_->parameters());
    copy(learner_.model().buffers(), reference_->buffers());
    reference_->weights_changed();
    for (Weight* weight : reference_->buffers()) weight->changed();
  }

  // The next problem of the stage's stream; with a curriculum the first of a few that is worth it.
  Result<Problem> next_problem() {
    const uint64_t seed = stage_seed(context_, stage_.name, "data");
    for (int tries = 0;; ++tries) {
      const uint64_t index = uint64_t(next_++);
      Problem problem = TRY(stage_.data.make(seed, Split::train, index));
      Random random(seed ^ 2, index);
      if (!recipe_.curriculum || tries == kCurriculumTries ||
          curriculum_.accepts(problem, random))
        return problem;
    }
  }

  // Asks rounds of problems until enough groups have something to teach.
  Result<Experience> gather(int64_t step) {
    Experience kept;
    for (int round = 0; round <= recipe_.extra_rounds; ++round) {
      const int missing = recipe_.prompts - int(kept.problems.size());
      if (missing <= 0) break;
      std::vector<Problem> problems;
      for (int i = 0; i < missing; ++i) problems.push_back(TRY(next_problem()));
      RolloutOptions options{recipe_.group,
                             recipe_.reply_tokens,
                             recipe_.temperature,
                             1,
                             stage_seed(context_, stage_.name, "rollouts"),
                             uint64_t(stream_),
                             recipe_.keeps_routing};
      stream_ += int64_t(problems.size()) * recipe_.group;
      std::vector<Rollout> rollouts = TRY(roll_out(*generator_, context_.format, verifiers_,
                                                   problems, options, context_.pool));
      if (rollouts.empty()) return Experience();
      const double progress = double(step) / double(std::max<int64_t>(steps_, 1));
      std::vector<RewardedReply> rewards =
          TRY(rewards_.evaluate(problems, rollouts, progress));
      const bool is_last = round == recipe_.extra_rounds;
      keep(std::move(problems), std::move(rollouts), std::move(rewards), is_last, kept);
      if (!recipe_.skips_uniform) break;
    }
    std::vector<double> rewards;
    std::vector<size_t> groups;
    for (size_t i = 0; i < kept.rollouts.size(); ++i) {
      rewards.push_back(kept.rewards[i].reward);
      groups.push_back(kept.rollouts[i].problem);
    }
    kept.advantage = advantages(rewards, groups, recipe_.scale);
    return kept;
  }

  // Counts everything, keeps the groups that teach. When the last round has none either, its last
  // group is kept, so that a step is never empty.
  void keep(std::vector<Problem> problems, std::vector<Rollout> rollouts,
            std::vector<RewardedReply> rewards, bool is_last_round, Experience& kept) {
    const size_t group = size_t(recipe_.group);
    for (size_t p = 0; p < problems.size(); ++p) {
      const size_t begin = p * group;
      bool is_uniform = true;
      int64_t right = 0;
      const bool has_verifier = !problems[p].verifier.empty();
      for (size_t i = begin; i < begin + group; ++i) {
        is_uniform &= rewards[i].reward == rewards[begin].reward;
        right += rollouts[i].is_right();
        tally_.add(rollouts[i], rewards[i], has_verifier);
      }
      if (has_verifier) curriculum_.observe(problems[p], double(right) / double(group));
      ++kept.groups;
      kept.uniform_groups += is_uniform;
      const bool is_last_hope =
          is_last_round && kept.problems.empty() && p + 1 == problems.size();
      if (is_uniform && recipe_.skips_uniform && !is_last_hope) continue;
      for (size_t i = begin; i < begin + group; ++i) {
        rollouts[i].problem = kept.problems.size();
        kept.rollouts.push_back(std::move(rollouts[i]));
        kept.rewards.push_back(rewards[i]);
      }
      kept.problems.push_back(std::move(problems[p]));
    }
  }

  static TrainingSequence sequence_of(const Rollout& rollout) {
    TrainingSequence sequence{rollout.prompt, {}};
    sequence.trained.assign(sequence.tokens.size(), 0);
    for (int token : rollout.completion.tokens) sequence.tokens.push_back(token);
    sequence.trained.resize(sequence.tokens.size(), 1);
    return sequence;
  }

  // Token, sequence and Dr. GRPO weights over the replies [begin, end) of a minibatch.
  double token_weight(const Rollout& rollout, int64_t tokens, int64_t replies) const {
    switch (recipe_.loss) {
      case LossForm::token:
        return 1 / double(tokens);
      case LossForm::sequence:
        return 1 / (double(replies) * double(rollout.completion.tokens.size()));
      case LossForm::dr_grpo:
        return 1 / (double(replies) * double(recipe_.reply_tokens));
    }
    return 0;
  }

  Result<void> learn(const Experience& experience, int64_t step, double& loss,
                     PolicyObjective::Sums& sums, double& norm) {
    std::vector<size_t> replies;  // that are learned from
    for (size_t i = 0; i < experience.rollouts.size(); ++i)
      if (!(recipe_.masks_truncated && experience.rollouts[i].is_truncated)) replies.push_back(i);
    if (replies.empty()) return {};
    const size_t parts = std::min(size_t(recipe_.minibatches), replies.size());
    int updates = 0;
    for (int epoch = 0; epoch < recipe_.inner_epochs; ++epoch)
      for (size_t part = 0; part < parts; ++part) {
        const size_t begin = replies.size() * part / parts;
        const size_t end = replies.size() * (part + 1) / parts;
        const std::span<const size_t> chosen(replies.data() + begin, end - begin);
        PolicyObjective::Sums of_part;
        loss += TRY(accumulate(experience, chosen, of_part));
        const double lr = stage_rate(stage_.rate, step, steps_);
        norm = TRY(learner_.update(lr));
        if (updates++ == 0) sums.max_difference = of_part.max_difference;
        sums.tokens += of_part.tokens;
        sums.clipped += of_part.clipped;
        sums.kl += of_part.kl;
      }
    loss /= double(updates);
    return {};
  }

  // Gradients of one minibatch.
  Result<double> accumulate(const Experience& experience, std::span<const size_t> chosen,
                            PolicyObjective::Sums& sums) {
    int64_t tokens = 0;
    std::vector<TrainingSequence> sequences;
    for (size_t i : chosen) {
      tokens += int64_t(experience.rollouts[i].completion.tokens.size());
      sequences.push_back(sequence_of(experience.rollouts[i]));
    }
    learner_.begin();
    double loss = 0;
    const std::vector<MicroBatch> micro = micro_batches(sequences, learner_.rows_max());
    std::vector<float> reference;
    std::vector<PolicyToken> policy;
    for (const MicroBatch& part : micro) {
      TrainingBatch batch;
      RoutingTrace experts = learner_.model().routing_trace();
      policy.clear();
      for (size_t s = part.begin; s < part.end; ++s) {
        const Rollout& rollout = experience.rollouts[chosen[s]];
        append_sequence(sequences[s], batch);
        if (recipe_.keeps_routing)
          append_experts(sequences[s], rollout.completion.experts, experts);
        PolicyToken token;
        token.advantage = float(experience.advantage[chosen[s]]);
        token.weight = float(token_weight(rollout, tokens, int64_t(chosen.size())));
        for (float log : rollout.completion.policy_log_probabilities) {
          token.old_log_probability = log;
          policy.push_back(token);
        }
      }
      const float inverse_temperature = float(1 / recipe_.temperature);
      if (reference_) {
        reference.assign(batch.tokens.size(), 0);
        Learner::score(*reference_, batch, inverse_temperature, reference.data(), learner_.arena(),
                       learner_.pool());
        size_t next = 0;
        for (size_t row = 0; row < reference.size(); ++row)
          if (batch.targets[row] >= 0) policy[next++].reference_log_probability = reference[row];
      }
      PolicyObjective objective(
          {recipe_.clip_low, recipe_.clip_high, recipe_.kl_weight, recipe_.kl_unbiased}, policy);
      Learner::Options options;
      options.inverse_temperature = inverse_temperature;
      if (experts.rows() > 0) options.routing.kept = &experts;
      loss += learner_.accumulate(batch, objective, options).loss;
      const PolicyObjective::Sums& more = objective.sums();
      sums.tokens += more.tokens;
      sums.clipped += more.clipped;
      sums.kl += more.kl;
      sums.max_difference = std::max(sums.max_difference, more.max_difference);
    }
    if (!std::isfinite(loss))
      return Error{"the loss is not finite; nothing was changed by this step. Lower 'lr' or raise "
                   "'kl_weight' and start the stage again"};
    return loss;
  }

  Json metrics(int64_t step, const Experience& experience, const PolicyObjective::Sums& sums) {
    const double replies = double(std::max<int64_t>(tally_.replies, 1));
    const int64_t judged = tally_.right + tally_.wrong + tally_.unparseable + tally_.truncated;
    const double trained = double(std::max<int64_t>(sums.tokens, 1));
    Json json = Json::object();
    json.set("step", step + 1);
    json.set("reward", tally_.reward / replies);
    for (size_t p = 0; p < kRewardParts.size(); ++p)
      if (tally_.counted[p] > 0)
        json.set(std::string("reward_") + kRewardParts[p],
                 tally_.parts[p] / double(tally_.counted[p]));
    json.set("accuracy", judged > 0 ? double(tally_.right) / double(judged) : 0.0);
    json.set("right", tally_.right);
    json.set("wrong", tally_.wrong);
    json.set("unparseable", tally_.unparseable);
    json.set("truncated", tally_.truncated);
    json.set("thinking_tokens", tally_.thinking / replies);
    json.set("reply_tokens", double(tally_.tokens) / replies);
    json.set("entropy", tally_.negative_log / double(std::max<int64_t>(tally_.tokens, 1)));
    if (reference_) json.set("kl", sums.kl / trained);
    json.set("clip_fraction", double(sums.clipped) / trained);
    json.set("max_difference", sums.max_difference);
    json.set("uniform_groups",
             double(experience.uniform_groups) / double(std::max<int64_t>(experience.groups, 1)));
    json.set("lr", stage_rate(stage_.rate, step, steps_));
    json.set("tokens", tokens_);
    return json;
  }

  void choose_sample(const Experience& experience) {
    const Rollout& rollout = experience.rollouts.front();
    const Problem& problem = experience.problems[rollout.problem];
    sample_ = {problem.family, problem.question().back().content, rollout.reply.thinking,
               rollout.reply.answer, problem.gold, outcome_name(rollout)};
    has_sample_ = true;
  }

  const R1Context& context_;
  const StageRecipe& stage_;
  const GrpoRecipe& recipe_;
  int64_t steps_;
  Learner& learner_;
  RewardFunction rewards_;
  std::unique_ptr<Generator> generator_;
  std::unique_ptr<Model> reference_;
  Verifiers verifiers_;
  Curriculum curriculum_;
  Tally tally_;
  SampleReply sample_;
  bool has_sample_ = false;
  int64_t next_ = 0, stream_ = 0, tokens_ = 0;
};

}  // namespace

Result<std::unique_ptr<Stage>> make_grpo_stage(const R1Context& context, const StageRecipe& stage,
                                               int64_t steps, Learner& learner,
                                               std::map<std::string, RewardModel*> judges) {
  GeneratorOptions options;
  options.sequences_max = std::min(stage.grpo.prompts * stage.grpo.group, 512);
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(learner.model(), context.tokenizer, context.pool, options));
  return std::unique_ptr<Stage>(new GrpoStage(context, stage, steps, learner, std::move(judges),
                                              std::move(generator)));
}

}  // namespace weir
