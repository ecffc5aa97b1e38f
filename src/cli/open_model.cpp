#include "cli/open_model.h"

#include <algorithm>

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/gguf_tokenizer.h"
#include "model/size.h"
#include "text/chat_template.h"
#include "text/tokenizer_json.h"

namespace weir {
namespace {

constexpr double kGiB = double(size_t(1) << 30);

CacheForm choose_cache(const std::string& wanted, const Model& model) {
  if (wanted == "latent") return CacheForm::latent;
  if (wanted == "expanded" || model.config().attention != AttentionKind::mla)
    return CacheForm::expanded;
  for (const Weight* weight : model.parameters())
    if (weight->type != WeightType::f32) return CacheForm::latent;
  return CacheForm::expanded;
}

}  // namespace

size_t default_cache_bytes() {
  double available = available_memory();
  return size_t(0.8 * (available > 0 ? available : 4 * kGiB));
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

namespace {

Result<std::string> chat_template_of(const Checkpoint& checkpoint) {
  if (!checkpoint.gguf()) return read_chat_template(checkpoint.path());
  constexpr const char* kKey = "tokenizer.chat_template";
  const GgufMetadata& metadata = checkpoint.gguf()->metadata();
  if (!metadata.find(kKey)) return std::string();
  return TRY_IN(checkpoint.path(), metadata.string_at(kKey));
}

void add_stop(std::vector<int>& stops, const Result<int64_t>& id, int size) {
  if (id && *id >= 0 && *id < size) stops.push_back(int(*id));
}

// generation_config.json's eos_token_id, one or a list; GGUF's ends of a turn and of a message.
std::vector<int> stops_of(const Checkpoint& checkpoint, int size) {
  std::vector<int> stops;
  if (checkpoint.gguf()) {
    for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"})
      add_stop(stops, checkpoint.gguf()->metadata().int_at(key), size);
    return stops;
  }
  const auto config = read_json_file(join_path(checkpoint.path(), "generation_config.json"));
  const Json* ids = config ? config->find("eos_token_id") : nullptr;
  if (!ids) return stops;
  for (const Json& id : ids->is_array() ? ids->items() : std::vector<Json>{*ids})
    add_stop(stops, id.as_int(), size);
  return stops;
}

}  // namespace

Result<OpenModel> open_model(const GenerationSetup& setup) {
  const std::shared_ptr<const Checkpoint> checkpoint = TRY(Checkpoint::open(setup.path));
  OpenModel open;
  open.model = TRY(Model::open(checkpoint));
  open.tokenizer = TRY(open_tokenizer(*checkpoint));
  open.chat_template = TRY(chat_template_of(*checkpoint));
  open.stops = stops_of(*checkpoint, open.tokenizer->size());
  open.pool = std::make_unique<ThreadPool>(setup.threads);
  GeneratorOptions options;
  options.sequences_max = setup.sequences_max;
  options.keeps_prefixes = setup.keeps_prefixes;
  options.exact = setup.exact;
  options.cache = choose_cache(setup.cache, *open.model);
  options.cache_bytes_max =
      setup.cache_limit_gib > 0 ? size_t(setup.cache_limit_gib * kGiB) : default_cache_bytes();
  open.generator =
      TRY_IN(setup.path, Generator::create(*open.model, *open.tokenizer, *open.pool, options));
  TRY_IN(setup.path, open.generator->warm_up());
  return open;
}

std::vector<int> end_ids(const OpenModel& open) {
  std::vector<int> ids;
  std::vector<int> all = {open.tokenizer->eos(), open.model->config().eos_token_id};
  all.insert(all.end(), open.stops.begin(), open.stops.end());
  for (int id : all)
    if (id >= 0 && std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
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
