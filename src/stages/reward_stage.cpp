#include "stages/reward_stage.h"

#include <cmath>

#include "base/random.h"
#include "stages/reward_model.h"
#include "train/batches.h"

namespace weir {
namespace {

constexpr int kHeldOutPairs = 200;
constexpr int kTriesMax = 100;

// One counted row per sequence; slopes are known before the pass.
struct GivenSlopes : TokenObjective {
  std::span<const double> slopes;
  size_t next = 0;
  double evaluate(int, float log_probability, float& slope) override {
    slope = float(slopes[next]);
    return slopes[next++] * double(log_probability);
  }
};

class RewardStage final : public Stage {
 public:
  RewardStage(const R1Context& context, const StageRecipe& stage, int64_t steps, Learner& learner,
              VerdictTokens verdict, std::vector<SampledReply> samples)
      : context_(context),
        stage_(stage),
        steps_(steps),
        learner_(learner),
        verdict_(verdict),
        pairs_(stage, stage_seed(context, stage.name, "data"), std::move(samples)) {}

  Result<Json> advance(int64_t step) override {
    sequences_.clear(), slopes_.clear();
    double loss = 0;
    int64_t right = 0;
    const uint64_t first = uint64_t(step) * uint64_t(stage_.reward.examples);
    for (int i = 0; i < stage_.reward.examples; ++i)
      TRY(add_example(Split::train, first + uint64_t(i)));
    if (sequences_.empty()) return Error{"every conversation is longer than the model's context"};
    weigh(loss, right);
    learner_.begin();
    TRY(learn());
    const double lr = stage_rate(stage_.rate, step, steps_);
    const double norm = TRY(learner_.update(lr));
    Json json = Json::object();
    json.set("step", step + 1);
    json.set("loss", loss);
    json.set("accuracy", double(right) / double(examples_in_step()));
    json.set("lr", lr);
    json.set("grad_norm", norm);
    tokens_ += examples_in_step();
    json.set("tokens", tokens_);
    if (step + 1 == steps_)
      if (Result<double> held_out = held_out_accuracy(); held_out && *held_out >= 0)
        json.set("held_out", *held_out);
    return json;
  }

  Json cursor() const override {
    Json json = Json::object();
    json.set("tokens", tokens_);
    return json;
  }
  Result<void> restore(const Json& cursor) override {
    tokens_ = TRY(cursor.int_at("tokens"));
    return {};
  }

 private:
  bool is_pairwise() const { return stage_.reward.judges == "helpful"; }
  // Verdicts come in twos, yes and no, after the same reply; a pair has two replies.
  int64_t examples_in_step() const { return int64_t(sequences_.size()) / (is_pairwise() ? 4 : 2); }

  Result<void> add_example(Split split, uint64_t index) {
    PreferencePair pair = TRY(pairs_.make(split, index));
    const bool shows_good = Random(stage_seed(context_, stage_.name, "label"), index).below(2) == 0;
    std::vector<const Message*> replies;
    if (is_pairwise())
      replies = {&pair.good, &pair.bad};
    else
      replies = {shows_good ? &pair.good : &pair.bad};
    std::vector<TrainingSequence> made;
    for (const Message* reply : replies)
      for (int verdict : {verdict_.yes, verdict_.no})
        made.push_back(
            TRY(judged_sequence(context_.format, pair.question, *reply, !is_pairwise(), verdict)));
    const int context_max = learner_.model().config().max_position_embeddings;
    for (const TrainingSequence& sequence : made)
      if (sequence.rows() > context_max) return {};
    for (TrainingSequence& sequence : made) {
      sequence.group = int(sequences_.size() / 2);  // two verdicts on one reply
      sequences_.push_back(std::move(sequence));
    }
    labels_.resize(size_t(examples_in_step()));
    labels_.back() = shows_good;
    return {};
  }

  // Slopes of the loss by each verdict's log-probability; loss and right decisions of the batch.
  void weigh(double& loss, int64_t& right) {
    const std::vector<double> logs = sequence_scores(
        learner_.model(), sequences_, learner_.rows_max(), learner_.arena(), learner_.pool());
    const size_t each = is_pairwise() ? 4 : 2, count = sequences_.size() / each;
    slopes_.assign(sequences_.size(), 0);
    for (size_t e = 0; e < count; ++e) {
      const double* log = &logs[e * each];
      double* slope = &slopes_[e * each];
      if (is_pairwise()) {
        // -log sigmoid(margin), margin = (yes - no of the good) - (yes - no of the bad).
        const double margin = (log[0] - log[1]) - (log[2] - log[3]);
        const double push = 1 / (1 + std::exp(margin)) / double(count);
        slope[0] = -push, slope[1] = push, slope[2] = push, slope[3] = -push;
        loss += std::log1p(std::exp(-margin)) / double(count);
        right += margin > 0;
      } else {
        const size_t truth = labels_[e] ? 0 : 1;
        slope[truth] = -1 / double(count);
        loss -= log[truth] / double(count);
        right += log[truth] > log[1 - truth];
      }
    }
  }

  Result<void> learn() {
    for (const MicroBatch& part : micro_batches(sequences_, learner_.rows_max())) {
      const TrainingBatch batch = batch_of(sequences_, part);
      GivenSlopes objective;
      objective.slopes =
          std::span<const double>(slopes_).subspan(part.begin, part.end - part.begin);
      const double loss = learner_.accumulate(batch, objective, {}).loss;
      if (!std::isfinite(loss)) return Error{"the loss is not finite; lower 'lr' and start again"};
    }
    return {};
  }

  // An error or a negative number when the data has nothing held out to tell apart.
  Result<double> held_out_accuracy() {
    sequences_.clear(), labels_.clear();
    double loss = 0;
    int64_t right = 0;
    for (int i = 0; i < kHeldOutPairs; ++i) TRY(add_example(Split::held_out, uint64_t(i)));
    const int64_t count = examples_in_step();
    if (count > 0) weigh(loss, right);
    return count > 0 ? double(right) / double(count) : -1.0;
  }

  const R1Context& context_;
  const StageRecipe& stage_;
  int64_t steps_;
  Learner& learner_;
  VerdictTokens verdict_;
  PairSource pairs_;
  std::vector<TrainingSequence> sequences_;  // of the step
  std::vector<bool> labels_;                 // per example: the reply shown is the good one
  std::vector<double> slopes_;
  int64_t tokens_ = 0;
};

bool same_reply(const Message& a, const Message& b) {
  return a.content == b.content && a.thinking == b.thinking;
}

}  // namespace

// The model reply to another question: fluent, and beside the point.
Result<Message> PairSource::other_reply(Split split, const Message& good, Random& random) const {
  for (int i = 0; i < kTriesMax; ++i) {
    Problem other = TRY(stage_.data.make(seed_ ^ 1, split, random.below(1 << 30)));
    if (other.has_reply() && !same_reply(other.messages.back(), good)) return other.messages.back();
  }
  return Error{"data: all replies are alike, so there are no worse ones to tell from them"};
}

Result<PreferencePair> PairSource::make(Split split, uint64_t index) const {
  Random random(seed_, index);
  const bool from_samples = split == Split::train && !samples_.empty() &&
                            double(random.uniform()) < stage_.samples.weight;
  if (from_samples) {
    const SampledReply& sample = samples_[size_t(random.below(samples_.size()))];
    const Message& reply = sample.problem.messages.back();
    PreferencePair pair{sample.problem.question(), reply, reply};
    if (!sample.is_right && sample.has_gold) {
      pair.good = sample.gold;
      return pair;
    }
    if (sample.is_right) {
      pair.bad = sample.problem.has_rejected ? sample.problem.rejected
                                             : TRY(other_reply(split, reply, random));
      return pair;
    }
  }
  for (int i = 0; i < kTriesMax; ++i) {
    const uint64_t place = index + (i > 0 ? random.below(1 << 30) : 0);
    Problem problem = TRY(stage_.data.make(seed_, split, place));
    if (!problem.has_reply()) continue;
    PreferencePair pair{problem.question(), problem.messages.back(), problem.rejected};
    if (!problem.has_rejected) pair.bad = TRY(other_reply(split, pair.good, random));
    return pair;
  }
  return Error{"data: hardly any problem has a reply to learn from"};
}

Result<std::unique_ptr<Stage>> make_reward_stage(const R1Context& context, const StageRecipe& stage,
                                                 int64_t steps, Learner& learner,
                                                 std::vector<SampledReply> samples) {
  VerdictTokens verdict = TRY(VerdictTokens::of(context.tokenizer));
  return std::unique_ptr<Stage>(
      new RewardStage(context, stage, steps, learner, verdict, std::move(samples)));
}

}  // namespace weir
