// `weir inspect`: architecture, size and memory of a name, a config.json or a folder.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "chat/open_model.h"
#include "checkpoint/size_check.h"
#include "cli/commands.h"
#include "cli/inspect_summary.h"
#include "cli/inspect_weights.h"
#include "cli/model_offers.h"
#include "cli/shared_options.h"
#include "cli/size_report.h"
#include "config/config.h"
#include "engine/kv_cache.h"
#include "formats/safetensors.h"
#include "pipeline/run_stages.h"

namespace weir {
namespace {

struct InspectOptions {
  std::string target;     // a preset's name, a config.json, a folder, a .gguf or .safetensors file
  std::string type = {};  // plan a GGUF file of this type instead of the weights there are
  int64_t context = 0;    // tokens in the cache; 0: 4096, or all positions of a shorter model
  std::string cache_type = "f32";
  double memory_gib = 0;  // to predict for; 0: what is free
  int64_t tokens = 4096;  // rows of one training micro-batch
  bool json = false;      // one JSON object instead of text
  bool config = false;    // only the configuration, as config.json
  bool tensors = false;   // list every tensor of the files, or of the configuration
  bool details = false;   // parameters, cache and memory part by part, after the five lines
};

constexpr int64_t kDefaultContext = 4096;
constexpr int64_t kTokensMax = int64_t(1) << 24;

// What the target turned out to be.
struct Subject {
  ModelConfig config;
  std::shared_ptr<const Checkpoint> checkpoint = nullptr;  // null for a name or a lone config.json
  std::string name = {};                                   // for people: target, or a stage of it
};

bool has_weights(const std::string& folder) {
  return file_exists(join_path(folder, "model.safetensors")) ||
         file_exists(join_path(folder, "model.safetensors.index.json"));
}

// A model's or a run's folder holds config.json; a checkpoint's is in the run's folder, two above.
Result<Subject> open_folder(const std::string& folder) {
  std::string own = join_path(folder, "config.json"), run = join_path(folder, "../../config.json");
  if (!file_exists(own) && has_weights(folder) && file_exists(run)) own = run;
  if (!file_exists(own))
    return Error{
        fmt::format("{}: no config.json is there; give a model's folder, a .gguf file, a "
                    "config.json or one of the names {}",
                    folder, fmt::join(preset_names(), ", "))};
  if (has_weights(folder) && file_exists(join_path(folder, "config.json"))) {
    const auto checkpoint = TRY(open_checkpoint(folder));
    return Subject{checkpoint->config(), checkpoint};
  }
  Subject subject{TRY(read_config(own))};
  if (has_weights(folder)) subject.checkpoint = TRY(Checkpoint::open(folder, subject.config));
  return subject;
}

// Of a run of `weir r1`, the last stage that can be talked to.
Result<Subject> open_run(const std::string& run) {
  const std::vector<RunStage> stages = TRY(list_run_stages(run));
  const RunStage* stage = TRY_IN(run, choose_stage(stages, ""));
  Subject subject = TRY(open_folder(stage->folder));
  subject.name = fmt::format("{}, stage '{}'", run, stage->name);
  return subject;
}

Result<Subject> find_subject(const std::string& target) {
  if (is_directory(target)) return has_stages(target) ? open_run(target) : open_folder(target);
  if (file_exists(target) && is_gguf(target)) {
    const auto checkpoint = TRY(open_checkpoint(target, GgufUse::header));
    return Subject{checkpoint->config(), checkpoint};
  }
  if (file_exists(target)) return Subject{TRY(read_config(target))};
  if (target.find('/') != std::string::npos || target.ends_with(".json") || has_gguf_name(target))
    TRY(check_model_exists(target));
  Result<ModelConfig> known = preset(target);
  if (!known) return Error{known.error().message + "\n" + offers_text(target)};
  return Subject{*std::move(known)};
}

std::string tensor_line(const std::string& name, const std::string& type,
                        const std::vector<uint64_t>& shape) {
  return fmt::format("  {:<60} {:<8} [{}]\n", printable(name), type, fmt::join(shape, ", "));
}

Json tensor_entry(const std::string& name, const std::string& type,
                  const std::vector<uint64_t>& sizes) {
  Json shape = Json::array();
  for (uint64_t dimension : sizes) shape.push(dimension);
  Json entry = Json::object();
  entry.set("name", name);
  entry.set("dtype", type);
  entry.set("shape", std::move(shape));
  return entry;
}

// A .safetensors file without a configuration: its metadata and tensors.
Result<void> inspect_file(const std::string& path, bool json) {
  SafetensorsFile file = TRY(SafetensorsFile::open(path));
  uint64_t bytes = 0;
  for (const TensorInfo& info : file.tensors()) bytes += info.end - info.begin;
  if (json) {
    Json metadata = Json::object(), tensors = Json::array(), all = Json::object();
    for (const auto& [key, value] : file.metadata()) metadata.set(key, value);
    for (const TensorInfo& info : file.tensors())
      tensors.push(tensor_entry(info.name, info.dtype, info.shape));
    all.set("name", path);
    all.set("metadata", std::move(metadata));
    all.set("bytes", bytes);
    all.set("tensors", std::move(tensors));
    fmt::print("{}\n", all.dump());
    return {};
  }
  fmt::print("{}: {} tensors, {}\n", path, file.tensors().size(), format_bytes(double(bytes)));
  for (const auto& [key, value] : file.metadata())
    fmt::print("  {} = {}\n", printable(key), printable(value));
  for (const TensorInfo& info : file.tensors())
    fmt::print("{}", tensor_line(info.name, info.dtype, info.shape));
  return {};
}

Result<void> check_range(const char* flag, int64_t value, int64_t high) {
  if (value >= 1 && value <= high) return {};
  return Error{fmt::format("{} must be from 1 to {}, not {}", flag, high, value)};
}

// The weights of the subject for --details: as its files have them, as --type would store them, or
// none. What of a cut file is missing is no other difference.
Result<std::optional<WeightCheck>> find_weights(const InspectOptions& options,
                                                const Subject& subject, bool is_cut) {
  if (!options.type.empty()) {
    const Mix mix = TRY(find_mix(options.type));
    return std::optional(TRY(planned_weights(subject.config, mix)));
  }
  if (!subject.checkpoint || is_cut) return std::optional<WeightCheck>();
  return std::optional(check_weights(*subject.checkpoint));
}

// The largest file of a checkpoint.
std::string file_of_weights(const Checkpoint& checkpoint) {
  if (checkpoint.gguf()) return checkpoint.gguf()->path();
  std::string largest;
  uint64_t most = 0;
  if (const auto names = list_directory(checkpoint.path()))
    for (const std::string& name : *names)
      if (const auto size = file_size(join_path(checkpoint.path(), name));
          name.ends_with(".safetensors") && size && *size > most)
        largest = join_path(checkpoint.path(), name), most = *size;
  return largest;
}

constexpr const char* kPlannedType = "q4_k_m";  // of a model that is only a name

// Not measured yet.
Result<Summary> summarize(const InspectOptions& options, const Subject& subject, int64_t context) {
  Summary s;
  s.name = subject.name.empty() ? options.target : subject.name;
  s.config = subject.config;
  s.context = context;
  s.cache_type = TRY(find_cache_type(options.cache_type));
  TRY(CacheLayout::make(
      cache_widths(s.config),
      s.config.attention == AttentionKind::mla ? CacheForm::latent : CacheForm::expanded,
      s.cache_type));
  s.free_bytes = options.memory_gib > 0 ? options.memory_gib * double(1 << 30) : available_memory();
  s.is_planned = !subject.checkpoint || !options.type.empty();
  s.type_name = options.type.empty() ? kPlannedType : options.type;
  if (subject.checkpoint) {
    s.knows_abilities = true;
    const auto chat_template = chat_template_of(*subject.checkpoint);
    s.abilities = find_abilities(*subject.checkpoint, chat_template ? *chat_template : "");
  }
  if (!s.is_planned) {
    s.file = file_of_weights(*subject.checkpoint);
    s.stored = stored_bytes(*subject.checkpoint);
    s.head_repeats = head_repeats_embedding(*subject.checkpoint);
    return s;
  }
  auto planned = planned_bytes(subject.config, TRY(find_mix(s.type_name)));
  if (!planned && options.type.empty()) {  // GGUF knows no such model: as f32
    const InferenceMemory memory = inference_memory(subject.config, 4, context, false);
    s.type_name = "f32";
    s.stored.by_type[WeightType::f32] = s.stored.all = memory.weights;
    s.stored.per_token = 4. * double(model_size(subject.config).active);
    return s;
  }
  s.stored = TRY(std::move(planned));
  return s;
}

void print_tensors(const Checkpoint& checkpoint) {
  checkpoint.for_each_stored([](const std::string& name, const std::string& type,
                                const std::vector<uint64_t>& shape,
                                uint64_t) { fmt::print("{}", tensor_line(name, type, shape)); });
}

Json tensors_json(const Checkpoint& checkpoint) {
  Json list = Json::array();
  checkpoint.for_each_stored([&](const std::string& name, const std::string& type,
                                 const std::vector<uint64_t>& shape,
                                 uint64_t) { list.push(tensor_entry(name, type, shape)); });
  return list;
}

Result<void> inspect_model(const InspectOptions& options, const Subject& subject) {
  const ModelConfig& config = subject.config;
  int64_t positions = config.max_position_embeddings;
  const int64_t context =
      options.context == 0 ? std::min(kDefaultContext, positions) : options.context;
  TRY(check_range("--context", context, positions));
  Summary summary = TRY(summarize(options, subject, context));
  ThreadPool pool;
  measure(summary, pool);
  const bool is_cut = summary.stored.is_cut;
  const std::optional<WeightCheck> check = TRY(find_weights(options, subject, is_cut));
  const bool lists_shapes = options.tensors && !subject.checkpoint;
  const SizeQuestion question{summary.name,       context,      options.tokens,
                              summary.free_bytes, lists_shapes, !check};
  const RunningQuestion running{
      options.type.empty() ? "in " + options.target : "as " + options.type, context,
      summary.cache_type, summary.free_bytes};
  if (options.json) {
    Json json = size_json(config, question);
    json.set("summary", summary_json(summary));
    if (check) json.set("weights", weights_json(config, *check, running));
    if (options.tensors && subject.checkpoint)
      json.set("files_tensors", tensors_json(*subject.checkpoint));
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{}", summary_text(summary));
    if (options.details || lists_shapes) fmt::print("\n{}", size_report(config, question));
    if (check && (options.details || !check->matches()))
      fmt::print("{}", weights_report(config, *check, running));
    if (options.tensors && subject.checkpoint) print_tensors(*subject.checkpoint);
  }
  if (is_cut) return Error{fmt::format("{}: it was cut short: download it again", options.target)};
  if (check && !check->matches())
    return Error{
        fmt::format("{}: the weights do not match the configuration: {} missing, {} of another "
                    "shape, {} unexpected",
                    options.target, check->missing, check->misshapen, check->unexpected)};
  return {};
}

// Prints to stdout. Weights that do not match their configuration, or whose file was cut, are an
// error, after the report.
Result<void> inspect(const InspectOptions& options) {
  TRY(check_range("--tokens", options.tokens, kTokensMax));
  if (options.context < 0) return Error{"--context must not be negative"};
  if (options.target.ends_with(".safetensors") && file_exists(options.target))
    return inspect_file(options.target, options.json);
  const Subject subject = TRY(find_subject(options.target));
  if (options.config) {
    fmt::print("{}\n", config_json(subject.config).dump(2));
    return {};
  }
  return inspect_model(options, subject);
}

}  // namespace

void add_inspect(CommandGroup& commands) {
  auto [c, o] = commands.add("inspect", "show a model's architecture, size and memory", inspect);
  c.argument("MODEL", o.target,
             "a .gguf file, a folder or run, config.json, .safetensors, a name (deepseek-v3 ...)")
      .required();
  c.option("--type", o.type, "WORD",
           "size of the GGUF file that weir quantize would write with this type");
  c.value("--context", o.context, "N",
          "context length in tokens; 0: the smaller of 4096 and the model's")
      .whole_number(0, int64_t(1) << 40);
  add_cache_type(c, o.cache_type);
  c.option("--memory", o.memory_gib, "GIB", "memory in GiB to predict the speed for [what is free]")
      .real_number(0, 1e6);
  c.value("--tokens", o.tokens, "N", "tokens of one training micro-batch")
      .whole_number(1, int64_t(1) << 40);
  c.flag("--config", o.config, "print only the configuration, as config.json");
  c.flag("--details", o.details, "print parameters, KV cache and memory part by part");
  c.flag("--tensors", o.tensors, "list every tensor with its shape");
  c.flag("--json", o.json, "print one JSON object instead of text");
}

}  // namespace weir
