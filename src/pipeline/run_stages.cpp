#include "pipeline/run_stages.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/options.h"
#include "base/text.h"
#include "report/report_table.h"

namespace weir {
namespace {

constexpr size_t kStagesMax = 1000;

// Kinds by name, as the recipe orders the stages.
Result<std::vector<RunStage>> stages_of_recipe(const std::string& run) {
  std::vector<RunStage> stages;
  const std::string path = join_path(run, "recipe.yaml");
  if (!file_exists(path)) return stages;
  const Recipe recipe = TRY(Recipe::read(path));
  const Json* sections = recipe.root.find("stages");
  if (!sections || !sections->is_object()) return stages;
  for (const auto& [name, section] : sections->members()) {
    const Json* kind = section.find("kind");
    // A name that is no plain folder name would lead out of the run.
    if (name.empty() || name.find_first_of("/\\. ") != std::string::npos) continue;
    stages.push_back({.name = name, .kind = kind && kind->is_string() ? kind->text() : "sft"});
  }
  return stages;
}

Result<void> read_finished(RunStage& stage) {
  const std::string kind = TRY(manifest_kind(stage.folder));
  stage.is_finished = !kind.empty();
  if (!stage.is_finished) return {};
  stage.kind = kind;
  const std::string scores = join_path(stage.folder, "scores.json");
  if (!file_exists(scores)) return {};
  const Json json = TRY(read_json_file(scores));
  const Json* table = TRY_IN(scores, json.at("scores"));
  stage.scores = TRY_IN(scores, parse_scores(*table));
  return {};
}

}  // namespace

bool has_stages(const std::string& run) { return is_directory(join_path(run, "stages")); }

Result<void> write_kept(const std::string& path, const std::string& stage) {
  Json kept = Json::object();
  kept.set("stage", stage);
  return write_file_atomic(path, kept.dump() + "\n");
}

Result<std::vector<RunStage>> list_run_stages(const std::string& run) {
  if (!has_stages(run))
    return Error{run + ": has no folder 'stages', so it is not the folder of a run of weir r1"};
  std::vector<RunStage> stages = TRY(stages_of_recipe(run));
  for (const std::string& name : TRY(list_directory(join_path(run, "stages")))) {
    const bool is_known = std::any_of(stages.begin(), stages.end(),
                                      [&](const RunStage& stage) { return stage.name == name; });
    const std::string folder = join_path(join_path(run, "stages"), name);
    const bool is_stage = file_exists(join_path(folder, "manifest.json"));
    if (!is_known && is_stage) stages.push_back({.name = name, .kind = "sft"});
  }
  if (stages.size() > kStagesMax)
    return Error{fmt::format("{}: more than {} stages", run, kStagesMax)};
  for (RunStage& stage : stages) {
    stage.folder = join_path(join_path(run, "stages"), stage.name);
    TRY(read_finished(stage));
  }
  if (const std::string path = join_path(run, kKeptStage); file_exists(path)) {
    const Json json = TRY(read_json_file(path));
    const std::string kept = TRY_IN(path, json.string_at("stage"));
    for (RunStage& stage : stages) stage.is_kept = stage.name == kept;
  }
  return stages;
}

Result<const RunStage*> choose_stage(const std::vector<RunStage>& stages, const std::string& name) {
  std::vector<std::string> ready, all;
  const RunStage* last = nullptr;
  const RunStage* named = nullptr;
  for (const RunStage& stage : stages) {
    all.push_back(stage.name);
    if (stage.name == name) named = &stage;
    if (!stage.is_finished || !stage.is_chat()) continue;
    ready.push_back(stage.name);
    last = &stage;
  }
  const std::string there_are =
      ready.empty() ? "no stage can be talked to yet; weir r1 with the run's recipe goes on"
                    : fmt::format("there are: {}", fmt::join(ready, ", "));
  if (name.empty()) {
    if (!last) return Error{there_are};
    for (const RunStage& stage : stages)
      if (stage.is_kept && stage.is_finished && stage.is_chat()) return &stage;
    return last;
  }
  if (!named) {
    const std::string near = nearest_word(name, all);
    return Error{fmt::format("no stage is called '{}'; {}", printable(name),
                             near.empty() ? there_are : "did you mean '" + near + "'?")};
  }
  if (!named->is_finished)
    return Error{fmt::format("stage '{}' is not finished; {}", name, there_are)};
  if (!named->is_chat())
    return Error{fmt::format(
        "stage '{}' is a reward model, which judges replies and gives none; {}", name, there_are)};
  return named;
}

Result<std::vector<StageReport>> read_run_reports(const std::string& run) {
  std::vector<StageReport> reports;
  for (RunStage& stage : TRY(list_run_stages(run))) {
    if (!stage.is_finished) continue;
    const std::string path = join_path(stage.folder, "manifest.json");
    StageReport report;
    report.settings = TRY(read_json_file(path));
    report.name = stage.name;
    report.kind = stage.kind;
    report.scores = std::move(stage.scores);
    report.core_seconds = TRY_IN(path, report.settings.double_at("core_seconds"));
    reports.push_back(std::move(report));
  }
  if (reports.empty()) return Error{run + ": no stage is finished yet"};
  return reports;
}

Result<std::string> manifest_kind(const std::string& folder) {
  const std::string path = join_path(folder, "manifest.json");
  if (!file_exists(path)) return std::string();
  const Json json = TRY(read_json_file(path));
  const Json* kind = TRY_IN(path, json.at("kind"));
  return TRY_IN(path + ": 'kind'", kind->as_string());
}

std::string headline_score(const std::vector<FamilyScore>& scores) {
  const FamilyScore total = total_score(reasoning_scores(scores), "");
  if (total.replies() == 0) return "";
  return fmt::format("reasoning {:.0f} %", 100 * total.accuracy());
}

}  // namespace weir
