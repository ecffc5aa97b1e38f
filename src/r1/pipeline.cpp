#include "r1/pipeline.h"

#include <fmt/format.h>

#include <cmath>

#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "kernels/kernels.h"
#include "model/size.h"
#include "r1/evaluate.h"
#include "r1/plan.h"
#include "r1/prepare.h"
#include "r1/report.h"
#include "r1/setup.h"
#include "r1/stage_memory.h"
#include "r1/stage_run.h"
#include "text/tokenizer_json.h"
#include "train/setup.h"

namespace weir {
namespace {

constexpr int kManifestVersion = 1;

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
    const int64_t began = monotonic_ns();
    TRY(check_evaluation(recipe_.evaluation));
    TRY(find_plan());
    std::vector<PlannedStage> planned;
    for (const PlannedSteps& steps : plan_.stages) planned.push_back({steps.stage, steps.seconds});
    LiveView view(recipe_.title, planned);
    context_.activity = [&](const std::string& what, double done, double total) {
      view.show_activity(what, done, total);
    };
    show_facts(view);
    R1Summary summary;
    summary.folder = folder_.path();
    for (size_t i = 0; i < recipe_.stages.size() && !summary.is_stopped; ++i) {
      const StageRecipe& stage = recipe_.stages[i];
      if (!options_.stage.empty() && stage.name != options_.stage) continue;
      summary.is_stopped = !TRY_IN("stage '" + stage.name + "'", run_one(i, view));
      if (!summary.is_stopped) write_report();
    }
    view.clear();
    summary.seconds = double(monotonic_ns() - began) * 1e-9;
    summary.table = stage_table_text(finished_reports());
    return summary;
  }

 private:
  Result<void> find_plan() {
    const std::string path = folder_.file("plan.json");
    if (file_exists(path)) {
      const Json json = TRY(read_json_file(path));
      plan_ = TRY_IN(path, parse_plan(json));
      return check_plan(path);
    }
    fmt::print(stderr, "measuring this machine ...\n");
    const MachineSpeed speed = TRY(measure_speed(context_, shared_.config));
    plan_ = TRY(make_plan(context_, speed));
    TRY(write_file_atomic(folder_.file("recipe.yaml"), recipe_yaml(frozen_recipe(recipe_, plan_))));
    return write_file_atomic(path, plan_json(plan_).dump(2) + "\n");
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

  void show_facts(LiveView& view) const {
    for (const auto& [name, text] : facts()) view.note(fmt::format("{:<9} {}", name, text));
  }

  std::vector<std::pair<std::string, std::string>> facts() const {
    const ModelSize size = model_size(shared_.config);
    std::vector<std::pair<std::string, std::string>> all;
    all.emplace_back(
        "model", fmt::format("{} parameters, {} active per token; {} layers of width {}, "
                             "vocabulary of {}",
                             format_count(double(size.total + size.mtp)),
                             format_count(double(size.active)), shared_.config.num_hidden_layers,
                             shared_.config.hidden_size, shared_.tokenizer().size()));
    all.emplace_back("machine",
                     fmt::format("{} threads, {} kernels; {} rows/s learned, {} tokens/s "
                                 "drawn",
                                 pool_.threads(), kernels().name, format_count(1 / plan_.speed.row),
                                 format_count(1 / plan_.speed.token)));
    std::string steps;
    double seconds = 0;
    for (const PlannedSteps& planned : plan_.stages) {
      steps += fmt::format("{}{} {}", steps.empty() ? "" : ", ", planned.stage, planned.steps);
      seconds += planned.seconds;
    }
    // The stage that takes most.
    StageMemory memory;
    const double available = available_memory();
    for (const StageRecipe& stage : recipe_.stages) {
      const StageMemory one = stage_memory(recipe_, stage, shared_.config, available);
      if (one.total() > memory.total()) memory = one;
    }
    all.emplace_back("memory",
                     fmt::format("{}; {} available", memory.text(), format_bytes(available)));
    all.emplace_back("plan", fmt::format("{} steps; about {}", steps, format_seconds(seconds)));
    all.emplace_back("run", folder_.path());
    return all;
  }

  // What decides a stage's result.
  Result<Json> identity(const StageRecipe& stage, const std::string& parent_sha256,
                        Json models) const {
    Json settings = stage.json;
    drop_length(settings);
    Json json = Json::object();
    json.set("stage", stage.name);
    json.set("kind", stage_kind_name(stage.kind));
    json.set("parent", stage.parent);
    json.set("parent_sha256", parent_sha256);
    json.set("models_sha256", std::move(models));
    json.set("data_sha256", TRY(data_sha256(stage.json)));
    json.set("tokenizer_sha256", shared_.tokenizer_sha256);
    if (format_.has_template()) {
      json.set("chat_template_sha256", sha256_hex(shared_.texts.chat.source));
      if (recipe_.thinking) json.set("thinking", *recipe_.thinking);
    }
    json.set("config_sha256", sha256_hex(config_text(shared_.config)));
    json.set("seed", recipe_.seed);
    json.set("rows", recipe_.rows);
    json.set("steps", plan_.find(stage.name)->steps);
    json.set("settings", std::move(settings));
    return json;
  }

  // The folder and SHA-256 of the model that a stage starts from.
  Result<void> find_parent(const StageRecipe& stage, std::string& parent,
                           std::string& sha256) const {
    if (stage.parent.empty()) return {};
    if (stage.has_folder_parent()) {
      parent = stage.parent;
      const ModelTexts texts = TRY_IN("parent", read_model_texts(parent));
      if (sha256_hex(tokenizer_json(texts.tokenizer)) != shared_.tokenizer_sha256)
        return Error{
            fmt::format("parent {} was trained with another tokenizer than this run's; choose "
                        "another 'run', or name its folder as 'tokenizer.path'",
                        parent)};
      if (format_.has_template() && texts.chat.source != shared_.texts.chat.source)
        return Error{fmt::format(
            "parent {} has another chat template than this run's; choose another 'run'", parent)};
      sha256 = TRY(weights_sha256(parent));
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
      if (!part.model.empty()) needed.push_back(part.model);
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

  // False when it was stopped.
  Result<bool> run_one(size_t index, LiveView& view) {
    const StageRecipe& stage = recipe_.stages[index];
    const int64_t steps = plan_.find(stage.name)->steps;
    std::string parent, parent_sha256;
    TRY(find_parent(stage, parent, parent_sha256));
    Json models = TRY(find_others(stage));
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
    view.begin_stage(index, 0, steps);
    StageOutcome outcome =
        TRY(run_stage(context_, folder_, shared_.config, {stage, steps, parent, wanted}, view));
    if (outcome.is_stopped) return false;
    return finish(stage, wanted, std::move(outcome), view);
  }

  Result<bool> finish(const StageRecipe& stage, const Json& wanted, StageOutcome outcome,
                      LiveView& view) {
    std::string summary = stage.name + ": done";
    if (stage.kind != StageKind::reward) {
      context_.activity("evaluating", 0, 0);
      const int64_t began = monotonic_ns();
      std::optional<StageEvaluation> evaluation = TRY(evaluate_stage(context_, *outcome.model));
      if (!evaluation) return false;
      outcome.evaluation_seconds = double(monotonic_ns() - began) * 1e-9;
      Json samples = Json::array();
      for (const SampleReply& sample : evaluation->samples) samples.push(reply_json(sample));
      Json json = Json::object();
      json.set("scores", scores_json(evaluation->scores));
      json.set("samples", std::move(samples));
      TRY(write_file_atomic(folder_.stage_file(stage.name, "scores.json"), json.dump(1) + "\n"));
      const FamilyScore all = total_score(evaluation->scores, "");
      summary = fmt::format(
          "{}: {:.1f} % of held-out questions answered rightly, {:.0f} tokens of "
          "thinking",
          stage.name, 100 * all.accuracy(), all.thinking_tokens);
    }
    TRY(write_model_files(shared_, folder_.stage(stage.name)));
    // The manifest ends the stage, so what a kill before it leaves undone is done again.
    if (stage.kind != StageKind::reward) TRY(folder_.publish(stage.name));
    TRY(write_manifest(stage, wanted, outcome));
    TRY(clear_checkpoints(folder_, stage.name));
    view.end_stage(summary);
    return true;
  }

  Result<void> write_manifest(const StageRecipe& stage, const Json& wanted,
                              const StageOutcome& outcome) {
    Json json = Json::object();
    json.set("format_version", kManifestVersion);
    json.set("stage", stage.name);
    json.set("kind", stage_kind_name(stage.kind));
    json.set("parent", stage.parent);
    json.set("model_sha256", TRY(sha256_file(folder_.stage_file(stage.name, "model.safetensors"))));
    json.set("tokenizer_sha256", shared_.tokenizer_sha256);
    json.set("steps", plan_.find(stage.name)->steps);
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
        fmt::print(stderr, "warning: {}\n", report.error().message);
    }
    return reports;
  }

  // A report that can not be written is no reason to stop.
  void write_report() const {
    R1ReportInput input{recipe_.title, facts(), finished_reports(),
                        recipe_yaml(frozen_recipe(recipe_, plan_))};
    if (Result<void> written = write_r1_report(folder_.file("report.html"), input); !written)
      fmt::print(stderr, "warning: {}\n", written.error().message);
  }

  const R1Recipe& recipe_;
  const R1Options& options_;
  R1Folder folder_;
  const RunSetup& shared_;
  ConversationFormat format_;
  R1Context context_;
  ThreadPool& pool_;
  Plan plan_;
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
  ConversationFormat format =
      TRY(make_format(shared.tokenizer(), shared.texts.chat, folder.path()));
  return Pipeline(recipe, options, std::move(folder), shared, std::move(format), pool).run();
}

}  // namespace weir
