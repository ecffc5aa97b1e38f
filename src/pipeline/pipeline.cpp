#include "pipeline/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "adapter/peft.h"
#include "base/atomic_output.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/processor.h"
#include "base/sha256.h"
#include "base/terminal.h"
#include "base/text.h"
#include "chat/open_model.h"
#include "kernels/kernels.h"
#include "pipeline/conclusion.h"
#include "pipeline/plan.h"
#include "pipeline/run_setup.h"
#include "pipeline/run_stages.h"
#include "pipeline/stage_run.h"
#include "pipeline/step_trial.h"
#include "pretrain/model_setup.h"
#include "report/report_r1.h"
#include "report/report_table.h"
#include "report/side_by_side.h"
#include "stages/adapter_recipe.h"
#include "stages/evaluate.h"
#include "stages/guard_reward.h"
#include "stages/stage_memory.h"
#include "stages/stage_words.h"
#include "text/terminal_text.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

constexpr int kManifestVersion = 1;
constexpr double kTrialShare = 0.03;  // of the time of a stage's steps, for finding what one costs

class Pipeline {
 public:
  Pipeline(const R1Recipe& recipe, const R1Options& options, R1Folder folder,
           const RunSetup& shared, ConversationFormat format, ThreadPool& pool)
      : recipe_(recipe),
        options_(options),
        folder_(std::move(folder)),
        shared_(shared),
        format_(std::move(format)),
        context_{recipe, shared_.tokenizer(), format_, pool},
        pool_(pool) {}

  Result<R1Summary> run() {
    TRY(check_evaluation(context_));
    TRY(check_alone());
    add_fact("model", model_words(recipe_, shared_.config));
    add_memory_fact();
    TRY(find_plan());
    std::vector<PlannedStage> planned;
    for (const PlannedSteps& steps : plan_.stages)
      planned.push_back({steps.stage, steps.seconds, stage_sentence(*recipe_.find(steps.stage))});
    LiveView view(planned);
    context_.activity = [&](const std::string& what, double done, double total) {
      view.show_activity(what, done, total);
    };
    add_plan_facts();
    R1Summary summary;
    summary.folder = folder_.path();
    for (size_t i = 0; i < recipe_.stages.size() && !summary.is_stopped; ++i) {
      const StageRecipe& stage = recipe_.stages[i];
      if (!options_.stage.empty() && stage.name != options_.stage) continue;
      summary.is_stopped = !TRY_IN("stage '" + stage.name + "'", run_one(i, view));
      if (!summary.is_stopped) write_report(view);
    }
    view.clear();
    const std::vector<StageReport> finished = finished_reports();
    summary.seconds = double(monotonic_ns() - began_ns_) * 1e-9;
    summary.seconds_in_all = std::max(summary.seconds, seconds_of(finished));
    summary.table = stage_table_text(finished, stdout_is_terminal() ? stderr_size().columns : 0);
    if (!finished.empty()) summary.conclusion = conclusion_of(finished);
    summary.has_report = file_exists(folder_.file("report.html"));
    return summary;
  }

 private:
  // A stage that is run alone needs others; said before the machine is measured.
  Result<void> check_alone() {
    if (options_.stage.empty()) return {};
    const StageRecipe& stage = *recipe_.find(options_.stage);
    std::string parent, sha256;
    TRY_IN("stage '" + stage.name + "'", find_parent(stage, parent, sha256));
    TRY_IN("stage '" + stage.name + "'", find_others(stage));
    return {};
  }

  // The folder's plan, or one made now. A folder in which nothing was learned yet keeps its plan
  // only for the recipe that it was made for.
  Result<void> find_plan() {
    const std::string path = folder_.file("plan.json");
    if (file_exists(path)) {
      Result<void> kept = read_plan(path);
      if (folder_.has_begun()) return kept;
      if (kept && is_recipe_of_folder()) return {};
    }
    write_stderr("measuring this machine ...\n");
    const CoreTimes before = read_core_times();
    const MachineSpeed speed = TRY(measure_speed(context_, shared_.config));
    plan_ = TRY(make_plan(context_, speed));
    plan_.others = std::max(0.0, others_share(before, read_core_times()));
    must_write_ = true;
    return {};
  }

  Result<void> read_plan(const std::string& path) {
    const Json json = TRY(read_json_file(path));
    plan_ = TRY_IN(path, parse_plan(json));
    return check_plan(path);
  }

  bool is_recipe_of_folder() const {
    Result<std::string> then = read_file(folder_.file("recipe.yaml"));
    return then && *then == recipe_yaml(frozen_recipe(recipe_, plan_));
  }

  // What the stages share, when the first of them starts: a start that fails before leaves the
  // folder free.
  Result<void> write_shared_files() {
    if (!must_write_) return {};
    TRY(make_directories(folder_.file("stages")));
    TRY(write_model_files(shared_, folder_.path()));
    TRY(write_file_atomic(folder_.file("recipe.yaml"), recipe_yaml(frozen_recipe(recipe_, plan_))));
    TRY(write_file_atomic(folder_.file("plan.json"), plan_json(plan_).dump(2) + "\n"));
    must_write_ = false;
    return {};
  }

  Result<void> check_plan(const std::string& path) const {
    for (const StageRecipe& stage : recipe_.stages) {
      const PlannedSteps* planned = plan_.find(stage.name);
      if (!planned)
        return Error{
            fmt::format("{} knows no stage '{}'; choose another 'run' for a recipe with "
                        "other stages",
                        path, stage.name)};
      if (stage.steps > 0 && stage.steps != planned->steps)
        return Error{
            fmt::format("{} gave stage '{}' {} steps, the recipe says {}; choose another "
                        "'run'",
                        path, stage.name, planned->steps, stage.steps)};
    }
    if (plan_.minutes != recipe_.minutes)
      return Error{
          fmt::format("{} was made for {} minutes, now {} are wanted; the steps of a run are "
                      "frozen, choose another 'run'",
                      path, plan_.minutes, recipe_.minutes)};
    return {};
  }

  // A line or more on stderr, wrapped where it is a terminal; the report has it too.
  void add_fact(const std::string& name, const std::string& text) {
    facts_.emplace_back(name, text);
    const int columns = stderr_is_terminal() ? stderr_size().columns : 0;
    for (const std::string& line : fact_lines(name, text, columns))
      write_stderr(fmt::format("{}\n", line));
  }

  // Of the stage that takes most, before any of it is taken.
  void add_memory_fact() {
    StageMemory memory;
    const double available = available_memory();
    for (const StageRecipe& stage : recipe_.stages) {
      const StageMemory one = stage_memory(recipe_, stage, shared_.config, available);
      if (one.total() > memory.total()) memory = one;
    }
    add_fact("memory", fmt::format("{}; {} available", memory.text(), format_bytes(available)));
  }

  void add_plan_facts() {
    std::string machine = fmt::format(
        "{} threads, {} kernels; learns from {} tokens a second, writes {}", pool_.threads(),
        kernels().name, format_count(1 / plan_.speed.row), format_count(1 / plan_.speed.token));
    if (const std::string others = others_words(plan_.others); !others.empty())
      machine += ", while " + others;
    add_fact("machine", machine);
    if (const std::string advice = plan_advice(plan_); !advice.empty()) add_fact("time", advice);
    std::string steps;
    double seconds = 0;
    for (const PlannedSteps& planned : plan_.stages) {
      steps += fmt::format("{}{} {}", steps.empty() ? "" : ", ", planned.stage, planned.steps);
      seconds += planned.seconds;
    }
    add_fact("plan", fmt::format("about {}; steps: {}", format_seconds(seconds), steps));
    if (const std::string rounds = rounds_advice(recipe_, plan_); !rounds.empty())
      add_fact("until", rounds);
    add_fact("run", folder_.path() + "; Ctrl-C saves and stops, the same command goes on");
  }

  // What decides a stage's result.
  Result<Json> identity(const StageRecipe& stage, const std::string& parent_sha256,
                        Json models) const {
    Json settings = stage.json;
    // Words for people, and what the plan has taken up.
    std::erase_if(settings.members(), [](const Json::Member& member) {
      return member.first == "about" || member.first == "steps_wanted" ||
             member.first == "steps_max";
    });
    const std::string data = TRY(data_sha256(settings));
    drop_length(settings);
    Json json = Json::object();
    json.set("stage", stage.name);
    json.set("kind", stage_kind_name(stage.kind));
    json.set("parent", stage.parent);
    json.set("parent_sha256", parent_sha256);
    json.set("models_sha256", std::move(models));
    json.set("data_sha256", data);
    json.set("tokenizer_sha256", shared_.tokenizer_sha256);
    if (format_.has_template()) {
      json.set("chat_template_sha256", sha256_hex(shared_.texts.chat.source));
      if (recipe_.thinking) json.set("thinking", *recipe_.thinking);
    }
    json.set("config_sha256", sha256_hex(config_text(shared_.config)));
    if (const Json* adapter = recipe_.json.find("adapter")) json.set("adapter", *adapter);
    json.set("seed", recipe_.seed);
    json.set("rows", recipe_.rows);
    json.set("steps", plan_.find(stage.name)->steps);
    json.set("settings", std::move(settings));
    // What decides about further rounds.
    if (stage.good_enough > 0) {
      json.set("steps_max", plan_.find(stage.name)->steps_max);
      const Json* evaluation = recipe_.json.find("evaluation");
      json.set("evaluation_sha256", TRY(data_sha256(evaluation ? *evaluation : Json::object())));
    }
    return json;
  }

  // The folder and SHA-256 of the model that a stage starts from.
  Result<void> find_parent(const StageRecipe& stage, std::string& parent, std::string& sha256) {
    if (stage.parent.empty()) return {};
    if (stage.has_folder_parent()) {
      parent = stage.parent;
      if (const auto known = parents_.find(parent); known != parents_.end()) {
        sha256 = known->second;
        return {};
      }
      const std::string base = TRY_IN("parent", base_of_parent(parent));
      const ModelTexts texts = TRY_IN("parent", read_model_texts(base));
      if (sha256_hex(tokenizer_json(texts.tokenizer)) != shared_.tokenizer_sha256)
        return Error{
            fmt::format("parent {} was trained with another tokenizer than this run's; choose "
                        "another 'run', or name its folder as 'tokenizer.path'",
                        parent)};
      if (format_.has_template() && texts.chat.source != shared_.texts.chat.source)
        return Error{fmt::format(
            "parent {} has another chat template than this run's; choose another 'run'", parent)};
      sha256 = TRY(weights_sha256(base));
      if (base != parent) sha256 = sha256_hex(sha256 + " " + TRY(weights_sha256(parent)));
      parents_[parent] = sha256;
      return {};
    }
    parent = folder_.stage(stage.parent);
    std::optional<Json> manifest = TRY(folder_.manifest(stage.parent));
    if (!manifest)
      return Error{
          fmt::format("its parent '{}' is not finished; run that stage first", stage.parent)};
    sha256 = TRY(manifest->string_at("model_sha256"));
    if (TRY(manifest->string_at("tokenizer_sha256")) != shared_.tokenizer_sha256)
      return Error{
          fmt::format("its parent '{}' was trained with another tokenizer than {}; restore "
                      "the tokenizer or choose another 'run'",
                      stage.parent, folder_.file("tokenizer.json"))};
    return {};
  }

  // SHA-256 of the other models that a stage uses: whose replies it learns from, who judges.
  Result<Json> find_others(const StageRecipe& stage) const {
    Json models = Json::object();
    std::vector<std::string> needed;
    if (!stage.samples.from.empty()) needed.push_back(stage.samples.from);
    for (const auto& [name, part] : stage.grpo.rewards)
      if (part.has_reward_model()) needed.push_back(part.model);
    for (const auto& [name, part] : stage.grpo.rewards) {
      if (part.policy.empty()) continue;
      const GuardRewardInputs inputs = TRY(guard_reward_inputs(part, recipe_.base));
      for (const auto& [file, hash] : inputs.hashes.members()) models.set(file, hash);
      if (!inputs.model.empty()) models.set(inputs.model, TRY(weights_sha256(inputs.model)));
    }
    for (const TeacherRecipe& teacher : stage.distill.teachers) {
      if (!is_model_path(teacher.model)) {
        needed.push_back(teacher.model);
        continue;
      }
      const ModelTexts texts = TRY_IN("teacher", read_model_texts(teacher.model));
      TRY_IN("teacher " + teacher.model, check_same_tokens(shared_.tokenizer(), texts.tokenizer));
      models.set(teacher.model, TRY(weights_sha256(teacher.model)));
    }
    if (!stage.distill.kept.empty())
      models.set(stage.distill.kept, TRY(sha256_file(stage.distill.kept)));
    for (const std::string& name : needed) {
      if (models.find(name)) continue;
      std::optional<Json> manifest = TRY(folder_.manifest(name));
      if (!manifest)
        return Error{
            fmt::format("it needs stage '{}', which is not finished; run that first", name)};
      models.set(name, TRY(manifest->string_at("model_sha256")));
    }
    return models;
  }

  // The steps of a control that begins: planned before by estimate, now by what the stage that it
  // is to equal and a tuning stage like it took. A function of the folder, so the same after a
  // kill.
  Result<void> plan_control(const StageRecipe& stage) {
    if (stage.equal_cost.empty() || stage.steps > 0) return {};
    if (file_exists(folder_.stage_file(stage.name, "manifest.json"))) return {};
    if (!file_exists(folder_.stage_file(stage.equal_cost, "manifest.json")))
      return Error{
          fmt::format("it is to cost as much as stage '{}', which is not finished; run "
                      "that first",
                      stage.equal_cost)};
    const StageReport equal = TRY(folder_.report(stage.equal_cost));
    for (const StageRecipe& like : recipe_.stages) {
      const bool is_finished = file_exists(folder_.stage_file(like.name, "manifest.json"));
      if (!is_finished || like.kind != stage.kind || !like.samples.from.empty() ||
          like.rate.optimizer != stage.rate.optimizer)
        continue;
      const StageReport sample = TRY(folder_.report(like.name));
      const double rows = double(stage.tuning.tokens) / double(like.tuning.tokens);
      const int64_t steps = equal_cost_steps(equal, sample, rows);
      if (steps == 0 || steps == plan_.find(stage.name)->steps) return {};
      for (PlannedSteps& planned : plan_.stages)
        if (planned.stage == stage.name) {
          planned.seconds *= double(steps) / double(planned.steps);
          planned.steps = steps;
        }
      must_write_ = true;
      return {};
    }
    return {};
  }

  // The steps of a policy's stage that begins, by what one costs on the model it starts from; false
  // when it was stopped. Frozen before the first step, so the same after a kill.
  Result<bool> plan_policy(size_t index, const std::string& parent, LiveView& view) {
    const StageRecipe& stage = recipe_.stages[index];
    PlannedSteps& planned = plan_.stages[plan_index(stage.name)];
    if (stage.kind != StageKind::grpo || stage.steps > 0 || planned.is_tried ||
        planned.step_seconds <= 0 || file_exists(folder_.stage_file(stage.name, "manifest.json")))
      return true;
    view.begin_stage(index, 0, planned.steps);
    view.show_activity("trying what a step costs");
    const double time = double(planned.steps) * planned.step_seconds;
    const CoreTimes before = read_core_times();
    const StepTrial tried = TRY(try_steps(context_, folder_, shared_.config, stage, planned.steps,
                                          parent, kTrialShare * time));
    if (tried.is_stopped) return false;
    const double others = std::max(0.0, others_share(before, read_core_times()));
    const double step = at_planned_pace(tried.step_seconds, others, plan_);
    const int64_t steps =
        retimed_steps(planned, step, at_planned_pace(tried.seconds, others, plan_));
    view.note(
        fmt::format("{}: a step takes {} on the model it starts from, {} were planned: {} "
                    "steps instead of {}",
                    stage.name, format_seconds(step), format_seconds(planned.step_seconds), steps,
                    planned.steps));
    planned.steps = steps;
    planned.step_seconds = step;
    planned.is_tried = true;
    must_write_ = true;
    return true;
  }

  size_t plan_index(const std::string& stage) const {
    return size_t(plan_.find(stage) - plan_.stages.data());
  }

  // False when it was stopped.
  Result<bool> run_one(size_t index, LiveView& view) {
    const StageRecipe& stage = recipe_.stages[index];
    TRY(plan_control(stage));
    std::string parent, parent_sha256;
    TRY(find_parent(stage, parent, parent_sha256));
    Json models = TRY(find_others(stage));
    if (!TRY(plan_policy(index, parent, view))) return false;
    const PlannedSteps& planned = *plan_.find(stage.name);
    const int64_t steps = planned.steps;
    const Json wanted = TRY(identity(stage, parent_sha256, std::move(models)));
    if (std::optional<Json> manifest = TRY(folder_.manifest(stage.name))) {
      const Json* done = TRY(manifest->at("identity"));
      if (done->dump() != wanted.dump())
        return Error{
            fmt::format("it was finished with other settings, data or models; set them back, "
                        "delete {} (and the stages after it), or choose another 'run'",
                        folder_.stage(stage.name))};
      TRY(clear_checkpoints(folder_, stage.name));  // of a kill after the manifest
      view.begin_stage(index, steps, steps);
      view.end_stage(stage.name + ": finished before");
      return true;
    }
    TRY(write_shared_files());
    view.begin_stage(index, 0, steps);
    StageOutcome outcome =
        TRY(run_stage(context_, folder_, shared_.config,
                      {stage, steps, std::max(steps, planned.steps_max), parent, wanted}, view));
    if (outcome.is_stopped) return false;
    return finish(stage, wanted, std::move(outcome), view);
  }

  Result<bool> finish(const StageRecipe& stage, const Json& wanted, StageOutcome outcome,
                      LiveView& view) {
    if (stage.kind != StageKind::reward && !TRY(evaluate(stage, outcome))) return false;
    TRY(write_model_files(shared_, folder_.stage(stage.name)));
    if (recipe_.adapter) TRY(write_adapter_config(stage, *outcome.model));
    // The manifest ends the stage, so what a kill before it leaves undone is done again.
    if (stage.kind != StageKind::reward && is_to_be_kept(*outcome.evaluation)) {
      TRY(folder_.publish(stage.name));
      if (recipe_.keeps == Keeps::best) TRY(write_kept(folder_.file(kKeptStage), stage.name));
    }
    TRY(write_manifest(stage, wanted, outcome));
    TRY(clear_checkpoints(folder_, stage.name));
    end_stage(stage, view);
    return true;
  }

  // Whether the run's folder gets the model of the stage that was just evaluated: with
  // `keeps: best` it answers no fewer held-out problems than any finished stage.
  bool is_to_be_kept(const StageEvaluation& evaluation) const {
    if (recipe_.keeps == Keeps::newest) return true;
    const double now = held_out_score(evaluation.scores, true).accuracy();
    const std::vector<StageReport> finished = finished_reports();
    return std::ranges::all_of(finished, [&](const StageReport& before) {
      return held_out_score(before.scores, true).accuracy() <= now;
    });
  }

  // With the stage's weights a folder that PEFT opens.
  Result<void> write_adapter_config(const StageRecipe& stage, const Model& model) {
    return write_peft_config(folder_.stage_file(stage.name, kPeftConfig),
                             model.adapter(model.default_adapter), shared_.config);
  }

  // scores.json of the stage; false when it was stopped.
  Result<bool> evaluate(const StageRecipe& stage, StageOutcome& outcome) {
    if (!outcome.evaluation) {
      context_.activity("evaluating", 0, 0);
      const int64_t began = monotonic_ns();
      const double cores = process_cpu_seconds();
      outcome.evaluation = TRY(evaluate_stage(context_, *outcome.model));
      if (!outcome.evaluation) return false;
      outcome.evaluation_seconds += double(monotonic_ns() - began) * 1e-9;
      outcome.core_seconds += process_cpu_seconds() - cores;
    }
    Json samples = Json::array();
    for (const SampleReply& sample : outcome.evaluation->samples) samples.push(reply_json(sample));
    Json json = Json::object();
    json.set("scores", scores_json(outcome.evaluation->scores));
    if (!outcome.evaluation->texts.empty())
      json.set("texts", texts_json(outcome.evaluation->texts));
    json.set("samples", std::move(samples));
    TRY(write_file_atomic(folder_.stage_file(stage.name, "scores.json"), json.dump(1) + "\n"));
    return true;
  }

  // What the stage came to beside the evaluated one before it, with a question that both answered.
  void end_stage(const StageRecipe& stage, LiveView& view) {
    std::vector<StageReport> finished = finished_reports();
    const StageReport *now = nullptr, *before = nullptr;
    for (const StageReport& report : finished) {
      if (report.name == stage.name)
        now = &report;
      else if (!now && !report.scores.empty() && equal_cost_of(report).empty())
        before = &report;
    }
    if (!now) return view.end_stage(stage.name + ": done");
    view.end_stage(stage_conclusion(*now, before));
    if (before && !now->scores.empty()) view.note(side_by_side(*before, *now));
  }

  Result<void> write_manifest(const StageRecipe& stage, const Json& wanted,
                              const StageOutcome& outcome) {
    Json json = Json::object();
    json.set("format_version", kManifestVersion);
    json.set("stage", stage.name);
    json.set("kind", stage_kind_name(stage.kind));
    json.set("parent", stage.parent);
    json.set("model_sha256", TRY(sha256_file(folder_.learned(stage.name))));
    json.set("tokenizer_sha256", shared_.tokenizer_sha256);
    json.set("steps", outcome.steps);
    json.set("tokens", outcome.tokens);
    json.set("seconds", outcome.seconds);
    json.set("core_seconds", outcome.core_seconds);
    json.set("sampling_seconds", outcome.sampling_seconds);
    json.set("evaluation_seconds", outcome.evaluation_seconds);
    json.set("machine", fmt::format("{} threads, {} kernels", pool_.threads(), kernels().name));
    if (!outcome.samples.empty()) json.set("samples", outcome.samples);
    json.set("settings", stage.json);
    json.set("identity", wanted);
    return write_file_atomic(folder_.stage_file(stage.name, "manifest.json"), json.dump(2) + "\n");
  }

  std::vector<StageReport> finished_reports() const {
    std::vector<StageReport> reports;
    for (const StageRecipe& stage : recipe_.stages) {
      if (!file_exists(folder_.stage_file(stage.name, "manifest.json"))) continue;
      Result<StageReport> report = folder_.report(stage.name);
      if (report)
        reports.push_back(*std::move(report));
      else
        write_stderr(fmt::format("warning: {}\n", report.error().message));
    }
    return reports;
  }

  // A report that can not be written is no reason to stop.
  void write_report(LiveView& view) {
    const std::string path = folder_.file("report.html");
    const std::vector<StageReport> finished = finished_reports();
    R1ReportInput input{recipe_.title, facts_, finished,
                        recipe_yaml(frozen_recipe(recipe_, plan_))};
    input.conclusion = conclusion_of(finished);
    input.talk = "weir chat " + folder_.path();
    input.is_finished = finished.size() == recipe_.stages.size();
    for (const StageRecipe& stage : recipe_.stages)
      input.sentences.emplace_back(stage.name, stage_sentence(stage));
    if (Result<void> written = write_r1_report(path, input); !written)
      view.note("warning: " + written.error().message);
    else if (!is_report_said_)
      view.note("the report is " + path + ", written again after every stage");
    is_report_said_ = true;
  }

  std::string conclusion_of(const std::vector<StageReport>& finished) const {
    return run_conclusion(finished, plan_, recipe_.keeps == Keeps::best);
  }

  // Of steps, samples and evaluations, earlier processes included.
  static double seconds_of(const std::vector<StageReport>& stages) {
    double seconds = 0;
    for (const StageReport& stage : stages) seconds += stage.wall_seconds();
    return seconds;
  }

  const R1Recipe& recipe_;
  const R1Options& options_;
  R1Folder folder_;
  const RunSetup& shared_;
  ConversationFormat format_;
  R1Context context_;
  ThreadPool& pool_;
  Plan plan_;
  int64_t began_ns_ = monotonic_ns();
  std::vector<std::pair<std::string, std::string>> facts_;
  std::map<std::string, std::string> parents_;  // folders and files that were checked: SHA-256
  // The files that the stages share are not in the folder as this process has them.
  bool must_write_ = shared_.is_new || !folder_.has_begun();
  bool is_report_said_ = false;
};

}  // namespace

Result<R1Summary> run_r1(const R1Recipe& recipe, const R1Options& options, ThreadPool& pool) {
  if (!options.stage.empty() && !recipe.find(options.stage)) {
    std::vector<std::string> names;
    for (const StageRecipe& stage : recipe.stages) names.push_back(stage.name);
    const std::string near = nearest_word(options.stage, names);
    return Error{fmt::format("the recipe has no stage '{}'{}", printable(options.stage),
                             near.empty() ? "" : "; did you mean '" + near + "'?")};
  }
  R1Folder folder = TRY(R1Folder::open(recipe.run));
  const RunSetup shared = TRY(prepare_run(recipe, folder, pool));
  const std::string base = recipe.base;
  ConversationFormat format =
      TRY(make_format(shared.tokenizer(), shared.texts.chat,
                      shared.is_new && !base.empty() ? base : folder.path()));
  return Pipeline(recipe, options, std::move(folder), shared, std::move(format), pool).run();
}

}  // namespace weir
