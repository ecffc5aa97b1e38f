#include "pipeline/r1_folder.h"

#include <fmt/format.h>

#include "adapter/peft.h"
#include "base/atomic_output.h"
#include "base/sha256.h"
#include "base/text.h"
#include "pretrain/run_folder.h"

namespace weir {
namespace {

constexpr char kLock[] = ".lock";

Result<SampleReply> parse_reply(const Json& json) {
  SampleReply sample;
  sample.family = TRY(json.string_at("family"));
  sample.question = TRY(json.string_at("question"));
  sample.thinking = TRY(json.string_at("thinking"));
  sample.answer = TRY(json.string_at("answer"));
  sample.gold = TRY(json.string_at("gold"));
  sample.verdict = TRY(json.string_at("verdict"));
  return sample;
}

Result<void> read_scores(const std::string& path, StageReport& report) {
  const Json json = TRY(read_json_file(path));
  const Json* scores = TRY_IN(path, json.at("scores"));
  report.scores = TRY_IN(path, parse_scores(*scores));
  if (const Json* texts = json.find("texts")) report.texts = TRY_IN(path, parse_texts(*texts));
  const Json* samples = TRY_IN(path, json.at("samples"));
  for (const Json& sample : samples->items())
    report.samples.push_back(TRY_IN(path, parse_reply(sample)));
  return {};
}

}  // namespace

Json reply_json(const SampleReply& sample) {
  Json json = Json::object();
  json.set("family", sample.family);
  json.set("question", sample.question);
  json.set("thinking", sample.thinking);
  json.set("answer", sample.answer);
  json.set("gold", sample.gold);
  json.set("verdict", sample.verdict);
  return json;
}

Result<R1Folder> R1Folder::open(const std::string& path) {
  TRY_IN("run folder", check_is_run(path, "stages", "a run through R1's stages"));
  TRY_IN("run folder", make_directories(path));
  FileLock lock = TRY_IN("run folder", FileLock::acquire(join_path(path, kLock)));
  TRY_IN("run folder", remove_stale_asides(path));
  return R1Folder(path, std::move(lock));
}

bool R1Folder::has_begun() const {
  Result<std::vector<std::string>> stages = list_directory(file("stages"));
  if (!stages) return false;
  for (const std::string& name : *stages) {
    if (file_exists(stage_file(name, "manifest.json"))) return true;
    Result<std::vector<std::string>> checkpoints = list_directory(stage_file(name, "checkpoints"));
    if (!checkpoints) continue;
    for (const std::string& checkpoint : *checkpoints)
      if (checkpoint.starts_with("step-")) return true;
  }
  return false;
}

std::string R1Folder::learned(const std::string& stage_name) const {
  const std::string adapter = stage_file(stage_name, kPeftWeights);
  return file_exists(adapter) ? adapter : stage_file(stage_name, "model.safetensors");
}

Result<std::optional<Json>> R1Folder::manifest(const std::string& stage_name) const {
  const std::string path = stage_file(stage_name, "manifest.json");
  if (!file_exists(path)) return std::optional<Json>();
  Json json = TRY(read_json_file(path));
  const std::string recorded = TRY_IN(path, json.string_at("model_sha256"));
  const std::string weights = learned(stage_name);
  const std::string actual = TRY(sha256_file(weights));
  if (actual != recorded)
    return Error{fmt::format(
        "{} is not the model that stage '{}' ended with (SHA-256 {}... now, "
        "{}... then); restore it, or delete {} to run the stage again",
        weights, stage_name, actual.substr(0, 12), recorded.substr(0, 12), stage(stage_name))};
  return std::optional<Json>(std::move(json));
}

Result<StageReport> R1Folder::report(const std::string& stage_name) const {
  const std::string path = stage_file(stage_name, "manifest.json");
  StageReport report;
  report.settings = TRY(read_json_file(path));
  report.name = stage_name;
  report.kind = TRY_IN(path, report.settings.string_at("kind"));
  report.parent = TRY_IN(path, report.settings.string_at("parent"));
  const Json& settings = report.settings;
  report.seconds = TRY_IN(path, settings.double_at("seconds"));
  report.core_seconds = TRY_IN(path, settings.double_at("core_seconds"));
  report.steps = int64_t(TRY_IN(path, settings.double_at("steps")));
  report.tokens = int64_t(TRY_IN(path, settings.double_at("tokens")));
  report.metrics = TRY(read_json_lines(stage_file(stage_name, "metrics.jsonl")));
  const std::string scores = stage_file(stage_name, "scores.json");
  if (file_exists(scores)) TRY(read_scores(scores, report));
  return report;
}

Result<void> R1Folder::publish(const std::string& stage_name) const {
  const std::string weights = learned(stage_name);
  const std::string config = stage_file(stage_name, kPeftConfig);
  if (file_exists(config)) TRY(link_file_atomic(config, file(kPeftConfig)));
  return link_file_atomic(weights, file(base_name(weights)));
}

}  // namespace weir
