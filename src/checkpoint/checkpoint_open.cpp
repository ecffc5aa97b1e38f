// Opening a checkpoint, and what to do where its configuration says something else than its files.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/gguf_names.h"
#include "checkpoint/text_names.h"
#include "config/config_notes.h"
#include "config/gguf_config.h"

namespace weir {
namespace {

constexpr const char* kEmbedding = "model.embed_tokens.weight";
constexpr const char* kBareEmbedding = "embed_tokens.weight";  // of a model without a head
constexpr const char* kHead = "lm_head.weight";
constexpr const char* kDraftModules = "mtp.";  // of DeepSeek-V4's own files
constexpr const char* kRemedy = "give a model's folder (config.json, safetensors) or a GGUF file";

// Whether two tensors hold the same numbers, in whatever types.
bool have_same_numbers(const StoredTensor& a, const StoredTensor& b) {
  if (a.shape != b.shape) return false;
  if (a.type == b.type && !a.scales && !b.scales && !a.row_scales && !b.row_scales && !a.packed &&
      !b.packed)
    return std::memcmp(a.data, b.data, a.bytes()) == 0;
  std::vector<float> x(a.columns()), y(b.columns());
  for (uint64_t row = 0; row < a.rows(); ++row) {
    decode_row(a, row, x.data());
    decode_row(b, row, y.data());
    if (x != y) return false;
  }
  return true;
}

bool is_token(const Json& id) { return id.as_int() && *id.as_int() >= 0; }

// What is wrong with a generation_config.json whose ends of a text can not be read; "" for nothing.
std::string generation_problem(const std::string& path) {
  const auto json = read_json_file(path);
  if (!json) return json.error().message;
  if (!json->is_object()) return path + ": must be a JSON object";
  const Json* ids = json->find("eos_token_id");
  if (!ids || ids->is_null() || is_token(*ids)) return "";
  if (ids->is_array() && std::all_of(ids->items().begin(), ids->items().end(), is_token)) return "";
  return path + ": 'eos_token_id' must be a token id or a list of them";
}

}  // namespace

Result<bool> Checkpoint::has_own_head() const {
  if (!config_.tie_word_embeddings || !has(kHead) || !has(kEmbedding)) return false;
  return !have_same_numbers(TRY(find(kHead)), TRY(find(kEmbedding)));
}

// transformers never loads the module, so what it saves states one and has no tensor of it. A file
// with some of its tensors is damaged, and find() says which are missing.
void Checkpoint::settle_mtp() {
  const std::vector<std::string> names = folder_->names();
  const int first = config_.num_hidden_layers, modules = config_.num_nextn_predict_layers;
  const bool has_modules = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (config_.is_compressed() && name.starts_with(kDraftModules)) return true;
    return layer_of(sees_images_ ? text_name(name) : name) >= first;
  });
  if (config_.is_compressed() && has_modules && modules == 0)
    notes_.push_back(fmt::format(
        "{}: the modules for drafts (mtp.*), of which 'num_nextn_predict_layers' says nothing, are "
        "left out",
        path_));
  if (modules == 0 || has_modules) return;
  config_.num_nextn_predict_layers = 0;
  config_.dspark_target_layer_ids.clear();
  notes_.push_back(
      fmt::format("{}: 'num_nextn_predict_layers' is {}, but no tensor of multi-token "
                  "prediction is there; the model runs without it",
                  path_, modules));
}

Result<void> Checkpoint::settle_folder() {
  const std::string config = join_path(path_, "config.json");
  const NotedConfig read = TRY(read_noted_config(config));
  config_ = read.config;
  sees_images_ = read.sees_images;
  if (sees_images_)
    notes_.push_back(fmt::format(
        "{}: the model also sees images; its part for them is left out, it reads texts alone",
        path_));
  for (const std::string& note : read.notes) notes_.push_back(fmt::format("{}: {}", config, note));
  const std::string generation = join_path(path_, "generation_config.json");
  if (file_exists(generation))
    if (const std::string problem = generation_problem(generation); !problem.empty())
      notes_.push_back(problem);
  settle_mtp();
  if (!config_.tie_word_embeddings && !has(kHead) && folder_->has(kBareEmbedding)) {
    config_.tie_word_embeddings = true;
    notes_.push_back(
        fmt::format("{}: the model was saved without {}; it is one for embeddings, and "
                    "texts that it writes mean nothing",
                    path_, kHead));
  }
  if (!TRY(has_own_head())) return {};
  config_.tie_word_embeddings = false;
  notes_.push_back(
      fmt::format("{}: 'tie_word_embeddings' is true, but {} differs from the "
                  "embedding; it is used, as transformers 5 does",
                  path_, kHead));
  return {};
}

Result<std::shared_ptr<const Checkpoint>> Checkpoint::open(const std::string& path, GgufUse use) {
  std::shared_ptr<Checkpoint> made(new Checkpoint);
  made->path_ = path;
  if (is_directory(path)) {
    if (!file_exists(join_path(path, "config.json")))
      return Error{fmt::format("{}: no config.json is there; {}", path, kRemedy)};
    made->folder_ = TRY(SafetensorsFolder::open(path));
    TRY(made->settle_folder());
    return std::shared_ptr<const Checkpoint>(std::move(made));
  }
  if (!file_exists(path))
    return Error{fmt::format("{}: no such file or folder; {}", path, kRemedy)};
  if (!is_gguf(path))
    return Error{
        fmt::format("{}: is neither a folder nor a GGUF file; {} (pickled .bin and .pt "
                    "files are never opened)",
                    path, kRemedy)};
  made->gguf_ = TRY(GgufFile::open(path, use));
  const GgufConfig read = TRY(read_gguf_config(*made->gguf_));
  made->config_ = read.config;
  made->rope_rows_permuted_ = read.rope_rows_permuted;
  return std::shared_ptr<const Checkpoint>(std::move(made));
}

Result<std::shared_ptr<const Checkpoint>> Checkpoint::open(const std::string& folder,
                                                           const ModelConfig& config) {
  std::shared_ptr<Checkpoint> made(new Checkpoint);
  made->path_ = folder;
  made->config_ = config;
  made->folder_ = TRY(SafetensorsFolder::open(folder));
  if (TRY(made->has_own_head()))
    return Error{
        fmt::format("{}: {} differs from the embedding, but 'tie_word_embeddings' is true; "
                    "set it to false in config.json",
                    folder, kHead)};
  return std::shared_ptr<const Checkpoint>(std::move(made));
}

}  // namespace weir
