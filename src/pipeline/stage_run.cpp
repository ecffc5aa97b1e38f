#include "pipeline/stage_run.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/stop_signal.h"
#include "pipeline/plan.h"
#include "pipeline/stage_judges.h"
#include "pretrain/run_folder.h"
#include "pretrain/run_loop.h"
#include "report/report_table.h"
#include "stages/distill_stage.h"
#include "stages/evaluate.h"
#include "stages/grpo.h"
#include "stages/preference_stage.h"
#include "stages/rejection.h"
#include "stages/reward_stage.h"
#include "stages/stage_memory.h"
#include "stages/stage_model.h"
#include "stages/tuning.h"
#include "train/gate_balance.h"
#include "train/metrics.h"

namespace weir {
namespace {

constexpr int kCheckpointsKept = 2;
constexpr int64_t kLoadEvery = 10;   // steps between lines with the experts' load
constexpr double kMostGroups = 0.9;  // uniform, and
constexpr int kWarnAfter = 10;       // for so many steps: a warning
constexpr double kMostTruncated = 0.5;

// A running stage, its members in order of construction.
class StageRunner final : public RunLoop {
 public:
  StageRunner(const R1Context& context, const R1Folder& folder, const StageJob& job, LiveView& view,
              RunFolder run)
      : RunLoop(context.recipe.checkpoint_every),
        context_(context),
        folder_(folder),
        job_(job),
        view_(view),
        run_(std::move(run)) {}

  Result<StageOutcome> run(const ModelConfig& config) {
    std::optional<CheckpointState> resumed = TRY(run_.newest());
    if (resumed) TRY(check_identity(*resumed));
    const double available = available_memory();
    const StageMemory memory = stage_memory(context_.recipe, recipe(), config, available);
    TRY(check_memory(memory, available));
    model_ = TRY(make_stage_model(context_.recipe, config, job_.parent_folder));
    model_->recompute_blocks = memory.recomputes;
    model_->balance_weight = float(recipe().tuning.balance_weight);
    learner_ = std::make_unique<Learner>(
        *model_, stage_learner_options(recipe(), config, context_.recipe.rows), context_.pool);
    if (!TRY(make_stage())) return stopped();
    if (resumed) {
      TRY(resume(*resumed));
      view_.resume_at(step());
    }
    cursor_ = stage_->cursor();
    log_ = TRY(MetricsLog::open(folder_.stage_file(recipe().name, "metrics.jsonl"), step()));
    do {
      view_.set_steps(target_);
      outcome_.is_stopped = TRY(run_steps(target_));
    } while (!outcome_.is_stopped && TRY(needs_another_round()));
    if (outcome_.is_stopped) return stopped();
    outcome_.steps = step();
    outcome_.model = std::move(model_);
    return std::move(outcome_);
  }

 private:
  const StageRecipe& recipe() const { return job_.recipe; }

  StageOutcome stopped() {
    outcome_.is_stopped = true;
    return std::move(outcome_);
  }

  Result<void> check_identity(const CheckpointState& state) const {
    if (state.recipe.dump() == job_.identity.dump()) return {};
    return Error{
        fmt::format("{} was begun with other settings, data or models; set them back, delete "
                    "that folder to run the stage again, or choose another 'run'",
                    folder_.stage(recipe().name))};
  }

  // Replies of another stage, drawn once and kept in samples.jsonl; beside it the SHA-256 of what
  // they were drawn with, as a stage without checkpoints may be run again with other settings.
  Result<std::optional<std::vector<SampledReply>>> find_samples() {
    const std::string path = folder_.stage_file(recipe().name, "samples.jsonl");
    const std::string drawn_with = folder_.stage_file(recipe().name, "samples.sha256");
    const std::string identity = sha256_hex(job_.identity.dump());
    if (file_exists(path) && file_exists(drawn_with) && TRY(read_file(drawn_with)) == identity)
      return std::optional(TRY(read_samples(path)));
    TRY(remove_all(path));
    TRY(write_file_atomic(drawn_with, identity));
    const StageRecipe* source = context_.recipe.find(recipe().samples.from);
    const int64_t began = monotonic_ns();
    const double cores = process_cpu_seconds();
    std::unique_ptr<Model> model = TRY(load_model(folder_.stage(source->name), false));
    model->pack(context_.pool);
    const Mixture& data = recipe().samples.data.empty() ? source->data : recipe().samples.data;
    std::vector<SampledReply> samples = TRY(draw_samples(context_, recipe(), data, *model));
    outcome_.sampling_seconds = double(monotonic_ns() - began) * 1e-9;
    outcome_.core_seconds += process_cpu_seconds() - cores;
    if (samples.empty()) return std::optional<std::vector<SampledReply>>();
    TRY(write_samples(path, samples));
    return std::optional(std::move(samples));
  }

  // False when a stop was requested meanwhile.
  Result<bool> make_stage() {
    std::vector<SampledReply> samples;
    if (!recipe().samples.from.empty()) {
      std::optional<std::vector<SampledReply>> found = TRY(find_samples());
      if (!found) return false;
      samples = std::move(*found);
    }
    switch (recipe().kind) {
      case StageKind::pretrain:
      case StageKind::sft:
        TRY(make_tuning(samples));
        break;
      case StageKind::grpo:
        judges_ = TRY(StageJudges::load(context_, folder_, recipe()));
        stage_ = TRY(make_grpo_stage(context_, recipe(), job_.steps, *learner_, judges_.all()));
        break;
      case StageKind::dpo:
        stage_ = TRY(make_preference_stage(context_, recipe(), job_.steps, *learner_,
                                           folder_.stage_file(recipe().name, "reference.json"),
                                           sha256_hex(job_.identity.dump())));
        return stage_ != nullptr;
      case StageKind::distill: {
        DistillTeachers teachers = TRY(load_teachers());
        stage_ =
            TRY(make_distill_stage(context_, recipe(), job_.steps, *learner_, std::move(teachers)));
        return stage_ != nullptr;
      }
      case StageKind::reward:
        stage_ =
            TRY(make_reward_stage(context_, recipe(), job_.steps, *learner_, std::move(samples)));
        break;
    }
    return true;
  }

  Result<void> make_tuning(const std::vector<SampledReply>& samples) {
    if (!recipe().samples.from.empty()) {
      SampleCounts counts;
      std::vector<Problem> kept = keep_good(samples, recipe().samples, counts);
      outcome_.samples = counts.text();
      view_.note(recipe().name + ": " + outcome_.samples);
      if (kept.empty())
        return Error{
            fmt::format("stage '{}': none of the replies of '{}' is good enough to learn "
                        "from ({}); draw more ('samples.per_problem'), ask easier problems or show "
                        "the form of the answer ('samples.data', 'suffix'), or train that stage "
                        "longer",
                        recipe().name, recipe().samples.from, outcome_.samples)};
      kept_ = std::make_unique<ListedProblems>(std::move(kept));
    }
    stage_ = TRY(make_tuning_stage(context_, recipe(), job_.steps, *learner_, kept_.get()));
    return {};
  }

  // The teachers' models, or the rows that were kept of them under the same identity.
  Result<DistillTeachers> load_teachers() {
    const DistillRecipe& distill = recipe().distill;
    DistillTeachers teachers;
    if (!distill.kept.empty()) {
      teachers.kept = TRY(TeacherFile::open(distill.kept));
      return teachers;
    }
    if (distill.keeps_rows) {
      teachers.kept_path = folder_.stage_file(recipe().name, "teacher.rows");
      const std::string made_with = folder_.stage_file(recipe().name, "teacher.sha256");
      const std::string identity = sha256_hex(job_.identity.dump());
      if (file_exists(teachers.kept_path) && file_exists(made_with) &&
          TRY(read_file(made_with)) == identity) {
        teachers.kept = TRY(TeacherFile::open(teachers.kept_path));
        return teachers;
      }
      TRY(remove_all(teachers.kept_path));
      TRY(write_file_atomic(made_with, identity));
    }
    for (const TeacherRecipe& teacher : distill.teachers) {
      const std::string path =
          is_model_path(teacher.model) ? teacher.model : folder_.stage(teacher.model);
      view_.show_activity("loading the teacher " + teacher.model);
      std::unique_ptr<Model> model = TRY_IN("teacher", load_model(path, false));
      teachers.models.push_back(
          std::make_unique<Teacher>(std::move(model), context_.recipe.rows, context_.pool));
    }
    return teachers;
  }

  Result<void> resume(const CheckpointState& state) {
    const std::string place = run_.checkpoint(state.step);
    TRY(load_checkpoint(place, *model_, learner_->optimizer(), stage_->companion()));
    model_->pack(context_.pool);
    if (Model* companion = stage_->companion()) companion->pack(context_.pool);
    learner_->updates = TRY_IN(place, state.cursor.int_at("updates"));
    outcome_.core_seconds = TRY_IN(place, state.cursor.double_at("core_seconds"));
    // Checkpoints of earlier versions lack these two.
    if (state.cursor.find("sampling_seconds")) {
      outcome_.sampling_seconds = TRY_IN(place, state.cursor.double_at("sampling_seconds"));
      outcome_.evaluation_seconds = TRY_IN(place, state.cursor.double_at("evaluation_seconds"));
    }
    const Json* inner = TRY_IN(place, state.cursor.at("stage"));
    TRY_IN(place, stage_->restore(*inner));
    continue_after(state.step);
    // The rounds that were decided for before.
    while (target_ < step()) target_ += round_steps(job_.steps);
    outcome_.tokens = state.tokens;
    outcome_.seconds = state.seconds;
    return {};
  }

  Result<bool> advance() override {
    const int64_t began = monotonic_ns(), done = step() + 1;
    const double cores = process_cpu_seconds();
    Json metrics = TRY(stage_->advance(step()));
    if (metrics.is_null()) return false;
    cursor_ = stage_->cursor();
    TRY(look_at_held_out(done, metrics));
    outcome_.seconds += double(monotonic_ns() - began) * 1e-9;
    outcome_.core_seconds += process_cpu_seconds() - cores;
    metrics.set("seconds", std::round(outcome_.seconds * 1e3) / 1e3);
    metrics.set("core_seconds", std::round(outcome_.core_seconds * 1e3) / 1e3);
    if (const Json* tokens = metrics.find("tokens")) outcome_.tokens = *tokens->as_int();
    view_.update(metrics);
    if (const SampleReply* sample = stage_->sample()) view_.show_sample(*sample);
    warn(metrics);
    if (done % kLoadEvery == 0 || done == 1)
      metrics.set("expert_load", expert_load_json(expert_shares(*model_)));
    TRY(log_->append(metrics));
    return true;
  }

  // Measures a stage that says what is good enough; true when another round follows.
  Result<bool> needs_another_round() {
    if (recipe().good_enough <= 0) return false;
    view_.show_activity("asking held-out problems: is it good enough?");
    const int64_t began = monotonic_ns();
    const double cores = process_cpu_seconds();
    std::optional<StageEvaluation> evaluation = TRY(evaluate_stage(context_, *model_));
    if (!evaluation) {
      outcome_.is_stopped = true;
      return false;
    }
    outcome_.evaluation_seconds += double(monotonic_ns() - began) * 1e-9;
    outcome_.core_seconds += process_cpu_seconds() - cores;
    const double right = held_out_score(evaluation->scores, true).accuracy();
    TRY(record_round(right));
    outcome_.evaluation = std::move(evaluation);
    const int64_t round = round_steps(job_.steps);
    const std::string measured =
        fmt::format("{}: {:.0f} % of held-out problems right after {} steps, {:.0f} % wanted",
                    recipe().name, 100 * right, step(), 100 * recipe().good_enough);
    if (right >= recipe().good_enough) return false;
    if (step() + round > job_.steps_max) {
      view_.note(fmt::format("{}; it ends here: {} steps are the most", measured, job_.steps_max));
      return false;
    }
    view_.note(fmt::format("{}; it goes on for {} steps", measured, round));
    target_ += round;
    return true;
  }

  // rounds.json: [{"step": 166, "right": 0.04}, ...], one for each measurement.
  Result<void> record_round(double right) {
    const std::string path = folder_.stage_file(recipe().name, "rounds.json");
    Json rounds = Json::array();
    if (step() > job_.steps && file_exists(path)) {
      const Json before = TRY(read_json_file(path));
      for (const Json& round : before.items())
        if (TRY_IN(path, round.int_at("step")) < step()) rounds.push(round);
    }
    Json round = Json::object();
    round.set("step", step());
    round.set("right", right);
    rounds.push(std::move(round));
    return write_file_atomic(path, rounds.dump(1) + "\n");
  }

  Result<void> look_at_held_out(int64_t done, Json& metrics) {
    if (recipe().kind != StageKind::grpo) return {};
    int64_t every = recipe().grpo.evaluate_every;
    if (every == 0) every = std::max<int64_t>(1, job_.steps / 10);
    if (done % every != 0 && done != 1) return {};
    const double share = TRY(held_out_accuracy(context_, recipe(), *model_, kHeldOutProblems));
    if (share >= 0) metrics.set("held_out", share);
    const std::string records = folder_.stage_file(recipe().name, "rollouts");
    TRY(make_directories(records));
    return write_file_atomic(join_path(records, checkpoint_name(done) + ".jsonl"),
                             stage_->record());
  }

  // What goes wrong without an error, once each.
  void warn(const Json& metrics) {
    const auto value = [&](const char* key) {
      const Json* found = metrics.find(key);
      Result<double> number = found ? found->as_double() : Result<double>(0.0);
      return number ? *number : 0.0;
    };
    was_right_ |= value("right") > 0;
    uniform_steps_ = value("uniform_groups") >= kMostGroups ? uniform_steps_ + 1 : 0;
    if (uniform_steps_ == kWarnAfter)
      view_.note(fmt::format(
          "warning: in {} steps running, nearly all groups had equal rewards, so there was hardly "
          "anything to learn; {}",
          kWarnAfter, uniform_words(value("accuracy"))));
    const double judged =
        value("right") + value("wrong") + value("unparseable") + value("truncated");
    const bool is_cut = judged > 0 && value("truncated") / judged > kMostTruncated;
    truncated_steps_ = is_cut ? truncated_steps_ + 1 : 0;
    if (truncated_steps_ == kWarnAfter)
      view_.note(
          fmt::format("warning: in {} steps running, most replies were cut at {} tokens "
                      "without an end; raise 'reply_tokens', or tune longer on replies that "
                      "end",
                      kWarnAfter, recipe().grpo.reply_tokens));
  }

  // Why rewards were all equal, and what to do.
  std::string uniform_words(double accuracy) const {
    if (accuracy > 0.5)
      return "the problems are too easy: raise their difficulty or set 'curriculum: true'";
    if (!was_right_)
      return fmt::format(
          "no reply was right yet, so nothing says what is better: give 'stages.{}.data' easier "
          "problems (fewer 'terms', 'steps' or 'numbers', or easier rows of your own), tune longer "
          "on worked replies before, or raise 'group' until some reply is right",
          recipe().name);
    return "the problems are too hard: lower their difficulty, tune longer before, or raise "
           "'group' "
           "or 'temperature'";
  }

  Result<void> save() override {
    CheckpointState state;
    state.step = step();
    state.tokens = outcome_.tokens;
    state.seconds = outcome_.seconds;
    state.recipe = job_.identity;
    state.cursor = Json::object();
    state.cursor.set("updates", learner_->updates);
    state.cursor.set("core_seconds", outcome_.core_seconds);
    state.cursor.set("sampling_seconds", outcome_.sampling_seconds);
    state.cursor.set("evaluation_seconds", outcome_.evaluation_seconds);
    state.cursor.set("stage", cursor_);
    return run_.save(*learner_, std::move(state), kCheckpointsKept, stage_->companion());
  }

  const R1Context& context_;
  const R1Folder& folder_;
  const StageJob& job_;
  LiveView& view_;
  RunFolder run_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Learner> learner_;
  StageJudges judges_;
  std::unique_ptr<ProblemSet> kept_;
  std::unique_ptr<Stage> stage_;
  std::optional<MetricsLog> log_;
  Json cursor_;  // of the newest step
  StageOutcome outcome_;
  int64_t target_ = job_.steps;  // of this round
  int uniform_steps_ = 0, truncated_steps_ = 0;
  bool was_right_ = false;  // a reply, in this process
};

}  // namespace

Result<StageOutcome> run_stage(const R1Context& context, const R1Folder& folder,
                               const ModelConfig& config, const StageJob& job, LiveView& view) {
  RunFolder run = TRY(RunFolder::open(folder.stage(job.recipe.name), learned_file(context.recipe)));
  return StageRunner(context, folder, job, view, std::move(run)).run(config);
}

Result<void> clear_checkpoints(const R1Folder& folder, const std::string& stage) {
  return remove_all(folder.stage_file(stage, "checkpoints"));
}

}  // namespace weir
