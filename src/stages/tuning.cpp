#include "stages/tuning.h"

#include <cmath>

#include "base/clock.h"
#include "base/random.h"
#include "train/batches.h"

namespace weir {
namespace {

constexpr int64_t kTooLongMax = 10'000;  // conversations of a step that do not fit the context

struct CrossEntropy : TokenObjective {
  float weight = 1;
  double evaluate(int, float log_probability, float& slope) override {
    slope = -weight;
    return -double(weight) * double(log_probability);
  }
};

class TuningStage final : public Stage {
 public:
  TuningStage(const R1Context& context, const StageRecipe& stage, int64_t steps, Learner& learner,
              const ProblemSet* samples)
      : context_(context), stage_(stage), steps_(steps), learner_(learner), samples_(samples) {}

  Result<Json> advance(int64_t step) override {
    const int64_t began = monotonic_ns();
    std::vector<TrainingSequence> sequences = TRY(fetch());
    int64_t counted = 0;
    for (const TrainingSequence& s : sequences)
      for (size_t i = 1; i < s.trained.size(); ++i) counted += s.trained[i];
    if (counted == 0) return Error{"no token of this step's conversations is to be learned"};

    learner_.begin();
    CrossEntropy objective;
    objective.weight = float(1 / double(counted));
    double loss = 0;
    const std::vector<MicroBatch> parts = micro_batches(sequences, learner_.rows_max());
    for (const MicroBatch& part : parts) {
      const TrainingBatch batch = batch_of(sequences, part);
      Learner::Options options;
      options.aux_scale = float(1 / double(parts.size()));
      loss += learner_.accumulate(batch, objective, options).loss;
    }
    if (!std::isfinite(loss))
      return Error{
          "the loss is not finite; nothing was changed by this step. Lower 'lr' and start "
          "the stage again"};
    const double lr = stage_rate(stage_.rate, step, steps_);
    const double norm = TRY(learner_.update(lr));
    learner_.balance(float(stage_.tuning.bias_speed));
    return metrics(step, loss, lr, norm, counted, double(monotonic_ns() - began) * 1e-9);
  }

  Json cursor() const override {
    Json json = Json::object();
    json.set("next", next_);
    json.set("tokens", tokens_);
    return json;
  }
  Result<void> restore(const Json& cursor) override {
    next_ = TRY(cursor.int_at("next"));
    tokens_ = TRY(cursor.int_at("tokens"));
    return {};
  }

 private:
  // Whole conversations until their rows fill the step.
  Result<std::vector<TrainingSequence>> fetch() {
    std::vector<TrainingSequence> sequences;
    const int context_max = learner_.model().config().max_position_embeddings;
    const int64_t first = next_;
    for (int rows = 0; rows < stage_.tuning.tokens;) {
      TrainingSequence sequence = TRY(next_sequence());
      if (sequence.rows() > context_max) {
        if (next_ - first > kTooLongMax)
          return Error{"every conversation is longer than the model's context"};
        continue;
      }
      if (rows > 0 && rows + sequence.rows() > stage_.tuning.tokens) {
        --next_;  // begins the next step
        break;
      }
      rows += sequence.rows();
      sequences.push_back(std::move(sequence));
    }
    return sequences;
  }

  // The next problem as a conversation, after others as earlier turns where the recipe wants some.
  Result<TrainingSequence> next_sequence() {
    Problem problem = TRY(next_problem());
    const int turns = stage_.tuning.turns;
    if (turns == 1)
      return TRY_IN(problem.place,
                    render_problem(context_.format, problem, stage_.tuning.all_tokens));
    const uint64_t index = uint64_t(next_ - 1);
    Random random(stage_seed(context_, stage_.name, "turns"), index);
    std::vector<Message> messages;
    for (uint64_t more = random.below(uint64_t(turns)); more > 0; --more) {
      Problem earlier = TRY(problem_at(random.next() >> 16));
      if (earlier.has_reply() && earlier.messages.front().role == Role::user)
        messages.insert(messages.end(), earlier.messages.begin(), earlier.messages.end());
    }
    messages.insert(messages.end(), problem.messages.begin(), problem.messages.end());
    return TRY_IN(problem.place,
                  render_messages(context_.format, messages, false, stage_.tuning.all_tokens));
  }

  // Sampled replies and the recipe's data in the proportion asked for.
  Result<Problem> next_problem() { return problem_at(uint64_t(next_++)); }
  Result<Problem> problem_at(uint64_t index) {
    const uint64_t seed = stage_seed(context_, stage_.name, "data");
    if (samples_) {
      Random random(seed, index);
      if (stage_.data.empty() || double(random.uniform()) < stage_.samples.weight) {
        const uint64_t count = uint64_t(samples_->count(Split::train));
        return samples_->make(seed, Split::train, random.below(count));
      }
    }
    return stage_.data.make(seed, Split::train, index);
  }

  Json metrics(int64_t step, double loss, double lr, double norm, int64_t counted, double seconds) {
    tokens_ += counted;
    Json json = Json::object();
    json.set("step", step + 1);
    json.set("loss", loss);
    json.set("lr", lr);
    json.set("grad_norm", norm);
    json.set("tokens", tokens_);
    json.set("tokens_per_second", double(counted) / std::max(seconds, 1e-9));
    return json;
  }

  const R1Context& context_;
  const StageRecipe& stage_;
  int64_t steps_;
  Learner& learner_;
  const ProblemSet* samples_;
  int64_t next_ = 0, tokens_ = 0;
};

}  // namespace

Result<TrainingSequence> render_problem(const ConversationFormat& format, const Problem& problem,
                                        bool all_tokens) {
  return render_messages(format, problem.messages, true, all_tokens);
}

Result<TrainingSequence> render_messages(const ConversationFormat& format,
                                         const std::vector<Message>& messages, bool all_replies,
                                         bool all_tokens) {
  RenderedConversation rendered = TRY(format.render(messages, all_replies));
  TrainingSequence sequence{std::move(rendered.tokens), std::move(rendered.trained)};
  if (all_tokens) std::fill(sequence.trained.begin(), sequence.trained.end(), uint8_t(1));
  return sequence;
}

Result<std::unique_ptr<Stage>> make_tuning_stage(const R1Context& context, const StageRecipe& stage,
                                                 int64_t steps, Learner& learner,
                                                 const ProblemSet* samples) {
  return std::unique_ptr<Stage>(new TuningStage(context, stage, steps, learner, samples));
}

}  // namespace weir
