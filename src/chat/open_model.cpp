#include "chat/open_model.h"
#include "chat/choose_speculation.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "adapter/adapter_folder.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "chat/chat_template.h"
#include "chat/end_tokens.h"
#include "chat/gguf_chat.h"
#include "chat/open_adapters.h"
#include "chat/templates.h"
#include "config/size.h"
#include "engine/panel_cache.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"

namespace weir {
namespace {

// Of a prompt in one pass, where each pass reads most experts from the disk once.
constexpr int kStreamedRows = 1024;

}  // namespace

CacheForm choose_cache(const std::string& wanted, const Model& model) {
  if (model.adapts_kv_b()) return CacheForm::expanded;
  if (wanted == "latent") return CacheForm::latent;
  if (wanted == "expanded" || model.config().attention != AttentionKind::mla)
    return CacheForm::expanded;
  for (const Matrix* weight : model.weights())
    if (weight->type != WeightType::f32) return CacheForm::latent;
  return CacheForm::expanded;
}

Result<std::shared_ptr<const Checkpoint>> open_checkpoint(const std::string& path, GgufUse use) {
  auto checkpoint = TRY(Checkpoint::open(path, use));
  for (const std::string& note : checkpoint->notes()) fmt::print(stderr, "note: {}\n", note);
  return checkpoint;
}

size_t default_cache_bytes(const Model& model) {
  constexpr double kLeast = double(64 << 20);
  const double available = available_memory();
  if (available <= 0) return size_t(0.8 * 4 * kGiB);
  return size_t(std::max(0.8 * (available - model.memory_to_come()), std::min(kLeast, available)));
}

ExpertMemory expert_memory(double gib) { return {.bytes = gib * kGiB}; }

void print_streaming_note(const Model& model) {
  if (!model.streaming_note().empty()) fmt::print(stderr, "note: {}\n", model.streaming_note());
}

Result<void> check_model_fits(const ModelConfig& config, const std::string& name) {
  const double available = available_memory();
  const double needed = inference_memory(config, 4, 0, false).total();
  if (available <= 0 || needed <= available) return {};
  return Error{name + ": weights take " + format_bytes(needed) + " of memory in f32 and " +
               format_bytes(available) + " are available; use a smaller model or a larger machine"};
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const std::string& path) {
  if (is_directory(path)) return std::make_unique<Tokenizer>(TRY(read_tokenizer(path)));
  if (!file_exists(path))
    return Error{path +
                 ": no such file or folder; give a model's folder, a .gguf file or a "
                 "tokenizer.json"};
  if (is_gguf(path)) {
    const GgufFile file = TRY(GgufFile::open(path, GgufUse::metadata));
    return std::make_unique<Tokenizer>(TRY_IN(path, read_gguf_tokenizer(file.metadata())));
  }
  const std::string text = TRY(read_file(path));
  return std::make_unique<Tokenizer>(TRY_IN(path, parse_tokenizer_json(text)));
}

Result<std::unique_ptr<Tokenizer>> open_tokenizer(const Checkpoint& checkpoint) {
  if (!checkpoint.gguf()) return open_tokenizer(checkpoint.path());
  const GgufMetadata& metadata = checkpoint.gguf()->metadata();
  return std::make_unique<Tokenizer>(TRY_IN(checkpoint.path(), read_gguf_tokenizer(metadata)));
}

Result<void> check_same_tokens(const Tokenizer& tokenizer, const Tokenizer& draft) {
  for (int id = 0; id < tokenizer.size(); ++id) {
    if (draft.has(id) && draft.token_bytes(id) == tokenizer.token_bytes(id)) continue;
    const std::string other =
        draft.has(id) ? "'" + printable(draft.token_bytes(id), 20) + "'" : "missing";
    return Error{
        fmt::format("token {} is {} there and '{}' in the model; a draft model needs the "
                    "same tokens, as a smaller one of the same family has",
                    id, other, printable(tokenizer.token_bytes(id), 20))};
  }
  return {};
}

Result<std::string> chat_template_of(const Checkpoint& checkpoint) {
  if (!checkpoint.gguf()) return read_chat_template(checkpoint.path());
  return TRY_IN(checkpoint.path(), gguf_chat_template(checkpoint.gguf()->metadata()));
}

namespace {

// Every token that the files, the template or the tokens' texts say ends a reply.
Result<std::vector<int>> stops_of(const Checkpoint& checkpoint, const Tokenizer& tokenizer,
                                  const std::string& chat_template) {
  if (!checkpoint.gguf()) return ends_of_folder(checkpoint.path(), tokenizer, chat_template);
  return TRY_IN(checkpoint.path(), gguf_ends(checkpoint.gguf()->metadata(), tokenizer));
}

// Sizes and times of last change: whoever edits a model's file by hand changes them.
std::string state_of_files(const std::string& path) {
  std::vector<std::string> files = {path};
  if (is_directory(path)) {
    files.clear();
    const auto names = list_directory(path);
    if (names)
      for (const std::string& name : *names)
        if (name.ends_with(".safetensors")) files.push_back(join_path(path, name));
  }
  std::string state;
  for (const std::string& file : files) {
    struct stat info {};
    if (stat(file.c_str(), &info) != 0) continue;
    state += fmt::format("{} {}.{:09};", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  }
  return state;
}

// Only products with quantized activations read panels.
Result<void> keep_panels(const ModelOptions& options, const std::string& path, Model& model,
                         ThreadPool& pool) {
  if (options.panel_cache.empty() || options.exact) return {};
  TRY_IN("--panel-cache " + options.panel_cache,
         use_panel_cache(model, options.panel_cache, state_of_files(path), pool));
  return {};
}

Result<void> open_draft(const ModelOptions& options, OpenModel& open) {
  const std::string& path = options.draft;
  const std::shared_ptr<const Checkpoint> checkpoint = TRY(open_checkpoint(path));
  const std::unique_ptr<Tokenizer> tokenizer = TRY(open_tokenizer(*checkpoint));
  TRY(check_same_tokens(*open.tokenizer, *tokenizer));
  open.draft = TRY(Model::open(checkpoint));
  open.draft->pack(*open.pool);
  return keep_panels(options, path, *open.draft, *open.pool);
}

}  // namespace

Result<SpeculationOptions> choose_speculation(const ModelOptions& chosen, const OpenModel& open) {
  const std::string& wanted = chosen.speculate;
  if (wanted == "draft" && !open.draft)
    return Error{"--speculate draft needs a draft model; add --draft MODEL"};
  if (wanted != "auto" && wanted != "draft" && open.draft)
    return Error{"--speculate " + wanted +
                 " does not use the model of --draft; leave one of them out"};
  SpeculationOptions options;
  options.ngrams = wanted == "auto" || wanted == "ngram";
  options.draft = open.draft.get();
  options.mtp = wanted == "mtp";
  options.tokens_max = chosen.draft_max;
  return options;
}

namespace {

// The adapters, and the one that requests have which choose none.
Result<void> add_adapters(const GenerationSetup& setup, OpenModel& open) {
  open.has_own_adapter = is_adapter_folder(setup.path);
  open.adapters = TRY(open_adapters(*open.model, setup.path, setup.options.adapters));
  if (setup.adapters_by_name && !open.has_own_adapter)
    open.model->default_adapter = AdapterUse::kNone;
  return {};
}

// Absorbed attention reads kv_b_proj as it is, so rows of such an adapter need expanded keys.
Result<CacheForm> choose_cache_of(const ModelOptions& chosen, const Model& model) {
  if (model.adapts_kv_b() && chosen.cache == "latent")
    return Error{
        "an adapter changes kv_b_proj, and a latent cache is read without it; take --cache "
        "expanded, or merge the adapter into its base (weir adapter merge)"};
  return choose_cache(chosen.cache, model);
}

}  // namespace

Result<OpenModel> open_model(const GenerationSetup& setup) {
  const ModelOptions& chosen = setup.options;
  const std::string path =
      is_adapter_folder(setup.path) ? TRY(base_of_adapter(setup.path)) : setup.path;
  const std::shared_ptr<const Checkpoint> checkpoint = TRY(open_checkpoint(path));
  OpenModel open;
  open.model = TRY(Model::open(checkpoint, expert_memory(chosen.expert_memory_gib)));
  print_streaming_note(*open.model);
  TRY(add_adapters(setup, open));
  open.tokenizer = TRY(open_tokenizer(*checkpoint));
  open.chat_template = TRY(chat_template_of(*checkpoint));
  if (open.chat_template.empty() && open.tokenizer->find_added("<｜User｜>"))
    open.chat_template = built_in_template(open.model->config().model_type);
  open.stops = TRY(stops_of(*checkpoint, *open.tokenizer, open.chat_template));
  open.infill = find_infill_tokens(*open.tokenizer,
                                   checkpoint->gguf() ? &checkpoint->gguf()->metadata() : nullptr);
  open.pool = std::make_unique<ThreadPool>(chosen.threads);
  open.model->pack(*open.pool);
  TRY(keep_panels(chosen, path, *open.model, *open.pool));
  if (!chosen.draft.empty()) TRY_IN("--draft " + chosen.draft, open_draft(chosen, open));
  EngineOptions options;
  options.sequences_max = setup.sequences_max;
  options.pass_seconds = setup.pass_seconds;
  options.store.folder = chosen.prefix_cache;
  options.store.bytes_max = uint64_t(chosen.prefix_cache_limit_gib * kGiB);
  options.store.model_files = state_of_files(path);
  options.keeps_prefixes = setup.keeps_prefixes || !chosen.prefix_cache.empty();
  options.exact = chosen.exact;
  options.cache = TRY(choose_cache_of(chosen, *open.model));
  if (open.model->expert_cache()) options.prefill_rows = kStreamedRows;
  options.speculation = TRY(choose_speculation(chosen, open));
  options.cache_type = TRY(find_cache_type(chosen.cache_type));
  options.cache_bytes_max = chosen.cache_limit_gib > 0 ? size_t(chosen.cache_limit_gib * kGiB)
                                                       : default_cache_bytes(*open.model);
  open.generator =
      TRY_IN(setup.path, Generator::create(*open.model, *open.tokenizer, *open.pool, options));
  if (setup.warms_up) TRY_IN(setup.path, open.generator->warm_up());
  return open;
}

std::vector<int> end_ids(const OpenModel& open) {
  std::vector<int> ids;
  add_ends(ids, {open.tokenizer->eos(), open.model->config().eos_token_id});
  add_ends(ids, open.stops);
  return ids;
}

Result<std::vector<int>> encode_prompt(const OpenModel& open, const std::string& text,
                                       bool allow_special) {
  const Tokenizer& tokenizer = *open.tokenizer;
  std::vector<int> ids = TRY_IN("prompt", tokenizer.encode(text, {allow_special, true}));
  if (!ids.empty()) return ids;
  int first = tokenizer.bos() >= 0 ? tokenizer.bos() : tokenizer.eos();
  if (first < 0)
    return Error{
        "the prompt is empty and the tokenizer has no token to begin a text with; give a "
        "prompt"};
  return std::vector<int>{first};
}

}  // namespace weir
