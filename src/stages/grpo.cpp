#include "stages/grpo.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/clock.h"
#include "stages/drawing.h"
#include "stages/experience.h"
#include "stages/policy_objective.h"
#include "stages/reply_masks.h"
#include "stages/shown_reply.h"
#include "stages/stage_model.h"
#include "train/batches.h"

namespace weir {
namespace {

void copy_weights(const std::vector<Parameter*>& from, const std::vector<Parameter*>& to) {
  for (size_t i = 0; i < from.size(); ++i) {
    std::memcpy(to[i]->data, from[i]->data, from[i]->count() * sizeof(float));
  }
}

TrainingSequence sequence_of(const Rollout& rollout) {
  TrainingSequence sequence{rollout.prompt, {}, int(rollout.problem), true};
  sequence.trained.assign(sequence.tokens.size(), 0);
  for (int token : rollout.completion.tokens) sequence.tokens.push_back(token);
  sequence.trained.resize(sequence.tokens.size(), 1);
  return sequence;
}

// Rows that are computed at a time, with what is known of them from their rollouts. Replies that
// begin alike share the rows of what they have in common.
struct PolicyBatch {
  TrainingBatch rows;
  std::vector<size_t> replies;      // that tokens are of, in order
  std::vector<PolicyToken> tokens;  // of the replies, one after the other
  std::vector<int> counted;         // the counted row of each token
  RoutingTrace kept, own;           // experts of the rollouts; experts that this pass chooses

  // Adds the tokens of a reply that shares so many rows with the last one that shares none.
  void place(const Rollout& rollout, int shared);

 private:
  int next_ = 0, root_ = 0;  // counted rows so far; before the root
};

void PolicyBatch::place(const Rollout& rollout, int shared) {
  if (shared == 0) root_ = next_;
  const int of_root = shared - (int(rollout.prompt.size()) - 1);  // tokens
  for (int t = 0; t < int(rollout.completion.tokens.size()); ++t)
    counted.push_back(t < of_root ? root_ + t : next_++);
}

// Of a reply's tokens under the policy as it is before an update.
struct TokenFacts {
  std::vector<float> logs, entropies;
};

// Writes what it finds to [rows].
struct FactsObjective final : DistributionObjective {
  std::vector<RowFacts> facts;
  double evaluate(const DistributionRow& row, size_t, bool) override {
    facts[size_t(row.index)] = row_facts(row.logits, row.target);
    return 0;
  }
};

// Sums over the updates of a step.
struct LearnTally {
  double loss = 0, norm = 0, kl = 0, max_difference = 0;
  int64_t tokens = 0, clipped = 0, moved = 0;
  MaskCounts masked;
  int updates = 0;
  RolloutRatio rollout;  // of rounded rollouts
};

// The values of the tokens, from those of all rows.
template <class Value>
std::vector<Value> of_tokens(const PolicyBatch& batch, const std::vector<Value>& all) {
  std::vector<Value> counted, tokens;
  for (size_t row = 0; row < all.size(); ++row)
    if (batch.rows.targets[row] >= 0) counted.push_back(all[row]);
  for (int row : batch.counted) tokens.push_back(counted[size_t(row)]);
  return tokens;
}

class GrpoStage final : public Stage {
 public:
  GrpoStage(const R1Context& context, const StageRecipe& stage, int64_t steps, Learner& learner,
            RewardJudges judges, Drawing drawing, std::unique_ptr<Model> reference)
      : stage_(stage),
        recipe_(stage.grpo),
        steps_(steps),
        learner_(learner),
        pool_(context.pool),
        rounded_(std::move(drawing.rounded)),
        source_(context, stage, steps, std::move(judges), std::move(drawing.generator)),
        reference_(std::move(reference)) {
    if (reference_) refresh_reference();
  }

  Result<Json> advance(int64_t step) override {
    const int64_t began = monotonic_ns();
    const auto seconds = [&] { return double(monotonic_ns() - began) * 1e-9; };
    if (reference_ && recipe_.reference_every > 0 && step > 0 &&
        step % recipe_.reference_every == 0)
      refresh_reference();
    if (rounded_) rounded_->round(pool_);
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
    old_.assign(experience_.rollouts.size(), {});
    facts_.clear();
    const size_t parts = std::min(size_t(recipe_.minibatches), replies.size());
    const auto minibatch = [&](size_t part) {
      const size_t begin = replies.size() * part / parts, end = replies.size() * (part + 1) / parts;
      return std::span<const size_t>(replies).subspan(begin, end - begin);
    };
    // The first minibatch is compared where it is learned from; the others while the policy is
    // still the one that drew them.
    for (size_t part = 1; part < parts; ++part)
      TRY(for_each_batch(minibatch(part), [&](PolicyBatch& part_of) {
        compare_paths(part_of, tally);
        return Result<void>();
      }));
    for (int epoch = 0; epoch < recipe_.inner_epochs; ++epoch)
      for (size_t part = 0; part < parts; ++part) {
        learner_.begin();
        if (looks_ahead(tally)) TRY(look_ahead(minibatch(part)));
        TRY(for_each_batch(minibatch(part),
                           [&](PolicyBatch& part_of) { return accumulate(part_of, tally); }));
        const UpdateStatistics done = TRY(learner_.update(stage_rate(stage_.rate, step, steps_)));
        tally.loss += done.loss.objective;
        tally.norm = done.gradient_norm;
        ++tally.updates;
      }
    return tally;
  }

  // Calls use(PolicyBatch&) for the replies `chosen`, rows_max() rows at a time.
  template <class Use>
  Result<void> for_each_batch(std::span<const size_t> chosen, const Use& use) {
    int64_t tokens = 0;
    std::vector<TrainingSequence> sequences;
    for (size_t i : chosen) {
      tokens += int64_t(experience_.rollouts[i].completion.tokens.size());
      sequences.push_back(sequence_of(experience_.rollouts[i]));
    }
    for (const MicroBatch& part : micro_batches(sequences, learner_.rows_max())) {
      PolicyBatch batch;
      batch.rows = batch_of(sequences, part);
      batch.kept = batch.own = learner_.model().routing_trace();
      for (size_t s = part.begin; s < part.end; ++s) {
        const Rollout& rollout = experience_.rollouts[chosen[s]];
        const std::vector<float>& old = old_[chosen[s]];
        const int shared = part.shared[s - part.begin];
        batch.replies.push_back(chosen[s]);
        batch.place(rollout, shared);
        append_experts(sequences[s], shared, rollout.completion.experts, batch.kept);
        PolicyToken token;
        token.advantage = float(experience_.advantage[chosen[s]]);
        token.weight = float(token_weight(rollout, tokens, int64_t(chosen.size())));
        const std::vector<float>& drawn = rollout.completion.policy_log_probabilities;
        for (size_t t = 0; t < drawn.size(); ++t) {
          token.rollout_log_probability = drawn[t];
          token.old_log_probability = old.empty() ? drawn[t] : old[t];
          batch.tokens.push_back(token);
        }
      }
      batch.own.append(int(batch.rows.tokens.size()));
      TRY(use(batch));
    }
    return {};
  }

  RoutingUse routing_of(PolicyBatch& batch) const {
    return {recipe_.keeps_routing ? &batch.kept : nullptr, &batch.own};
  }

  bool is_by_reply() const { return recipe_.ratio == RatioLevel::sequence; }
  // Whether an update needs to know all tokens of its replies before their gradients.
  bool looks_ahead(const LearnTally& tally) const {
    const bool has_moved = tally.updates > 0 || rounded_;
    return recipe_.top_entropy < 1 || (has_moved && (is_by_reply() || recipe_.off_policy_mask > 0));
  }

  // Facts of the tokens of an update's replies, and the entropy below which they are left out.
  Result<void> look_ahead(std::span<const size_t> chosen) {
    facts_.assign(experience_.rollouts.size(), {});
    std::vector<float> entropies;
    TRY(for_each_batch(chosen, [&](PolicyBatch& batch) {
      FactsObjective objective;
      objective.facts.resize(batch.rows.tokens.size());
      Learner::observe(learner_.model(), batch.rows, objective, float(1 / recipe_.temperature),
                       learner_.arena(), learner_.pool(), routing_of(batch));
      const std::vector<RowFacts> facts = of_tokens(batch, objective.facts);
      size_t token = 0;
      for (size_t reply : batch.replies)
        for (size_t t = 0; t < experience_.rollouts[reply].completion.tokens.size(); ++t, ++token) {
          facts_[reply].logs.push_back(facts[token].log_probability);
          facts_[reply].entropies.push_back(facts[token].entropy);
          entropies.push_back(facts[token].entropy);
        }
      return Result<void>();
    }));
    least_entropy_ = entropies.empty() ? 0 : entropy_threshold(entropies, recipe_.top_entropy);
    return {};
  }

  // weigh_replies() of a batch.
  std::vector<ReplyRatio> weigh(PolicyBatch& batch, const PolicyObjective::Options& options,
                                LearnTally& tally) const {
    std::vector<ReplyFacts> replies;
    for (size_t reply : batch.replies) {
      ReplyFacts& facts = replies.emplace_back();
      facts.tokens = experience_.rollouts[reply].completion.tokens.size();
      if (!facts_.empty())
        facts.logs = facts_[reply].logs, facts.entropies = facts_[reply].entropies;
    }
    const ReplyRules rules = {recipe_.off_policy_mask,
                              recipe_.top_entropy < 1 ? &least_entropy_ : nullptr, is_by_reply()};
    return weigh_replies(batch.tokens, replies, rules, options, tally.masked);
  }

  // Log-probabilities of the tokens under `model`, in order.
  std::vector<float> scores(const Model& model, const PolicyBatch& batch, RoutingUse routing) {
    std::vector<float> all(batch.rows.tokens.size());
    Learner::score(model, batch.rows, float(1 / recipe_.temperature), all.data(), learner_.arena(),
                   learner_.pool(), routing);
    return of_tokens(batch, all);
  }

  // The log-probabilities of the tokens against those of their rollouts, without gradients.
  void compare_paths(PolicyBatch& batch, LearnTally& tally) {
    const std::vector<float> logs = scores(learner_.model(), batch, routing_of(batch));
    RolloutRatio ratio;
    for (size_t i = 0; i < logs.size(); ++i)
      ratio.add(logs[i], batch.tokens[i].rollout_log_probability, recipe_.ratio_cap);
    if (rounded_) keep_old(batch, logs);
    add_paths(batch, ratio, tally);
  }

  // What the policy gave to the tokens before the first update: later ones need it, where
  // rollouts have other log-probabilities.
  void keep_old(const PolicyBatch& batch, const std::vector<float>& logs) {
    auto next = logs.begin();
    for (size_t reply : batch.replies) {
      const size_t count = experience_.rollouts[reply].completion.tokens.size();
      old_[reply].assign(next, next + ptrdiff_t(count));
      next += ptrdiff_t(count);
    }
  }

  static void add_paths(const PolicyBatch& batch, const RolloutRatio& ratio, LearnTally& tally) {
    tally.rollout.add(ratio);
    tally.max_difference = std::max(tally.max_difference, ratio.largest);
    tally.moved += compare(batch.kept, batch.own).moved;
  }

  Result<void> accumulate(PolicyBatch& batch, LearnTally& tally) {
    // Later updates learn from replies of a policy that is gone.
    const bool is_first = tally.updates == 0;
    std::vector<float> logs(batch.rows.tokens.size());
    LossOptions options;
    options.inverse_temperature = float(1 / recipe_.temperature);
    options.routing = routing_of(batch);
    if (rounded_) options.log_probabilities = logs.data();
    if (reference_) {
      const std::vector<float> reference = scores(*reference_, batch, {});
      for (size_t i = 0; i < reference.size(); ++i)
        batch.tokens[i].reference_log_probability = reference[i];
    }
    const PolicyObjective::Options policy = {
        recipe_.clip_low,    recipe_.clip_high, recipe_.kl_weight,     recipe_.kl_unbiased,
        rounded_ != nullptr, recipe_.ratio_cap, rounded_ && is_first,  recipe_.surrogate,
        recipe_.clip_delta,  recipe_.cispo_cap, recipe_.sapo_positive, recipe_.sapo_negative};
    std::vector<ReplyRatio> ratios = weigh(batch, policy, tally);
    PolicyObjective objective(policy, batch.tokens, std::move(ratios), batch.counted);
    TRY(learner_.accumulate(batch.rows, objective, options));
    const PolicyObjective::Sums& sums = objective.sums();
    tally.tokens += sums.tokens;
    tally.clipped += sums.clipped;
    tally.kl += sums.kl;
    if (!is_first) return {};
    RolloutRatio ratio = sums.rollout;
    if (rounded_)
      keep_old(batch, of_tokens(batch, logs));
    else
      ratio.largest = sums.max_difference;
    add_paths(batch, ratio, tally);
    return {};
  }

  Json metrics(int64_t step, const LearnTally& tally) const {
    const double tokens = double(std::max<int64_t>(tally.tokens, 1));
    Json json = Json::object();
    json.set("step", step + 1);
    experience_.tally.describe(json);
    if (reference_) json.set("kl", tally.kl / tokens);
    json.set("clip_fraction", double(tally.clipped) / tokens);
    if (recipe_.top_entropy < 1)
      json.set("low_entropy_tokens", double(tally.masked.tokens) / tokens);
    if (recipe_.off_policy_mask > 0) json.set("off_policy_replies", tally.masked.replies);
    json.set("max_difference", tally.max_difference);
    json.set("routing_differences", tally.moved);
    if (rounded_) tally.rollout.describe(json);
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
  std::unique_ptr<RoundedModel> rounded_;  // null: rollouts are exact
  ExperienceSource source_;
  std::unique_ptr<Model> reference_;
  Experience experience_;  // of the last step
  // Of rounded rollouts: log-probabilities of each reply's tokens before the step's first update,
  // as far as they were computed.
  std::vector<std::vector<float>> old_;
  std::vector<TokenFacts> facts_;  // of the update, where it looked ahead
  float least_entropy_ = 0;
  SampleReply sample_;
  bool has_sample_ = false;
  int64_t tokens_ = 0;
};

}  // namespace

Result<std::unique_ptr<Stage>> make_grpo_stage(const R1Context& context, const StageRecipe& stage,
                                               int64_t steps, Learner& learner,
                                               RewardJudges judges) {
  Drawing drawing = TRY(make_drawing(context, stage.grpo, learner.model()));
  std::unique_ptr<Model> reference;
  if (stage.grpo.kl_weight > 0) reference = TRY(make_reference(learner.model()));
  return std::unique_ptr<Stage>(new GrpoStage(context, stage, steps, learner, std::move(judges),
                                              std::move(drawing), std::move(reference)));
}

}  // namespace weir
