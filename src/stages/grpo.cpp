#include "stages/grpo.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/clock.h"
#include "stages/experience.h"
#include "stages/policy_objective.h"
#include "stages/shown_reply.h"
#include "stages/stage_memory.h"
#include "train/batches.h"

namespace weir {
namespace {

void copy_weights(const std::vector<Weight*>& from, const std::vector<Weight*>& to) {
  for (size_t i = 0; i < from.size(); ++i) {
    std::memcpy(to[i]->data, from[i]->data, from[i]->count() * sizeof(float));
  }
}

TrainingSequence sequence_of(const Rollout& rollout) {
  TrainingSequence sequence{rollout.prompt, {}, int(rollout.problem)};
  sequence.trained.assign(sequence.tokens.size(), 0);
  for (int token : rollout.completion.tokens) sequence.tokens.push_back(token);
  sequence.trained.resize(sequence.tokens.size(), 1);
  return sequence;
}

// Sums over the updates of a step.
struct LearnTally {
  double loss = 0, norm = 0, kl = 0, max_difference = 0;
  int64_t tokens = 0, clipped = 0, moved = 0;
  int updates = 0;
};

class GrpoStage final : public Stage {
 public:
  GrpoStage(const R1Context& context, const StageRecipe& stage, int64_t steps, Learner& learner,
            std::map<std::string, RewardModel*> judges, std::unique_ptr<Generator> generator)
      : stage_(stage),
        recipe_(stage.grpo),
        steps_(steps),
        learner_(learner),
        pool_(context.pool),
        source_(context, stage, steps, std::move(judges), std::move(generator)) {
    if (recipe_.kl_weight > 0) {
      reference_ = Model::create(learner.model().config(), false);
      refresh_reference();
    }
  }

  Result<Json> advance(int64_t step) override {
    const int64_t began = monotonic_ns();
    const auto seconds = [&] { return double(monotonic_ns() - began) * 1e-9; };
    if (reference_ && recipe_.reference_every > 0 && step > 0 &&
        step % recipe_.reference_every == 0)
      refresh_reference();
    experience_ = TRY(source_.gather(step));
    if (experience_.is_stopped) return Json();
    const double rolled_out = seconds();
    const LearnTally tally = TRY(learn(step));
    tokens_ += experience_.tally.tokens;
    show_one();
    Json json = metrics(step, tally);
    json.set("rollout_seconds", rolled_out);
    json.set("learn_seconds", seconds() - rolled_out);
    json.set("tokens_per_second", double(experience_.tally.tokens) / std::max(seconds(), 1e-9));
    return json;
  }

  Json cursor() const override {
    Json json = source_.cursor();
    json.set("tokens", tokens_);
    return json;
  }
  Result<void> restore(const Json& cursor) override {
    tokens_ = TRY(cursor.int_at("tokens"));
    return source_.restore(cursor);
  }
  Model* companion() override { return reference_.get(); }
  const SampleReply* sample() const override { return has_sample_ ? &sample_ : nullptr; }
  std::string record() const override { return experience_.record(recipe_.temperature); }

 private:
  void refresh_reference() {
    copy_weights(learner_.model().parameters(), reference_->parameters());
    copy_weights(learner_.model().buffers(), reference_->buffers());
    reference_->weights_changed();
    reference_->pack(pool_);
  }

  // A reply's token's share in the loss of a minibatch.
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

  Result<LearnTally> learn(int64_t step) {
    std::vector<size_t> replies;  // that are learned from
    for (size_t i = 0; i < experience_.rollouts.size(); ++i)
      if (!(recipe_.masks_truncated && experience_.rollouts[i].is_truncated)) replies.push_back(i);
    LearnTally tally;
    const size_t parts = std::min(size_t(recipe_.minibatches), replies.size());
    const auto minibatch = [&](size_t part) {
      const size_t begin = replies.size() * part / parts, end = replies.size() * (part + 1) / parts;
      return std::span<const size_t>(replies).subspan(begin, end - begin);
    };
    // The first minibatch is compared where it is learned from; the others while the policy is
    // still the one that drew them.
    for (size_t part = 1; part < parts; ++part) compare_paths(minibatch(part), tally);
    for (int epoch = 0; epoch < recipe_.inner_epochs; ++epoch)
      for (size_t part = 0; part < parts; ++part) {
        TRY(accumulate(minibatch(part), tally));
        tally.norm = TRY(learner_.update(stage_rate(stage_.rate, step, steps_)));
        ++tally.updates;
      }
    return tally;
  }

  // The log-probabilities of one minibatch against those of its rollouts, without gradients.
  void compare_paths(std::span<const size_t> chosen, LearnTally& tally) {
    std::vector<TrainingSequence> sequences;
    for (size_t i : chosen) sequences.push_back(sequence_of(experience_.rollouts[i]));
    for (const MicroBatch& part : micro_batches(sequences, learner_.rows_max())) {
      const TrainingBatch batch = batch_of(sequences, part);
      RoutingTrace kept = learner_.model().routing_trace(), own = learner_.model().routing_trace();
      std::vector<float> drawn, logs(batch.tokens.size());
      for (size_t s = part.begin; s < part.end; ++s) {
        const Completion& completion = experience_.rollouts[chosen[s]].completion;
        append_experts(sequences[s], part.shared[s - part.begin], completion.experts, kept);
        drawn.insert(drawn.end(), completion.policy_log_probabilities.begin(),
                     completion.policy_log_probabilities.end());
      }
      own.append(int(batch.tokens.size()));
      Learner::score(learner_.model(), batch, float(1 / recipe_.temperature), logs.data(),
                     learner_.arena(), learner_.pool(),
                     {recipe_.keeps_routing ? &kept : nullptr, &own});
      size_t next = 0;
      for (size_t row = 0; row < logs.size(); ++row)
        if (batch.targets[row] >= 0)
          tally.max_difference =
              std::max(tally.max_difference, std::abs(double(logs[row]) - double(drawn[next++])));
      tally.moved += compare(kept, own).moved;
    }
  }

  // Gradients of one minibatch.
  Result<void> accumulate(std::span<const size_t> chosen, LearnTally& tally) {
    int64_t tokens = 0;
    std::vector<TrainingSequence> sequences;
    for (size_t i : chosen) {
      tokens += int64_t(experience_.rollouts[i].completion.tokens.size());
      sequences.push_back(sequence_of(experience_.rollouts[i]));
    }
    learner_.begin();
    double loss = 0;
    for (const MicroBatch& part : micro_batches(sequences, learner_.rows_max())) {
      const TrainingBatch batch = batch_of(sequences, part);
      std::vector<PolicyToken> policy;
      RoutingTrace kept = learner_.model().routing_trace(), own = learner_.model().routing_trace();
      for (size_t s = part.begin; s < part.end; ++s) {
        const Rollout& rollout = experience_.rollouts[chosen[s]];
        const int shared = part.shared[s - part.begin];
        append_experts(sequences[s], shared, rollout.completion.experts, kept);
        PolicyToken token;
        token.advantage = float(experience_.advantage[chosen[s]]);
        token.weight = float(token_weight(rollout, tokens, int64_t(chosen.size())));
        for (float log : rollout.completion.policy_log_probabilities) {
          token.old_log_probability = log;
          policy.push_back(token);
        }
      }
      own.append(int(batch.tokens.size()));
      loss += accumulate_rows(batch, policy, kept, own, tally);
    }
    if (!std::isfinite(loss))
      return Error{
          "the loss is not finite; nothing was changed by this step. Lower 'lr' or raise "
          "'kl_weight' and start the stage again"};
    tally.loss += loss;
    return {};
  }

  double accumulate_rows(const TrainingBatch& batch, std::vector<PolicyToken>& policy,
                         const RoutingTrace& kept, RoutingTrace& own, LearnTally& tally) {
    Learner::Options options;
    options.inverse_temperature = float(1 / recipe_.temperature);
    options.routing = {recipe_.keeps_routing ? &kept : nullptr, &own};
    if (reference_) {
      std::vector<float> logs(batch.tokens.size());
      Learner::score(*reference_, batch, options.inverse_temperature, logs.data(), learner_.arena(),
                     learner_.pool());
      size_t next = 0;
      for (size_t row = 0; row < logs.size(); ++row)
        if (batch.targets[row] >= 0) policy[next++].reference_log_probability = logs[row];
    }
    PolicyObjective objective(
        {recipe_.clip_low, recipe_.clip_high, recipe_.kl_weight, recipe_.kl_unbiased}, policy);
    const double loss = learner_.accumulate(batch, objective, options).loss;
    const PolicyObjective::Sums& sums = objective.sums();
    tally.tokens += sums.tokens;
    tally.clipped += sums.clipped;
    tally.kl += sums.kl;
    if (tally.updates == 0) {  // later ones learn from replies of a policy that is gone
      tally.max_difference = std::max(tally.max_difference, sums.max_difference);
      tally.moved += compare(kept, own).moved;
    }
    return loss;
  }

  Json metrics(int64_t step, const LearnTally& tally) const {
    const double tokens = double(std::max<int64_t>(tally.tokens, 1));
    Json json = Json::object();
    json.set("step", step + 1);
    experience_.tally.describe(json);
    if (reference_) json.set("kl", tally.kl / tokens);
    json.set("clip_fraction", double(tally.clipped) / tokens);
    json.set("max_difference", tally.max_difference);
    json.set("routing_differences", tally.moved);
    json.set("loss", tally.loss / std::max(tally.updates, 1));
    json.set("grad_norm", tally.norm);
    json.set("lr", stage_rate(stage_.rate, step, steps_));
    json.set("tokens", tokens_);
    return json;
  }

  void show_one() {
    const Rollout& rollout = experience_.rollouts.front();
    const Problem& problem = experience_.problems[rollout.problem];
    sample_ = shown_reply(problem, rollout);
    has_sample_ = true;
  }

  const StageRecipe& stage_;
  const GrpoRecipe& recipe_;
  int64_t steps_;
  Learner& learner_;
  ThreadPool& pool_;
  ExperienceSource source_;
  std::unique_ptr<Model> reference_;
  Experience experience_;  // of the last step
  SampleReply sample_;
  bool has_sample_ = false;
  int64_t tokens_ = 0;
};

}  // namespace

Result<std::unique_ptr<Stage>> make_grpo_stage(const R1Context& context, const StageRecipe& stage,
                                               int64_t steps, Learner& learner,
                                               std::map<std::string, RewardModel*> judges) {
  GeneratorOptions options;
  options.sequences_max = sequences_together(stage.grpo);
  std::unique_ptr<Generator> generator =
      TRY(Generator::create(learner.model(), context.tokenizer, context.pool, options));
  return std::unique_ptr<Stage>(
      new GrpoStage(context, stage, steps, learner, std::move(judges), std::move(generator)));
}

}  // namespace weir
