#include "serve/model_facts.h"

#include <sys/stat.h>

#include <algorithm>

#include "adapter/adapter_folder.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/thread_pool.h"
#include "chat/open_model.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/encoder_files.h"
#include "checkpoint/size_check.h"
#include "embed/embedding_config.h"
#include "engine/engine.h"
#include "engine/pass_memory.h"
#include "model/model.h"

namespace weir {
namespace {

constexpr int kRows = 256;  // of a pass, EngineOptions::prefill_rows

std::string main_type(const WeightCheck& weights) {
  const auto most =
      std::max_element(weights.dtypes.begin(), weights.dtypes.end(),
                       [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == weights.dtypes.end() ? "" : most->first;
}

bool is_all_f32(const WeightCheck& weights) {
  return std::all_of(weights.dtypes.begin(), weights.dtypes.end(),
                     [](const auto& type) { return type.first == "F32" || type.first == "f32"; });
}

// Weights, and the copies that products of f32 read.
double weight_bytes(const ModelConfig& config, const WeightCheck& weights,
                    const ModelOptions& options) {
  double bytes = double(weights.bytes) + double(weights.joined_bytes);
  if (is_all_f32(weights)) bytes += inference_memory(config, 4, 0, false).panels;
  if (options.expert_memory_gib <= 0 || config.n_routed_experts == 0) return bytes;
  const ModelSize size = model_size(config);
  const double experts = bytes * double(size.experts) / double(std::max<int64_t>(size.total, 1));
  return bytes - experts + std::min(experts, options.expert_memory_gib * kGiB);
}

CacheForm form_of(const ModelConfig& config, const WeightCheck& weights,
                  const ModelOptions& options) {
  if (config.attention != AttentionKind::mla || options.cache == "expanded")
    return CacheForm::expanded;
  return options.cache == "latent" || !is_all_f32(weights) ? CacheForm::latent
                                                           : CacheForm::expanded;
}

// Of a pass over a whole chunk of a prompt.
Result<double> working_bytes(const ModelConfig& config, CacheForm form, CacheType type,
                             const ModelOptions& options) {
  TRY(CacheLayout::make(cache_widths(config), form, type));
  const int positions = std::min(config.max_position_embeddings, 4096);
  const int threads = options.threads > 0 ? options.threads : available_cores();
  const PassShape shape{.rows = std::min(kRows, positions),
                        .sampled = 1,
                        .positions = positions,
                        .cache = form,
                        .exact = options.exact,
                        .cache_type = type};
  return double(pass_bytes(*Model::outline(config), shape, threads));
}

int64_t changed_of(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? int64_t(info.st_mtim.tv_sec) : 0;
}

constexpr double kEncoderPass = 64 << 20;  // bytes of working memory

Result<ModelFacts> read_encoder_facts(const std::string& path) {
  EmbeddingConfig config;
  if (is_directory(path)) config = TRY(read_embedding_config(path));
  const std::string folder = config.model_folder.empty() ? path : config.model_folder;
  const auto files = TRY(EncoderFiles::open(folder));
  ModelFacts facts{.path = path};
  facts.format = files->gguf() ? "gguf" : "safetensors";
  facts.family = files->config().model_type;
  facts.quantization = files->dtype();
  facts.parameters = files->config().parameters();
  facts.file_bytes = int64_t(files->bytes());
  facts.context = files->config().max_position_embeddings;
  if (config.tokens_max > 0) facts.context = std::min(facts.context, config.tokens_max);
  facts.changed = changed_of(path);
  facts.abilities.writes_text = false;
  facts.abilities.embedding = true;
  facts.memory = 2 * double(files->bytes()) + kEncoderPass;
  return facts;
}

}  // namespace

std::vector<std::string> ability_words(const Abilities& abilities) {
  std::vector<std::string> words;
  if (abilities.writes_text) words.push_back("completion");
  if (abilities.fill_in) words.push_back("insert");
  if (abilities.tools) words.push_back("tools");
  if (abilities.thinking) words.push_back("thinking");
  if (abilities.embedding) words.push_back("embedding");
  return words;
}

Result<ModelFacts> read_model_facts(const std::string& path, const ModelOptions& options) {
  if (is_encoder_path(path)) return read_encoder_facts(path);
  const std::string base = is_adapter_folder(path) ? TRY(base_of_adapter(path)) : path;
  const auto checkpoint = TRY(Checkpoint::open(base));
  const ModelConfig& config = checkpoint->config();
  const WeightCheck weights = check_weights(*checkpoint);
  ModelFacts facts{.path = path};
  facts.format = checkpoint->gguf() ? "gguf" : "safetensors";
  facts.family = config.model_type;
  facts.quantization = main_type(weights);
  facts.parameters = model_size(config).total;
  facts.file_bytes = int64_t(weights.bytes);
  facts.context = config.max_position_embeddings;
  facts.changed = changed_of(path);
  if (auto text = chat_template_of(*checkpoint)) facts.chat_template = *std::move(text);
  facts.abilities = find_abilities(*checkpoint, facts.chat_template);
  facts.abilities.embedding = states_embeddings(path);
  const CacheForm form = form_of(config, weights, options);
  const CacheType type = TRY(find_cache_type(options.cache_type));
  facts.memory = weight_bytes(config, weights, options) +
                 TRY_IN(path, working_bytes(config, form, type, options));
  constexpr int kPositions = 1024;  // of whole entries
  facts.token_bytes = cache_bytes(config, form, type, kPositions) / kPositions;
  if (options.draft.empty()) return facts;
  ModelOptions of_draft = options;
  of_draft.draft.clear();
  facts.memory += TRY_IN("--draft", read_model_facts(options.draft, of_draft)).memory;
  return facts;
}

ModelFacts facts_of(const ServedModel& model) {
  const ModelConfig& config = model.open().model->config();
  ModelFacts facts{.path = model.path()};
  facts.format = facts.path.ends_with(".gguf") ? "gguf" : "safetensors";
  facts.family = config.model_type;
  facts.parameters = model_size(config).total;
  if (const auto size = file_size(facts.path)) facts.file_bytes = int64_t(*size);
  facts.context = model.positions_max();
  facts.changed = model.created();
  facts.chat_template = model.open().chat_template;
  facts.abilities = {.has_template = !facts.chat_template.empty(),
                     .tools = !facts.chat_template.empty(),
                     .thinking = model.form().has_thinking_switch(),
                     .fill_in = model.open().infill.exist()};
  return facts;
}

double shared_cache_bytes(const ModelFacts& facts, double memory) {
  return std::min(2. * facts.context * facts.token_bytes, memory / 4);
}

}  // namespace weir
