#include "train/training_checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/atomic_output.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "formats/safetensors.h"

namespace weir {
namespace {

constexpr int kFormatVersion = 1;
constexpr size_t kStateBytesMax = size_t(16) << 20;
constexpr char kPrefix[] = "step-", kReference[] = "reference";

// The text of state.json: the object with its checksum as the last member. The checksum covers the
// object without it; the text is canonical, so a changed byte anywhere is noticed.
std::string state_text(Json json) {
  std::string checksum = sha256_hex(json.dump());
  json.set("checksum", checksum);
  return json.dump(2) + "\n";
}

Json state_json(const CheckpointState& state) {
  Json json = Json::object();
  json.set("format_version", kFormatVersion);
  json.set("step", state.step);
  json.set("tokens", state.tokens);
  json.set("seconds", state.seconds);
  json.set("mean_loss", state.mean_loss);
  json.set("best_loss", state.best_loss);
  json.set("recipe_sha256", recipe_sha256(state.recipe));
  json.set("data_sha256", state.data_sha256);
  json.set("tokenizer_sha256", state.tokenizer_sha256);
  json.set("tokenizer_source_sha256", state.tokenizer_source_sha256);
  json.set("config_sha256", state.config_sha256);
  json.set("model_sha256", state.model_sha256);
  json.set("trainer_sha256", state.trainer_sha256);
  if (!state.reference_sha256.empty()) json.set("reference_sha256", state.reference_sha256);
  if (!state.cursor.is_null()) json.set("cursor", state.cursor);
  json.set("recipe", state.recipe);
  return json;
}

Result<CheckpointState> parse_state(const std::string& text) {
  Json json = TRY(parse_json(text));
  if (!json.is_object() || json.members().empty() || json.members().back().first != "checksum")
    return Error{"its checksum is missing"};
  json.members().pop_back();
  if (state_text(json) != text) return Error{"its checksum does not fit its contents"};
  CheckpointState state;
  int64_t version = TRY(json.int_at("format_version"));
  if (version != kFormatVersion)
    return Error{fmt::format("format version {} is unknown to this program, which reads version {}",
                             version, kFormatVersion)};
  state.step = TRY(json.int_at("step"));
  state.tokens = TRY(json.int_at("tokens"));
  state.seconds = TRY(json.double_at("seconds"));
  state.mean_loss = TRY(json.double_at("mean_loss"));
  state.best_loss = TRY(json.double_at("best_loss"));
  state.data_sha256 = TRY(json.string_at("data_sha256"));
  state.tokenizer_sha256 = TRY(json.string_at("tokenizer_sha256"));
  state.tokenizer_source_sha256 = TRY(json.string_at("tokenizer_source_sha256"));
  state.config_sha256 = TRY(json.string_at("config_sha256"));
  state.model_sha256 = TRY(json.string_at("model_sha256"));
  state.trainer_sha256 = TRY(json.string_at("trainer_sha256"));
  if (json.find("reference_sha256"))
    state.reference_sha256 = TRY(json.string_at("reference_sha256"));
  if (const Json* cursor = json.find("cursor")) state.cursor = *cursor;
  state.recipe = *TRY(json.at("recipe"));
  return state;
}

Result<std::string> save_moments(const Optimizer& optimizer, const std::string& path) {
  std::vector<TensorSource> tensors;
  for (const Optimizer::Moment& m : optimizer.moments())
    tensors.push_back(
        {m.name, "F32", m.shape, std::as_bytes(std::span<const float>(m.data, m.count))});
  return write_safetensors(path, std::move(tensors), {{"format", "pt"}});
}

Result<void> load_moments(const std::string& path, Optimizer& optimizer) {
  SafetensorsFile file = TRY(SafetensorsFile::open(path));
  for (const Optimizer::Moment& m : optimizer.moments()) {
    const TensorInfo* info = file.find(m.name);
    if (!info)
      return Error{fmt::format(
          "{}: tensor '{}' is missing; it belongs to another model or optimizer", path, m.name)};
    if (info->dtype != "F32" || info->shape != m.shape)
      return Error{fmt::format("{}: tensor '{}' has another shape or type than this model asks for",
                               path, m.name)};
    std::memcpy(m.data, file.data(*info).data(), m.count * sizeof(float));
  }
  return {};
}

Result<void> write_into(const std::string& folder, const Model& model, const Optimizer& optimizer,
                        const Model* reference, CheckpointState& state) {
  state.model_sha256 = TRY(save_model(model, join_path(folder, "model.safetensors")));
  state.trainer_sha256 = TRY(save_moments(optimizer, join_path(folder, "trainer.safetensors")));
  state.reference_sha256.clear();
  if (reference) {
    const std::string beside = join_path(folder, kReference);
    TRY(make_directories(beside));
    state.reference_sha256 = TRY(save_model(*reference, join_path(beside, "model.safetensors")));
    TRY(sync_directory(beside));
  }
  return write_file_atomic(join_path(folder, "state.json"), state_text(state_json(state)));
}

Result<void> compare(const std::string& path, const std::string& expected) {
  std::string actual = TRY(sha256_file(path));
  if (actual == expected) return {};
  return Error{fmt::format("{} is damaged: its SHA-256 is {}..., but state.json recorded {}...",
                           path, actual.substr(0, 12), expected.substr(0, 12))};
}

}  // namespace

std::string checkpoint_name(int64_t step) { return fmt::format("{}{:08}", kPrefix, step); }

Result<void> save_checkpoint(const std::string& folder, const Model& model,
                             const Optimizer& optimizer, CheckpointState state,
                             const Model* reference) {
  const std::string context = fmt::format("checkpoint of step {}", state.step);
  AtomicFolder target =
      TRY_IN(context, AtomicFolder::create(join_path(folder, checkpoint_name(state.step))));
  Result<void> written = write_into(target.path(), model, optimizer, reference, state);
  if (!written) return target.named(std::move(written).error()).within(context);
  TRY_IN(context, target.finish());
  return {};
}

Result<std::vector<int64_t>> list_checkpoints(const std::string& folder) {
  std::vector<int64_t> steps;
  if (!is_directory(folder)) return steps;
  for (const std::string& name : TRY(list_directory(folder))) {
    if (!name.starts_with(kPrefix)) continue;
    Result<int64_t> step = parse_int(std::string_view(name).substr(sizeof(kPrefix) - 1));
    if (step && checkpoint_name(*step) == name) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

Result<CheckpointState> verify_checkpoint(const std::string& checkpoint) {
  const std::string path = join_path(checkpoint, "state.json");
  std::string text = TRY(read_file(path, kStateBytesMax));
  Result<CheckpointState> state = parse_state(text);
  if (!state) return Error{path + " is damaged: " + state.error().message};
  if (checkpoint_name(state->step) != base_name(checkpoint))
    return Error{fmt::format("{} is of step {}, but its folder is {}; the folder was renamed", path,
                             state->step, base_name(checkpoint))};
  TRY(compare(join_path(checkpoint, "model.safetensors"), state->model_sha256));
  TRY(compare(join_path(checkpoint, "trainer.safetensors"), state->trainer_sha256));
  if (!state->reference_sha256.empty())
    TRY(compare(join_path(join_path(checkpoint, kReference), "model.safetensors"),
                state->reference_sha256));
  return state;
}

Result<void> load_checkpoint(const std::string& checkpoint, Model& model, Optimizer& optimizer,
                             Model* reference) {
  TRY(load_weights(model, checkpoint));
  if (reference) TRY(load_weights(*reference, join_path(checkpoint, kReference)));
  return load_moments(join_path(checkpoint, "trainer.safetensors"), optimizer);
}

}  // namespace weir
