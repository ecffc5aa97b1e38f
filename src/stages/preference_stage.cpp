#include "stages/preference_stage.h"

#include <algorithm>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "stages/kept_scores.h"
#include "stages/preference_loss.h"
#include "stages/tuning.h"
#include "train/batches.h"

namespace weir {
namespace {

constexpr int kHeldOutPreferences = 200;
constexpr size_t kScoredTogether = 64;  // sequences

// Every counted row of a sequence has the sequence's slope.
struct SequenceSlopes final : TokenObjective {
  std::span<const TrainingSequence> sequences;
  std::span<const double> slopes;
  size_t at = 0;
  int64_t left = 0;
  double evaluate(int, float log_probability, float& slope) override {
    while (left == 0) left = trained_tokens(sequences[at++]);
    --left;
    slope = float(slopes[at - 1]);
    return slopes[at - 1] * double(log_probability);
  }
  static int64_t trained_tokens(const TrainingSequence& sequence) {
    int64_t count = 0;
    for (size_t i = 1; i < sequence.trained.size(); ++i) count += sequence.trained[i] != 0;
    return count;
  }
};

// Sums over pairs.
struct PairTally {
  double loss = 0, chosen = 0, rejected = 0;
  int64_t pairs = 0, right = 0;
  double mean(double sum) const { return sum / double(std::max<int64_t>(pairs, 1)); }
};

class PreferenceStage final : public Stage {
 public:
  PreferenceStage(const R1Context& context, const StageRecipe& stage, int64_t steps,
                  Learner& learner, KeptScores kept)
      : context_(context),
        stage_(stage),
        steps_(steps),
        learner_(learner),
        kept_(std::move(kept)) {}

  // Scores every reply that the stage will see and that is not known yet. False when stopped.
  Result<bool> score_reference() {
    const uint64_t count = uint64_t(steps_) * uint64_t(recipe().pairs);
    held_out_ = held_out_pairs();
    const uint64_t beside = uint64_t(held_out_);
    std::vector<TrainingSequence> missing;
    const size_t known = kept_.size();
    for (uint64_t i = 0; i < count + beside; ++i) {
      const bool is_held_out = i >= count;
      std::vector<TrainingSequence> pair =
          TRY(pair_at(is_held_out ? Split::held_out : Split::train, is_held_out ? i - count : i));
      for (TrainingSequence& sequence : pair) {
        const std::string name = sequence_name(sequence);
        if (kept_.find(name)) continue;
        kept_.add(name, 0);  // a repeated one is not scored twice
        sequence.group = int(i);
        missing.push_back(std::move(sequence));
      }
    }
    for (size_t begin = 0; begin < missing.size(); begin += kScoredTogether) {
      if (stop_requested()) return false;
      context_.activity("reference", double(begin), double(missing.size()));
      const std::span<const TrainingSequence> part =
          std::span(missing).subspan(begin, std::min(kScoredTogether, missing.size() - begin));
      const std::vector<double> scores = scores_of(part);
      for (size_t i = 0; i < part.size(); ++i) kept_.add(sequence_name(part[i]), scores[i]);
    }
    if (kept_.size() > known) TRY(kept_.save());
    return true;
  }

  Result<Json> advance(int64_t step) override {
    const int64_t began = monotonic_ns();
    TRY(gather(Split::train, uint64_t(step) * uint64_t(recipe().pairs), recipe().pairs));
    if (sequences_.empty()) return Error{"every conversation is longer than the model's context"};
    const PairTally tally = weigh();
    learner_.begin();
    for (const MicroBatch& part : micro_batches(sequences_, learner_.rows_max())) {
      SequenceSlopes objective;
      objective.sequences = std::span(sequences_).subspan(part.begin, part.end - part.begin);
      objective.slopes =
          std::span<const double>(slopes_).subspan(part.begin, part.end - part.begin);
      TRY(learner_.accumulate(batch_of(sequences_, part), objective));
    }
    const double lr = stage_rate(stage_.rate, step, steps_);
    const UpdateStatistics done = TRY(learner_.update(lr));
    tokens_ += done.loss.counted;
    Json json = Json::object();
    json.set("step", step + 1);
    describe(tally, json);
    json.set("lr", lr);
    json.set("grad_norm", done.gradient_norm);
    json.set("tokens", tokens_);
    const double seconds = double(monotonic_ns() - began) * 1e-9;
    json.set("tokens_per_second", double(done.loss.counted) / std::max(seconds, 1e-9));
    const int64_t every = std::max<int64_t>(1, steps_ / 10);
    if ((step + 1) % every == 0 || step + 1 == steps_) TRY(look_at_held_out(json));
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
  const DpoRecipe& recipe() const { return stage_.dpo; }

  // None where a source holds nothing out.
  int held_out_pairs() const {
    int64_t count = 0;
    for (const Mixture::Source& source : stage_.data.sources()) {
      const int64_t own = source.set->count(Split::held_out);
      if (own == 0) return 0;
      count += own < 0 ? kHeldOutPreferences : own;
    }
    return int(std::min<int64_t>(count, kHeldOutPreferences));
  }

  // The better reply's sequence and the worse one's; none where one does not fit the context.
  Result<std::vector<TrainingSequence>> pair_at(Split split, uint64_t index) {
    Problem problem =
        TRY(stage_.data.make(stage_seed(context_, stage_.name, "data"), split, index));
    if (!problem.has_reply() || !problem.has_rejected)
      return Error{problem.place +
                   ": has no rejected reply, which learning from preferences needs; give rows with "
                   "'prompt', 'chosen' and 'rejected'"};
    std::vector<TrainingSequence> pair;
    for (const Message& reply : {problem.messages.back(), problem.rejected}) {
      std::vector<Message> messages = problem.question();
      messages.push_back(reply);
      pair.push_back(
          TRY_IN(problem.place, render_messages(context_.format, messages, false, false)));
      if (SequenceSlopes::trained_tokens(pair.back()) == 0)
        return Error{problem.place + ": a reply of the pair has no token to be learned"};
    }
    const int context_max = learner_.model().config().max_position_embeddings;
    for (const TrainingSequence& sequence : pair)
      if (sequence.rows() > context_max) return std::vector<TrainingSequence>();
    return pair;
  }

  Result<void> gather(Split split, uint64_t first, int count) {
    sequences_.clear();
    for (int i = 0; i < count; ++i) {
      std::vector<TrainingSequence> pair = TRY(pair_at(split, first + uint64_t(i)));
      for (TrainingSequence& sequence : pair) {
        sequence.group = i;  // shares the question's rows
        sequences_.push_back(std::move(sequence));
      }
    }
    return {};
  }

  std::vector<double> scores_of(std::span<const TrainingSequence> sequences) {
    return sequence_scores(learner_.model(), sequences, learner_.rows_max(), learner_.arena(),
                           learner_.pool());
  }

  // Losses of the pairs gathered, and the slopes of their replies.
  PairTally weigh() {
    const std::vector<double> scores = scores_of(sequences_);
    const auto score = [&](size_t i) {
      const double* reference = kept_.find(sequence_name(sequences_[i]));
      CHECK(reference != nullptr);
      return ReplyScore{scores[i], *reference, SequenceSlopes::trained_tokens(sequences_[i])};
    };
    const PreferenceShape shape = {recipe().loss, recipe().beta, recipe().label_smoothing};
    PairTally tally;
    tally.pairs = int64_t(sequences_.size() / 2);
    slopes_.assign(sequences_.size(), 0);
    for (size_t i = 0; i < sequences_.size(); i += 2) {
      const PreferenceValue value = preference_loss(shape, score(i), score(i + 1));
      tally.loss += value.loss;
      tally.chosen += value.chosen_reward;
      tally.rejected += value.rejected_reward;
      tally.right += value.chosen_reward > value.rejected_reward;
      slopes_[i] = value.chosen_slope / double(tally.pairs);
      slopes_[i + 1] = value.rejected_slope / double(tally.pairs);
    }
    return tally;
  }

  static void describe(const PairTally& tally, Json& json) {
    json.set("loss", tally.mean(tally.loss));
    json.set("accuracy", tally.mean(double(tally.right)));
    json.set("margin", tally.mean(tally.chosen - tally.rejected));
    json.set("chosen_reward", tally.mean(tally.chosen));
    json.set("rejected_reward", tally.mean(tally.rejected));
  }

  Result<void> look_at_held_out(Json& json) {
    if (held_out_ == 0) return {};
    TRY(gather(Split::held_out, 0, held_out_));
    if (sequences_.empty()) return {};
    const PairTally tally = weigh();
    json.set("held_out", tally.mean(double(tally.right)));
    json.set("held_out_margin", tally.mean(tally.chosen - tally.rejected));
    return {};
  }

  const R1Context& context_;
  const StageRecipe& stage_;
  int64_t steps_;
  Learner& learner_;
  KeptScores kept_;
  int held_out_ = 0;                         // pairs
  std::vector<TrainingSequence> sequences_;  // better and worse replies in turn
  std::vector<double> slopes_;
  int64_t tokens_ = 0;
};

}  // namespace

Result<std::unique_ptr<Stage>> make_preference_stage(const R1Context& context,
                                                     const StageRecipe& stage, int64_t steps,
                                                     Learner& learner, const std::string& kept,
                                                     const std::string& identity) {
  auto made = std::make_unique<PreferenceStage>(context, stage, steps, learner,
                                                KeptScores::open(kept, identity));
  if (!TRY(made->score_reference())) return std::unique_ptr<Stage>();
  return std::unique_ptr<Stage>(std::move(made));
}

}  // namespace weir
