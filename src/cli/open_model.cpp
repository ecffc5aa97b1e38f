#include "cli/open_model.h"

#include "base/file.h"
#include "base/text.h"
#include "model/size.h"
#include "text/tokenizer_json.h"
#include "train/memory.h"

namespace weir {
namespace {

constexpr double kGiB = double(size_t(1) << 30);

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

Result<OpenModel> open_model(const GenerationSetup& setup) {
  if (!is_directory(setup.folder))
    return Error{setup.folder +
                 ": no such folder; give a model's folder with config.json, "
                 "model.safetensors and tokenizer.json"};
  OpenModel open;
  open.tokenizer = std::make_unique<Tokenizer>(TRY(read_tokenizer(setup.folder)));
  const ModelConfig config = TRY(read_config(join_path(setup.folder, "config.json")));
  TRY(check_model_fits(config, setup.folder));
  open.model = TRY(load_model(setup.folder, false));
  open.pool = std::make_unique<ThreadPool>(setup.threads);
  GeneratorOptions options;
  options.sequences_max = setup.sequences_max;
  options.keeps_prefixes = setup.keeps_prefixes;
  options.cache = setup.cache == "latent" ? CacheForm::latent : CacheForm::expanded;
  options.cache_bytes_max =
      setup.cache_limit_gib > 0 ? size_t(setup.cache_limit_gib * kGiB) : default_cache_bytes();
  open.generator =
      TRY_IN(setup.folder, Generator::create(*open.model, *open.tokenizer, *open.pool, options));
  TRY_IN(setup.folder, open.generator->warm_up());
  return open;
}

std::vector<int> end_ids(const OpenModel& open) {
  std::vector<int> ids;
  for (int id : {open.tokenizer->eos(), open.model->config().eos_token_id})
    if (id >= 0 && (ids.empty() || ids[0] != id)) ids.push_back(id);
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
