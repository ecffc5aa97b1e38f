#include "stages/distill_stage.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/stop_signal.h"
#include "stages/drawing.h"
#include "stages/rollout.h"
#include "stages/shown_reply.h"
#include "stages/tuning.h"
#include "train/batches.h"

namespace weir {
namespace {

constexpr int64_t kTooLongLessons = 10'000;  // conversations of a step that do not fit the context

// A conversation to learn on and who teaches it.
struct Lesson {
  TrainingSequence sequence;
  size_t teacher = 0;
};

int64_t trained_tokens(const TrainingSequence& sequence) {
  int64_t count = 0;
  for (size_t i = 1; i < sequence.trained.size(); ++i) count += sequence.trained[i] != 0;
  return count;
}

class DistillStage final : public Stage {
 public:
  DistillStage(const R1Context& context, const StageRecipe& stage, int64_t steps, Learner& learner,
               DistillTeachers teachers)
      : context_(context),
        stage_(stage),
        recipe_(stage.distill),
        steps_(steps),
        learner_(learner),
        teachers_(std::move(teachers)) {
    shape_.beta = recipe_.beta;
    shape_.temperature = recipe_.temperature;
    shape_.top = recipe_.top_k;
    shape_.tail =
        recipe_.tail == TailForm::bucket ? DivergenceTail::bucket : DivergenceTail::dropped;
    rows_max_ = learner.model().config().max_position_embeddings;
    for (const std::unique_ptr<Teacher>& teacher : teachers_.models)
      rows_max_ = std::min(rows_max_, teacher->model().config().max_position_embeddings);
  }

  // False when a stop was requested.
  Result<bool> prepare() {
    TRY(check_vocabularies());
    if (recipe_.source == DistillSource::student) {
      Drawing drawing = TRY(make_drawing(context_, stage_.grpo, learner_.model()));
      generator_ = std::move(drawing.generator);
    }
    return recipe_.keeps_rows && !teachers_.kept ? TRY(keep_rows()) : true;
  }

  Result<Json> advance(int64_t step) override {
    const int64_t began = monotonic_ns();
    double drawn_seconds = 0;
    std::vector<Lesson> lessons;
    if (generator_) {
      lessons = TRY(draw());
      if (lessons.empty()) return Json();
      drawn_seconds = double(monotonic_ns() - began) * 1e-9;
    } else {
      lessons = TRY(fetch());
    }
    int64_t counted = 0;
    for (const Lesson& lesson : lessons) counted += trained_tokens(lesson.sequence);
    if (counted == 0) return Error{"no token of this step's conversations is to be learned"};
    learner_.begin();
    TRY(learn(lessons, 1 / double(counted)));
    const double lr = stage_rate(stage_.rate, step, steps_);
    const UpdateStatistics done = TRY(learner_.update(lr));
    tokens_ += counted;
    Json json = Json::object();
    json.set("step", step + 1);
    json.set("loss", done.loss.objective);
    if (generator_) {
      tally_.describe(json);
      json.set("rollout_seconds", drawn_seconds);
    }
    json.set("lr", lr);
    json.set("grad_norm", done.gradient_norm);
    json.set("tokens", tokens_);
    const double seconds = double(monotonic_ns() - began) * 1e-9;
    json.set("tokens_per_second", double(counted) / std::max(seconds, 1e-9));
    return json;
  }

  Json cursor() const override {
    Json json = Json::object();
    json.set("next", next_);
    json.set("stream", stream_);
    json.set("tokens", tokens_);
    return json;
  }
  Result<void> restore(const Json& cursor) override {
    next_ = TRY(cursor.int_at("next"));
    stream_ = TRY(cursor.int_at("stream"));
    tokens_ = TRY(cursor.int_at("tokens"));
    return {};
  }
  const SampleReply* sample() const override { return has_sample_ ? &sample_ : nullptr; }

 private:
  // What a step's replies were like.
  struct Tally {
    int64_t replies = 0, judged = 0, right = 0, truncated = 0, tokens = 0;
    void describe(Json& json) const {
      if (judged > 0) json.set("accuracy", double(right) / double(judged));
      json.set("truncated", truncated);
      json.set("reply_tokens", double(tokens) / double(std::max<int64_t>(replies, 1)));
    }
  };

  Result<void> check_vocabularies() const {
    const int own = learner_.model().head().rows;
    for (size_t i = 0; i < teachers_.models.size(); ++i)
      if (const int other = teachers_.models[i]->model().head().rows; other != own)
        return Error{fmt::format(
            "teacher {}: its vocabulary has {} tokens and the student's {}; a teacher of logits "
            "needs the same tokens (weir distill sample teaches by replies alone)",
            recipe_.teachers[i].model, other, own)};
    if (!teachers_.kept) return {};
    const TeacherFacts& facts = teachers_.kept->facts();
    if (facts.vocabulary != own)
      return Error{fmt::format("{}: is of a vocabulary of {} tokens, and the student has {}",
                               recipe_.kept, facts.vocabulary, own)};
    if (facts.temperature != float(recipe_.temperature))
      return Error{fmt::format("{}: holds probabilities at temperature {}; set 'temperature' to it",
                               recipe_.kept, facts.temperature)};
    return {};
  }

  // The teacher of a family; the first without families of its own, else the first.
  size_t teacher_of(const Problem& problem) const {
    size_t general = recipe_.teachers.size();
    for (size_t i = 0; i < recipe_.teachers.size(); ++i) {
      const std::vector<std::string>& families = recipe_.teachers[i].families;
      if (std::find(families.begin(), families.end(), problem.family) != families.end()) return i;
      if (families.empty() && general == recipe_.teachers.size()) general = i;
    }
    return general < recipe_.teachers.size() ? general : 0;
  }

  Result<Problem> problem_at(uint64_t index) const {
    return stage_.data.make(stage_seed(context_, stage_.name, "data"), Split::train, index);
  }

  // Whole conversations of the data until their rows fill a step, from number `next` on.
  Result<std::vector<Lesson>> fetch_from(int64_t& next) const {
    std::vector<Lesson> lessons;
    const int64_t first = next;
    for (int rows = 0; rows < stage_.tuning.tokens;) {
      Problem problem = TRY(problem_at(uint64_t(next++)));
      Lesson lesson{TRY_IN(problem.place, render_problem(context_.format, problem, false)),
                    teacher_of(problem)};
      if (lesson.sequence.rows() > rows_max_) {
        if (next - first > kTooLongLessons)
          return Error{"every conversation is longer than the model's context"};
        continue;
      }
      if (rows > 0 && rows + lesson.sequence.rows() > stage_.tuning.tokens) {
        --next;  // begins the next step
        break;
      }
      rows += lesson.sequence.rows();
      lessons.push_back(std::move(lesson));
    }
    return lessons;
  }
  Result<std::vector<Lesson>> fetch() { return fetch_from(next_); }

  // The student's replies to the next problems. Empty when stopped.
  Result<std::vector<Lesson>> draw() {
    std::vector<Problem> problems;
    for (int i = 0; i < stage_.grpo.prompts; ++i)
      problems.push_back(TRY(problem_at(uint64_t(next_++))));
    RolloutOptions options;
    options.samples = stage_.grpo.group;
    options.reply_tokens = stage_.grpo.reply_tokens;
    options.temperature = stage_.grpo.temperature;
    options.seed = stage_seed(context_, stage_.name, "rollouts");
    options.stream = uint64_t(stream_);
    stream_ += int64_t(problems.size()) * stage_.grpo.group;
    const std::vector<Rollout> rollouts =
        TRY(roll_out(*generator_, context_.format, verifiers_, problems, options, context_.pool));
    tally_ = {};
    std::vector<Lesson> lessons;
    for (const Rollout& rollout : rollouts) {
      const Problem& problem = problems[rollout.problem];
      ++tally_.replies;
      tally_.judged += !problem.verifier.empty();
      tally_.right += !problem.verifier.empty() && rollout.is_right();
      tally_.truncated += rollout.is_truncated;
      tally_.tokens += int64_t(rollout.completion.tokens.size());
      TrainingSequence sequence{rollout.prompt, {}, int(rollout.problem)};
      sequence.trained.assign(sequence.tokens.size(), 0);
      for (int token : rollout.completion.tokens) sequence.tokens.push_back(token);
      sequence.trained.resize(sequence.tokens.size(), 1);
      if (sequence.rows() <= rows_max_)
        lessons.push_back({std::move(sequence), teacher_of(problem)});
    }
    if (!rollouts.empty()) {
      sample_ = shown_reply(problems[rollouts.front().problem], rollouts.front());
      has_sample_ = true;
      if (lessons.empty()) return Error{"every reply is longer than the teacher's context"};
    }
    return lessons;
  }

  // One teacher after the other, so that each batch has one.
  Result<void> learn(std::vector<Lesson>& lessons, double weight) {
    std::stable_sort(lessons.begin(), lessons.end(),
                     [](const Lesson& a, const Lesson& b) { return a.teacher < b.teacher; });
    LossOptions options;
    options.inverse_temperature = float(1 / recipe_.temperature);
    for (size_t begin = 0, end; begin < lessons.size(); begin = end) {
      const size_t teacher = lessons[begin].teacher;
      std::vector<TrainingSequence> sequences;
      for (end = begin; end < lessons.size() && lessons[end].teacher == teacher; ++end)
        sequences.push_back(lessons[end].sequence);
      for (const MicroBatch& part : micro_batches(sequences, learner_.rows_max())) {
        const TrainingBatch batch = batch_of(sequences, part);
        if (teachers_.kept) {
          const std::vector<TeacherRow> rows = TRY(kept_rows(sequences, part));
          KeptRowsObjective objective(batch, rows, shape_, weight);
          TRY(learner_.accumulate(batch, objective, options));
        } else {
          TeacherObjective objective(*teachers_.models[teacher], batch, shape_, weight);
          TRY(learner_.accumulate(batch, objective, options));
        }
      }
    }
    return {};
  }

  Result<std::vector<TeacherRow>> kept_rows(const std::vector<TrainingSequence>& sequences,
                                            const MicroBatch& part) const {
    std::vector<TeacherRow> rows;
    for (size_t s = part.begin; s < part.end; ++s) {
      const auto place = teachers_.kept->find(sequence_name(sequences[s]));
      if (!place || int64_t(place->count) != trained_tokens(sequences[s]))
        return Error{
            "the kept rows of the teacher lack a conversation of the data: they were made of other "
            "rows, or with another tokenizer or chat template"};
      for (uint64_t i = 0; i < place->count; ++i)
        teachers_.kept->read(place->first + i, rows.emplace_back());
    }
    return rows;
  }

  // Asks the teachers about every conversation of all steps, once, and lets them go. False when
  // stopped.
  Result<bool> keep_rows() {
    const TeacherFacts facts{learner_.model().head().rows,
                             std::min(recipe_.top_k, learner_.model().head().rows),
                             float(recipe_.temperature)};
    TeacherFileWriter writer(facts);
    int64_t next = 0;
    for (int64_t step = 0; step < steps_; ++step) {
      if (stop_requested()) return false;
      context_.activity("teacher", double(step), double(steps_));
      for (const Lesson& lesson : TRY(fetch_from(next))) {
        const std::string name = sequence_name(lesson.sequence);
        if (writer.has(name)) continue;
        TrainingBatch batch;
        append_sequence(lesson.sequence, 0, batch);
        writer.add(name, teachers_.models[lesson.teacher]->top_rows(batch, facts.top,
                                                                    recipe_.temperature));
      }
    }
    TRY(writer.write(teachers_.kept_path));
    teachers_.kept = TRY(TeacherFile::open(teachers_.kept_path));
    teachers_.models.clear();
    return true;
  }

  const R1Context& context_;
  const StageRecipe& stage_;
  const DistillRecipe& recipe_;
  int64_t steps_;
  Learner& learner_;
  DistillTeachers teachers_;
  DivergenceShape shape_;
  int rows_max_ = 0;                      // of a conversation
  std::unique_ptr<Generator> generator_;  // null: it learns on the data
  Verifiers verifiers_;
  Tally tally_;
  SampleReply sample_;
  bool has_sample_ = false;
  int64_t next_ = 0, stream_ = 0, tokens_ = 0;
};

}  // namespace

Result<std::unique_ptr<Stage>> make_distill_stage(const R1Context& context,
                                                  const StageRecipe& stage, int64_t steps,
                                                  Learner& learner, DistillTeachers teachers) {
  auto made = std::make_unique<DistillStage>(context, stage, steps, learner, std::move(teachers));
  if (!TRY(made->prepare())) return std::unique_ptr<Stage>();
  return std::unique_ptr<Stage>(std::move(made));
}

}  // namespace weir
